import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { commandConnection, receiveCommand } from "../host/ssh-channel";
import { throwProblems } from "../problem";
import type { Server } from "../server/server";
import type { Authority } from "./authorities";
import { readFacts } from "./facts";
import type { CertificateLineage } from "./names";
import { certificateProblems, defaultPropagationSeconds } from "./plan";
import { renderCertificateScript } from "./script";
import { withWaitingChildren } from "../waiting-children";

export interface CertificateArgs {
    /** The host, set up (`HostSetup`): give its set-up in `dependsOn`. */
    server: Server;
    /** The certificates: `certificateLineages(domain, furtherDomains)`. The first is the host's own. */
    lineages: readonly CertificateLineage[];
    /** Who issues them: `chosenAuthority({ authority: "letsencrypt" })`. */
    authority: Authority;
    /**
     * Certificates in PEM form by which the connection to the authority's directory is trusted.
     *
     * @default what the host's system trusts
     */
    ca?: string;
    /** Contact of the host's account at the authority, told when the account is made. */
    email: string;
    /**
     * Token of Cloudflare with the permissions Zone: Read and DNS: Edit for the zones of all lineages. It lives on the
     * host, in `/root/.cloudflare.ini`, where renewals read it. Secret.
     */
    cloudflareApiToken: pulumi.Input<string>;
    /**
     * Seconds from the publication of a challenge (RFC 8555 §8.4) until the authority is told to look for it: longer than
     * all of Cloudflare's servers take. 0 to 900.
     *
     * @default 20
     */
    propagationSeconds?: number;
    /**
     * Further values whose change makes the host look again, e.g. what else may have removed its settings.
     *
     * @default none
     */
    triggers?: readonly pulumi.Input<string>[];
}

/**
 * The certificates of a host: obtained there by certbot through Cloudflare's DNS, one lineage a mail domain, renewed by
 * a timer of the host from then on. What is on the data volume and still good is kept: a replaced server asks the
 * authority for nothing. Without a change in the arguments nothing is connected to.
 *
 * Keys are ECDSA and stay over renewals, so the digests stay true for TLSA records.
 *
 * @example
 * ```ts
 * const certificate = new Certificate(
 *     "mail-certificate",
 *     {
 *         server,
 *         lineages: certificateLineages("example.com", ["example.org"]),
 *         authority: chosenAuthority({ authority: "letsencrypt" }),
 *         email: "you@example.net",
 *         cloudflareApiToken,
 *     },
 *     { dependsOn: [setup] },
 * );
 * ```
 *
 * Its `up` fails with certbot's reason, the likely cause and what to do when the host's own lineage is left without a
 * certificate that covers its names; where the present one still does, a warning says how long. Another lineage is
 * warned about alike, but stops nothing: the host tries again twice a day.
 *
 * @throws InputPropertiesError with everything that is wrong with the arguments.
 */
export class Certificate extends pulumi.ComponentResource {
    /**
     * Lineage → SHA-256 of the certificate's public key (SPKI), lower-case hexadecimal: for TLSA records `3 1 1`. The
     * first lineage is always there, others when they have a certificate.
     */
    readonly keyDigests: pulumi.Output<Record<string, string>>;
    /** URI of the host's account at the authority: for CAA records that bind issuance to it (RFC 8657 §3). */
    readonly accountUri: pulumi.Output<string>;
    /** What the host said: one line each thing that was done. */
    readonly log: pulumi.Output<string>;

    constructor(name: string, args: CertificateArgs, opts?: pulumi.ComponentResourceOptions) {
        const { server, lineages, authority, ca, email, cloudflareApiToken, triggers = [] } = args;
        const plan = {
            lineages,
            authority,
            ca,
            email,
            propagationSeconds: args.propagationSeconds ?? defaultPropagationSeconds,
        };
        const token = typeof cloudflareApiToken === "string" ? cloudflareApiToken : undefined;
        throwProblems(name, certificateProblems(plan, token));
        super("mailhost:index:Certificate", name, {}, withWaitingChildren(opts));
        const script = pulumi
            .output(cloudflareApiToken)
            .apply((secret) => renderCertificateScript(plan, secret));
        const issued = new command.remote.Command(
            `${name}-issue`,
            {
                connection: commandConnection(server.ssh),
                create: receiveCommand,
                stdin: pulumi.secret(script),
                triggers: [server.machineId, ...triggers],
                addPreviousOutputInEnv: false,
                // What it prints are its own lines and certbot's reasons, from which the token is taken out.
                logging: command.types.enums.remote.Logging.StdoutAndStderr,
            },
            { parent: this, dependsOn: server.ready },
        );
        // Digests and an account's URI are public; that the script holds a secret must not hide them in every record.
        const said = pulumi.unsecret(issued.stdout);
        const own = lineages[0]?.name ?? "";
        const facts = said.apply((printed) => readFacts(printed, own));
        this.keyDigests = facts.apply(({ keyDigests }) => ({ ...keyDigests }));
        this.accountUri = facts.apply(({ accountUri }) => accountUri);
        this.log = said;
        this.registerOutputs({
            keyDigests: this.keyDigests,
            accountUri: this.accountUri,
            log: this.log,
            // For those who judge a stack without seeing the script.
            directoryUrl: args.authority.directoryUrl,
        });
    }
}
