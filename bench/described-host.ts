import type { MailDomain } from "../components/dns/domain-options";
import type { DnsPlanArgs } from "../components/dns/plan";
import { referencesOf } from "../components/dns/presentation";
import { referenceKey, type DnsPlan } from "../components/dns/record";

/** A host with so many mail domains, each in a zone of its own, about 25 records each, DNSSEC and second phase included. */
export function describedHost(mailDomains: number): DnsPlanArgs {
    const domains = Array.from({ length: mailDomains - 1 }, (_, i) =>
        described(`domain-${String(i + 1).padStart(4, "0")}.com`),
    );
    return {
        domain: "example.com",
        email: "postmaster@example.com",
        issuer: "letsencrypt.org",
        signed: true,
        domains: [described("example.com"), ...domains],
    };
}

function described(name: string): MailDomain {
    return {
        name,
        dkim: { selector: "fe-1a2b3c4d5e", publicKey: dkimKey },
        siteVerification: "0123456789",
        bimi: { logoUrl: `https://${name}/logo.svg` },
    };
}

/** A value for every reference of the plan. */
export function valuesFor(plan: DnsPlan): Record<string, string> {
    const values: Record<string, string> = {
        ipv4: "192.0.2.1",
        ipv6: "2001:db8::1",
        "ssh-host-key": "0a".repeat(32),
        "certificate-key:current": "0b".repeat(32),
    };
    for (const reference of plan.records.flatMap(({ data }) => referencesOf(data))) {
        values[referenceKey(reference)] ??= dkimKey;
    }
    return values;
}

/** The public half of an RSA key of 2048 bits that nobody has. */
const dkimKey =
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAuWgtm+8MpRR8H16vJtQdlm5ZVnjpp1pxo1NcJ04Cwf1nbNau3u0g" +
    "vmzBgbyKCf31z0UHRN308bqB4GevvnPp/fnR+d2niNxEqrMfuDnL/gsqnHGfw4u+xLixzetLUMsa02LEx7WJqR9CCoEb0fuB" +
    "yET92r89Pvzavq+/EP4NUgBDH4/OLpgLCy+MGkSFJOYq0YsVJiTkXuDCTfhNnIRTuI5CO7sRgbM8MUJIWWCvJhNPSjy2xs7Q" +
    "AKQddiK0u8KI7jJFrTX1xJ+Dl1yNmdm0hFlc9ab3UZ6xDu5ZxWx+g8r49l9/Ma7+gNJS3Qa7AQWwiHZDivXHvRf6yxN/z8FQ" +
    "6wIDAQAB";
