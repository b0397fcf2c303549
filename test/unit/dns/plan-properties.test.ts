import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { certificateNames } from "../../../components/certificate/names";
import { dnsProblems, planDnsRecords, type DnsPlanArgs } from "../../../components/dns/plan";
import { presentation, filledIn } from "../../../components/dns/presentation";
import {
    phases,
    phasesOf,
    recordKey,
    type DnsPlan,
    type PlannedRecord,
} from "../../../components/dns/record";
import { descriptions, domainOptions } from "./descriptions";
import { recordLine } from "./plan-text";
import { publicKey } from "./public-keys";

const runs = { numRuns: 500 };

/** The content as published, every reference filled with something as long as the real value. */
function published(record: PlannedRecord): string {
    return presentation(filledIn(record.data, () => publicKey(2048)));
}

/** The strings of a TXT record in presentation form, without their quotes. */
function strings(text: string): string[] {
    return [...text.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, string]) => string ?? "");
}

function isIn(name: string, zone: string): boolean {
    return name === zone || name.endsWith(`.${zone}`);
}

function holds(property: (plan: DnsPlan, args: DnsPlanArgs) => void): void {
    fc.assert(
        fc.property(descriptions, (args) => property(planDnsRecords(args), args)),
        runs,
    );
}

function sorted(lines: readonly string[]): string[] {
    return [...lines].sort();
}

describe("any plan", () => {
    it("comes from a description without problems", () =>
        fc.assert(
            fc.property(descriptions, (args) => assert.deepEqual(dnsProblems(args), [])),
            runs,
        ));

    it("has no record beside a CNAME, and no MX or SRV record that leads to one", () =>
        holds(({ records }) => {
            const aliases = records.filter(({ data }) => data.type === "CNAME");
            const names = new Set(aliases.map(({ name }) => name));
            assert.equal(names.size, aliases.length);
            for (const { name, data } of records) {
                if (data.type !== "CNAME") assert.ok(!names.has(name), name);
                if (data.type === "MX") assert.ok(!names.has(data.exchange), data.exchange);
                if (data.type === "SRV") assert.ok(!names.has(data.target), data.target);
                if (data.type === "CNAME") assert.ok(!names.has(data.target), data.target);
            }
        }));

    it("leads its names to addresses of its own", () =>
        holds(({ records }, { domain }) => {
            const addressed = new Set(
                records
                    .filter(({ data }) => data.type === "A" || data.type === "AAAA")
                    .map(({ name }) => name),
            );
            assert.deepEqual(addressed, new Set([domain, `mx.${domain}`]));
            for (const { data, role } of records) {
                if (data.type === "CNAME") assert.ok(addressed.has(data.target));
                if (data.type === "SRV" && data.target !== ".") {
                    assert.ok(addressed.has(data.target));
                }
                if (data.type === "MX" && role === "host") assert.ok(addressed.has(data.exchange));
            }
        }));

    it("has one SPF record a name, which costs at most ten look-ups", () =>
        holds(({ records }, { domain, domains = [] }) => {
            const spf = records.filter(({ data }) =>
                published({ ...records[0]!, data }).startsWith('"v=spf1 '),
            );
            const names = spf.map(({ name }) => name);
            assert.deepEqual(
                sorted(names),
                sorted([...new Set([domain, `mx.${domain}`, ...domains.map(({ name }) => name)])]),
            );
            for (const record of spf) {
                const terms = strings(published(record)).join("").split(" ");
                const lookups = terms.filter((term) => /^[-~?+]?(a|mx|include:.*)$/.test(term));
                assert.ok(lookups.length <= 10, terms.join(" "));
                assert.match(terms.at(-1) ?? "", /^[-~?]all$/);
            }
        }));

    it("has texts in strings of at most 255 bytes, 4096 together", () =>
        holds(({ records }) => {
            for (const record of records.filter(({ data }) => data.type === "TXT")) {
                const text = published(record);
                assert.ok(text.length <= 4096, text);
                for (const string of strings(text)) assert.ok(string.length <= 255, string);
                assert.equal(`"${strings(text).join('" "')}"`, text);
            }
        }));

    it("has valid names in lower case, each in the zone that answers for it", () =>
        holds(({ records, zones }) => {
            const names = zones.map(({ name }) => name);
            for (const { name, zone } of records) {
                assert.ok(name.length <= 253, name);
                assert.match(name, /^(?:_?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]+$/);
                const holding = names.filter((other) => isIn(name, other));
                const innermost = holding.reduce((a, b) => (a.length > b.length ? a : b), "");
                assert.equal(zone, innermost, name);
            }
            assert.deepEqual(sorted(names), [...new Set(records.map(({ zone }) => zone))].sort());
        }));

    it("gives every record a key of its own", () =>
        holds(({ records, omitted }) => {
            const keys = records.map(recordKey);
            assert.equal(new Set(keys).size, keys.length);
            for (const { role } of [...records, ...omitted]) assert.match(role, /^[a-z0-9.-]+$/);
        }));

    it("has each kind of record in one of the phases that are named for it, and CAA in both of its own", () => {
        const seen = new Map<string, Set<string>>();
        const named = new Map<string, Set<string>>();
        holds(({ records }) => {
            for (const record of records) {
                const kind = `${record.data.type} ${record.role}`;
                seen.set(kind, (seen.get(kind) ?? new Set()).add(record.phase));
                named.set(kind, new Set([...(named.get(kind) ?? []), ...phasesOf(record)]));
                assert.ok(phasesOf(record).includes(record.phase), kind);
            }
        });
        // What is named for a kind does not follow from the phase that one of its records has.
        for (const [kind, of] of named) {
            assert.equal(of.size, kind.startsWith("CAA") ? 2 : 1, kind);
        }
        assert.deepEqual(seen.get("CAA issue"), new Set(["base", "certified"]));
    });

    it("has no record of DANE and none of SSHFP in a zone that is not signed", () =>
        holds(({ records, zones }, { signed = false }) => {
            for (const zone of zones) assert.equal(zone.signed, signed);
            const types = new Set(records.map(({ data }) => data.type));
            assert.equal(types.has("SSHFP"), signed);
            if (!signed) assert.ok(!types.has("TLSA"));
        }));

    it("publishes nothing that shuts the authority out before it has issued", () =>
        holds(({ records }) => {
            const base = records.filter(({ phase }) => phase === "base");
            for (const { name, data } of base) {
                if (data.type !== "CAA" || data.tag === "iodef") continue;
                const own = base.filter((other) => other.name === name && other.role === data.tag);
                assert.equal(own.length, 1, name);
            }
        }));

    it("sends no mail and no mail program to the host before it answers", () =>
        holds(({ records }) => {
            const early = new Set(
                records
                    .filter(({ phase }) => phase !== "serving")
                    .map(({ data, role }) => (data.type === "TXT" ? role : data.type)),
            );
            for (const kind of ["MX", "SRV", "HTTPS", "mta-sts", "path"]) {
                assert.ok(!early.has(kind), kind);
            }
            for (const { phase } of records) assert.ok(phases.includes(phase));
        }));
});

describe("the order of the description", () => {
    it("changes nothing", () =>
        fc.assert(
            fc.property(
                descriptions.chain((args) =>
                    fc.record({
                        args: fc.constant(args),
                        domains: fc.shuffledSubarray([...(args.domains ?? [])], {
                            minLength: args.domains?.length ?? 0,
                        }),
                    }),
                ),
                ({ args, domains }) =>
                    assert.deepEqual(planDnsRecords({ ...args, domains }), planDnsRecords(args)),
            ),
            runs,
        ));

    it("of its lists changes nothing either, where the order of a record's content has no meaning", () =>
        holds((plan, args) => {
            const turned = <T>(list: readonly T[] | undefined) => list && [...list].reverse();
            assert.deepEqual(
                planDnsRecords({
                    ...args,
                    addresses: turned(args.addresses),
                    systemDkimSelectors: turned(args.systemDkimSelectors),
                    certificateNames: turned(args.certificateNames),
                    certificateKeys: turned(args.certificateKeys),
                    domains: args.domains?.map((domain) => ({
                        ...domain,
                        caa: domain.caa && { ...domain.caa, issuers: turned(domain.caa.issuers) },
                        mx: domain.mx && { ...domain.mx, further: turned(domain.mx.further) },
                    })),
                }),
                plan,
            );
        }));

    it("and the description itself stay as they were", () =>
        fc.assert(
            fc.property(descriptions, (args) => {
                const before = JSON.stringify(args);
                planDnsRecords(args);
                assert.equal(JSON.stringify(args), before);
            }),
            { numRuns: 200 },
        ));
});

describe("another domain", () => {
    it("changes no record of the others, and adds only its own and the consent to reports in it", () =>
        fc.assert(
            fc.property(
                descriptions.filter(({ domain, domains = [] }) =>
                    domains.some(({ name }) => name !== domain),
                ),
                fc.nat(),
                (args, index) => {
                    const all = args.domains ?? [];
                    const further = all.filter(({ name }) => name !== args.domain);
                    const added = further[index % further.length]?.name ?? "";
                    // Given names are the same before and after, so that certificates are not the difference.
                    const names =
                        args.certificateNames ??
                        certificateNames(
                            args.domain,
                            further.map(({ name }) => name),
                        );
                    const described = { ...args, certificateNames: names };
                    const after = planDnsRecords(described).records;
                    const before = planDnsRecords({
                        ...described,
                        domains: all.filter(({ name }) => name !== added),
                    }).records;
                    const lines = new Set(after.map(recordLine));
                    for (const record of before) assert.ok(lines.has(recordLine(record)));
                    const old = new Set(before.map(recordLine));
                    for (const record of after) {
                        if (old.has(recordLine(record)) || record.domain === added) continue;
                        assert.equal(record.role, "dmarc-consent");
                        assert.ok(record.name.endsWith(`._report._dmarc.${added}`), record.name);
                    }
                },
            ),
            runs,
        ));
});

describe("other options of a domain", () => {
    it("change only its own records", () =>
        fc.assert(
            fc.property(
                descriptions
                    .filter(({ domains = [] }) => domains.length > 0)
                    .chain((args) =>
                        fc.record({
                            args: fc.constant(args),
                            index: fc.nat((args.domains?.length ?? 1) - 1),
                            options: domainOptions,
                        }),
                    ),
                ({ args, index, options }) => {
                    const domains = [...(args.domains ?? [])];
                    const { name, zone } = domains[index]!;
                    domains[index] = { name, zone, ...options };
                    const others = (plan: DnsPlan) =>
                        plan.records.filter(({ domain }) => domain !== name);
                    assert.deepEqual(
                        others(planDnsRecords({ ...args, domains })),
                        others(planDnsRecords(args)),
                    );
                },
            ),
            runs,
        ));
});

describe("a row of the record set", () => {
    it("is either published or left out with a reason, whatever it depends on", () =>
        fc.assert(
            fc.property(descriptions, (args) => {
                const rows = (change: Partial<DnsPlanArgs>) => {
                    const { records, omitted } = planDnsRecords({ ...args, ...change });
                    for (const { why } of omitted) assert.match(why, /^.{5,}[.]$/);
                    const keys = records.map(recordKey);
                    const out = omitted.map(({ type, name, role }) => `${type}-${name}-${role}`);
                    return sorted([...keys, ...out]);
                };
                const all = rows({ signed: true, certificateNames: undefined });
                assert.equal(new Set(all).size, all.length);
                assert.deepEqual(rows({ signed: false, certificateNames: [] }), all);
                assert.deepEqual(rows({ addresses: ["ipv4"] }), rows({ addresses: ["ipv6"] }));
                assert.deepEqual(rows({}), all);
            }),
            runs,
        ));
});
