import { createHash } from "node:crypto";

/** What an MTA-STS policy says. */
export interface MtaStsPolicyArgs {
    mode: "enforce" | "testing" | "none";
    /** The hosts that take the domain's mail, as its MX records name them. */
    hosts: readonly string[];
    /** How long senders keep the policy, in seconds, 0 to 31557600. */
    maxAgeSeconds: number;
}

/** The text at `https://mta-sts.<domain>/.well-known/mta-sts.txt` (RFC 8461 §3.2), lines ended by CRLF. */
export function mtaStsPolicy({ mode, hosts, maxAgeSeconds }: MtaStsPolicyArgs): string {
    return [
        "version: STSv1",
        `mode: ${mode}`,
        ...hosts.map((host) => `mx: ${host}`),
        `max_age: ${maxAgeSeconds}`,
        "",
    ].join("\r\n");
}

/**
 * What the record announces as the policy's `id` (RFC 8461 §3.1), 32 hexadecimal digits: senders read the policy again
 * when it is another one, so it follows from the text.
 */
export function mtaStsPolicyId(policy: string): string {
    return createHash("sha256").update(policy).digest("hex").slice(0, 32);
}
