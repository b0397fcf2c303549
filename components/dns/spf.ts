import type { DomainSettings } from "./domain-settings";

/** The look-ups that a check of the record may cost (RFC 7208 §4.6.4). */
export const mostSpfLookups = 10;

const qualifiers = { fail: "-", softfail: "~", neutral: "?" } as const;

/** What may send the mail of a domain, before what it includes. */
function ownMechanisms(isPrimary: boolean): readonly string[] {
    // The address of a further domain's name is that of its web site, which has no mail to send.
    return isPrimary ? ["a", "mx"] : ["mx"];
}

/** The SPF record of a mail domain (RFC 7208 §3). */
export function spfText(isPrimary: boolean, { all, includes }: DomainSettings["spf"]): string {
    return [
        "v=spf1",
        ...ownMechanisms(isPrimary),
        ...includes.map((domain) => `include:${domain}`),
        `${qualifiers[all]}all`,
    ].join(" ");
}

/** The SPF record of the host's own name, which it says at EHLO (RFC 7208 §2.3). */
export const hostSpfText = "v=spf1 a -all";

/** The look-ups that the record costs; those of the included records come on top. */
export function spfLookups(isPrimary: boolean, includes: readonly string[]): number {
    return ownMechanisms(isPrimary).length + includes.length;
}
