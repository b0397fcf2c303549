import { hostNameOf, longestDnsName } from "../names";
import type { Problem } from "../problem";
import type { MailDomain } from "./domain-options";
import type { DnsPlanArgs } from "./plan";
import type { PlannedRecord } from "./record";
import { quotedStrings } from "./txt-strings";
import { fault } from "./value-problems";

/** The longest TXT record that is published everywhere, in characters with its quotes: Cloudflare's limit. */
const longestTxt = 4096;

/** The option that makes the TXT record of a role long. */
const lengthOptions: Record<string, string | undefined> = {
    dmarc: "dmarc.reportAddresses",
    "tls-reports": "tlsReports.addresses",
    bimi: "bimi.logoUrl",
};

/** Where a description names its domains. */
interface Places {
    /** The domain's entry. */
    entry(domain: string): string;
    /** Its name: the primary domain's is given apart. */
    name(domain: string): string;
    /** Its zone; the primary domain's may follow from its name alone. */
    zone(domain: string): string;
}

function placesOf({ domain: primary, domains = [] }: DnsPlanArgs): Places {
    const indexes = new Map<string, number>();
    domains.forEach((entry, index) => {
        // An entry that is no object is reported elsewhere.
        const name = entry?.name;
        if (!indexes.has(name)) indexes.set(name, index);
    });
    const entry = (domain: string) => `domains[${indexes.get(domain) ?? ""}]`;
    const name = (domain: string) => (domain === primary ? "domain" : `${entry(domain)}.name`);
    return {
        entry,
        name,
        zone: (domain) => (indexes.has(domain) ? `${entry(domain)}.zone` : name(domain)),
    };
}

/** What is wrong with the records of a description whose arguments are right one by one. */
export function clashes(args: DnsPlanArgs, records: readonly PlannedRecord[]): Problem[] {
    const places = placesOf(args);
    return [
        ...aliasProblems(args, records, places),
        ...zoneProblems(records, places),
        ...lengthProblems(records, places),
    ];
}

/** A CNAME record stands alone (RFC 2181 §10.1), and no MX record leads to one (§10.3). */
function aliasProblems(
    { domain: primary, domains = [] }: DnsPlanArgs,
    records: readonly PlannedRecord[],
    places: Places,
): Problem[] {
    const aliases = new Map<string, PlannedRecord>();
    for (const record of records) {
        if (record.data.type === "CNAME") aliases.set(record.name, record);
    }
    const problems: Problem[] = [];
    const host = hostNameOf(primary);
    const names = new Set([primary, ...domains.map((entry) => entry?.name)]);
    for (const name of names) {
        const alias = aliases.get(name);
        if (name !== host && alias === undefined) continue;
        problems.push(
            fault(
                places.name(name),
                name,
                alias === undefined
                    ? "is the name of the host itself"
                    : `is the name of a CNAME record of ${alias.domain}, beside which no other record may stand (RFC 2181 §10.1)`,
                "Choose another mail domain.",
            ),
        );
    }
    for (const { domain, data } of records) {
        if (data.type !== "MX" || !aliases.has(data.exchange)) continue;
        const index = furtherIndex(domains, domain, data.exchange);
        problems.push(
            fault(
                `${places.entry(domain)}.mx.further[${index}].host`,
                data.exchange,
                "is the name of a CNAME record of this host, and an MX record may not lead to one (RFC 2181 §10.3)",
                "Give a name that has address records.",
            ),
        );
    }
    return problems;
}

function furtherIndex(domains: readonly MailDomain[], name: string, host: string): number {
    const domain = domains.find((entry) => entry?.name === name);
    return domain?.mx?.further?.findIndex((further) => further.host === host) ?? 0;
}

/** A record is never asked for where another zone begins above its name. */
function zoneProblems(records: readonly PlannedRecord[], places: Places): Problem[] {
    const zones = new Set(records.map(({ zone }) => zone));
    const problems = new Map<string, Problem>();
    for (const { name, domain, zone } of records) {
        const innermost = innermostZone(name, zones);
        if (innermost === zone) continue;
        const key = `${domain} ${innermost}`;
        // Where the domain itself is in the other zone, all of its records are.
        const isDomain = domain === innermost || domain.endsWith(`.${innermost}`);
        if (problems.has(key)) continue;
        problems.set(
            key,
            fault(
                places.zone(domain),
                zone,
                `does not answer for ${isDomain ? domain : name}: ${innermost}, the zone of another domain, does`,
                isDomain
                    ? `Write ${innermost}, or choose another zone for that domain.`
                    : "Choose another zone for that domain.",
            ),
        );
    }
    return [...problems.values()];
}

/** The zone that answers for a name: of those that it ends in, the longest. */
function innermostZone(name: string, zones: ReadonlySet<string>): string {
    for (let rest = name; rest.includes("."); rest = rest.slice(rest.indexOf(".") + 1)) {
        if (zones.has(rest)) return rest;
    }
    return "";
}

function lengthProblems(records: readonly PlannedRecord[], places: Places): Problem[] {
    const problems: Problem[] = [];
    const longest = new Map<string, string>();
    for (const { name, domain, role, scope, data } of records) {
        const known = longest.get(domain)?.length ?? longestDnsName;
        if (name.length > known) longest.set(domain, name);
        const option = lengthOptions[role];
        // The host's own records repeat those of the primary domain.
        if (option === undefined || data.type !== "TXT" || scope === "host") continue;
        const literal = data.text.filter((part) => typeof part === "string");
        const { length } = quotedStrings(literal.join(""));
        if (length <= longestTxt) continue;
        problems.push(
            fault(
                `${places.entry(domain)}.${option}`,
                name,
                `would have a TXT record of ${length} characters, of at most ${longestTxt}`,
                "Make it shorter.",
            ),
        );
    }
    for (const [domain, name] of longest) {
        problems.push(
            fault(
                places.name(domain),
                domain,
                `is too long: the record ${name} would have ${name.length} characters, of at most ${longestDnsName}`,
                "Choose a shorter domain.",
            ),
        );
    }
    return problems;
}
