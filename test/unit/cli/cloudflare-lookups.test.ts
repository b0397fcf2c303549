import assert from "node:assert/strict";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { cloudflareLookups } from "../../../cli/cloudflare-lookups";
import type { Lookups } from "../../../cli/recovery-plan";

const zoneId = "1".repeat(32);
const comment = "pulumi-mailhost/mailhost/prod";
const record = "cloudflare:index/dnsRecord:DnsRecord";

/** type and name → the records that are there. */
const zone: Record<string, object[]> = {
    "TXT example.com": [
        { id: "site", content: '"google-site-verification=1"', comment: null },
        { id: "spf", content: '"v=spf1 a mx -all"', comment },
        { id: "long", content: `"${"a".repeat(255)}" "bc"`, comment },
    ],
    "CNAME imap.example.com": [{ id: "cname", content: "example.com", comment }],
    "MX example.com": [{ id: "mx", content: "mx.example.com", priority: 10, comment }],
    "CAA example.com": [
        { id: "issue", data: { flags: 0, tag: "issue", value: "pki.goog" }, comment },
        { id: "issuewild", data: { flags: 0, tag: "issuewild", value: "pki.goog" }, comment },
    ],
    "TLSA _25._tcp.mx.example.com": [
        {
            id: "tlsa",
            data: { usage: 3, selector: 1, matching_type: 1, certificate: "ABCD" },
            comment,
        },
    ],
    "A example.com": [{ id: "foreign", content: "192.0.2.1", comment: null }],
};

describe("look-ups at Cloudflare", () => {
    let lookups: Lookups;
    let baseUrl: string;
    const seen: string[] = [];
    const server = http.createServer((request, response) => {
        seen.push(`${request.headers.authorization} ${request.url}`);
        const url = new URL(request.url ?? "", "http://api");
        const status = url.pathname === `/client/v4/zones/${zoneId}/dns_records` ? 200 : 503;
        const { type, "name.exact": name } = Object.fromEntries(url.searchParams);
        response.writeHead(status, { "content-type": "application/json" });
        response.end(JSON.stringify({ success: true, result: zone[`${type} ${name}`] ?? [] }));
    });

    before(async () => {
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4/`;
        lookups = cloudflareLookups({ token: "secret", baseUrl });
    });
    after(() => server.close());

    const look = (inputs: Record<string, unknown>) =>
        lookups[record]!({
            urn: "urn:x",
            type: record,
            inputs: { zoneId, name: "example.com", comment, ...inputs },
        });

    test("asks for type and name in the record's zone", async () => {
        await look({ type: "NS" });
        assert.deepEqual(seen, [
            `Bearer secret /client/v4/zones/${zoneId}/dns_records?type=NS&name.exact=example.com&per_page=100`,
        ]);
    });

    const tlsa = { usage: 3, selector: 1, matchingType: 1, certificate: "abcd" };
    const cases: [string, Record<string, unknown>, string | undefined][] = [
        ["a text among others", { type: "TXT", content: '"v=spf1 a mx -all"' }, "spf"],
        ["a text cut elsewhere", { type: "TXT", content: `"aa" "${"a".repeat(253)}bc"` }, "long"],
        ["no text of that content", { type: "TXT", content: '"v=spf1 -all"' }, undefined],
        ["a name", { type: "CNAME", name: "imap.example.com", content: "example.com." }, "cname"],
        ["an MX", { type: "MX", content: "mx.example.com", priority: 10 }, "mx"],
        [
            "no MX of that preference",
            { type: "MX", content: "mx.example.com", priority: 0 },
            undefined,
        ],
        [
            "one of two by its data",
            { type: "CAA", data: { flags: 0, tag: "issuewild", value: "pki.goog" } },
            "issuewild",
        ],
        ["no CAA", { type: "CAA", data: { flags: 0, tag: "iodef", value: "pki.goog" } }, undefined],
        [
            "data in other letters",
            { type: "TLSA", name: "_25._tcp.mx.example.com", data: tlsa },
            "tlsa",
        ],
        ["nothing", { type: "AAAA", content: "2001:db8::1" }, undefined],
    ];
    for (const [title, inputs, id] of cases) {
        test(`finds ${title}`, async () => {
            assert.equal(await look(inputs), id);
        });
    }

    test("does not take the same record of somebody else", async () => {
        await assert.rejects(
            look({ type: "A", content: "192.0.2.1" }),
            /the same record \(id foreign\) without the comment/,
        );
    });

    test("says which question was not answered", async () => {
        await assert.rejects(
            look({ type: "A", content: "192.0.2.1", zoneId: "gone" }),
            /answered 503 to GET \/zones\/gone\/dns_records/,
        );
    });

    test("leaves DNSSEC to the next up, which enables it again", async () => {
        const type = "cloudflare:index/zoneDnssec:ZoneDnssec";
        assert.equal(await lookups[type]!({ urn: "urn:x", type, inputs: { zoneId } }), undefined);
    });
});
