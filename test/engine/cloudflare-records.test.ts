// The simulated cloudflare provider under the real engine, with records as a program declares them by hand.
import * as assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as cloudflare from "@pulumi/cloudflare";
import type * as pulumi from "@pulumi/pulumi";
import { retryPauseVariable } from "../../local/providers/cloudflare/client";
import { CloudflareAccount, cloudflareToken } from "./support/cloudflare-account";
import { SimulatedStack } from "./support/simulated-stack";

const zone = "example.com";
let account: CloudflareAccount;
let zoneId: string;
let stack: SimulatedStack;

before(async () => {
    process.env[retryPauseVariable] = "1";
    account = await CloudflareAccount.open();
    zoneId = await account.addZone(zone);
    stack = await SimulatedStack.create({
        "cloudflare:baseUrl": `${account.baseUrl}/`,
        "cloudflare:apiToken": cloudflareToken,
    });
});
after(async () => {
    account?.faults.clear();
    try {
        await stack?.remove();
    } finally {
        await account?.close();
    }
});

type Args = Omit<cloudflare.DnsRecordArgs, "zoneId" | "ttl"> & { ttl?: number };

const digest = "0123456789ABCDEF".repeat(4);
const longText = `"${"a".repeat(255)}" "${"b".repeat(145)}"`;

const tlsaData = { usage: 3, selector: 1, matchingType: 1, certificate: digest };

/** One of every type, in the form in which the API gives them back. */
const records: Record<string, Args> = {
    a: { name: zone, type: "A", content: "192.0.2.1" },
    aaaa: { name: zone, type: "AAAA", content: "2001:db8::1" },
    cname: { name: `imap.${zone}`, type: "CNAME", content: zone },
    mx: { name: zone, type: "MX", content: `mx.${zone}`, priority: 0 },
    spf: { name: zone, type: "TXT", content: '"v=spf1 a mx -all"' },
    long: { name: `default._domainkey.${zone}`, type: "TXT", content: longText },
    srv: {
        name: `_imaps._tcp.${zone}`,
        type: "SRV",
        priority: 0,
        data: { priority: 0, weight: 1, port: 993, target: `mx.${zone}` },
    },
    "null-srv": {
        name: `_imap._tcp.${zone}`,
        type: "SRV",
        priority: 0,
        data: { priority: 0, weight: 0, port: 0, target: "." },
    },
    caa: { name: zone, type: "CAA", data: { flags: 0, tag: "issue", value: "letsencrypt.org" } },
    tlsa: {
        name: `_25._tcp.mx.${zone}`,
        type: "TLSA",
        data: tlsaData,
    },
    sshfp: {
        name: `mx.${zone}`,
        type: "SSHFP",
        data: { algorithm: 4, type: 2, fingerprint: digest },
    },
    https: {
        name: zone,
        type: "HTTPS",
        data: { priority: 1, target: ".", value: 'alpn="h2"' },
    },
};

type Changes = Record<string, Partial<Args> | undefined>;

/** Every record, some of them otherwise or (undefined) not at all. */
const program =
    (changes: Changes = {}, opts: Record<string, pulumi.CustomResourceOptions> = {}) =>
    () => {
        const found = cloudflare.getZoneOutput({ filter: { name: zone } });
        for (const [name, args] of Object.entries({ ...records, ...changes })) {
            if (args === undefined) continue;
            new cloudflare.DnsRecord(
                name,
                {
                    zoneId: found.zoneId,
                    ttl: 300,
                    comment: "ours",
                    ...records[name],
                    ...args,
                } as cloudflare.DnsRecordArgs,
                opts[name],
            );
        }
        return { nameServers: found.nameServers };
    };

const names = Object.keys(records);
const all = (step: string) => Object.fromEntries(names.map((name) => [name, step]));

/** What identifies a record, with what it says. */
async function published() {
    return (await account.records(zone)).map(
        ({ name, type, content }) => `${name} ${type} ${content}`,
    );
}

describe("a record of every type", () => {
    test("the first preview lists every one and writes nothing", async () => {
        const writes = await account.writesDuring(async () => {
            assert.deepEqual(await stack.steps(program()), all("create"));
        });
        assert.deepEqual(writes, []);
    });

    test("an up publishes them", async () => {
        assert.deepEqual((await stack.up(program())).changes, { create: names.length });
        assert.equal((await account.records(zone)).length, names.length);
    });

    test("a preview, a refresh and another preview find nothing to do", async () => {
        const writes = await account.writesDuring(() => stack.expectNoDrift(program()));
        assert.deepEqual(writes, []);
    });

    test("what the API writes otherwise than the program is a change after every refresh", async () => {
        const traps: Changes = {
            a: { name: `${zone}.` },
            cname: { content: `${zone}.` },
            tlsa: { data: { ...tlsaData, certificate: digest.toLowerCase() } },
            // The API gives it back beside the data of this type,
            srv: { priority: undefined },
            // and not of this one.
            https: { priority: 1 },
        };
        for (const round of [1, 2]) {
            await stack.up(program(traps));
            await stack.refresh();
            const found = await stack.steps(program(traps));
            const expected = Object.keys(traps).map((name) => [name, "update"]);
            assert.deepEqual(found, Object.fromEntries(expected), `round ${round}`);
        }
        await assert.rejects(stack.expectNoDrift(program(traps)));
        await stack.up(program());
        await stack.expectNoDrift(program());
    });

    const changes: [what: string, changes: Changes, steps: Record<string, string>][] = [
        ["an address", { a: { content: "192.0.2.2" } }, { a: "update" }],
        ["a time to live", { mx: { ttl: 600 } }, { mx: "update" }],
        [
            "a port",
            { srv: { data: { priority: 0, weight: 1, port: 143, target: `mx.${zone}` } } },
            { srv: "update" },
        ],
        ["a type", { a: { type: "AAAA", content: "2001:db8::2" } }, { a: "replace" }],
        ["one left out", { caa: undefined }, { caa: "delete" }],
        [
            "one more",
            { more: { name: `more.${zone}`, type: "A", content: "192.0.2.3" } },
            { more: "create" },
        ],
    ];
    for (const [what, change, steps] of changes) {
        test(`${what}: ${JSON.stringify(steps)}`, async () => {
            assert.deepEqual(await stack.steps(program(change)), steps);
        });
    }

    test("a changed record is updated where it is", async () => {
        const before = await account.records(zone);
        await stack.up(program({ spf: { content: '"v=spf1 mx -all"' } }));
        const now = await account.records(zone);
        const idOf = (found: typeof now) =>
            found.find(({ content }) => content.includes("spf1"))?.id;
        assert.equal(idOf(now), idOf(before));
        assert.equal(now.length, before.length);
        await stack.up(program());
    });

    test("what was changed outside is put right after a refresh", async () => {
        const spf = (await account.records(zone)).find(({ content }) => content.includes("spf1"))!;
        const route = `/zones/${zoneId}/dns_records/${spf.id}`;
        await account.call("PATCH", route, { content: '"v=spf1 +all"' });
        assert.deepEqual(await stack.steps(program()), {});
        assert.deepEqual(await stack.refresh(), { same: names.length - 1, update: 1 });
        assert.deepEqual(await stack.steps(program()), { spf: "update" });
        await stack.up(program());
        assert.ok((await published()).includes(`${zone} TXT "v=spf1 a mx -all"`));
    });

    test("what was deleted outside is made again after a refresh", async () => {
        const [first] = await account.records(zone);
        await account.call("DELETE", `/zones/${zoneId}/dns_records/${first!.id}`);
        // Until then the provider finds nothing to update or to delete, as the real one.
        assert.deepEqual(await stack.refresh(), { same: names.length - 1, delete: 1 });
        assert.equal(Object.values(await stack.steps(program())).join(), "create");
        await stack.up(program());
        await stack.expectNoDrift(program());
    });

    test("a destroy removes them, and nothing else", async () => {
        await account.addRecord(zone, {
            name: `other.${zone}`,
            type: "A",
            content: "192.0.2.9",
            ttl: 1,
        });
        await stack.destroy();
        assert.deepEqual(await published(), [`other.${zone} A 192.0.2.9`]);
    });
});

describe("what Cloudflare refuses", () => {
    before(() => stack.up(program()));
    const cases: [what: string, changes: Changes, message: RegExp][] = [
        [
            "content of a CAA record",
            { caa: { data: undefined, content: '0 issue "a.example"' } },
            /400 Bad Request/,
        ],
        [
            "content of a TLSA record",
            { tlsa: { data: undefined, content: `3 1 1 ${digest}` } },
            /400 Bad Request/,
        ],
        ["a time to live", { a: { ttl: 30 } }, /400 Bad Request/],
        [
            "an address beside a CNAME",
            { more: { name: `imap.${zone}`, type: "A", content: "192.0.2.3" } },
            /400 Bad Request.*81054/s,
        ],
    ];
    for (const [what, changes, message] of cases) {
        test(`${what} is told in its own words, without the token`, async () => {
            const told = await stack.failedUp(program(changes));
            assert.match(told, message);
            assert.match(told, /failed to make http request: (POST|PUT) "/);
            assert.doesNotMatch(told, new RegExp(cloudflareToken));
        });
    }

    test("a record that is there already is imported by the id of its zone and its own", async () => {
        await stack.destroy();
        const { id } = await account.addRecord(zone, {
            ...records["spf"],
            ttl: 300,
            comment: "ours",
        });
        const told = await stack.failedUp(program());
        assert.match(told, /81058/);
        const imported = program({}, { spf: { import: `${zoneId}/${id}` } });
        assert.equal((await stack.steps(imported))["spf"], "import");
        await stack.up(imported);
        await stack.expectNoDrift(program());
        assert.equal((await stack.resources())["spf"]?.id, id);
    });

    test("a record of parts is imported by the command, though its inputs are told to be wrong", async () => {
        const { data, name, type, priority } = records["srv"]!;
        await stack.destroy();
        const made = await account.addRecord(zone, { data, name, type, priority, ttl: 300 });
        const { code, stdout, stderr } = await stack.cli([
            ...["import", "cloudflare:index/dnsRecord:DnsRecord", "srv", `${zoneId}/${made.id}`],
            ...["--yes", "--skip-preview", "--protect=false", "--generate-code=false"],
        ]);
        assert.equal(code, 0, stdout + stderr);
        assert.match(stdout, /"data" cannot be specified when "content" is specified/);
        assert.equal((await stack.steps(program()))["srv"], "update", "the comment");
        const writes = await account.writesDuring(() => stack.up(program()));
        assert.deepEqual(
            writes.filter((line) => !line.startsWith("POST")),
            [`PUT /client/v4/zones/${zoneId}/dns_records/${made.id} 200`],
        );
        await stack.expectNoDrift(program());
    });

    test("an id without its zone is no record", async () => {
        const told = await stack.failedPreview(
            program({ new: { name: `new.${zone}`, type: "A" } }, { new: { import: "0123" } }),
        );
        assert.match(told, /expected urlencoded segments "<zone_id>\/<dns_record_id>", got "0123"/);
    });
});

describe("an API that fails half-way", () => {
    const fail = (method: string, status: number) =>
        account.faults.inject({
            ...{ method, path: "/dns_records", kind: "status", status },
            ...{ after: 4, times: 1000 },
        });
    before(async () => {
        await stack.destroy();
        for (const { id } of await account.records(zone)) {
            await account.call("DELETE", `/zones/${zoneId}/dns_records/${id}`);
        }
        await stack.up(program());
        complete = await published();
        await stack.destroy();
    });
    let complete: string[];

    for (const status of [429, 500]) {
        test(`${status} fails an up, and the next one converges`, async () => {
            fail("POST", status);
            const told = await stack.failedUp(program());
            assert.match(told, new RegExp(`failed to make http request: POST ".*": ${status} `));
            account.faults.clear();
            assert.equal((await account.records(zone)).length, 4);
            await stack.up(program());
            assert.deepEqual(await published(), complete);
            await stack.expectNoDrift(program());
        });

        test(`${status} fails a destroy, and the next one converges`, async () => {
            fail("DELETE", status);
            const told = await stack.failedDestroy();
            assert.match(told, new RegExp(`failed to make http request: DELETE ".*": ${status} `));
            account.faults.clear();
            assert.equal((await account.records(zone)).length, names.length - 4);
            await stack.destroy();
            assert.deepEqual(await published(), []);
        });

        test(`${status} that passes is not noticed`, async () => {
            account.faults.inject({
                method: "POST",
                path: "/dns_records",
                kind: "status",
                status,
                times: 3,
            });
            await stack.up(program());
            assert.deepEqual(await published(), complete);
            await stack.destroy();
        });
    }
});

test("a wrong token is told of without the token", async () => {
    const wrong = "w".repeat(40);
    const other = await SimulatedStack.create({
        "cloudflare:baseUrl": account.baseUrl,
        "cloudflare:apiToken": wrong,
    });
    const told = await other.failedUp(() => {
        new cloudflare.DnsRecord("a", { zoneId, ttl: 300, ...records["a"]! });
    });
    assert.match(told, /failed to make http request: POST ".*\/dns_records": 403 Forbidden/);
    assert.doesNotMatch(told, new RegExp(wrong));
    await other.remove();
});
