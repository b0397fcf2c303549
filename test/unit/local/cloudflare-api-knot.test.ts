// The simulated API over the DNS server that stands behind it in a laptop cloud.
import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { run } from "../../../cli/run-program";
import type { DnsServer } from "../../../local/cloud/dns/dns-server";
import { startKnot } from "../../../local/cloud/dns/knot";
import { TestCloudflare } from "./cloudflare-api-cloud";

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "dns-"));
let server: DnsServer;
let cloud: TestCloudflare;
let zone: string;
before(async () => {
    server = await startKnot({ directory, hosts: ["127.0.0.1"], port: 0 });
    cloud = await TestCloudflare.open(undefined, server);
    zone = await cloud.addZone("example.test");
});
after(async () => {
    await cloud.close();
    await server.stop();
    fs.rmSync(directory, { recursive: true, force: true });
});

async function dig(...question: string[]): Promise<string[]> {
    const { host, port } = server.address;
    const options = [`@${host}`, "-p", String(port), "+norec", "+short"];
    const printed = await run("dig", [...options, ...question]);
    return printed.split("\n").filter(Boolean).sort();
}

const hash = "AB".repeat(32);
/** Records with what `dig` says of them. */
const records: [object, string][] = [
    [{ name: "@", type: "A", content: "198.18.1.10" }, "198.18.1.10"],
    [{ name: "@", type: "AAAA", content: "2001:db8:1:a::1" }, "2001:db8:1:a::1"],
    [{ name: "@", type: "MX", content: "mx.example.test", priority: 0 }, "0 mx.example.test."],
    [{ name: "null", type: "MX", content: ".", priority: 0 }, "0 ."],
    [{ name: "@", type: "TXT", content: "v=spf1 a mx -all" }, '"v=spf1 a mx -all"'],
    [
        { name: "long._domainkey", type: "TXT", content: `p=${"a".repeat(300)}` },
        `"p=${"a".repeat(253)}" "${"a".repeat(47)}"`,
    ],
    [{ name: "é", type: "TXT", content: '"a;b\\"" "é"' }, '"a;b\\"" "\\195\\169"'],
    [{ name: "alias", type: "CNAME", content: "example.com" }, "example.com."],
    [{ name: "sub", type: "PTR", content: "example.com" }, "example.com."],
    [{ name: "*.wild", type: "A", content: "198.18.1.11" }, "198.18.1.11"],
    [
        { name: "@", type: "CAA", data: { flags: 0, tag: "issue", value: "ca.test; a=b" } },
        '0 issue "ca.test; a=b"',
    ],
    [
        {
            ...{ name: "_imaps._tcp", type: "SRV" },
            data: { priority: 0, weight: 1, port: 993, target: "mx.example.test" },
        },
        "0 1 993 mx.example.test.",
    ],
    [
        {
            ...{ name: "_imap._tcp", type: "SRV" },
            data: { priority: 0, weight: 0, port: 0, target: "." },
        },
        "0 0 0 .",
    ],
    ...["TLSA", "SMIMEA"].map((type): [object, string] => [
        {
            ...{ name: "_25._tcp.mx", type },
            data: { usage: 3, selector: 1, matching_type: 1, certificate: hash },
        },
        `3 1 1 ${hash.slice(0, 56)} ${hash.slice(56)}`,
    ]),
    [
        { name: "mx", type: "SSHFP", data: { algorithm: 4, type: 2, fingerprint: hash } },
        `4 2 ${hash.slice(0, 56)} ${hash.slice(56)}`,
    ],
    ...["HTTPS", "SVCB"].map((type): [object, string] => [
        { name: "@", type, data: { priority: 1, target: ".", value: 'alpn="h2"' } },
        '1 . alpn="h2"',
    ]),
];
for (const [record, answer] of records) {
    const { name, type } = record as { name: string; type: string };
    test(`${type} ${name} is answered as soon as it is made, and no longer when it is gone`, async () => {
        const route = `/zones/${zone}/dns_records`;
        const made = await cloud.call("POST", route, record);
        assert.equal(made.status, 200, JSON.stringify(made.errors));
        const asked = [String(made.result["name"]).replace("*", "any"), type];
        assert.deepEqual(await dig(...asked), [answer]);
        await cloud.call("DELETE", `${route}/${String(made.result["id"])}`);
        assert.deepEqual(await dig(...asked), []);
    });
}

test("a signed zone has the DS record that the API tells", async () => {
    const route = `/zones/${zone}/dnssec`;
    const { result } = await cloud.call("PATCH", route, { status: "active" });
    const [flags, protocol, algorithm, ...key] = (await dig("example.test", "DNSKEY"))[0]!.split(
        " ",
    );
    assert.deepEqual(
        [flags, protocol, algorithm, key.join("")],
        [String(result["flags"]), "3", result["algorithm"], result["public_key"]],
    );
    assert.match(
        String(result["ds"]),
        new RegExp(`^example\\.test\\. 3600 IN DS ${String(result["key_tag"])} 13 2 [0-9A-F]{64}$`),
    );
    assert.equal((await dig("example.test", "SOA", "+dnssec")).length, 2);
    await cloud.call("PATCH", route, { status: "disabled" });
    assert.deepEqual(await dig("example.test", "DNSKEY"), []);
});

test("200 records that are made at once are all answered", async () => {
    const names = Array.from({ length: 200 }, (_, i) => `n${i}`);
    const answers = await Promise.all(
        names.map((name) =>
            cloud.call("POST", `/zones/${zone}/dns_records`, {
                ...{ name, type: "A", content: "198.18.1.10" },
            }),
        ),
    );
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    for (const name of ["n0", "n99", "n199"]) {
        assert.deepEqual(await dig(`${name}.example.test`, "A"), ["198.18.1.10"]);
    }
});

test("a zone that is removed is not answered", async () => {
    const gone = await cloud.addZone("gone.test");
    assert.equal((await dig("gone.test", "SOA")).length, 1);
    await cloud.call("DELETE", `/zones/${gone}`);
    assert.deepEqual(await dig("gone.test", "SOA"), []);
});
