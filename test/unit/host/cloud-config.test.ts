import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { parse } from "yaml";
import { renderCloudConfig } from "../../../components/host/cloud-config";
import { planHost, systems, type HostPlanArgs } from "../../../components/host/plan";
import { renderHostScript } from "../../../components/host/script";
import { dataDevice, planArguments, secrets, sshKeys } from "./arguments";
import { judge, judges, judgeVersion, whyNoJudge } from "./cloud-init-schema";

const everything: HostPlanArgs = {
    ...planArguments,
    fqdn: `mx.${"long-label-".repeat(5)}.example.com`,
    authBasicUsername: 'o\'brien $HOME "x"',
    openTcpPorts: Array.from({ length: 100 }, (_, n) => 1000 + n * 7),
    debug: true,
    secretDelivery: "user-data",
};

function render(args: HostPlanArgs): string {
    return renderCloudConfig(planHost(args), { dataDevice, secrets, ...sshKeys });
}

interface CloudConfig {
    write_files: { path: string; permissions: string; encoding: string; content: string }[];
}

/** User data with its compressed script as readable text: what a search for secrets has to look at. */
function unpacked(userData: string): string {
    const { write_files: files } = parse(userData) as CloudConfig;
    return [
        userData,
        ...files.map((file) => gunzipSync(Buffer.from(file.content, "base64")).toString()),
    ].join("\n");
}

describe("user data", () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-user-data-"));
    after(() => fs.rmSync(folder, { recursive: true }));

    test("leaves names, keys and logins to cloud-init and all else to the host script", () => {
        const config = parse(render(planArguments)) as CloudConfig & Record<string, unknown>;
        const { write_files: files, ...rest } = config;
        assert.deepEqual(rest, {
            hostname: "mx",
            fqdn: "mx.example.com",
            manage_etc_hosts: false,
            users: [{ name: "root" }],
            disable_root: false,
            ssh_pwauth: false,
            ssh_authorized_keys: sshKeys.authorizedKeys,
            ssh_deletekeys: true,
            ssh_keys: {
                ed25519_private: sshKeys.hostKey.privateKey,
                ed25519_public: sshKeys.hostKey.publicKey.trim(),
            },
            ssh: { emit_keys_to_console: false },
            runcmd: [
                [
                    "bash",
                    "-c",
                    "MAILHOST_FIRST_BOOT=yes bash /run/mailhost/first-boot.sh || { mkdir -p /var/lib/mailhost && touch /var/lib/mailhost/first-boot-failed; }",
                ],
            ],
        });
        assert.equal(files.length, 1);
        assert.deepEqual(
            { ...files[0], content: "" },
            {
                path: "/run/mailhost/first-boot.sh",
                permissions: "0600",
                encoding: "gz+b64",
                content: "",
            },
        );
        assert.equal(
            gunzipSync(Buffer.from(files[0]?.content ?? "", "base64")).toString(),
            renderHostScript(planHost(planArguments), { dataDevice }),
        );
    });

    for (const system of systems) {
        test(`of ${system} stays below 32 KiB with every option on`, () => {
            const size = Buffer.byteLength(render({ ...everything, system }));
            // Some of it is left, so that later parts have room.
            assert.ok(size < 24 * 1024, `${size} bytes`);
        });
    }

    test("leaves more than a third of its room with the defaults", () => {
        const size = Buffer.byteLength(render(planArguments));
        assert.ok(size < 20 * 1024, `${size} bytes`);
    });

    test("begins as cloud-init demands and is the same for the same input", () => {
        assert.match(render(everything), /^#cloud-config\n/);
        assert.equal(render(everything), render(everything));
    });

    test("holds secrets only where they were asked for", () => {
        for (const secret of Object.values(secrets)) {
            assert.ok(!unpacked(render(planArguments)).includes(secret));
        }
        const open = unpacked(render({ ...planArguments, secretDelivery: "user-data" }));
        assert.ok(open.includes(`dns_cloudflare_api_token = ${secrets.cloudflareApiToken}\n`));
        assert.ok(open.includes("export AUTH_BASIC_PASSWORD='p'\\''a\"s$s `w` \\o rd'\n"));
    });

    for (const suite of judges) {
        test(`is valid for the cloud-init of Debian ${suite}`, (t) => {
            const reason = whyNoJudge();
            if (reason !== undefined) return t.skip(reason);
            assert.equal(judgeVersion(suite).slice(0, 4), suite === "bookworm" ? "22.4" : "25.1");
            for (const [name, args] of Object.entries({ plain: planArguments, everything })) {
                const file = path.join(folder, `${suite}-${name}`);
                fs.writeFileSync(file, render(args));
                const { valid, output } = judge(suite, file);
                assert.ok(valid, output);
                assert.doesNotMatch(output, /deprecat/i);
            }
            const wrong = path.join(folder, "wrong");
            fs.writeFileSync(wrong, "#cloud-config\nruncmd: 7\n");
            assert.equal(judge(suite, wrong).valid, false);
        });
    }
});
