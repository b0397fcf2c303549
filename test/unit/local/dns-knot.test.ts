// The authoritative server alone, on loopback, asked by `dig`, `delv` and `ldns-verify-zone`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { run, runQuietly } from "../../../cli/run-program";
import type { DnsServer, ZoneRecord } from "../../../local/cloud/dns/dns-server";
import { startKnot } from "../../../local/cloud/dns/knot";
import { identify, isSameProcess } from "../../../local/cloud/machines/process-identity";

/** Longer than the path of a socket may be, and with what needs quoting. */
const deepFolder = `${"deep ".repeat(20)}/it's "here" %s/${"deeper".repeat(15)}`;

const record = (name: string, type: string, rdata: string, ttl = 300): ZoneRecord => ({
    ...{ name, type, rdata, ttl },
});
const sha256 = "ab".repeat(32);
const content: ZoneRecord[] = [
    record("example.test", "A", "198.18.1.10"),
    record("example.test", "AAAA", "2001:db8:1:a::1"),
    record("example.test", "MX", "0 mx.example.test.", 3600),
    record("example.test", "TXT", '"v=spf1 a mx -all"'),
    record("example.test", "CAA", '0 issue "ca.test; validationmethods=dns-01"'),
    record("example.test", "HTTPS", "1 . alpn=h2"),
    record("mx.example.test", "A", "198.18.1.10"),
    record("mx.example.test", "SSHFP", `4 2 ${sha256}`),
    record("_25._tcp.mx.example.test", "TLSA", `3 1 1 ${sha256}`),
    record("_imaps._tcp.example.test", "SRV", "0 1 993 mx.example.test."),
    record("imap.example.test", "CNAME", "chain.example.test."),
    record("chain.example.test", "CNAME", "example.test."),
    record("elsewhere.example.test", "CNAME", "example.com."),
    ...Array.from({ length: 40 }, (_, i) =>
        record("long.example.test", "TXT", `"${String(i).padStart(100, ".")}"`),
    ),
];

function newFolder(): string {
    return path.join(fs.mkdtempSync(path.join(os.tmpdir(), "dns-")), deepFolder);
}

function dropFolder(folder: string): void {
    fs.rmSync(folder.slice(0, -deepFolder.length - 1), { recursive: true, force: true });
}

async function dig(server: Pick<DnsServer, "address">, ...question: string[]): Promise<string> {
    const { host, port } = server.address;
    return run("dig", [`@${host}`, "-p", String(port), "+norec", "+tries=1", ...question]);
}

async function answer(server: DnsServer, ...question: string[]): Promise<string[]> {
    const printed = await dig(server, "+noall", "+answer", ...question);
    return printed
        .split("\n")
        .filter(Boolean)
        .map((line) => line.split(/\s+/).join(" "));
}

async function header(server: DnsServer, ...question: string[]) {
    const printed = await dig(server, "+noall", "+comments", ...question);
    return {
        status: /status: (\w+)/.exec(printed)?.[1],
        flags: /flags: ([a-z ]+)/.exec(printed)?.[1]?.trim().split(" ").sort().join(" "),
    };
}

describe("an unsigned zone", () => {
    const directory = newFolder();
    let server: DnsServer;
    before(async () => {
        server = await startKnot({ directory, hosts: ["127.0.0.1", "::1"], port: 0 });
        await server.publish({ name: "example.test", signed: false, records: content });
    });
    after(async () => {
        await server.stop();
        dropFolder(directory);
    });

    for (const transport of ["+notcp", "+tcp"]) {
        test(`answers every record, ${transport}`, async () => {
            for (const { name, type, rdata, ttl } of content.filter(
                (r) => !r.name.startsWith("long"),
            )) {
                const wanted = `${name}. ${ttl} IN ${type} ${rdata}`;
                const got = await answer(server, transport, name, type);
                const plain = (line: string) =>
                    line
                        .replaceAll('"', "")
                        .replace(/(?<=[\dA-F]{20}) /g, "")
                        .toLowerCase();
                assert.deepEqual(got.map(plain), [plain(wanted)]);
            }
        });
    }

    test("answers over IPv6 as well", async () => {
        const { port } = server.address;
        assert.equal(
            await dig({ address: { host: "::1", port } }, "+short", "mx.example.test", "A"),
            "198.18.1.10\n",
        );
    });

    test("follows CNAMEs within the zone and stops at its end", async () => {
        assert.deepEqual(await answer(server, "imap.example.test", "A"), [
            "imap.example.test. 300 IN CNAME chain.example.test.",
            "chain.example.test. 300 IN CNAME example.test.",
            "example.test. 300 IN A 198.18.1.10",
        ]);
        assert.deepEqual(await answer(server, "elsewhere.example.test", "A"), [
            "elsewhere.example.test. 300 IN CNAME example.com.",
        ]);
    });

    test("keeps the question's case and does not mind it", async () => {
        assert.deepEqual(await answer(server, "Mx.eXample.TEST", "A"), [
            "Mx.eXample.TEST. 300 IN A 198.18.1.10",
        ]);
    });

    for (const [what, question, status, flags] of [
        ["a name that is not there", ["no.example.test", "A"], "NXDOMAIN", "aa qr"],
        ["a type that is not there", ["mx.example.test", "AAAA"], "NOERROR", "aa qr"],
        ["an empty name above others", ["_tcp.mx.example.test", "A"], "NOERROR", "aa qr"],
        ["a foreign zone", ["example.com", "A"], "REFUSED", "qr"],
        ["a foreign zone, with recursion", ["+rec", "example.com", "A"], "REFUSED", "qr rd"],
        ["a zone above", ["test", "SOA"], "REFUSED", "qr"],
        ["a transfer", ["example.test", "AXFR"], "NOTAUTH", "qr"],
    ] as const) {
        test(`${what}: ${status}`, async () => {
            assert.deepEqual(await header(server, ...question), { status, flags });
            assert.deepEqual(
                await answer(server, ...question).then((a) => a.filter((l) => !l.startsWith(";"))),
                [],
            );
            const authority = await dig(server, "+noall", "+authority", ...question);
            assert.equal(/\sSOA\s/.test(authority), flags === "aa qr", authority);
        });
    }

    test("answers ANY with one record set only", async () => {
        assert.equal((await answer(server, "+notcp", "example.test", "ANY")).length, 1);
    });

    test("cuts an answer that UDP does not hold, and TCP has all of it", async () => {
        const udp = ["+notcp", "+ignore", "long.example.test", "TXT"];
        assert.match((await header(server, "+bufsize=4096", ...udp)).flags!, /\btc\b/);
        assert.match((await header(server, "+noedns", ...udp)).flags!, /\btc\b/);
        assert.equal((await answer(server, "long.example.test", "TXT")).length, 40);
    });

    test("has an SOA whose serial rises with each change, also after it was put back", async () => {
        const serial = async () =>
            Number((await dig(server, "+short", "example.test", "SOA")).split(" ")[2]);
        const first = await serial();
        await server.publish({
            ...{ name: "example.test", signed: false },
            records: [...content, record("new.example.test", "A", "192.0.2.1")],
        });
        const second = await serial();
        await server.publish({ name: "example.test", signed: false, records: content });
        assert.ok(first < second && second < (await serial()), `${first} ${second}`);
    });

    test("has changed once `publish` resolves, also in a large zone that has to be signed", async () => {
        const fill = Array.from({ length: 1000 }, (_, n) =>
            record(`n${n}.changes.test`, "A", "192.0.2.1"),
        );
        for (let n = 1; n <= 20; n++) {
            await server.publish({
                ...{ name: "changes.test", signed: true },
                records: [...fill, record("a.changes.test", "A", `192.0.2.${n}`)],
            });
            assert.equal(await dig(server, "+short", "a.changes.test"), `192.0.2.${n}\n`);
        }
    });

    test("takes concurrent changes in turn, the last one counts", async () => {
        const names = ["one.test", "two.test", "three.test"];
        await Promise.all(
            names.flatMap((name) =>
                Array.from({ length: 20 }, (_, n) =>
                    server.publish({
                        name,
                        signed: n % 2 === 1,
                        records: [record(name, "A", `192.0.2.${n}`)],
                    }),
                ),
            ),
        );
        for (const name of names) assert.equal(await dig(server, "+short", name), "192.0.2.19\n");
    });

    test("refuses a bad zone, says where, and keeps answering as before", async () => {
        const bad = (r: ZoneRecord, name = "example.test", signed = false) =>
            server.publish({ name, signed, records: [record(name, "A", "192.0.2.7"), r] });
        for (const [r, message] of [
            [
                record("example.test", "A", "nowhere"),
                /invalid address .* in "example\.test\. 300 IN A nowhere"$/,
            ],
            [record("example.test", "CNAME", "x.test."), /CNAME/],
            [record(`${"a".repeat(64)}.example.test`, "A", "192.0.2.1"), /label length/],
            [record("other.test", "A", "192.0.2.1"), /other\.test is not in zone example\.test/],
            [record("example.test", "TXT", '"a"\nx.example.test. 1 IN A 192.0.2.1'), /line break/],
        ] as const) {
            await assert.rejects(bad(r), message);
            await assert.rejects(bad(r, "example.test", true), message);
        }
        await assert.rejects(
            bad(record("fresh.test", "A", "nowhere"), "fresh.test"),
            /invalid address/,
        );
        await assert.rejects(bad(record("a", "A", "192.0.2.1"), "../a"), /no name of a zone/);
        assert.equal(await dig(server, "+short", "example.test", "A"), "198.18.1.10\n");
        assert.deepEqual(await answer(server, "+dnssec", "example.test", "DNSKEY"), []);
        assert.equal((await header(server, "fresh.test")).status, "REFUSED");
    });

    test("refuses a zone once it is withdrawn", async () => {
        await server.publish({ name: "gone.test", signed: true, records: [] });
        const key = await server.keyOf("gone.test");
        assert.equal((await header(server, "gone.test", "SOA")).status, "NOERROR");
        await server.withdraw("gone.test");
        await server.withdraw("gone.test");
        assert.equal((await header(server, "gone.test", "SOA")).status, "REFUSED");
        await assert.rejects(server.keyOf("gone.test"), /not signed/);
        await server.publish({ name: "gone.test", signed: true, records: [] });
        assert.notEqual((await server.keyOf("gone.test")).digest, key.digest);
    });
});

describe("a signed zone", () => {
    const directory = newFolder();
    const zone = { name: "example.test", signed: true, records: content };
    let server: DnsServer;
    before(async () => {
        server = await startKnot({ directory, hosts: ["127.0.0.1"], port: 0 });
        await server.publish(zone);
    });
    after(async () => {
        await server.stop();
        dropFolder(directory);
    });

    /** `delv` with the zone's key as its only trust anchor. */
    async function delv(...question: string[]): Promise<string> {
        const { keyTag, algorithm, digest } = await server.keyOf("example.test");
        const anchors = path.join(directory, "anchors");
        fs.writeFileSync(
            anchors,
            `trust-anchors { example.test. static-ds ${keyTag} ${algorithm} 2 "${digest}"; };`,
        );
        const { host, port } = server.address;
        const { stdout, stderr } = await runQuietly("delv", [
            ...[`@${host}`, "-p", String(port), "-a", anchors, "+root=example.test", ...question],
        ]);
        return stdout + stderr;
    }

    test("is validated from the key that keyOf tells", async () => {
        const key = await server.keyOf("example.test");
        assert.deepEqual([key.algorithm, key.flags], [13, 257]);
        assert.match(key.digest, /^[0-9A-F]{64}$/);
        const [published] = await answer(server, "example.test", "DNSKEY");
        assert.equal(
            published
                ?.split(" ")
                .slice(4)
                .join(" ")
                .replace(/(?<=\S{40}) /, ""),
            `257 3 13 ${key.publicKey}`,
        );
        for (const [name, type] of [
            ["mx.example.test", "A"],
            ["mx.example.test", "SSHFP"],
            ["_25._tcp.mx.example.test", "TLSA"],
            ["example.test", "CAA"],
            ["imap.example.test", "A"],
            ["example.test", "HTTPS"],
        ] as const) {
            assert.match(await delv(name, type), /; fully validated/, `${name} ${type}`);
        }
        assert.match(await delv("no.example.test", "A"), /; negative response, fully validated/);
    });

    test("is whole to a verifier that knows nothing of the server", async () => {
        const printed = await run(
            "knotc",
            ["--socket", "/proc/self/cwd/control.sock", "zone-read", "example.test"],
            { cwd: directory },
        );
        const { code, stdout, stderr } = await runQuietly("ldns-verify-zone", [], {
            input: printed.replaceAll(/^\[example\.test\.\] /gm, ""),
        });
        assert.equal(code, 0, stdout + stderr);
    });

    test("is signed anew with each change", async () => {
        await server.publish({
            ...zone,
            records: [...content, record("x.example.test", "A", "192.0.2.1")],
        });
        assert.match(await delv("x.example.test", "A"), /; fully validated/);
        await server.publish(zone);
    });

    test("keeps key and content over a restart, and over losing and regaining its signatures", async () => {
        const key = await server.keyOf("example.test");
        await server.publish({ ...zone, signed: false });
        assert.deepEqual(await answer(server, "+dnssec", "mx.example.test", "A"), [
            "mx.example.test. 300 IN A 198.18.1.10",
        ]);
        await server.publish(zone);
        assert.deepEqual(await server.keyOf("example.test"), key);
        const { address } = server;
        await server.stop();
        server = await startKnot({ directory, hosts: ["127.0.0.1"], port: address.port });
        assert.deepEqual(server.address, address);
        assert.deepEqual(await server.keyOf("example.test"), key);
        assert.match(await delv("mx.example.test", "A"), /; fully validated/);
    });

    test("a port that another has is left to it", async () => {
        const other = newFolder();
        const second = await startKnot({
            directory: other,
            hosts: ["127.0.0.1"],
            port: server.address.port,
        });
        try {
            assert.notEqual(second.address.port, server.address.port);
            assert.equal((await header(second, "example.test")).status, "REFUSED");
        } finally {
            await second.stop();
            dropFolder(other);
        }
    });
});

for (const [what, signal] of [
    ["killed", "SIGKILL"],
    ["ended", "SIGTERM"],
] as const) {
    test(`no server is left when its process is ${what}, and the next one has its zones`, async () => {
        const directory = newFolder();
        const child = spawn(
            process.execPath,
            [
                "--require",
                require.resolve("tsx/cjs"),
                path.join(__dirname, "dns-knot-process.ts"),
                directory,
            ],
            { stdio: ["ignore", "pipe", "inherit"] },
        );
        try {
            await new Promise((resolve) => child.stdout.once("data", resolve));
            const pid = Number(fs.readFileSync(path.join(directory, "knot.pid"), "utf8"));
            const identity = identify(pid);
            assert.ok(identity);
            child.kill(signal);
            for (let waited = 0; isSameProcess(identity); waited += 20) {
                assert.ok(waited < 60_000, "the server still runs");
                await sleep(20);
            }
            const server = await startKnot({ directory, hosts: ["127.0.0.1"], port: 0 });
            assert.equal(await dig(server, "+short", "left.test", "A"), "192.0.2.1\n");
            await server.stop();
        } finally {
            child.kill("SIGKILL");
            dropFolder(directory);
        }
    });
}
