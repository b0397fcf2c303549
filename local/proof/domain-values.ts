import type { MailDomain } from "../../components/dns/domain-options";
import type { ChecklistRow } from "./mail-site";

/** What only the running host can tell of a mail domain: the inputs of the second phase. */
export interface DomainValues {
    dkim: { selector: string; publicKey: string };
    siteVerification: string;
}

/**
 * Reads them from the records that the web site asks for.
 *
 * @throws Error when they are not among them.
 */
export function readDomainValues(domain: string, checklist: readonly ChecklistRow[]): DomainValues {
    const texts = checklist.filter(({ type }) => type === "TXT");
    const suffix = `._domainkey.${domain}`;
    const key = texts.find(({ name }) => name.endsWith(suffix));
    const publicKey = /(?:^|;)\s*p=([A-Za-z0-9+/=]+)/.exec(key?.value ?? "")?.[1];
    const verification = /^[a-z0-9-]+-site-verification=(\S+)$/;
    const [siteVerification] = texts
        .filter(({ name }) => name === domain)
        .flatMap(({ value }) => verification.exec(value)?.[1] ?? []);
    if (!key || publicKey === undefined || siteVerification === undefined) {
        const rows = checklist.map(({ name, type }) => `${type} ${name}`).join(", ");
        throw new Error(
            `The web site does not tell the key and the verification value of ${domain}; it asks for: ${rows}.`,
        );
    }
    const selector = key.name.slice(0, -suffix.length);
    return { dkim: { selector, publicKey }, siteVerification };
}

/** The setting `domains` with a domain's values in its entry, which is added where there is none. */
export function withDomainValues(
    domains: readonly MailDomain[],
    name: string,
    values: DomainValues,
): MailDomain[] {
    const has = domains.some((domain) => domain.name === name);
    return has
        ? domains.map((domain) => (domain.name === name ? { ...domain, ...values } : domain))
        : [{ name, ...values }, ...domains];
}

/** Whether the setting `domains` has these values of a domain already. */
export function hasDomainValues(
    domains: readonly MailDomain[],
    name: string,
    { dkim, siteVerification }: DomainValues,
): boolean {
    const entry = domains.find((domain) => domain.name === name);
    return (
        entry?.dkim?.selector === dkim.selector &&
        entry.dkim.publicKey === dkim.publicKey &&
        entry.siteVerification === siteVerification
    );
}
