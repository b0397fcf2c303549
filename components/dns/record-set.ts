import { domainRows } from "./domain-records";
import type { DomainSettings } from "./domain-settings";
import { hostRows } from "./host-records";
import type { PlanContext } from "./plan-context";
import type { DnsPlan, MissingValue, OmittedRecord, PlannedRecord, Scope } from "./record";
import type { Row } from "./rows";

/** Lays out the record set of a description without problems. */
export function layOut(context: PlanContext): DnsPlan {
    const { host, domains, primarySettings, signed } = context;
    const records: PlannedRecord[] = [];
    const omitted: OmittedRecord[] = [];
    const place = (rows: readonly Row[], scope: Scope, domain: DomainSettings) => {
        for (const row of rows) {
            if ("why" in row) {
                omitted.push({ ...row, domain: domain.name });
                continue;
            }
            const { name, role, phase, data } = row;
            const zone = row.zone ?? domain.zone;
            const ttl = domain.ttlSeconds;
            records.push({ name, role, scope, domain: domain.name, zone, phase, ttl, data });
        }
    };
    place(hostRows(context), "host", primarySettings);
    for (const domain of domains.values()) place(domainRows(context, domain), "domain", domain);

    const zones = new Set([...domains.values()].map(({ zone }) => zone));
    return {
        zones: [...zones].sort().map((name) => ({ name, signed })),
        records: sorted(records, ({ zone, name, data, role }) => [zone, name, data.type, role]),
        pointers: context.pointers.map((family) => ({
            role: family,
            address: { ref: family },
            target: host,
        })),
        omitted: sorted(omitted, ({ name, type, role }) => [name, type, role]),
        missing: sorted(
            [...domains.values()].flatMap((domain) => missingValues(context, domain)),
            ({ domain, setting }) => [domain, setting],
        ),
        warnings: [
            ...operatorWarnings(context),
            ...(context.addresses.has("ipv4") ? [] : [withoutIpv4]),
            ...sorted([...domains.values()], ({ name }) => [name]).flatMap(warnings),
        ],
    };
}

/** Sorted by code points, so that no locale changes the order. */
function sorted<T>(items: readonly T[], key: (item: T) => readonly string[]): T[] {
    return items
        .map((item) => ({ item, key: key(item) }))
        .sort((a, b) => {
            const place = a.key.findIndex((part, index) => part !== b.key[index]);
            if (place < 0) return 0;
            return (a.key[place] ?? "") < (b.key[place] ?? "") ? -1 : 1;
        })
        .map(({ item }) => item);
}

/** What the host's web site makes with a domain and the program can't know. */
function missingValues({ primary }: PlanContext, domain: DomainSettings): MissingValue[] {
    const { name } = domain;
    const site = `Add ${name} at https://${primary}, then open https://${primary}/setup/dns/${name}`;
    const missing: MissingValue[] = [];
    if (domain.dkim === undefined) {
        missing.push({
            domain: name,
            setting: "dkim",
            how: `${site}: of the TXT record at fe-<hash>._domainkey, dkim.selector is fe-<hash>, and dkim.publicKey is what stands between p= and the semicolon. Until it is published, the host sends no mail of the domain.`,
        });
    }
    if (domain.siteVerification === undefined) {
        missing.push({
            domain: name,
            setting: "siteVerification",
            how: `${site}: siteVerification is what follows forward-email-site-verification= in the TXT record.`,
        });
    }
    return missing;
}

const withoutIpv4 =
    "The host has no IPv4 address: most mail servers can't reach it, and the stack sends over IPv4 alone.";

/** The operator hears of a broken host by mail, which must not depend on that host. */
function operatorWarnings({ email, host, domains }: PlanContext): string[] {
    const domain = email.slice(email.lastIndexOf("@") + 1).toLowerCase();
    if (domain !== host && !domains.has(domain)) return [];
    return [
        `email: ${JSON.stringify(email)} is at ${domain}, whose mail comes to this host: when the host fails or its certificate runs out, the letters that say so do not reach you. Give an address elsewhere (config key mailhost:email).`,
    ];
}

/** What the domain's operator asked for, and something will object to. */
function warnings({ name, mx, dmarc, spf }: DomainSettings): string[] {
    const found: string[] = [];
    if (mx.further.length > 0) {
        const hosts = mx.further.map(({ host }) => host).sort();
        found.push(
            `${name}: the stack's own check accepts a single MX and rejects the domain with ${hosts.join(" and ")} beside it.`,
        );
    }
    if (dmarc.policy === "none") {
        found.push(
            `${name}: with the DMARC policy none, receivers deliver mail that others forge in its name.`,
        );
    }
    if (dmarc.spfAlignment === "strict") {
        found.push(
            `${name}: with strict alignment, SPF never counts for DMARC, since the return path is fe-bounces.${name}; the DKIM signature alone does.`,
        );
    }
    if (spf.all === "neutral") {
        found.push(`${name}: with ?all, SPF says nothing about mail from elsewhere.`);
    }
    return found;
}
