import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { dnsProblems, planDnsRecords, type DnsPlanArgs } from "../../../components/dns/plan";
import { descriptions } from "./descriptions";

/** A description whose every field may be wrong. */
type Wrong = Omit<DnsPlanArgs, "domains"> & { domains: Record<string, unknown>[] };

/** What may go wrong with a description, and where that is said. Each adds its own fault, whatever the others do. */
const faults: ((wrong: Wrong) => string)[] = [
    (wrong) => {
        wrong.email = "you";
        return "email";
    },
    (wrong) => {
        wrong.issuer = "Not An Issuer";
        return "issuer";
    },
    (wrong) => {
        wrong.addresses = [];
        return "addresses";
    },
    (wrong) => {
        wrong.systemDkimSelectors = ["a.b"];
        return "systemDkimSelectors[0]";
    },
    (wrong) => `${added(wrong, { name: "UPPER.example" })}.name`,
    (wrong) => `${added(wrong, { name: `${"a".repeat(300)}.example` })}.name`,
    (wrong) => `${added(wrong, { name: "com" })}.name`,
    (wrong) => `${added(wrong, { name: `smtp.${wrong.domain}`, zone: zoneOf(wrong) })}.name`,
    (wrong) => `${added(wrong, { name: `mx.${wrong.domain}`, zone: zoneOf(wrong) })}.name`,
    (wrong) => {
        added(wrong, { name: "twice.example" });
        return `${added(wrong, { name: "twice.example" })}.name`;
    },
    (wrong) => `${added(wrong, { name: "one.example", zone: "foreign.example" })}.zone`,
    (wrong) => `${added(wrong, { name: "two.example", ttlSeconds: 59 })}.ttlSeconds`,
    (wrong) =>
        `${added(wrong, { name: "three.example", spf: { includes: ["a b"] } })}.spf.includes[0]`,
    (wrong) => `${added(wrong, { name: "four.example", dmarc: { policy: "never" } })}.dmarc.policy`,
    (wrong) =>
        `${added(wrong, { name: "five.example", mx: { further: [{ host: `imap.${wrong.domain}`, preference: 1 }] } })}.mx.further[0].host`,
    (wrong) =>
        `${added(wrong, { name: "six.example", dkim: { selector: "fe-1", publicKey: "AAAA" } })}.dkim.publicKey`,
    (wrong) => `${added(wrong, { name: "seven.example", siteVerification: "?" })}.siteVerification`,
    (wrong) =>
        `${added(wrong, { name: "eight.example", bimi: { logoUrl: "logo.svg" } })}.bimi.logoUrl`,
    (wrong) => `${added(wrong, { name: "nine.example", mtaSts: { mode: "on" } })}.mtaSts.mode`,
    (wrong) => {
        added(wrong, { name: "below.ten.example", zone: "below.ten.example" });
        return `${added(wrong, { name: "a.below.ten.example", zone: "ten.example" })}.zone`;
    },
];

/** Adds a domain, and says where it is. */
function added(wrong: Wrong, domain: Record<string, unknown>): string {
    return `domains[${wrong.domains.push(domain) - 1}]`;
}

/** The primary domain's zone, if it is not the one that it would be without a word. */
function zoneOf({ domain, domains }: Wrong): unknown {
    return domains.find(({ name }) => name === domain)?.zone;
}

describe("a description with any faults", () => {
    it("has exactly their problems, all at once, and no plan", () =>
        fc.assert(
            fc.property(
                descriptions,
                fc.shuffledSubarray(faults, { minLength: 1 }),
                (right, chosen) => {
                    const wrong = {
                        ...right,
                        pointers: undefined,
                        domains: (right.domains ?? []).map((domain) => ({ ...domain })),
                    };
                    const paths = chosen.map((fault) => fault(wrong)).sort();
                    const args = wrong as unknown as DnsPlanArgs;
                    const problems = dnsProblems(args);
                    assert.deepEqual(problems.map(({ path }) => path).sort(), paths);
                    assert.throws(
                        () => planDnsRecords(args),
                        (error: Error) => {
                            for (const { path, reason, remedy } of problems) {
                                assert.ok(error.message.includes(`${path}: ${reason} ${remedy}`));
                            }
                            return true;
                        },
                    );
                },
            ),
            { numRuns: 500 },
        ));

    it("never makes the check itself fail, whatever types are given", () =>
        fc.assert(
            fc.property(
                fc.record({
                    name: fc.oneof(fc.constant("example.org"), fc.string(), fc.integer()),
                    options: fc.dictionary(
                        fc.constantFrom(
                            ...["zone", "ttlSeconds", "spf", "dmarc", "mtaSts", "tlsReports"],
                            ...["caa", "mx", "bimi", "dkim", "siteVerification"],
                        ),
                        fc.oneof(
                            fc.string(),
                            fc.integer(),
                            fc.array(fc.string()),
                            fc.dictionary(
                                fc.constantFrom(
                                    ...["all", "includes", "policy", "reportAddresses", "mode"],
                                    ...["addresses", "issuers", "further", "logoUrl", "selector"],
                                    ...["publicKey", "maxAgeSeconds", "preference"],
                                ),
                                fc.oneof(fc.string(), fc.integer(), fc.array(fc.string())),
                                { noNullPrototype: true },
                            ),
                        ),
                    ),
                }),
                ({ name, options }) => {
                    const args = {
                        domain: "example.com",
                        email: "you@example.net",
                        issuer: "letsencrypt.org",
                        domains: [{ name, ...options }],
                    } as unknown as DnsPlanArgs;
                    for (const { path, reason, remedy } of dnsProblems(args)) {
                        assert.match(path, /^domains\[0\]\./);
                        assert.ok(!/[\r\n]/.test(reason + remedy));
                    }
                },
            ),
            { numRuns: 1000 },
        ));
});
