import fc from "fast-check";
import { certificateNames } from "../../../components/certificate/names";
import type { MailDomain } from "../../../components/dns/domain-options";
import type { DnsPlanArgs } from "../../../components/dns/plan";
import { publicKey } from "./public-keys";

/** Labels below which the host has CNAME records or itself. */
const taken = [
    ...["api", "caldav", "carddav", "imap", "pop3", "smtp", "mx"],
    ...["fe-bounces", "mta-sts", "autoconfig", "autodiscover"],
];

const character = fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz0123456789");

const label = fc
    .tuple(
        character,
        fc.string({
            unit: fc.oneof({ arbitrary: character, weight: 9 }, fc.constant("-")),
            maxLength: 6,
        }),
        character,
    )
    .map((parts) => parts.join(""))
    .filter((text) => !taken.includes(text));

/** A registrable domain, and the label of a zone of its own below it. */
interface Base {
    name: string;
    delegated: string | undefined;
}

const base: fc.Arbitrary<Base> = fc.record({
    name: fc
        .tuple(label, fc.constantFrom("com", "org", "co.uk", "test", "xn--p1ai"))
        .map((parts) => parts.join(".")),
    delegated: fc.option(label, { nil: undefined }),
});

/** Where a mail domain is: at or below a registrable domain. */
const place = fc.record({
    base: fc.nat(),
    below: fc.array(label, { maxLength: 2 }),
    inDelegated: fc.boolean(),
    saysZone: fc.boolean(),
});

type Place = typeof place extends fc.Arbitrary<infer T> ? T : never;

function placed(bases: readonly Base[], { base: index, below, inDelegated, saysZone }: Place) {
    const { name: registrable, delegated } = bases[index % bases.length]!;
    const under = inDelegated && delegated !== undefined ? [delegated] : [];
    const name = [...below, ...under, registrable].join(".");
    const zone = `${delegated}.${registrable}`;
    if (delegated !== undefined && (name === zone || name.endsWith(`.${zone}`))) {
        return { name, zone };
    }
    return saysZone ? { name, zone: registrable } : { name };
}

const elsewhere = fc.tuple(label, fc.constantFrom("elsewhere.example", "reports.example.net"));
const hostElsewhere = elsewhere.map((parts) => parts.join("."));

/** Stands for the name of one of the mail domains. */
const ours = "ours.example";

const addresses = fc.uniqueArray(
    fc
        .tuple(
            fc.constantFrom("dmarc", "tls+reports", "a.b", "o'neil!", "x/y"),
            fc.oneof(fc.constant(ours), hostElsewhere),
        )
        .map((parts) => parts.join("@")),
    { maxLength: 4 },
);

const policy = fc.constantFrom("none", "quarantine", "reject");
const alignment = fc.constantFrom("relaxed", "strict");

/** Any options of a domain that are right. */
export const domainOptions: fc.Arbitrary<Omit<MailDomain, "name">> = fc
    .record(
        {
            ttlSeconds: fc.integer({ min: 60, max: 86_400 }),
            spf: fc.record(
                {
                    all: fc.constantFrom("fail", "softfail", "neutral"),
                    includes: fc.uniqueArray(
                        hostElsewhere.map((name) => `_spf.${name}`),
                        { maxLength: 8 },
                    ),
                },
                { requiredKeys: [] },
            ),
            dmarc: fc.record(
                {
                    policy,
                    subdomainPolicy: policy,
                    dkimAlignment: alignment,
                    spfAlignment: alignment,
                    reportAddresses: addresses,
                    failureReportAddresses: addresses,
                },
                { requiredKeys: [] },
            ),
            mtaSts: fc.record(
                {
                    mode: fc.constantFrom("enforce", "testing", "none", "off"),
                    maxAgeSeconds: fc.integer({ min: 86_400, max: 31_557_600 }),
                },
                { requiredKeys: [] },
            ),
            tlsReports: fc.record({ addresses: addresses }),
            caa: fc.record(
                {
                    issuers: fc.uniqueArray(hostElsewhere, { maxLength: 3 }),
                    accountBinding: fc.boolean(),
                    reportAddress: hostElsewhere.map((name) => `ca@${name}`),
                },
                { requiredKeys: [] },
            ),
            mx: fc.record(
                {
                    preference: fc.integer({ min: 0, max: 65_535 }),
                    further: fc.uniqueArray(
                        fc.record({
                            host: hostElsewhere,
                            preference: fc.integer({ min: 0, max: 65_535 }),
                        }),
                        { selector: ({ host }) => host, maxLength: 3 },
                    ),
                },
                { requiredKeys: [] },
            ),
            bimi: fc.record(
                {
                    logoUrl: fc.constant("https://logos.example/a;b,c.svg"),
                    certificateUrl: fc.constant("https://logos.example/vmc.pem"),
                },
                { requiredKeys: ["logoUrl"] },
            ),
            dkim: fc.record({
                selector: label.map((text) => `fe-${text}`),
                publicKey: fc.constantFrom(publicKey(1024), publicKey(2048), publicKey(4096)),
            }),
            siteVerification: fc.string({ unit: character, minLength: 10, maxLength: 10 }),
        },
        { requiredKeys: [] },
    )
    .map((options) => {
        const { dmarc } = options;
        const isNone = dmarc?.policy === "none" || dmarc?.subdomainPolicy === "none";
        return isNone ? { ...options, bimi: undefined } : options;
    });

/** The options with reports that go to a mail domain of the host. */
function reportingTo<T extends Omit<MailDomain, "name">>(domain: string, options: T): T {
    return JSON.parse(JSON.stringify(options).replaceAll(ours, domain)) as T;
}

/** Any description that is right: domains in several zones, at and below their apex, with any options. */
export const descriptions: fc.Arbitrary<DnsPlanArgs> = fc
    .record({
        bases: fc.uniqueArray(base, { selector: ({ name }) => name, minLength: 1, maxLength: 4 }),
        places: fc.array(place, { minLength: 1, maxLength: 6 }),
        options: fc.array(domainOptions, { minLength: 6, maxLength: 6 }),
        hasPrimary: fc.boolean(),
        covered: fc.option(fc.array(fc.boolean(), { minLength: 20, maxLength: 20 })),
        host: fc.record(
            {
                addresses: fc.constantFrom<("ipv4" | "ipv6")[]>(
                    ["ipv4"],
                    ["ipv6"],
                    ["ipv4", "ipv6"],
                    ["ipv6", "ipv4"],
                ),
                separateOutbound: fc.boolean(),
                systemDkimSelectors: fc.uniqueArray(
                    label.map((text) => `s-${text}`),
                    { minLength: 1, maxLength: 2 },
                ),
                signed: fc.boolean(),
                certificateKeys: fc.constantFrom<("current" | "next")[]>(
                    ["current"],
                    ["current", "next"],
                ),
            },
            { requiredKeys: [] },
        ),
        issuer: fc.constantFrom("letsencrypt.org", "pki.goog"),
    })
    .map(({ bases, places, options, hasPrimary, covered, host, issuer }) => {
        const byName = new Map(
            places.map((at) => placed(bases, at)).map((at) => [at.name, at] as const),
        );
        const [primary = "", ...further] = byName.keys();
        const entries = [...byName.values()].map((at, index) => {
            const next = [primary, ...further][(index + 1) % byName.size] ?? "";
            return { ...at, ...reportingTo(next, options[index] ?? {}) };
        });
        const names = certificateNames(primary, further);
        return {
            domain: primary,
            email: "You@Elsewhere.example",
            issuer,
            ...host,
            // The primary domain needs an entry only for its zone and options.
            domains: entries.slice(hasPrimary || entries[0]?.zone !== undefined ? 0 : 1),
            ...(covered && { certificateNames: names.filter((_, index) => covered[index]) }),
        };
    });
