import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { DnsWriter } from "./dns/dns";
import type { DnsPlanArgs } from "./dns/plan";
import type { DnsPlan, DnsValues, MissingValue } from "./dns/record";
import { SystemDkim } from "./dns/system-dkim";
import { hostDnsValues } from "./dns/values";
import { HostSetup } from "./host/host-setup";
import { planHost } from "./host/plan";
import {
    describeDns,
    mailHostDefaults,
    mailHostProblems,
    openTcpPorts,
    type MailHostArgs,
} from "./mail-host-arguments";
import { hostNameOf } from "./names";
import { throwProblems } from "./problem";
import type { Server } from "./server/server";

export type { CertificateArgs, MailHostArgs, SecretDelivery } from "./mail-host-arguments";

/**
 * A complete mail host for one or more domains: the server, its set-up and the DNS records.
 *
 * Records are published in phases: base with the addresses, serving (MX, SRV, MTA-STS) once the host is set up, so that
 * a live domain's mail never goes to a machine that is still booting. Those of the phase certified wait for the host's
 * certificate, which this version does not obtain: they are in the plan alone.
 *
 * @example
 * ```ts
 * import { cloudflare, hetzner, MailHost } from "pulumi-mailhost";
 *
 * const mail = new MailHost("mail", {
 *     domain: "example.com",
 *     email: "you@example.net",
 *     server: hetzner({ sshAllowedCidrs: ["203.0.113.0/24"] }),
 *     dns: cloudflare(),
 *     domains: [{ name: "example.org", dmarc: { policy: "reject" } }],
 * });
 * export const { ipv4, ipv6, hostName, dns, sshCommand, sshPrivateKey, nextSteps } = mail;
 * ```
 *
 * @throws InputPropertiesError with everything that is wrong with the arguments, before anything is made.
 */
export class MailHost extends pulumi.ComponentResource {
    /** Address of the host. */
    readonly ipv4: pulumi.Output<string>;
    /** Address of the host. */
    readonly ipv6: pulumi.Output<string>;
    /** `mx.<domain>`. */
    readonly hostName: pulumi.Output<string>;
    /**
     * Shell commands that log in as root. They take the key from the stack's output `sshPrivateKey`, which the program
     * has to export under that name, and accept the pinned host key alone.
     */
    readonly sshCommand: pulumi.Output<string>;
    /** Private key of root's login, in OpenSSH form. Secret. */
    readonly sshPrivateKey: pulumi.Output<string>;
    /** The host's own public key, in authorized_keys form: what a known_hosts file has after the name. */
    readonly sshHostKey: pulumi.Output<string>;
    /** User name that guards the web site at first set-up. */
    readonly authBasicUsername: pulumi.Output<string>;
    /** Its password. Secret; made once. */
    readonly authBasicPassword: pulumi.Output<string>;
    /**
     * What every DNS record follows from (`planDnsRecords`), and what stands for the references in them: `mailhost dns`
     * prints the records from it. The records themselves would bury every preview.
     */
    readonly dns: pulumi.Output<{ description: DnsPlanArgs; values: DnsValues }>;
    /** Zone → its DS record, for the registrar. Empty where no zone is signed here. */
    readonly dnssec: pulumi.Output<Record<string, string>>;
    /** What only the running host can give and is not in `domains` yet: no mail of that domain is sent before. */
    readonly missingDomainValues: pulumi.Output<MissingValue[]>;
    /** What is left for the operator to do, a sentence each. */
    readonly nextSteps: pulumi.Output<string[]>;

    constructor(name: string, args: MailHostArgs, opts?: pulumi.ComponentResourceOptions) {
        const { problems, plan: records, description } = describeDns(args, args.dns.signed);
        throwProblems(name, [
            ...problems,
            ...mailHostProblems(args),
            ...args.server.problems("server"),
            ...args.dns.problems("dns", records),
        ]);
        super("mailhost:index:MailHost", name, {}, opts);
        const settings = { ...mailHostDefaults, ...withoutUndefined(args) };
        const { domain, email, authBasicUsername, rebootTime, debug, secretDelivery, protect } =
            settings;
        const child = { parent: this };
        if (pulumi.runtime.isDryRun()) {
            for (const warning of [...records.warnings, ...unboundWarnings(records)]) {
                void pulumi.log.warn(warning, this);
            }
        }

        const fqdn = hostNameOf(domain);
        const host = planHost({
            system: args.server.system,
            fqdn,
            domain,
            email,
            authBasicUsername,
            authorizedKeys: args.server.authorizedKeys,
            openTcpPorts,
            rebootTime,
            debug,
            secretDelivery,
        });

        const password = new random.RandomPassword(
            `${name}-auth-basic-password`,
            // It stands in files that shells and dotenv parsers read.
            { length: 32, special: false },
            child,
        );
        const secrets =
            secretDelivery === "user-data"
                ? {
                      authBasicPassword: password.result,
                      cloudflareApiToken: args.certificate?.cloudflareApiToken,
                  }
                : undefined;
        const server = args.server.create(
            name,
            { fqdn, host, openTcpPorts, protect, userDataSecrets: secrets },
            child,
        );
        const dkim = new SystemDkim(`${name}-dkim`, { ...args.systemDkim, protect }, child);
        const values = hostDnsValues(server, dkim);
        const dns = args.dns.open(`${name}-dns`, records, child);
        dns.write("base", values, child);
        const setup = new HostSetup(`${name}-host`, { server, plan: host, secrets }, child);
        // The phase certified is written by whoever obtains the certificate: it has the values.
        dns.write("serving", values, { ...child, dependsOn: [setup] });

        this.ipv4 = server.inbound.ipv4;
        this.ipv6 = server.inbound.ipv6;
        this.hostName = pulumi.output(fqdn);
        this.sshCommand = sshCommand(fqdn, server);
        this.sshPrivateKey = pulumi.secret(server.ssh.privateKey);
        this.sshHostKey = pulumi.output(server.ssh.hostKey);
        this.authBasicUsername = pulumi.output(authBasicUsername);
        this.authBasicPassword = password.result;
        this.dns = pulumi.output(values).apply((known) => ({ description, values: known }));
        this.dnssec = dns.ds;
        this.missingDomainValues = pulumi.output([...records.missing]);
        this.nextSteps = nextSteps(server, dns, records);
        this.registerOutputs({
            ipv4: this.ipv4,
            ipv6: this.ipv6,
            hostName: this.hostName,
            sshCommand: this.sshCommand,
            sshPrivateKey: this.sshPrivateKey,
            sshHostKey: this.sshHostKey,
            authBasicUsername: this.authBasicUsername,
            authBasicPassword: this.authBasicPassword,
            dns: this.dns,
            dnssec: this.dnssec,
            missingDomainValues: this.missingDomainValues,
            nextSteps: this.nextSteps,
        });
    }
}

/** An argument given as `undefined` is one that is left out. */
function withoutUndefined<T extends object>(args: T): T {
    return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined)) as T;
}

/** The records that bind issuance to the host's account belong to the phase that this version does not write. */
function unboundWarnings({ records }: DnsPlan): string[] {
    const bound = records.filter(({ phase, data }) => phase === "certified" && data.type === "CAA");
    return [...new Set(bound.map(({ domain }) => domain))].map(
        (domain) =>
            `${domain}: with caa.accountBinding, every authority may issue until the host has its certificate, which this version does not obtain. Leave it off.`,
    );
}

function sshCommand(fqdn: string, { ssh }: Server): pulumi.Output<string> {
    const keyFile = `~/.ssh/${fqdn}`;
    const knownHosts = `${keyFile}.known_hosts`;
    return pulumi.interpolate`mkdir -p ~/.ssh && (umask 077 && pulumi stack output sshPrivateKey --show-secrets > ${keyFile}) && echo '${fqdn} ${ssh.hostKey}' > ${knownHosts} && ssh -p ${ssh.port} -i ${keyFile} -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=${knownHosts} -o HostKeyAlias=${fqdn} ${ssh.user}@${ssh.host}`;
}

function nextSteps(server: Server, dns: DnsWriter, plan: DnsPlan): pulumi.Output<string[]> {
    return dns.nextSteps.apply((steps) => [...server.nextSteps, ...steps, ...missingStep(plan)]);
}

function missingStep({ missing }: DnsPlan): string[] {
    const domains = [...new Set(missing.map(({ domain }) => domain))];
    if (domains.length === 0) return [];
    const named = domains.length > 5 ? `${domains.length} domains` : domains.join(", ");
    return [
        `Give what only the host's web site can tell of ${named}: the output missingDomainValues says what and how. No mail of a domain is sent before.`,
    ];
}
