import * as pulumi from "@pulumi/pulumi";
import { mailhostCommand } from "../mailhost-command";
import type { DnsAdapter } from "./dns";

/** Arguments of `manualDns(…)`. */
export interface ManualDnsArgs {
    /**
     * Whether the zones are signed by DNSSEC: the plan then has TLSA and SSHFP records.
     *
     * @default false
     */
    dnssec?: boolean;
}

/**
 * Writes nothing: for zones at Cloudflare in which this program must not write. `mailhost dns` prints the records, as a
 * table or as a zone file for import. The host itself answers the certificate authority there.
 *
 * @example
 * ```ts
 * import * as pulumi from "@pulumi/pulumi";
 * import { hetzner, MailHost, manualDns, type StackOptions } from "pulumi-mailhost";
 *
 * const config = new pulumi.Config("mailhost");
 * const mail = new MailHost("mail", {
 *     domain: "example.com",
 *     email: "you@example.net",
 *     server: hetzner({ sshAllowedCidrs: ["203.0.113.0/24"] }),
 *     dns: manualDns(),
 *     certificate: { cloudflareApiToken: config.requireSecret("cloudflareApiToken") },
 *     stack: config.getObject<StackOptions>("stack"),
 * });
 * ```
 */
export function manualDns(args: ManualDnsArgs = {}): DnsAdapter {
    return {
        signed: args.dnssec ?? false,
        problems: () => [],
        open: (_name, plan) => ({
            write: () => [],
            ds: pulumi.output<Record<string, string>>({}),
            nextSteps: pulumi.output([
                `Publish the ${plan.records.length} records that \`${mailhostCommand} dns\` prints (--zone-file for import): those of phase base first, those of phase serving once the host takes mail.`,
                `See that the zones ${plan.zones.map(({ name }) => name).join(", ")} are at Cloudflare: the host answers the certificate authority there, and gets no certificate for a domain elsewhere.`,
            ]),
        }),
    } satisfies DnsAdapter;
}
