import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
    conflictMessage,
    conflictsOf,
    type ExistingRecord,
} from "../../../components/dns/conflicts";
import { planDnsRecords } from "../../../components/dns/plan";
import { presentation, resolveRecord } from "../../../components/dns/presentation";
import { recordKey } from "../../../components/dns/record";
import { host } from "./described-host";

const comment = "pulumi-mailhost/mailhost/prod";
const zone = "example.com";
const { records } = planDnsRecords({
    ...host,
    domains: [{ name: zone, bimi: { logoUrl: "https://example.com/logo.svg" } }],
});
const id = (digit: string) => digit.repeat(32);

function existing(type: string, name: string, content: string): ExistingRecord {
    return { id: id("a"), name, type, content };
}

function found(inZone: readonly ExistingRecord[], adopt: readonly string[] = []) {
    return conflictsOf(zone, records, inZone, { comment, adopt });
}

/** `key of the planned record: why`, with `(import)` where that is a way out. */
function verdict(record: ExistingRecord): string[] {
    return found([record]).map(
        ({ planned, why, importable }) =>
            `${recordKey(planned)}${importable ? " (import)" : ""}: ${why}`,
    );
}

function aliasAlone(type: string): string {
    return `can't stand beside the ${type} record that is planned: a CNAME record stands alone (RFC 2181 §10.1)`;
}

describe("an existing record that clashes", () => {
    const connections = "stands beside the one planned: a part of the connections would go there";
    const second = (kind: string) =>
        `is a second ${kind} record of the name, and with two of them neither counts`;
    const identical = "is the planned one already, which Cloudflare refuses to make twice";

    const cases: [what: string, record: ExistingRecord, verdict: string][] = [
        [
            "an address of the host, whose own is not known yet",
            existing("A", "mx.example.com", "192.0.2.9"),
            `A-mx.example.com-address (import): ${connections}`,
        ],
        [
            "an IPv6 address of the domain",
            existing("AAAA", "example.com", "2001:db8::9"),
            `AAAA-example.com-address (import): ${connections}`,
        ],
        [
            "a name in other case",
            existing("A", "MX.Example.com", "192.0.2.9"),
            `A-mx.example.com-address (import): ${connections}`,
        ],
        [
            "an old MX record",
            existing("MX", "example.com", "10 mail.example.net"),
            "MX-example.com-host (import): stands beside the one planned: a part of the mail would go there",
        ],
        [
            "another service",
            existing("SRV", "_imaps._tcp.example.com", "0 1 993 imap.example.net"),
            "SRV-_imaps._tcp.example.com-locator (import): stands beside the one planned: a part of the mail programs would go there",
        ],
        [
            "another HTTPS record",
            existing("HTTPS", "example.com", '1 . alpn="h3"'),
            "HTTPS-example.com-web (import): stands beside the one planned: browsers would take either",
        ],
        [
            "a second DMARC record, written with spaces",
            existing("TXT", "_dmarc.example.com", '"v = DMARC1; p=none"'),
            `TXT-_dmarc.example.com-dmarc (import): ${second("v=DMARC1")}`,
        ],
        [
            "a second SPF record",
            existing("TXT", "example.com", '"v=spf1 include:_spf.example.net ~all"'),
            `TXT-example.com-spf (import): ${second("v=spf1")}`,
        ],
        [
            "one without quotes, in other case",
            existing("TXT", "example.com", "V=SPF1 -all"),
            `TXT-example.com-spf (import): ${second("v=spf1")}`,
        ],
        [
            "one whose tag two strings share",
            existing("TXT", "example.com", '"v=sp" "f1 -all"'),
            `TXT-example.com-spf (import): ${second("v=spf1")}`,
        ],
        [
            "a second DMARC record",
            existing("TXT", "_dmarc.example.com", '"v=DMARC1; p=none"'),
            `TXT-_dmarc.example.com-dmarc (import): ${second("v=DMARC1")}`,
        ],
        [
            "a second MTA-STS record",
            existing("TXT", "_mta-sts.example.com", '"v=STSv1; id=1"'),
            `TXT-_mta-sts.example.com-mta-sts (import): ${second("v=STSv1")}`,
        ],
        [
            "a second TLS-RPT record",
            existing("TXT", "_smtp._tls.example.com", '"v=TLSRPTv1; rua=mailto:x@example.net"'),
            `TXT-_smtp._tls.example.com-tls-reports (import): ${second("v=TLSRPTv1")}`,
        ],
        [
            "a second BIMI record",
            existing("TXT", "default._bimi.example.com", '"v=BIMI1; l=https://example.net/l.svg"'),
            `TXT-default._bimi.example.com-bimi (import): ${second("v=BIMI1")}`,
        ],
        [
            "another key of the selector, whose own is not known yet",
            existing("TXT", "default._domainkey.example.com", '"k=rsa; p=MIIB"'),
            `TXT-default._domainkey.example.com-system-dkim (import): ${second("DKIM key")}`,
        ],
        [
            "an alias to somewhere else",
            existing("CNAME", "imap.example.com", "imap.example.net"),
            "CNAME-imap.example.com-service (import): is the CNAME record of a name that leads to example.com from now on",
        ],
        [
            "an address where an alias is planned",
            existing("A", "imap.example.com", "192.0.2.9"),
            `CNAME-imap.example.com-service: ${aliasAlone("CNAME")}`,
        ],
        [
            "any text where an alias is planned",
            existing("TXT", "autoconfig.example.com", '"hello"'),
            `CNAME-autoconfig.example.com-autoconfig: ${aliasAlone("CNAME")}`,
        ],
        [
            "an alias where an address is planned",
            existing("CNAME", "mx.example.com", "host.example.net"),
            `A-mx.example.com-address: ${aliasAlone("A")}`,
        ],
        [
            "a delegation of a planned name",
            existing("NS", "_dmarc.example.com", "ns1.example.net"),
            "TXT-_dmarc.example.com-dmarc: gives _dmarc.example.com to other name servers, which then answer for _dmarc.example.com",
        ],
        [
            "a delegation above planned names",
            existing("NS", "_tcp.example.com", "ns1.example.net"),
            "SRV-_autodiscover._tcp.example.com-autodiscover: gives _tcp.example.com to other name servers, which then answer for _autodiscover._tcp.example.com",
        ],
        [
            "the planned CAA record itself",
            existing("CAA", "example.com", '0 issue "letsencrypt.org; validationmethods=dns-01"'),
            `CAA-example.com-issue (import): ${identical}`,
        ],
        [
            "the planned path itself",
            existing("TXT", "_caldavs._tcp.example.com", '"path=/.well-known/caldav"'),
            `TXT-_caldavs._tcp.example.com-path (import): ${second("path=")}`,
        ],
    ];
    for (const [what, record, expected] of cases) {
        it(what, () => assert.deepEqual(verdict(record), [expected]));
    }
});

describe("an existing record that may stay", () => {
    const cases: [what: string, record: ExistingRecord][] = [
        ["a verification of another service", existing("TXT", "example.com", '"google-site=1"')],
        ["a text that only mentions SPF", existing("TXT", "example.com", '"see v=spf1"')],
        ["another name's SPF record", existing("TXT", "lists.example.com", '"v=spf1 -all"')],
        ["another selector", existing("TXT", "s1._domainkey.example.com", '"k=rsa; p=MIIB"')],
        ["another address", existing("A", "www.example.com", "192.0.2.9")],
        ["another alias", existing("CNAME", "www.example.com", "example.com")],
        ["a wildcard", existing("A", "*.example.com", "192.0.2.9")],
        ["another type", existing("LOC", "example.com", "52 22 23.000 N 4 53 32.000 E")],
        ["another authority", existing("CAA", "example.com", '0 issue "pki.goog"')],
        ["the zone's own name servers", existing("NS", "example.com", "ada.ns.cloudflare.com")],
        ["a delegation beside", existing("NS", "lab.example.com", "ns1.example.net")],
        ["one whose name only ends alike", existing("NS", "x.example.com", "ns1.example.net")],
        ["one of this stack", { ...existing("MX", "example.com", "0 mx.example.com"), comment }],
    ];
    for (const [what, record] of cases) {
        it(what, () => assert.deepEqual(verdict(record), []));
    }

    it("one that the operator adopts", () => {
        const mx = existing("MX", "example.com", "10 mail.example.net");
        assert.equal(found([mx]).length, 1);
        assert.deepEqual(found([mx], [mx.id]), []);
        assert.equal(found([mx], [id("b")]).length, 1);
    });
});

describe("several existing records", () => {
    it("one with the comment that the operator adopts, after the stack was renamed", () => {
        const former = "pulumi-mailhost/mailhost/production";
        const mx = { ...existing("MX", zone, "0 mx.example.com"), comment: former };
        assert.equal(found([mx]).length, 1);
        assert.deepEqual(found([mx], [former]), []);
    });

    it("can't become a planned one that is published already", () => {
        const own = [
            existing("MX", zone, "0 mx.example.com"),
            existing("TXT", zone, '"v=spf1 a mx -all"'),
            existing("CAA", zone, '0 issue "letsencrypt.org"'),
        ].map((record) => ({ ...record, comment }));
        const foreign = [
            existing("MX", zone, "10 mail.example.net"),
            existing("TXT", zone, '"v=spf1 -all"'),
            existing("AAAA", zone, "2001:db8::9"),
        ];
        assert.deepEqual(
            found([...own, ...foreign]).map(({ planned, importable }) => [
                recordKey(planned),
                importable,
            ]),
            [
                ["MX-example.com-host", false],
                ["TXT-example.com-spf", false],
                ["AAAA-example.com-address", true],
            ],
        );
    });

    it("an alias at the apex stands in the way of addresses alone", () => {
        const alias = (name: string) => existing("CNAME", name, "site.example.net");
        assert.deepEqual(verdict(alias(zone)), [`A-example.com-address: ${aliasAlone("A")}`]);
        const further = planDnsRecords({ ...host, domains: [{ name: "example.org" }] }).records;
        const rules = { comment, adopt: [] };
        const ofFurther = further.filter((record) => record.zone === "example.org");
        assert.deepEqual(conflictsOf("example.org", ofFurther, [alias("example.org")], rules), []);
        assert.equal(
            conflictsOf("example.org", ofFurther, [alias("_dmarc.example.org")], rules).length,
            1,
        );
    });

    it("only the first of them can become the planned one", () => {
        const first = { ...existing("MX", zone, "10 a.example.net"), id: id("1") };
        const other = { ...existing("MX", zone, "20 b.example.net"), id: id("2") };
        assert.deepEqual(
            found([first, other]).map(({ existing: { id }, importable }) => [id, importable]),
            [
                [first.id, true],
                [other.id, false],
            ],
        );
    });

    it("the first that can be changed becomes the planned one", () => {
        const routing = {
            ...existing("MX", zone, "18 route1.mx.cloudflare.net"),
            ...{ id: id("1"), emailRouting: true },
        };
        const other = { ...existing("MX", zone, "20 b.example.net"), id: id("2") };
        assert.deepEqual(
            found([routing, other]).map(({ importable }) => importable),
            [false, true],
        );
    });

    it("are told in the order of the zone", () => {
        const clashing = [
            existing("TXT", "example.com", "v=spf1 -all"),
            existing("TXT", "example.com", "hello"),
            existing("A", "mx.example.com", "192.0.2.9"),
        ].map((record, index) => ({ ...record, id: id(String(index)) }));
        assert.deepEqual(
            found(clashing).map((conflict) => conflict.existing.id),
            [id("0"), id("2")],
        );
    });
});

describe("for any zone", () => {
    const values = {
        ipv4: "192.0.2.25",
        ipv6: "2001:db8:25::1",
        "ssh-host-key": "0a".repeat(32),
        "certificate-key:current": "0b".repeat(32),
        "system-dkim:default": "MIIB",
    };
    const resolved = records.map((record) => {
        const known = resolveRecord(record, values);
        assert.ok(known, recordKey(record));
        return known;
    });

    /** As the zone has it once it is published: Cloudflare writes no dot after a name. */
    function published(index: number, mark: string | undefined): ExistingRecord {
        const { name, data } = resolved[index]!;
        const content = presentation(data).replace(/\.$/, "");
        return { id: id("c"), name, type: data.type, content, comment: mark };
    }

    it("a record of this stack never clashes, the same one of somebody else does", () => {
        const literal = resolved
            .map((_, index) => index)
            // Whether a digest is the planned one can't be told while that is unknown.
            .filter((index) => !["SSHFP", "TLSA"].includes(resolved[index]!.data.type));
        fc.assert(
            fc.property(
                fc.constantFrom(...literal),
                fc.constantFrom(undefined, "", "pulumi-mailhost/mailhost/staging", "by hand"),
                (index, mark) => {
                    assert.deepEqual(found([published(index, comment)]), []);
                    const [clash, ...more] = found([published(index, mark)]);
                    assert.deepEqual(more, []);
                    assert.equal(recordKey(clash!.planned), recordKey(resolved[index]!));
                    assert.equal(clash!.importable, !mark?.startsWith("pulumi-mailhost/"));
                },
            ),
        );
    });

    it("each existing record is told at most once, whatever stands there", () => {
        const record = fc.record({
            id: fc.constantFrom(id("1"), id("2"), id("3")),
            name: fc.constantFrom(...records.map(({ name }) => name), "www.example.com"),
            type: fc.constantFrom("A", "CNAME", "MX", "TXT", "NS", "SRV", "CAA", "LOC"),
            content: fc.oneof(fc.string(), fc.constant("v=spf1 -all")),
            comment: fc.constantFrom(undefined, comment, "by hand"),
        });
        fc.assert(
            fc.property(fc.array(record), (zoneRecords) => {
                const conflicts = found(zoneRecords);
                const told = conflicts.map((conflict) => conflict.existing);
                assert.equal(new Set(told).size, told.length);
                assert.ok(told.every((one) => one.comment !== comment));
                const imported = conflicts
                    .filter(({ importable }) => importable)
                    .map(({ planned }) => recordKey(planned));
                assert.equal(new Set(imported).size, imported.length);
            }),
        );
    });
});

describe("the message", () => {
    const zoneIds = { [zone]: id("f") };

    it("names each record, why it clashes, and the exact way out", () => {
        const conflicts = found([
            { ...existing("MX", zone, "10 mail.example.net"), id: id("1") },
            { ...existing("A", "imap.example.com", "192.0.2.9"), id: id("2"), comment: "old" },
        ]);
        assert.equal(
            conflictMessage(conflicts, "mail-dns", zoneIds),
            [
                "2 records at Cloudflare can't stay as they are beside the planned ones; none was changed:",
                `  example.com: MX example.com 10 mail.example.net (id ${id("1")}) stands beside the one planned: a part of the mail would go there. Remove or import it.`,
                `  example.com: A imap.example.com 192.0.2.9 (id ${id("2")}, comment "old") can't stand beside the CNAME record that is planned: a CNAME record stands alone (RFC 2181 §10.1). Remove it.`,
                "Remove what is not needed any more (https://dash.cloudflare.com: zone, DNS, Records). What is wanted beside ours is let stand: add its id to the DNS setting `adopt` (mailhost:dns.adopt in the configuration).",
                "To take a record over instead, so that it is changed in place and never gone, import it with the line below, add its id to `adopt`, and run `pulumi up`:",
                `  pulumi import --yes --protect=false --generate-code=false cloudflare:index/dnsRecord:DnsRecord 'mail-dns-MX-example.com-host' '${id("f")}/${id("1")}'`,
            ].join("\n"),
        );
    });

    const told = (record: ExistingRecord) =>
        conflictMessage(found([record]), "mail-dns", zoneIds).split("\n");

    it("offers no import where none is possible", () => {
        const lines = told(existing("A", "imap.example.com", "192.0.2.9"));
        assert.equal(lines.length, 3);
        assert.match(lines[0]!, /^1 record at Cloudflare/);
    });

    it("tells to turn Email Routing off, which keeps its records as they are", () => {
        const mx = existing("MX", zone, "18 route1.mx.cloudflare.net");
        const lines = told({ ...mx, emailRouting: true });
        assert.match(
            lines[1]!,
            /It belongs to Cloudflare's Email Routing: disable that \(zone, Email, Email Routing, Settings\)\.$/,
        );
        assert.deepEqual(
            lines.filter((line) => line.includes("pulumi import")),
            [],
        );
    });

    it("tells of another stack's record whose it may be", () => {
        const mx = existing("MX", zone, "0 mx.example.com");
        assert.match(
            told({ ...mx, comment: "pulumi-mailhost/mailhost/staging" })[1]!,
            /comment "pulumi-mailhost\/mailhost\/staging"\) .* Another stack made it; if that is this one under a former name, add the comment to `adopt`\.$/,
        );
    });

    it("offers no import of a record that is in another stack's state", () => {
        const mx = existing("MX", zone, "0 mx.example.com");
        const lines = told({ ...mx, comment: "pulumi-mailhost/mailhost/staging" });
        assert.deepEqual(
            lines.filter((line) => line.includes("pulumi import")),
            [],
        );
    });
});
