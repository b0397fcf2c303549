import { createHash } from "node:crypto";

/** What a policy says (RFC 8461 §3.2). */
export interface MtaStsPolicy {
    mode: "enforce" | "testing" | "none";
    /** The hosts that the MX records may name; `*.example.com` covers one label. */
    hosts: readonly string[];
    /** How long senders keep the policy, in seconds. */
    maxAgeSeconds: number;
}

/** The text that is served at `https://mta-sts.<domain>/.well-known/mta-sts.txt`, as `text/plain` (RFC 8461 §3.2). */
export function mtaStsPolicy({ mode, hosts, maxAgeSeconds }: MtaStsPolicy): string {
    return [
        "version: STSv1",
        `mode: ${mode}`,
        ...hosts.map((host) => `mx: ${host}`),
        `max_age: ${maxAgeSeconds}`,
        "",
    ].join("\r\n");
}

/**
 * The `id` of the policy's TXT record, by which senders see that the text has changed: at most 32 letters and digits
 * (RFC 8461 §3.1), derived from the text, so that neither changes without the other.
 */
export function mtaStsPolicyId(policy: string): string {
    return createHash("sha256").update(policy).digest("hex").slice(0, 32);
}
