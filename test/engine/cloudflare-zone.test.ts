// The records of a host at Cloudflare, written by the adapter under the real engine.
import * as assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { recover } from "../../cli/recover";
import { retryPauseVariable } from "../../local/providers/cloudflare/client";
import { CloudflareAccount, cloudflareToken } from "./support/cloudflare-account";
import { plannedLines, publish, resourceNames, type Wanted } from "./support/published-host";
import { SimulatedStack } from "./support/simulated-stack";

const zones = ["example.com", "example.org"];
let account: CloudflareAccount;
let stack: SimulatedStack;

before(async () => {
    process.env[retryPauseVariable] = "1";
    account = await CloudflareAccount.open();
    for (const zone of zones) await account.addZone(zone);
    stack = await SimulatedStack.create({
        "cloudflare:baseUrl": account.baseUrl,
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

const program =
    (wanted: Wanted = {}) =>
    () =>
        publish(wanted);

/** Steps by name, components left out: they hold nothing. */
async function steps(wanted: Wanted): Promise<Record<string, string>> {
    const found = Object.entries(await stack.steps(program(wanted)));
    return Object.fromEntries(found.filter(([name]) => !/^mail(-dns)?$/.test(name)));
}

function assertPublished(wanted: Wanted = {}): void {
    for (const zone of zones) {
        assert.deepEqual(account.publishedLines(zone), plannedLines(zone, wanted));
    }
}

describe("the records of two mail domains", () => {
    test("the first preview of a new stack lists every record and writes nothing", async () => {
        const writes = await account.writesDuring(async () => {
            assert.deepEqual(
                await steps({}),
                Object.fromEntries(resourceNames({}).map((name) => [name, "create"])),
            );
        });
        assert.deepEqual(writes, []);
    });

    test("an up publishes what is planned, phase by phase", async () => {
        await stack.up(program({ phases: ["base"] }));
        assertPublished({ phases: ["base"] });
        await stack.up(program());
        assertPublished();
    });

    test("every record carries the mark of the stack and is not proxied", async () => {
        for (const zone of zones) {
            const records = await account.records(zone);
            assert.deepEqual(
                new Set(records.map(({ comment }) => comment)),
                new Set(["pulumi-mailhost/simulated/test"]),
            );
        }
    });

    test("a preview, a refresh and another preview find nothing to do", async () => {
        const writes = await account.writesDuring(() => stack.expectNoDrift(program()));
        assert.deepEqual(writes, []);
    });
});

describe("one option changes the records that it concerns", () => {
    const first = (options: object): Wanted => ({
        args: { domains: [{ name: "example.com", ...options }, { name: "example.org" }] },
    });
    const second = (options: object): Wanted => ({
        args: { domains: [{ name: "example.org", ...options }] },
    });
    const names = (wanted: Wanted) => resourceNames(wanted).map((name) => name.slice(9));
    const ofSecond = names({}).filter((name) => name.includes("example.org"));
    const all = (found: string[], step: string) =>
        Object.fromEntries(found.map((name) => [name, step]));

    const cases: [what: string, wanted: Wanted, expected: Record<string, string>][] = [
        [
            "the SPF qualifier",
            first({ spf: { all: "softfail" } }),
            { "TXT-example.com-spf": "update" },
        ],
        [
            "the DMARC policy",
            second({ dmarc: { policy: "reject" } }),
            { "TXT-_dmarc.example.org-dmarc": "update" },
        ],
        [
            "the MTA-STS mode",
            second({ mtaSts: { mode: "enforce" } }),
            { "TXT-_mta-sts.example.org-mta-sts": "update" },
        ],
        [
            "no MTA-STS",
            second({ mtaSts: { mode: "off" } }),
            {
                "TXT-_mta-sts.example.org-mta-sts": "delete",
                "CNAME-mta-sts.example.org-mta-sts": "delete",
            },
        ],
        [
            "no reports about TLS",
            second({ tlsReports: { addresses: [] } }),
            { "TXT-_smtp._tls.example.org-tls-reports": "delete" },
        ],
        [
            "the MX preference",
            first({ mx: { preference: 5 } }),
            { "MX-example.com-host": "update" },
        ],
        [
            "who is told of refused certificates",
            second({ caa: { reportAddress: "security@example.net" } }),
            { "CAA-example.org-iodef": "update" },
        ],
        [
            "a logo",
            first({ bimi: { logoUrl: "https://example.com/logo.svg" } }),
            { "TXT-default._bimi.example.com-bimi": "create" },
        ],
        [
            "the site verification",
            second({ siteVerification: "0123456789" }),
            { "TXT-example.org-site-verification": "create" },
        ],
        ["the time to live", second({ ttlSeconds: 600 }), all(ofSecond, "update")],
        [
            "a DKIM key beside the present one",
            {
                args: { systemDkimSelectors: ["default", "next"] },
                values: { "system-dkim:next": "N".repeat(392) },
            },
            { "TXT-next._domainkey.example.com-system-dkim": "create" },
        ],
        [
            "an address",
            { values: { ipv4: "192.0.2.2" } },
            { "A-example.com-address": "update", "A-mx.example.com-address": "update" },
        ],
        [
            "the certificate's key",
            { values: { "certificate-key:current": "4e5f".repeat(16) } },
            all(
                names({}).filter((name) => name.startsWith("TLSA-")),
                "update",
            ),
        ],
        ["one domain less", { args: { domains: [] } }, all(ofSecond, "delete")],
    ];
    for (const [what, wanted, expected] of cases) {
        test(what, async () => {
            const found = Object.entries(await steps(wanted));
            assert.deepEqual(
                Object.fromEntries(found.map(([name, step]) => [name.slice(9), step])),
                expected,
            );
        });
    }

    test("another domain changes no other one's records", async () => {
        await account.addZone("example.net");
        const wanted = { args: { domains: [{ name: "example.net" }, { name: "example.org" }] } };
        const found = await steps(wanted);
        const added = resourceNames(wanted).filter((name) => name.includes("example.net"));
        assert.deepEqual(found, all(added, "create"));
        assert.ok(added.length > 20);
    });
});

describe("what others have published", () => {
    test("is left alone, and a destroy removes only ours", async () => {
        const { id } = await account.addRecord("example.com", {
            name: "example.com",
            type: "TXT",
            content: '"google-site-verification=abc"',
            ttl: 1,
        });
        assert.deepEqual(await steps({}), {});
        await stack.expectNoDrift(program());
        await stack.destroy();
        assert.deepEqual(
            (await account.records("example.com")).map((record) => record.id),
            [id],
        );
        assert.deepEqual(await account.records("example.org"), []);
    });
});

describe("Cloudflare fails half-way", () => {
    const fail = (method: string, status: number) =>
        account.faults.inject({
            ...{ method, path: "/dns_records", kind: "status", status },
            ...{ after: 20, times: 10_000 },
        });
    const count = async () =>
        (await Promise.all(zones.map((zone) => account.records(zone)))).flat().length;
    const whole = (wanted: Wanted = {}) => resourceNames(wanted).length;
    /** The other's record of before. */
    const foreign = 1;

    for (const status of [429, 500]) {
        test(`${status} fails an up, and the next one converges`, async () => {
            fail("POST", status);
            const told = await stack.failedUp(program());
            assert.match(told, new RegExp(`failed to make http request: POST ".*": ${status} `));
            assert.equal(await count(), 20 + foreign);
            account.faults.clear();
            await stack.up(program());
            assert.equal(await count(), whole() + foreign);
            assert.deepEqual(account.publishedLines("example.org"), plannedLines("example.org"));
            await stack.expectNoDrift(program());
        });

        test(`${status} fails a destroy, and the next one converges`, async () => {
            fail("DELETE", status);
            const told = await stack.failedDestroy();
            assert.match(told, new RegExp(`failed to make http request: DELETE ".*": ${status} `));
            assert.equal(await count(), whole() + foreign - 20);
            account.faults.clear();
            await stack.destroy();
            assert.equal(await count(), foreign);
        });
    }
});

describe("kill -9 of the engine while records are made", () => {
    test("recover adopts what nobody knows of, and the next up makes the rest", async () => {
        account.faults.inject({
            ...{ method: "POST", path: "/dns_records", kind: "hang-after-commit" },
            ...{ after: 20, times: 3 },
        });
        const up = stack.failedUp(program());
        while (account.hanging() < 3) await sleep(50);
        await stack.killEngine();
        await up;
        account.faults.clear();

        const said: string[] = [];
        const { adopted, unknown } = await recover({
            stack: "test",
            pulumi: (args, options) => stack.cli(args, options),
            say: (line) => said.push(line),
        });
        assert.deepEqual(unknown, [], said.join("\n"));
        assert.ok(adopted.length >= 3, said.join("\n"));
        await stack.up(program());
        assert.deepEqual(account.publishedLines("example.org"), plannedLines("example.org"));
        const comments = (await account.records("example.com")).map(({ comment }) => comment);
        assert.equal(
            comments.filter((comment) => comment !== null).length,
            plannedLines("example.com").length,
        );
        await stack.expectNoDrift(program());
        await stack.destroy();
    });
});

describe("DNSSEC", () => {
    const signed = { signs: true, phases: ["base"] } as const;
    const signing = zones.map((zone) => `mail-dns-dnssec-${zone}`);
    const isSigned = () => zones.map((zone) => account.isSigned(zone));

    test("is enabled, and its DS records are handed out", async () => {
        const { outputs } = await stack.up(program(signed));
        assert.deepEqual(isSigned(), [true, true]);
        const ds = outputs["ds"]?.value as Record<string, string>;
        assert.deepEqual(Object.keys(ds), zones);
        assert.match(ds["example.com"]!, /^example\.com\. 3600 IN DS 2371 13 2 [0-9A-F]{64}$/);
        assert.deepEqual(await steps(signed), {});
    });

    // The real provider reads the status pending then, which it does not take from a program, and finds it changed.
    test("that waits for the registrar is at most asked for again after a refresh", async () => {
        await stack.refresh();
        const changed = await steps(signed);
        assert.deepEqual(
            Object.keys(changed).filter((name) => !signing.includes(name)),
            [],
        );
        const writes = await account.writesDuring(() => stack.up(program(signed)));
        assert.deepEqual(
            writes.filter((line) => !/^PATCH .*\/dnssec 200$/.test(line)),
            [],
        );
        assert.deepEqual(isSigned(), [true, true]);
    });

    test("stays when the stack goes", async () => {
        await stack.destroy();
        assert.deepEqual(isSigned(), [true, true]);
    });
});
