import { hostNameOf, longestDnsName } from "../names";
import type { Problem } from "../problem";
import type { MailDomain } from "./domain-options";
import type { DnsPlanArgs } from "./plan";
import type { PlannedRecord } from "./record";
import { quotedStrings } from "./txt-strings";
import { fault } from "./value-problems";

/** The longest TXT record that is published everywhere, in characters with its quotes: Cloudflare's limit. */
const longestTxt = 4096;

/** The option that makes a TXT record of a role long. */
const lengthOptions: Record<string, string | undefined> = {
    dmarc: "dmarc.reportAddresses",
    "tls-reports": "tlsReports.addresses",
    bimi: "bimi.logoUrl",
    spf: "spf.includes",
};

/** What is wrong with the records of a description whose arguments are right one by one. */
export function clashes(
    { domain: primary, domains = [] }: DnsPlanArgs,
    records: readonly PlannedRecord[],
): Problem[] {
    const entries = new Map<string, string>();
    domains.forEach((entry, index) => {
        // An entry that is no object is reported elsewhere.
        const name = entry?.name;
        if (!entries.has(name)) entries.set(name, `domains[${index}]`);
    });
    const namePath = (domain: string) =>
        domain === primary ? "domain" : `${entries.get(domain) ?? "domains"}.name`;
    const aliases = new Map<string, PlannedRecord>();
    const zones = new Set<string>();
    for (const record of records) {
        if (record.data.type === "CNAME") aliases.set(record.name, record);
        zones.add(record.zone);
    }

    // Records share faults: one of each is enough.
    const problems = new Map<string, Problem>();
    const add = (path: string, value: string, wrong: string, remedy: string) => {
        const problem = fault(path, value, wrong, remedy);
        const key = path + problem.reason;
        if (!problems.has(key)) problems.set(key, problem);
    };
    const host = hostNameOf(primary);
    if (entries.has(host)) {
        add(namePath(host), host, "is the name of the host itself", "Choose another mail domain.");
    }
    for (const record of records) {
        const { name, domain, zone, data } = record;
        const alias = aliases.get(name);
        if (alias !== undefined && data.type !== "CNAME") {
            add(
                namePath(domain),
                name,
                `is the name of a CNAME record of ${alias.domain}, beside which no other record may stand (RFC 2181 §10.1)`,
                "Choose another mail domain.",
            );
        }
        if (data.type === "MX" && aliases.has(data.exchange)) {
            add(
                `${entries.get(domain) ?? "domains"}.mx.further[${furtherIndex(domains, domain, data.exchange)}].host`,
                data.exchange,
                "is the name of a CNAME record of this host, and an MX record may not lead to one (RFC 2181 §10.3)",
                "Give a name that has address records.",
            );
        }
        const innermost = innermostZone(name, zones);
        if (innermost !== zone) {
            add(
                entries.has(domain) ? `${entries.get(domain)}.zone` : namePath(domain),
                zone,
                `is not where ${name} is looked up: that is ${innermost}, a zone of its own`,
                `Give ${domain} and the domains in ${innermost} one zone, or other names.`,
            );
        }
        if (name.length > longestDnsName) {
            add(
                namePath(domain),
                domain,
                `is too long: the record ${name} would have ${name.length} characters, of at most ${longestDnsName}`,
                "Choose a shorter domain.",
            );
        }
        if (data.type === "TXT") {
            const length = quotedStrings(
                data.text.filter((part) => typeof part === "string").join(""),
            ).length;
            const option = lengthOptions[record.role];
            if (length > longestTxt && option !== undefined) {
                add(
                    `${entries.get(domain) ?? "domains"}.${option}`,
                    name,
                    `would have a TXT record of ${length} characters, of at most ${longestTxt}`,
                    "List fewer or shorter ones.",
                );
            }
        }
    }
    return [...problems.values()];
}

function furtherIndex(domains: readonly MailDomain[], name: string, host: string): number {
    const domain = domains.find((entry) => entry?.name === name);
    return domain?.mx?.further?.findIndex((further) => further.host === host) ?? 0;
}

/** The zone that answers for a name: of those that it ends in, the longest. */
function innermostZone(name: string, zones: ReadonlySet<string>): string | undefined {
    for (let rest = name; rest !== ""; rest = rest.slice(rest.indexOf(".") + 1)) {
        if (zones.has(rest)) return rest;
        if (!rest.includes(".")) return undefined;
    }
    return undefined;
}
