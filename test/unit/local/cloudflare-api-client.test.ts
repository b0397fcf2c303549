// The simulated API against a client that knows nothing of it: the npm package cloudflare, which its provider wrote. It
// is installed from the registry into the cache, the first time: with 120 MB it is no dependency of the project.
import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { run, runQuietly } from "../../../cli/run-program";
import { cacheRoot } from "../../../local/paths";
import { cloudflareToken, TestCloudflare, zoneKey } from "./cloudflare-api-cloud";

const clientVersion = "7.3.0";
const installSeconds = 180;

/** A folder whose programs find the client; undefined, with the reason, where there is none to be had. */
async function folderWithClient(): Promise<{ folder: string } | { missing: string }> {
    const folder = path.join(cacheRoot, `cloudflare-${clientVersion}`);
    if (fs.existsSync(path.join(folder, "installed"))) return { folder };
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, "package.json"), "{}");
    const npm = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save"];
    const installed = await runQuietly("npm", [...npm, `cloudflare@${clientVersion}`], {
        cwd: folder,
        timeoutSeconds: installSeconds,
    });
    if (installed.code !== 0) return { missing: `npm install cloudflare: ${installed.stderr}` };
    fs.writeFileSync(path.join(folder, "installed"), "");
    return { folder };
}

const program = `
const { Cloudflare } = require("cloudflare");
const [baseURL, apiToken] = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const client = new Cloudflare({ baseURL, apiToken, maxRetries: 0 });
const seen = [];
const note = (...values) => seen.push(values);

async function refused(what, call) {
    try {
        await call();
        note(what, "not refused");
    } catch (error) {
        note(what, error.constructor.name, error.status, error.errors.map(({ code }) => code));
    }
}

async function all(pages) {
    const items = [];
    for await (const item of pages) items.push(item);
    return items;
}

async function main() {
    note("token", (await client.user.tokens.verify()).status);
    const [account] = await all(client.accounts.list());
    const made = await client.zones.create({ account: { id: account.id }, name: "example.com", type: "full" });
    const zone_id = made.id;
    note("zones", (await all(client.zones.list({ name: "example.com" }))).map(({ name }) => name));
    const zone = await client.zones.get({ zone_id });
    note("zone", zone.name, zone.status, zone.account.id === account.id, zone.name_servers.length);

    const records = client.dns.records;
    const a = await records.create({ zone_id, type: "A", name: "example.com", content: "192.0.2.1", ttl: 300 });
    await records.create({ zone_id, type: "MX", name: "example.com", content: "mx.example.com", priority: 0, ttl: 1 });
    await records.create({ zone_id, type: "TXT", name: "example.com", content: '"v=spf1 -all"', ttl: 1, comment: "ours" });
    const tlsa = await records.create({
        zone_id, type: "TLSA", name: "_25._tcp.example.com", ttl: 1,
        data: { usage: 3, selector: 1, matching_type: 1, certificate: "abcd" },
    });
    note("tlsa", tlsa.content, tlsa.data.certificate);
    for (let i = 0; i < 20; i++) {
        await records.create({ zone_id, type: "A", name: "n" + i, content: "192.0.2.1", ttl: 1 });
    }
    note("pages", (await all(records.list({ zone_id, per_page: 5 }))).length);
    const found = async (filters) => (await all(records.list({ zone_id, ...filters }))).map(({ type }) => type);
    note("by name", await found({ name: { exact: "example.com" } }));
    note("by content", await found({ content: { exact: "v=spf1 -all" } }));
    note("by comment", await found({ comment: { startswith: "our" } }));
    note("by any", await found({ match: "any", type: "MX", name: { startswith: "_25" } }));

    const put = await records.update(a.id, { zone_id, type: "A", name: "example.com", content: "192.0.2.2", ttl: 600 });
    note("put", put.id === a.id, put.content, put.ttl);
    const patched = await records.edit(a.id, { zone_id, type: "A", name: "example.com", ttl: 60, comment: "mine" });
    note("patched", patched.content, patched.ttl, patched.comment);
    note("read", (await records.get(a.id, { zone_id })).modified_on === patched.modified_on);
    await refused("identical", () => records.create({ zone_id, type: "A", name: "@", content: "192.0.2.2", ttl: 1 }));
    await refused("cname", () => records.create({ zone_id, type: "CNAME", name: "n1", content: "example.com", ttl: 1 }));
    await refused("content", () => records.create({ zone_id, type: "A", name: "b", content: "b", ttl: 1 }));
    note("deleted", (await records.delete(a.id, { zone_id })).id === a.id);
    await refused("gone", () => records.get(a.id, { zone_id }));

    note("dnssec", (await client.dns.dnssec.get({ zone_id })).status);
    const signed = await client.dns.dnssec.edit({ zone_id, status: "active" });
    note("signed", signed.status, signed.ds, signed.key_tag, signed.public_key);
    note("unsigned", (await client.dns.dnssec.delete({ zone_id })) === zone_id);

    const other = new Cloudflare({ baseURL, apiToken: "x".repeat(40), maxRetries: 0 });
    await refused("wrong token", () => other.zones.get({ zone_id }));
    note("removed", (await client.zones.delete({ zone_id })).id === zone_id);
    await refused("no zone", () => client.zones.get({ zone_id }));
    console.log(JSON.stringify(seen));
}
main();
`;

test("the npm package drives zones, records and DNSSEC", async (t) => {
    const client = await folderWithClient();
    if ("missing" in client) {
        t.skip(`the cloudflare package can't be installed here: ${client.missing}`);
        return;
    }
    const cloud = await TestCloudflare.open();
    try {
        const printed = await run(process.execPath, ["-e", program], {
            cwd: client.folder,
            input: JSON.stringify([cloud.baseUrl, cloudflareToken]),
            timeoutSeconds: 60,
        });
        assert.deepEqual(JSON.parse(printed), [
            ["token", "active"],
            ["zones", ["example.com"]],
            ["zone", "example.com", "active", true, 2],
            ["tlsa", "3 1 1 ABCD", "ABCD"],
            ["pages", 24],
            ["by name", ["A", "MX", "TXT"]],
            ["by content", ["TXT"]],
            ["by comment", ["TXT"]],
            ["by any", ["MX", "TLSA"]],
            ["put", true, "192.0.2.2", 600],
            ["patched", "192.0.2.2", 60, "mine"],
            ["read", true],
            ["identical", "BadRequestError", 400, [81058]],
            ["cname", "BadRequestError", 400, [81053]],
            ["content", "BadRequestError", 400, [9005]],
            ["deleted", true],
            ["gone", "NotFoundError", 404, [81044]],
            ["dnssec", "disabled"],
            [
                "signed",
                "pending",
                `example.com. 3600 IN DS 2371 13 2 ${zoneKey.digest}`,
                zoneKey.keyTag,
                zoneKey.publicKey,
            ],
            ["unsigned", true],
            ["wrong token", "PermissionDeniedError", 403, [9109]],
            ["removed", true],
            ["no zone", "NotFoundError", 404, [7003]],
        ]);
    } finally {
        await cloud.close();
    }
});
