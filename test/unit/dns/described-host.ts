import { mtaStsPolicy, mtaStsPolicyId } from "../../../components/dns/mta-sts";
import type { DnsPlanArgs } from "../../../components/dns/plan";

/** A host in a signed zone, everything else with its default. */
export const host = {
    domain: "example.com",
    email: "you@example.net",
    issuer: "letsencrypt.org",
    signed: true,
} satisfies DnsPlanArgs;

/** The id of the MTA-STS policy of these settings. */
export function policyId(
    mode: "testing" | "enforce" | "none",
    maxAgeSeconds: number,
    ...hosts: string[]
): string {
    return mtaStsPolicyId(mtaStsPolicy({ mode, hosts, maxAgeSeconds }));
}

/** The id of the policy of a host with its defaults. */
export const testingId = policyId("testing", 86_400, "mx.example.com");

/** The lines of a text, without those that are empty. */
export function lines(text: string): string[] {
    return text
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== "");
}
