import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { cloudflareToken, TestCloudflare, zoneKey } from "./cloudflare-api-cloud";

interface ApiRecord {
    id: string;
    name: string;
    content: string;
    [field: string]: unknown;
}

let cloud: TestCloudflare;
before(async () => {
    cloud = await TestCloudflare.open();
});
after(() => cloud.close());

const add = async (zone: string, record: object): Promise<ApiRecord> => {
    const answer = await cloud.call<ApiRecord>("POST", `/zones/${zone}/dns_records`, record);
    assert.equal(answer.status, 200, JSON.stringify(answer));
    return answer.result;
};
const isTime = (value: unknown) =>
    typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(value);

async function until(isTrue: () => boolean): Promise<void> {
    for (let waited = 0; !isTrue() && waited < 60_000; waited += 5) await sleep(5);
}

test("zones are made, found, read and removed", async () => {
    const { result: made } = await cloud.call<ApiRecord>("POST", "/zones", { name: "EXAMPLE.org" });
    const { account, plan } = made as unknown as { account: object; plan: { legacy_id: string } };
    assert.match(made.id, /^[0-9a-f]{32}$/);
    assert.equal(made.name, "example.org");
    assert.equal(made["status"], "active");
    assert.equal(plan.legacy_id, "free");
    assert.deepEqual(made["name_servers"], ["ns1.laptop-cloud.test", "ns2.laptop-cloud.test"]);
    assert.ok(isTime(made["created_on"]));
    assert.deepEqual(cloud.publisher.zones.get("example.org")?.records, []);

    const other = await cloud.addZone("other.org");
    const found = async (query: string) =>
        (await cloud.call<ApiRecord[]>("GET", `/zones?${query}`)).result.map(({ name }) => name);
    assert.deepEqual(await found("name=example.org"), ["example.org"]);
    assert.deepEqual(await found("name.exact=Example.org&status=active"), ["example.org"]);
    assert.deepEqual(await found("name=org"), []);
    assert.deepEqual(await found("status=pending"), []);
    assert.deepEqual(await found("per_page=1"), ["example.org"]);
    assert.deepEqual(await found("per_page=1&page=2"), ["other.org"]);
    assert.deepEqual(await found("per_page=1&page=3"), []);
    assert.deepEqual((await cloud.call("GET", `/zones/${made.id}`)).result, made);

    const accounts = await cloud.call<ApiRecord[]>("GET", "/accounts");
    assert.equal(accounts.result.length, 1);
    assert.deepEqual(account, { id: accounts.result[0]?.id, name: accounts.result[0]?.name });

    assert.deepEqual((await cloud.call("DELETE", `/zones/${other}`)).result, { id: other });
    assert.equal((await cloud.call("GET", `/zones/${other}`)).status, 404);
    assert.equal(cloud.publisher.zones.has("other.org"), false);
    const again = await cloud.addZone("other.org");
    assert.notEqual(again, other);
});

test("of ten that make the same zone at once, one succeeds", async () => {
    const answers = await Promise.all(
        Array.from({ length: 10 }, () => cloud.call("POST", "/zones", { name: "once.org" })),
    );
    const statuses = answers.map(({ status }) => status).sort();
    assert.deepEqual(statuses, [200, ...Array.from({ length: 9 }, () => 400)]);
});

test("the token is verified", async () => {
    const answer = await cloud.call("GET", "/user/tokens/verify");
    assert.equal(answer.result["status"], "active");
});

describe("a record comes back", () => {
    let zone: string;
    before(async () => {
        zone = await cloud.addZone("form.com");
    });
    const a = { type: "A", content: "192.0.2.1" };
    const name = (given: string, full: string): [object, object] => [
        { ...a, name: given },
        { name: full },
    ];
    const cases: [object, object][] = [
        name("@", "form.com"),
        name("mx", "mx.form.com"),
        name("MX.b.Form.com", "mx.b.form.com"),
        name("c.form.com.", "c.form.com"),
        name("*", "*.form.com"),
        name("*.d", "*.d.form.com"),
        name("_dmarc.é", "_dmarc.xn--9ca.form.com"),
        name("mx.example.org", "mx.example.org.form.com"),
        name("notform.com", "notform.com.form.com"),
        [
            { ...a, name: "defaults" },
            {
                ...{ ttl: 1, proxied: false, proxiable: false, tags: [], settings: {}, meta: {} },
                comment: null,
            },
        ],
        [
            { ...a, name: "p", ttl: 300, proxied: true, content: "1.1.1.1" },
            { ttl: 1, proxied: true, proxiable: true },
        ],
        [{ ...a, name: "laptop", content: "198.18.1.10" }, { proxiable: false }],
        [
            { name: "six", type: "aaaa", content: "2001:DB8:0:0:0::1" },
            { type: "AAAA", content: "2001:db8::1", proxiable: false },
        ],
        [
            { name: "alias", type: "CNAME", content: "Form.Com." },
            { content: "form.com", proxiable: true },
        ],
        [{ name: "apex", type: "CNAME", content: "@" }, { content: "form.com" }],
        [
            { name: "@", type: "MX", content: "mx.form.com.", priority: 0 },
            { content: "mx.form.com", priority: 0 },
        ],
        [
            { name: "null", type: "MX", content: ".", priority: 0 },
            { content: ".", priority: 0 },
        ],
        [{ name: "t", type: "TXT", content: '"a b" "c"' }, { content: '"a b" "c"' }],
        [{ name: "t", type: "TXT", content: "k=rsa; p=a" }, { content: "k=rsa; p=a" }],
        [
            { name: "@", type: "CAA", data: { flags: 0, tag: "issue", value: "ca.org" } },
            { content: '0 issue "ca.org"', data: { flags: 0, tag: "issue", value: "ca.org" } },
        ],
        [
            {
                ...{ name: "_imaps._tcp", type: "SRV", content: "ignored" },
                data: { priority: 0, weight: 1, port: 993, target: "mx.form.com" },
            },
            { content: "1 993 mx.form.com", priority: 0 },
        ],
        [
            {
                ...{ name: "_25._tcp.mx", type: "TLSA" },
                data: { usage: 3, selector: 1, matching_type: 1, certificate: "00ab" },
            },
            {
                content: "3 1 1 00AB",
                data: { usage: 3, selector: 1, matching_type: 1, certificate: "00AB" },
            },
        ],
        [
            { name: "mx", type: "SSHFP", data: { algorithm: 4, type: 2, fingerprint: "0c" } },
            { content: "4 2 0C", data: { algorithm: 4, type: 2, fingerprint: "0C" } },
        ],
        [
            { name: "@", type: "HTTPS", data: { priority: 1, target: ".", value: 'alpn="h2"' } },
            {
                content: '1 . alpn="h2"',
                data: { priority: 1, target: ".", value: 'alpn="h2"' },
                priority: undefined,
            },
        ],
    ];
    for (const [given, expected] of cases) {
        test(JSON.stringify(given), async () => {
            const made = await add(zone, given);
            const read = await cloud.call<ApiRecord>(
                "GET",
                `/zones/${zone}/dns_records/${made.id}`,
            );
            assert.deepEqual(read.result, made);
            for (const [field, value] of Object.entries(expected)) {
                assert.deepEqual(made[field], value, field);
            }
            assert.match(made.id, /^[0-9a-f]{32}$/);
            assert.ok(isTime(made["created_on"]) && isTime(made["modified_on"]));
        });
    }
});

test("a record is changed as a whole or in part", async () => {
    const zone = await cloud.addZone("change.com");
    const made = await add(zone, {
        ...{ name: "a", type: "MX", content: "mx.b.c", priority: 5, ttl: 300, comment: "ours" },
    });
    assert.equal(made["comment_modified_on"], made["created_on"]);
    const route = `/zones/${zone}/dns_records/${made.id}`;
    await sleep(2);
    const patched = (await cloud.call<ApiRecord>("PATCH", route, { priority: 6 })).result;
    assert.deepEqual(patched, { ...made, priority: 6, modified_on: patched["modified_on"] });
    assert.ok((patched["modified_on"] as string) > (made["modified_on"] as string));
    const put = { name: "a", type: "A", content: "192.0.2.1" };
    const replaced = (await cloud.call<ApiRecord>("PUT", route, put)).result;
    assert.equal(replaced.id, made.id);
    assert.equal(replaced["created_on"], made["created_on"]);
    assert.deepEqual(
        [replaced["ttl"], replaced["comment"], replaced["priority"]],
        [1, null, undefined],
    );
    assert.deepEqual(cloud.publisher.zones.get("change.com")?.records, [
        { name: "a.change.com", type: "A", ttl: 300, rdata: "192.0.2.1" },
    ]);
    assert.deepEqual((await cloud.call("DELETE", route)).result, { id: made.id });
    assert.deepEqual(cloud.publisher.zones.get("change.com")?.records, []);
});

test("certbot's calls", async () => {
    await cloud.addZone("example.net");
    const headers = {
        authorization: `Bearer ${cloudflareToken}`,
        "content-type": "application/json",
    };
    const call = <T>(method: string, route: string, body?: object) =>
        cloud.call<T>(method, route, body, headers);
    const found: string[] = [];
    for (const guess of ["mx.example.net", "example.net", "net"]) {
        const { status, result } = await call<ApiRecord[]>(
            "GET",
            `/zones?name=${guess}&per_page=1`,
        );
        assert.equal(status, 200);
        if (result.length > 0) found.push(result[0]!.id);
    }
    assert.equal(found.length, 1);
    const records = `/zones/${found[0]}/dns_records`;
    const name = "_acme-challenge.mx.example.net";
    const challenges = ["first-challenge_0123456789", "second-challenge_0123456789"];
    for (const content of challenges) {
        const made = await call("POST", records, { type: "TXT", name, content, ttl: 120 });
        assert.equal(made.success, true);
    }
    assert.deepEqual(
        cloud.publisher.zones.get("example.net")?.records,
        challenges.map((text) => ({ name, type: "TXT", ttl: 120, rdata: `"${text}"` })),
    );
    for (const content of challenges) {
        const query = new URLSearchParams({ type: "TXT", name, content, per_page: "1" });
        const { result } = await call<ApiRecord[]>("GET", `${records}?${query.toString()}`);
        assert.equal(result[0]?.content, content);
        assert.equal((await call("DELETE", `${records}/${result[0]?.id}`)).success, true);
    }
    assert.deepEqual(cloud.publisher.zones.get("example.net")?.records, []);
});

test("DNSSEC is active once the registrar has the DS record", async () => {
    const registered = await TestCloudflare.open(undefined, undefined, true);
    try {
        const route = `/zones/${await registered.addZone("signed.com")}/dnssec`;
        assert.equal((await registered.call("GET", route)).result["status"], "disabled");
        const { result } = await registered.call("PATCH", route, { status: "active" });
        assert.equal(result["status"], "active");
    } finally {
        await registered.close();
    }
});

test("DNSSEC is switched on and off", async () => {
    const zone = await cloud.addZone("signed.com");
    const route = `/zones/${zone}/dnssec`;
    const off = (await cloud.call("GET", route)).result;
    assert.deepEqual([off["status"], off["ds"], off["modified_on"]], ["disabled", null, null]);
    const on = (await cloud.call("PATCH", route, { status: "active" })).result;
    assert.deepEqual(on, {
        status: "pending",
        flags: 257,
        algorithm: "13",
        key_type: "ECDSAP256SHA256",
        digest_type: "2",
        digest_algorithm: "SHA256",
        digest: zoneKey.digest,
        ds: `signed.com. 3600 IN DS 2371 13 2 ${zoneKey.digest}`,
        key_tag: 2371,
        public_key: zoneKey.publicKey,
        modified_on: on["modified_on"],
        dnssec_multi_signer: false,
        dnssec_presigned: false,
        dnssec_use_nsec3: false,
    });
    assert.equal(cloud.publisher.zones.get("signed.com")?.signed, true);
    assert.deepEqual((await cloud.call("PATCH", route, { status: "active" })).result, on);
    assert.deepEqual((await cloud.call("PATCH", route, { dnssec_use_nsec3: false })).result, on);
    assert.equal((await cloud.call("PATCH", route, { dnssec_use_nsec3: true })).status, 400);
    assert.equal((await cloud.call("PATCH", route, { status: "on" })).status, 400);
    assert.equal((await cloud.call("PATCH", route, { status: "disabled" })).result["ds"], null);
    assert.equal(cloud.publisher.zones.get("signed.com")?.signed, false);
    await cloud.call("PATCH", route, { status: "active" });
    assert.deepEqual((await cloud.call<unknown>("DELETE", route)).result, zone);
    assert.equal((await cloud.call("GET", route)).result["status"], "disabled");
    assert.equal(cloud.publisher.zones.get("signed.com")?.signed, false);
});

test("what is published is what the records say", async () => {
    const zone = await cloud.addZone("content.com");
    const data = { priority: 0, weight: 1, port: 993, target: "mx.content.com" };
    for (const record of [
        { name: "t", type: "TXT", content: "a".repeat(300), ttl: 600 },
        { name: "t", type: "TXT", content: '"q\\"\\\\ \\255é" "b"', ttl: 300 },
        { name: "t", type: "TXT", content: "c", ttl: 900 },
        { name: "@", type: "NS", content: "ns.other.com" },
        { name: "sub", type: "NS", content: "ns.other.com" },
        { name: "_a._tcp", type: "SRV", data },
        { name: "_b._tcp", type: "SRV", data: { ...data, target: "." } },
        { name: "_c._tcp", type: "SRV", data: { ...data, target: "d.e." } },
    ]) {
        await add(zone, record);
    }
    assert.deepEqual(
        cloud.publisher.zones
            .get("content.com")
            ?.records.map(({ name, ttl, rdata }) => [name.replace(".content.com", ""), ttl, rdata]),
        [
            ["t", 300, `"${"a".repeat(255)}" "${"a".repeat(45)}"`],
            ["t", 300, '"q\\"\\\\ \\255\\195\\169" "b"'],
            ["t", 300, '"c"'],
            ["sub", 300, "ns.other.com."],
            ["_a._tcp", 300, "0 1 993 mx.content.com."],
            ["_b._tcp", 300, "0 1 993 ."],
            ["_c._tcp", 300, "0 1 993 d.e."],
        ],
    );
});

describe("a DNS server that refuses", () => {
    test("fails the change, which is as if it had not been asked for", async () => {
        const zone = await cloud.addZone("refused.com");
        const kept = await add(zone, { name: "a", type: "A", content: "192.0.2.1" });
        const stored = fs.readFileSync(cloud.storeFile, "utf8");
        cloud.publisher.refuses = () => true;
        const route = `/zones/${zone}/dns_records`;
        const answers = [
            await cloud.call("POST", route, { name: "b", type: "A", content: "192.0.2.1" }),
            await cloud.call("DELETE", `${route}/${kept.id}`),
            await cloud.call("PATCH", `/zones/${zone}/dnssec`, { status: "active" }),
            await cloud.call("POST", "/zones", { name: "never.com" }),
        ];
        cloud.publisher.refuses = () => false;
        assert.deepEqual(
            answers.map(({ status, errors }) => [status, errors[0]?.message]),
            ["refused.com", "refused.com", "refused.com", "never.com"].map((name) => [
                500,
                `zone ${name} is refused as it was told to`,
            ]),
        );
        assert.equal(fs.readFileSync(cloud.storeFile, "utf8"), stored);
        assert.deepEqual((await cloud.call("GET", route)).result, [kept]);
        await add(zone, { name: "b", type: "A", content: "192.0.2.1" });
    });

    test("one of many changes at once fails alone", async () => {
        const zone = await cloud.addZone("mixed.com");
        cloud.publisher.refuses = ({ records }) => records.some(({ rdata }) => rdata === '"bad"');
        const answers = await Promise.all(
            ["one", "bad", "two", "three", "one"].map((content) =>
                cloud.call("POST", `/zones/${zone}/dns_records`, {
                    name: "a",
                    type: "TXT",
                    content,
                }),
            ),
        );
        cloud.publisher.refuses = () => false;
        assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 200, 400, 500]);
        assert.deepEqual(
            cloud.publisher.zones
                .get("mixed.com")
                ?.records.map(({ rdata }) => rdata)
                .sort(),
            ['"one"', '"three"', '"two"'],
        );
    });
});

test("faults fail before anything is done, or hang after it is", async () => {
    const zone = await cloud.addZone("fault.com");
    const list = `/zones/${zone}/dns_records`;
    const record = { name: "a", type: "A", content: "192.0.2.1" };
    const path = "/dns_records$";
    cloud.faults.inject({ method: "POST", path, kind: "status", status: 429 });
    cloud.faults.inject({ method: "POST", path, kind: "status", status: 500 });
    const limited = await cloud.call("POST", list, record);
    assert.deepEqual([limited.status, limited.success, limited.errors[0]?.code], [429, false, 971]);
    assert.equal((await cloud.call("POST", list, record)).status, 500);
    assert.deepEqual((await cloud.call("GET", list)).result, []);
    cloud.faults.inject({ method: "POST", path, kind: "hang-after-commit" });
    const given = new AbortController();
    const hanging = fetch(cloud.baseUrl + list, {
        method: "POST",
        headers: {
            authorization: `Bearer ${cloudflareToken}`,
            "content-type": "application/json",
        },
        body: JSON.stringify(record),
        signal: given.signal,
    });
    await until(() => cloud.requests().some(({ status }) => status === "hang"));
    given.abort();
    await assert.rejects(hanging, { name: "AbortError" });
    assert.equal((await cloud.call<ApiRecord[]>("GET", list)).result.length, 1);
    assert.deepEqual(
        cloud
            .requests()
            .filter(({ path }) => path.endsWith(list))
            .map(({ method, status }) => `${method} ${status}`),
        ["POST 429", "POST 500", "GET 200", "POST hang", "GET 200"],
    );
    const log = fs.readFileSync(cloud.requestLog, "utf8");
    assert.doesNotMatch(log, new RegExp(cloudflareToken));
});

test("everything is found again after a restart, and published", async () => {
    const first = await TestCloudflare.open();
    const zone = await first.addZone("kept.com");
    const route = `/zones/${zone}/dns_records`;
    await first.call("POST", route, { name: "a", type: "TXT", content: "b" });
    await first.call("PATCH", `/zones/${zone}/dnssec`, { status: "active" });
    const before = await first.call("GET", route);
    const published = first.publisher.zones.get("kept.com");
    await first.close(true);
    assert.equal(fs.statSync(first.storeFile).mode & 0o777, 0o600);
    const second = await TestCloudflare.open(first.root);
    try {
        assert.deepEqual(await second.call("GET", route), before);
        await until(() => second.publisher.zones.has("kept.com"));
        assert.deepEqual(second.publisher.zones.get("kept.com"), published);
    } finally {
        await second.close();
    }
});
