import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
    presentation,
    presentationSoFar,
    referencesOf,
    resolveRecord,
} from "../../../components/dns/presentation";
import type { PlannedRecord, RecordData } from "../../../components/dns/record";

describe("presentation", () => {
    const cases: [data: RecordData<string>, expected: string][] = [
        [{ type: "A", address: "192.0.2.1" }, "192.0.2.1"],
        [{ type: "AAAA", address: "2001:db8::1" }, "2001:db8::1"],
        [{ type: "CNAME", target: "example.com" }, "example.com."],
        [{ type: "MX", preference: 0, exchange: "mx.example.com" }, "0 mx.example.com."],
        [{ type: "TXT", text: ["v=DKIM1; p=", "abc", ";"] }, '"v=DKIM1; p=abc;"'],
        [
            { type: "SRV", priority: 0, weight: 1, port: 993, target: "mx.example.com" },
            "0 1 993 mx.example.com.",
        ],
        [{ type: "SRV", priority: 0, weight: 0, port: 0, target: "." }, "0 0 0 ."],
        [
            { type: "CAA", flags: 128, tag: "issue", value: ['ca.example; a="', "b"] },
            '128 issue "ca.example; a=\\"b"',
        ],
        [{ type: "TLSA", usage: 3, selector: 1, matchingType: 1, digest: "ab" }, "3 1 1 ab"],
        [{ type: "SSHFP", algorithm: 4, digestType: 2, digest: "ab" }, "4 2 ab"],
        [{ type: "HTTPS", priority: 1, target: ".", parameters: 'alpn="h2"' }, '1 . alpn="h2"'],
    ];
    for (const [data, expected] of cases) {
        it(`${data.type} ${expected}`, () => assert.equal(presentation(data), expected));
    }
});

describe("references", () => {
    const record: PlannedRecord = {
        name: "default._domainkey.example.com",
        role: "system-dkim",
        scope: "host",
        domain: "example.com",
        zone: "example.com",
        phase: "base",
        ttl: 300,
        data: { type: "TXT", text: ["p=", { ref: "system-dkim", selector: "default" }, ";"] },
    };

    it("are replaced once all values are known", () => {
        assert.deepEqual(referencesOf(record.data), [{ ref: "system-dkim", selector: "default" }]);
        assert.equal(resolveRecord(record, { "system-dkim:other": "abc" }), undefined);
        assert.deepEqual(resolveRecord(record, { "system-dkim:default": "abc" }), {
            ...record,
            data: { type: "TXT", text: ["p=", "abc", ";"] },
        });
    });

    it("stand there by their key until then", () => {
        assert.equal(presentationSoFar(record.data, {}), '"p=<system-dkim:default>;"');
        assert.equal(presentationSoFar(record.data, { "system-dkim:default": "abc" }), '"p=abc;"');
    });

    it("are none in a literal record", () => {
        const literal: PlannedRecord = {
            ...record,
            data: { type: "CNAME", target: "example.com" },
        };
        assert.deepEqual(resolveRecord(literal, {}), literal);
    });
});
