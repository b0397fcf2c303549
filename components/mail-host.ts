import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { HostSetup } from "./host/host-setup";
import { planHost } from "./host/plan";
import {
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
 * A complete mail host for one domain: the server and its set-up.
 *
 * @example
 * ```ts
 * import { hetzner, MailHost } from "pulumi-mailhost";
 *
 * const mail = new MailHost("mail", {
 *     domain: "example.com",
 *     email: "you@example.net",
 *     server: hetzner({ sshAllowedCidrs: ["203.0.113.0/24"] }),
 * });
 * export const { ipv4, ipv6, hostName, sshCommand, sshPrivateKey, nextSteps } = mail;
 * ```
 *
 * @throws InputPropertiesError with everything that is wrong with the arguments, before anything is made.
 */
export class MailHost extends pulumi.ComponentResource {
    /** Address of the host, for its A record. */
    readonly ipv4: pulumi.Output<string>;
    /** Address of the host, for its AAAA record. */
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
    /** What is left for the operator to do, a sentence each. */
    readonly nextSteps: pulumi.Output<string[]>;

    constructor(name: string, args: MailHostArgs, opts?: pulumi.ComponentResourceOptions) {
        throwProblems(name, [...mailHostProblems(args), ...args.server.problems("server")]);
        super("mailhost:index:MailHost", name, {}, opts);
        const settings = { ...mailHostDefaults, ...withoutUndefined(args) };
        const { domain, email, authBasicUsername, rebootTime, debug, secretDelivery, protect } =
            settings;
        const child = { parent: this };

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
        new HostSetup(`${name}-host`, { server, plan: host, secrets }, child);

        this.ipv4 = server.inbound.ipv4;
        this.ipv6 = server.inbound.ipv6;
        this.hostName = pulumi.output(fqdn);
        this.sshCommand = sshCommand(fqdn, server);
        this.sshPrivateKey = pulumi.secret(server.ssh.privateKey);
        this.sshHostKey = pulumi.output(server.ssh.hostKey);
        this.authBasicUsername = pulumi.output(authBasicUsername);
        this.authBasicPassword = password.result;
        this.nextSteps = nextSteps(fqdn, server);
        this.registerOutputs({
            ipv4: this.ipv4,
            ipv6: this.ipv6,
            hostName: this.hostName,
            sshCommand: this.sshCommand,
            sshPrivateKey: this.sshPrivateKey,
            sshHostKey: this.sshHostKey,
            authBasicUsername: this.authBasicUsername,
            authBasicPassword: this.authBasicPassword,
            nextSteps: this.nextSteps,
        });
    }
}

/** An argument given as `undefined` is one that is left out. */
function withoutUndefined<T extends object>(args: T): T {
    return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined)) as T;
}

function sshCommand(fqdn: string, { ssh }: Server): pulumi.Output<string> {
    const keyFile = `~/.ssh/${fqdn}`;
    const knownHosts = `${keyFile}.known_hosts`;
    return pulumi.interpolate`mkdir -p ~/.ssh && (umask 077 && pulumi stack output sshPrivateKey --show-secrets > ${keyFile}) && echo '${fqdn} ${ssh.hostKey}' > ${knownHosts} && ssh -p ${ssh.port} -i ${keyFile} -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=${knownHosts} -o HostKeyAlias=${fqdn} ${ssh.user}@${ssh.host}`;
}

function nextSteps(fqdn: string, server: Server): pulumi.Output<string[]> {
    return pulumi
        .all([server.inbound.ipv4, server.inbound.ipv6])
        .apply(([ipv4, ipv6]) => [
            ...server.nextSteps,
            `Publish the addresses of the host: ${fqdn} A ${ipv4} and ${fqdn} AAAA ${ipv6} (its PTR records are there).`,
        ]);
}
