import { getDomain } from "tldts";
import type { CaaOptions, DmarcOptions, MailDomain, MtaStsOptions } from "./domain-options";

/** A mail domain with every default in place. */
export interface DomainSettings {
    name: string;
    zone: string;
    ttlSeconds: number;
    spf: { all: "fail" | "softfail" | "neutral"; includes: readonly string[] };
    dmarc: Required<Omit<DmarcOptions, "subdomainPolicy">> & Pick<DmarcOptions, "subdomainPolicy">;
    mtaSts: Required<MtaStsOptions>;
    tlsReportAddresses: readonly string[];
    caa: Required<CaaOptions>;
    mx: { preference: number; further: readonly { host: string; preference: number }[] };
    bimi?: MailDomain["bimi"];
    dkim?: MailDomain["dkim"];
    siteVerification?: string;
}

/** The registrable domain that a name is in; the name itself when it is in none. */
export function registrableDomain(name: string): string {
    return getDomain(name) ?? name;
}

/** The zone that holds the domain's records unless another is named. */
export function defaultZone(name: string): string {
    return registrableDomain(name);
}

const day = 86_400;

/** Fills in the defaults. Only meaningful for a domain without problems. */
export function domainSettings(domain: MailDomain, email: string): DomainSettings {
    const { name } = domain;
    const mode = domain.mtaSts?.mode ?? "testing";
    return {
        name,
        zone: domain.zone ?? defaultZone(name),
        ttlSeconds: domain.ttlSeconds ?? 300,
        spf: { all: domain.spf?.all ?? "fail", includes: domain.spf?.includes ?? [] },
        dmarc: {
            policy: domain.dmarc?.policy ?? "quarantine",
            subdomainPolicy: domain.dmarc?.subdomainPolicy,
            dkimAlignment: domain.dmarc?.dkimAlignment ?? "relaxed",
            spfAlignment: domain.dmarc?.spfAlignment ?? "relaxed",
            reportAddresses: domain.dmarc?.reportAddresses ?? [`dmarc@${name}`],
            failureReportAddresses: domain.dmarc?.failureReportAddresses ?? [],
        },
        mtaSts: {
            mode,
            maxAgeSeconds: domain.mtaSts?.maxAgeSeconds ?? (mode === "enforce" ? 7 * day : day),
        },
        tlsReportAddresses: domain.tlsReports?.addresses ?? [`tls-reports@${name}`],
        caa: {
            issuers: domain.caa?.issuers ?? [],
            accountBinding: domain.caa?.accountBinding ?? false,
            reportAddress: domain.caa?.reportAddress ?? email,
        },
        mx: { preference: domain.mx?.preference ?? 0, further: domain.mx?.further ?? [] },
        bimi: domain.bimi,
        dkim: domain.dkim,
        siteVerification: domain.siteVerification,
    };
}
