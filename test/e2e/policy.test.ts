// The policy pack, run by the real engine on previews of the real program.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { projectRoot } from "../../local/paths";
import { rules } from "../../policy/rules";
import { suiteLimit, TestLaptop } from "./support/test-laptop";

describe("the policy pack", { timeout: suiteLimit }, () => {
    let laptop: TestLaptop;
    const work = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-policy-"));
    const configFile = path.join(work, "policy.json");
    /** As in production, which the stack's name does not say. */
    const inProduction = Object.fromEntries(
        rules
            .filter(({ prodOnly }) => prodOnly)
            .map(({ name }) => [name, { prodStacks: "^local$" }]),
    );

    before(async () => {
        fs.writeFileSync(configFile, JSON.stringify(inProduction));
        laptop = await TestLaptop.start("policy", { kind: "container" });
    });
    after(async () => {
        await laptop?.close();
        fs.rmSync(work, { recursive: true, force: true });
    });

    const preview = (...further: string[]) =>
        laptop.pulumi("preview", "--policy-pack", path.join(projectRoot, "policy"), ...further);

    test("passes the program as it is, outside of production", async () => {
        const { code, stdout, stderr } = await preview();
        assert.equal(code, 0, stdout + stderr);
        assert.match(stdout, /Policies:\s+✅ mailhost@v0\.1\.0 \(local: /);
    });

    test("names what is wrong in production, each with its rule, and shows no secret", async () => {
        await laptop.configure("mailhost:protect", false);
        await laptop.configure("mailhost:server", {
            ...(await laptop.server()),
            sshAllowedCidrs: ["0.0.0.0/0"],
        });
        await laptop.configure("mailhost:domains", [
            { name: "example.test", dmarc: { policy: "none" }, spf: { all: "neutral" } },
            { name: "second.test" },
        ]);
        const { code, stdout, stderr } = await preview("--policy-pack-config", configFile);
        const printed = stdout + stderr;
        assert.notEqual(code, 0, printed);
        const found = (rule: string) =>
            printed.match(new RegExp(`\\b${rule}\\b`, "g"))?.length ?? 0;
        for (const rule of [
            ...["ssh-not-open-to-the-world", "data-and-addresses-protected"],
            ...["no-staging-certificates", "dmarc-asks-for-something", "spf-closes"],
        ])
            assert.ok(found(rule) > 0, `${rule}\n${printed}`);
        for (const rule of ["mail-records-not-proxied", "ptr-matches-greeting", "images-by-digest"])
            assert.equal(found(rule), 0, `${rule}\n${printed}`);
        assert.match(printed, /the DMARC policy of example\.test is none/);
        const { stdout: config } = await laptop.pulumi("config", "--show-secrets", "--json");
        const secrets = Object.entries(
            JSON.parse(config) as Record<string, { value: string; secret: boolean }>,
        ).filter(([, { secret }]) => secret);
        assert.ok(secrets.length >= 2);
        for (const [key, { value }] of secrets) assert.ok(!printed.includes(value), key);
    });
});
