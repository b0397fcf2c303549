// What the message about clashing records tells the operator to do, done by the real engine, command by command.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { ensureEngine } from "../../local/engine/find-engine";
import { projectRoot } from "../../local/paths";
import { installPlugins } from "../../local/providers/install";
import { CloudflareAccount, cloudflareToken } from "./support/cloudflare-account";

const zone = "example.com";
const comment = "pulumi-mailhost/taken-over/test";

/** A program of its own process: one that fails ends as it does for a user. `ADOPT` and `BOUND` change it. */
const program = `
require(${JSON.stringify(path.join(projectRoot, "node_modules", "tsx", "dist", "cjs", "index.cjs"))});
const pulumi = require("@pulumi/pulumi");
const { cloudflare, planDnsRecords } = require(${JSON.stringify(path.join(projectRoot, "components"))});
const parent = new pulumi.ComponentResource("mailhost:index:MailHost", "mail", {});
const values = {
    ipv4: "192.0.2.1",
    ipv6: "2001:db8::1",
    "system-dkim:default": "MIIB",
    "acme-account": "https://ca.example.net/account/1",
};
const plan = planDnsRecords({
    domain: "${zone}",
    email: "you@example.net",
    issuer: "letsencrypt.org",
    domains: [{ name: "${zone}", caa: { accountBinding: process.env.BOUND === "yes" } }],
});
const adopt = JSON.parse(process.env.ADOPT ?? "[]");
const writer = cloudflare({ adopt }).open("mail-dns", plan, { parent });
for (const phase of ["base", "certified", "serving"]) writer.write(phase, values, { parent });
`;

describe("records that were there before", () => {
    let account: CloudflareAccount;
    let folder: string;
    let environment: NodeJS.ProcessEnv;
    let message = "";
    let zoneId: string;
    const ids: Record<string, string> = {};

    const run = (command: string, extra: NodeJS.ProcessEnv = {}) =>
        new Promise<{ code: number; text: string }>((resolve) => {
            const env = { ...environment, ...extra };
            execFile("sh", ["-c", command], { cwd: folder, env }, (error, stdout, stderr) =>
                resolve({ code: error ? Number(error.code) : 0, text: stdout + stderr }),
            );
        });
    const succeed = async (command: string, extra?: NodeJS.ProcessEnv) => {
        const { code, text } = await run(command, extra);
        assert.equal(code, 0, text);
        return text;
    };

    before(async () => {
        account = await CloudflareAccount.open();
        zoneId = await account.addZone(zone);
        const engine = await ensureEngine(console.error);
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-taken-over-"));
        fs.mkdirSync(path.join(folder, "state"));
        fs.symlinkSync(path.join(projectRoot, "node_modules"), path.join(folder, "node_modules"));
        fs.writeFileSync(path.join(folder, "index.js"), program);
        fs.writeFileSync(path.join(folder, "package.json"), "{}");
        fs.writeFileSync(
            path.join(folder, "Pulumi.yaml"),
            "name: taken-over\nmain: index.js\nruntime: { name: nodejs, options: { typescript: false } }\n",
        );
        const home = path.join(folder, "home");
        await installPlugins(home);
        environment = {
            ...process.env,
            PATH: `${engine.bin}:${process.env["PATH"]}`,
            PULUMI_HOME: home,
            PULUMI_BACKEND_URL: `file://${path.join(folder, "state")}`,
            PULUMI_CONFIG_PASSPHRASE: "test",
            PULUMI_SKIP_UPDATE_CHECK: "true",
            PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
            PULUMI_CREDENTIAL_STORE: "plaintext",
            CLOUDFLARE_API_TOKEN: cloudflareToken,
            CLOUDFLARE_BASE_URL: account.baseUrl,
        };
        await succeed("pulumi stack init test --non-interactive");
        const old = {
            mx: { type: "MX", name: zone, content: "old.example.net", priority: 5 },
            spf: { type: "TXT", name: zone, content: '"v=spf1 include:old.example.net -all"' },
            imap: { type: "A", name: `imap.${zone}`, content: "192.0.2.9" },
        };
        for (const [name, record] of Object.entries(old)) {
            ids[name] = (await account.addRecord(zone, { ...record, ttl: 300 })).id;
        }
    });
    after(async () => {
        await run("pulumi destroy --yes --skip-preview --non-interactive");
        fs.rmSync(folder, { recursive: true });
        await account.close();
    });

    test("fail the preview and the up, which write nothing", async () => {
        for (const command of ["preview", "up --yes --skip-preview"]) {
            const writes = await account.writesDuring(async () => {
                const { code, text } = await run(`pulumi ${command} --non-interactive`);
                assert.notEqual(code, 0);
                message = text;
            });
            assert.deepEqual(writes, [], command);
            const named = [...message.matchAll(/\(id ([0-9a-f]{32})\)/g)].map(([, id]) => id);
            assert.deepEqual(new Set(named), new Set(Object.values(ids)), command);
            assert.ok(!message.includes("error serializing"), message);
        }
    });

    test("are taken over in place by the commands that the message names", async () => {
        await account.call("DELETE", `/zones/${zoneId}/dns_records/${ids["imap"]}`);
        const commands = message.match(/pulumi import --yes .*/g) ?? [];
        assert.equal(new Set(commands).size, 2, message);
        for (const command of new Set(commands)) await succeed(`${command} --non-interactive`);
        const adopted = { ADOPT: JSON.stringify([ids["mx"], ids["spf"]]) };
        await succeed("pulumi up --yes --skip-preview --non-interactive", adopted);
        const records = await account.records(zone);
        assert.deepEqual(
            records
                .filter(({ id }) => Object.values(ids).includes(id))
                .map(({ type, content, priority, comment }) => [type, content, priority, comment]),
            [
                ["MX", `mx.${zone}`, 0, comment],
                ["TXT", '"v=spf1 a mx -all"', undefined, comment],
            ],
        );
        assert.deepEqual(
            records.filter((record) => record.comment !== comment),
            [],
        );
    });

    test("are the stack's own from then on, without being listed", async () => {
        await succeed("pulumi preview --expect-no-changes --non-interactive");
        await succeed("pulumi refresh --yes --skip-preview --expect-no-changes --non-interactive");
        await succeed("pulumi preview --expect-no-changes --non-interactive");
    });

    test("stay the same records when they go from one phase to another", async () => {
        const before = await account.records(zone);
        await succeed("pulumi up --yes --skip-preview --non-interactive", { BOUND: "yes" });
        const after = await account.records(zone);
        assert.deepEqual(after.map(({ id }) => id).sort(), before.map(({ id }) => id).sort());
        assert.equal(after.filter(({ content }) => content.includes("accounturi")).length, 2);
        await succeed("pulumi preview --expect-no-changes --non-interactive", { BOUND: "yes" });
    });
});
