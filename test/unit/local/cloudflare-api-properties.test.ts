// Random records of every type: made, listed, read and removed, with what was published in between.
import * as assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { TestCloudflare } from "./cloudflare-api-cloud";

const zone = "example.com";
let cloud: TestCloudflare;
let list: string;
before(async () => {
    cloud = await TestCloudflare.open();
    list = `/zones/${await cloud.addZone(zone)}/dns_records`;
});
after(() => cloud.close());

const label = fc.stringMatching(/^[a-z0-9_]([a-z0-9_-]{0,20}[a-z0-9])?$/);
const host = fc.tuple(label, label).map(([a, b]) => `${a}.${b}.example`);
const word = fc.stringMatching(/^[a-z0-9]{1,20}$/);
const uint8 = fc.integer({ min: 0, max: 255 });
const uint16 = fc.integer({ min: 0, max: 65535 });
const hex = fc
    .uint8Array({ minLength: 1, maxLength: 64 })
    .map((bytes) => Buffer.from(bytes).toString("hex"));

interface Given {
    type: string;
    content?: string;
    priority?: number;
    data?: Record<string, string | number>;
}

const upper = (text: unknown) => String(text).toUpperCase();

/** What is given, with the content that it must have and the RDATA that must be published. */
const contents: fc.Arbitrary<{ given: Given; content: string; rdata: string }>[] = [
    fc.ipV4().map((content) => ({ given: { type: "A", content }, content, rdata: content })),
    ...["CNAME", "NS", "PTR"].map((type) =>
        host.map((name) => ({
            given: { type, content: `${name.toUpperCase()}.` },
            content: name,
            rdata: `${name}.`,
        })),
    ),
    fc.tuple(host, uint16).map(([content, priority]) => ({
        given: { type: "MX", content, priority },
        content,
        rdata: `${priority} ${content}.`,
    })),
    fc.stringMatching(/^[!#-[\]-~][ !#-[\]-~]{0,600}$/).map((content) => ({
        given: { type: "TXT", content },
        content,
        rdata: (content.match(/.{1,255}/g) ?? []).map((string) => `"${string}"`).join(" "),
    })),
    fc
        .array(fc.stringMatching(/^[!#-[\]-~]{0,255}$/), { minLength: 1, maxLength: 8 })
        .map((all) => {
            const content = all.map((string) => `"${string}"`).join(" ");
            return { given: { type: "TXT", content }, content, rdata: content };
        }),
    fc.record({ flags: uint8, tag: word, value: word }).map((data) => {
        const content = `${data.flags} ${data.tag} "${data.value}"`;
        return { given: { type: "CAA", data }, content, rdata: content };
    }),
    fc.record({ priority: uint16, weight: uint16, port: uint16, target: host }).map((data) => ({
        given: { type: "SRV", data },
        content: `${data.weight} ${data.port} ${data.target}`,
        rdata: `${data.priority} ${data.weight} ${data.port} ${data.target}.`,
    })),
    ...["TLSA", "SMIMEA"].map((type) =>
        fc
            .record({ usage: uint8, selector: uint8, matching_type: uint8, certificate: hex })
            .map((data) => {
                const { usage, selector, matching_type, certificate } = data;
                const content = `${usage} ${selector} ${matching_type} ${upper(certificate)}`;
                return { given: { type, data }, content, rdata: content };
            }),
    ),
    fc.record({ algorithm: uint8, type: uint8, fingerprint: hex }).map((data) => {
        const content = `${data.algorithm} ${data.type} ${upper(data.fingerprint)}`;
        return { given: { type: "SSHFP", data }, content, rdata: content };
    }),
    ...["HTTPS", "SVCB"].map((type) =>
        fc
            .record({ priority: uint16, target: host, value: fc.constantFrom("", 'alpn="h2"') })
            .map((data) => ({
                given: { type, data },
                content: `${data.priority} ${data.target} ${data.value}`.trim(),
                rdata: `${data.priority} ${data.target}. ${data.value}`.trim(),
            })),
    ),
];

const ttl = fc.oneof(fc.constant(1), fc.integer({ min: 60, max: 86400 }));
const comment = fc.option(fc.string({ minLength: 1, maxLength: 50 }));

test("a record is what was given, wherever it is read, until it is removed", async () => {
    await fc.assert(
        fc.asyncProperty(
            fc.oneof(...contents),
            label,
            ttl,
            comment,
            async ({ given, content, rdata }, name, seconds, note) => {
                const full = `${name}.${zone}`;
                const body = { ...given, name, ttl: seconds, comment: note };
                const made = await cloud.call("POST", list, body);
                assert.equal(made.status, 200, JSON.stringify(made.errors));
                const record = made.result;
                const { type, priority } = given;
                assert.deepEqual(
                    [record["name"], record["type"], record["content"], record["ttl"]],
                    [full, type, content, seconds],
                );
                assert.equal(record["comment"], note);
                assert.equal(
                    record["priority"],
                    type === "SRV" ? given.data?.["priority"] : priority,
                );
                if (given.data) {
                    const hexadecimal = ["certificate", "fingerprint"];
                    assert.deepEqual(
                        record["data"],
                        Object.fromEntries(
                            Object.entries(given.data).map(([field, value]) => [
                                field,
                                hexadecimal.includes(field) ? upper(value) : value,
                            ]),
                        ),
                    );
                }
                assert.deepEqual(cloud.publisher.zones.get(zone)?.records, [
                    { name: full, type, ttl: seconds === 1 ? 300 : seconds, rdata },
                ]);
                assert.deepEqual(
                    (await cloud.call<unknown>("GET", `${list}?type=${type}&name=${full}`)).result,
                    [record],
                );
                const exact = new URLSearchParams({ "content.exact": content });
                assert.deepEqual(
                    (await cloud.call<unknown>("GET", `${list}?${exact.toString()}`)).result,
                    [record],
                );
                const route = `${list}/${String(record["id"])}`;
                assert.deepEqual((await cloud.call("GET", route)).result, record);
                const again = await cloud.call("POST", list, body);
                assert.equal(again.errors[0]?.code, type === "CNAME" ? 81053 : 81058);
                const same = (await cloud.call("PUT", route, body)).result;
                assert.deepEqual({ ...same, modified_on: record["modified_on"] }, record);
                assert.equal((await cloud.call("DELETE", route)).status, 200);
                assert.deepEqual((await cloud.call<unknown>("GET", list)).result, []);
                assert.deepEqual(cloud.publisher.zones.get(zone)?.records, []);
            },
        ),
        { numRuns: 300 },
    );
});
