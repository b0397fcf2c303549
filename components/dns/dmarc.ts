import { registrableDomain, type DomainSettings } from "./domain-settings";
import { domainOfAddress, mailtoUri } from "./mailto";

/** The DMARC record of a mail domain (RFC 7489 §6.3); what has its default is left out. */
export function dmarcText(dmarc: DomainSettings["dmarc"]): string {
    const { policy, subdomainPolicy, dkimAlignment, spfAlignment } = dmarc;
    const uris = (addresses: readonly string[]) => addresses.map(mailtoUri).join(",");
    return [
        "v=DMARC1",
        `p=${policy}`,
        ...(subdomainPolicy === undefined ? [] : [`sp=${subdomainPolicy}`]),
        ...(dkimAlignment === "strict" ? ["adkim=s"] : []),
        ...(spfAlignment === "strict" ? ["aspf=s"] : []),
        ...(dmarc.reportAddresses.length > 0 ? [`rua=${uris(dmarc.reportAddresses)}`] : []),
        ...(dmarc.failureReportAddresses.length > 0
            ? [`ruf=${uris(dmarc.failureReportAddresses)}`]
            : []),
    ].join("; ");
}

/** The domains elsewhere that get the domain's reports, and so have to consent to them (RFC 7489 §7.1). */
export function reportDomainsElsewhere({ name, dmarc }: DomainSettings): string[] {
    const addresses = [...dmarc.reportAddresses, ...dmarc.failureReportAddresses];
    const own = registrableDomain(name);
    return [...new Set(addresses.map(domainOfAddress))].filter(
        (other) => other !== name && registrableDomain(other) !== own,
    );
}
