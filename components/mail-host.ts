import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { DnsWriter } from "./dns/dns";
import type { DnsPlanArgs } from "./dns/plan";
import type { DnsPlan, DnsValues, MissingValue } from "./dns/record";
import { chosenAuthority } from "./certificate/authorities";
import { Certificate } from "./certificate/certificate";
import { certificateLineages } from "./certificate/names";
import { claimDomains, claimProblems } from "./claimed-domains";
import { mailServices, type MailService } from "./client-settings/mail-service";
import { SystemDkim } from "./dns/system-dkim";
import { certificateDnsValues, hostDnsValues } from "./dns/values";
import { HostSetup } from "./host/host-setup";
import { planHost } from "./host/plan";
import {
    describeDns,
    mailHostDefaults,
    mailHostProblems,
    planServices,
    type MailHostArgs,
} from "./mail-host-arguments";
import { hostNameOf } from "./names";
import { throwProblems } from "./problem";
import type { Server } from "./server/server";
import { lookUpImages } from "./stack/image-lookup";
import { boundPorts, furtherImages, renderRelease } from "./stack/plan";
import { Stack } from "./stack/stack";
import { StackKeys } from "./stack/stack-secrets";
import { withWaitingChildren } from "./waiting-children";

export type { CertificateArgs, MailHostArgs, SecretDelivery } from "./mail-host-arguments";

/**
 * A complete mail host for one or more domains: the server, its set-up, the DNS records, the certificates and the mail
 * services.
 *
 * Records are published in phases: base with the addresses, certified (TLSA, account binding) with the certificate,
 * serving (MX, SRV, MTA-STS) once the services have answered at the host's public address, so that a live domain's mail
 * never goes to a machine that is not ready for it.
 *
 * @example
 * ```ts
 * import * as pulumi from "@pulumi/pulumi";
 * import { cloudflare, hetzner, MailHost, type StackOptions } from "pulumi-mailhost";
 *
 * const mail = new MailHost("mail", {
 *     domain: "example.com",
 *     email: "you@example.net",
 *     server: hetzner({ sshAllowedCidrs: ["203.0.113.0/24"] }),
 *     dns: cloudflare(),
 *     // The images, by digest: `npx mailhost pin` wrote them into the stack's configuration.
 *     stack: new pulumi.Config("mailhost").getObject<StackOptions>("stack"),
 *     domains: [{ name: "example.org", dmarc: { policy: "reject" } }],
 * });
 * export const { webUrl, ipv4, ipv6, hostName, dns, sshCommand, sshPrivateKey, nextSteps } = mail;
 * ```
 *
 * @throws InputPropertiesError with everything that is wrong with the arguments, before anything is made.
 */
export class MailHost extends pulumi.ComponentResource {
    /** Address of the host. */
    readonly ipv4: pulumi.Output<string>;
    /** Address of the host. */
    readonly ipv6: pulumi.Output<string>;
    /** Where the web site is, on which domains and mailboxes are made: `https://<domain>`. */
    readonly webUrl: pulumi.Output<string>;
    /** What mail programs are set up with: the user is the whole address. Empty without mailboxes. */
    readonly clientSettings: pulumi.Output<MailService[]>;
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
     * What every DNS record follows from (`planDnsRecords`), and what stands for the references in them, but for what
     * the certificate gives: `mailhost dns` prints the records from it, and from the outputs of the component
     * `Certificate` in the state. The records themselves would bury every preview.
     */
    readonly dns: pulumi.Output<{ description: DnsPlanArgs; values: DnsValues }>;
    /** Zone → its DS record, for the registrar. Empty where no zone is signed here. */
    readonly dnssec: pulumi.Output<Record<string, string>>;
    /** What only the running host can give and is not in `domains` yet: no mail of that domain is sent before. */
    readonly missingDomainValues: pulumi.Output<MissingValue[]>;
    /** What is left for the operator to do, a sentence each. */
    readonly nextSteps: pulumi.Output<string[]>;

    constructor(name: string, args: MailHostArgs, opts?: pulumi.ComponentResourceOptions) {
        const {
            problems,
            plan: records,
            description,
        } = describeDns(args, args.dns.signed, args.server.addresses);
        throwProblems(name, [
            ...problems,
            ...mailHostProblems(args, {
                memoryMb: args.server.memoryMb,
                memoryFrom: args.server.memoryFrom,
                hasUserData: args.server.existing === undefined,
                challengeToken: args.dns.challengeToken,
            }),
            ...args.server.problems("server", opts),
            ...args.dns.problems("dns", records),
            ...claimProblems(args, args.server.identities),
        ]);
        claimDomains(name, args, args.server.identities);
        super("mailhost:index:MailHost", name, {}, withWaitingChildren(opts));
        const settings = { ...mailHostDefaults, ...withoutUndefined(args) };
        const { domain, email, authBasicUsername, rebootTime, debug, secretDelivery, protect } =
            settings;
        const child = { parent: this };
        const services = planServices(args, description, authBasicUsername);
        if (pulumi.runtime.isDryRun()) {
            for (const warning of [...records.warnings, ...services.warnings]) {
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
            openTcpPorts: [...services.openTcpPorts],
            rebootTime,
            debug,
            secretDelivery,
            existing: args.server.existing,
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
            {
                fqdn,
                host,
                openTcpPorts: [...services.openTcpPorts],
                boundTcpPorts: boundPorts(services).map(({ port }) => port),
                protect,
                userDataSecrets: secrets,
            },
            child,
        );
        const dkim = new SystemDkim(`${name}-dkim`, { ...args.systemDkim, protect }, child);
        const keys = new StackKeys(
            `${name}-stack-keys`,
            {
                helperEncryptionKey: args.helperEncryptionKey,
                txtEncryptionKey: args.txtEncryptionKey,
                secretEnvironment: args.stack?.secretEnvironment,
                authBasicPassword: password.result,
                dkim,
                protect,
            },
            child,
        );
        const images = pulumi.output(lookUpImages(name, services.images, child));

        const values = hostDnsValues(server, dkim);
        const dns = args.dns.open(`${name}-dns`, records, child);
        const base = dns.write("base", values, { ...child, dependsOn: server.accepted });
        const setup = new HostSetup(`${name}-host`, { server, plan: host, secrets }, child);
        const certificate = new Certificate(
            `${name}-certificate`,
            {
                server,
                lineages: certificateLineages(domain, furtherDomains(description)),
                authority: chosenAuthority(args.certificate ?? {}),
                ca: args.certificate?.ca,
                propagationSeconds: args.certificate?.propagationSeconds,
                email,
                cloudflareApiToken:
                    args.certificate?.cloudflareApiToken ?? args.dns.challengeToken ?? "",
                // With another way of delivery the set-up of the host removes the file with the token, or writes its own.
                triggers: [secretDelivery],
            },
            // The CAA records have to name the authority before it looks.
            { ...child, dependsOn: [setup, ...base] },
        );
        const stack = new Stack(
            `${name}-stack`,
            {
                server,
                release: pulumi
                    .all([keys.secrets, images])
                    .apply(([secrets, pinned]) => renderRelease(services, secrets, pinned)),
                images,
                furtherImages: furtherImages(services),
                secrets: keys.secrets,
                ports: boundPorts(services),
                spki: certificate.keyDigests,
                waitFor: [certificate],
                // With the program's own key, for the host's own.
                login: "$(pulumi stack output sshCommand)",
                facts: { ehloName: fqdn, openTcpPorts: services.openTcpPorts },
            },
            { ...child, dependsOn: [setup] },
        );
        const certified = { ...values, ...certificateDnsValues(domain, certificate) };
        dns.write("certified", certified, { ...child, dependsOn: [certificate] });
        dns.write("serving", certified, { ...child, dependsOn: [stack] });

        this.webUrl = pulumi.output(`https://${domain}`);
        this.clientSettings = pulumi.output(
            services.profile === "storage" ? [...mailServices(domain)] : [],
        );
        this.ipv4 = server.inbound.ipv4;
        this.ipv6 = server.inbound.ipv6;
        this.hostName = pulumi.output(fqdn);
        this.sshCommand = sshCommand(fqdn, server);
        this.sshPrivateKey = pulumi.secret(server.ssh.privateKey);
        this.sshHostKey = pulumi.output(server.ssh.hostKey);
        this.authBasicUsername = pulumi.output(authBasicUsername);
        this.authBasicPassword = password.result;
        // Nothing here waits for what is done on the host: Pulumi keeps all outputs of a program or none, and after an
        // `up` that fails there one needs those that log in.
        this.dns = pulumi.output(values).apply((known) => ({ description, values: known }));
        this.dnssec = dns.ds;
        this.missingDomainValues = pulumi.output([...records.missing]);
        this.nextSteps = nextSteps(domain, server, dns, records);
        this.registerOutputs({
            webUrl: this.webUrl,
            clientSettings: this.clientSettings,
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

function furtherDomains({ domain, domains = [] }: DnsPlanArgs): string[] {
    return domains.map(({ name }) => name).filter((name) => name !== domain);
}

function sshCommand(fqdn: string, { ssh }: Server): pulumi.Output<string> {
    const keyFile = `~/.ssh/${fqdn}`;
    const knownHosts = `${keyFile}.known_hosts`;
    return pulumi.interpolate`mkdir -p ~/.ssh && (umask 077 && pulumi stack output sshPrivateKey --show-secrets > ${keyFile}) && echo '${fqdn} ${ssh.hostKey}' > ${knownHosts} && ssh -p ${ssh.port} -i ${keyFile} -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=${knownHosts} -o HostKeyAlias=${fqdn} ${ssh.user}@${ssh.host}`;
}

function nextSteps(
    domain: string,
    server: Server,
    dns: DnsWriter,
    plan: DnsPlan,
): pulumi.Output<string[]> {
    const firstLogin = `Open https://${domain} and register the first user, who becomes its administrator. Until then the site asks for the outputs authBasicUsername and authBasicPassword: pulumi stack output authBasicPassword --show-secrets`;
    return dns.nextSteps.apply((steps) => [
        ...server.nextSteps,
        ...steps,
        firstLogin,
        ...missingStep(plan),
    ]);
}

function missingStep({ missing }: DnsPlan): string[] {
    const domains = [...new Set(missing.map(({ domain }) => domain))];
    if (domains.length === 0) return [];
    const named = domains.length > 5 ? `${domains.length} domains` : domains.join(", ");
    return [
        `Give what only the host's web site can tell of ${named}: the output missingDomainValues says what and how. No mail of a domain is sent before.`,
    ];
}
