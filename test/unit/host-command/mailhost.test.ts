import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { hostCommandFiles } from "../../../components/host/host-command";
import { describedSecrets } from "../stack-deploy/described-release";
import { SimulatedHost } from "../stack-deploy/simulated-host";

const fileOf = (name: string) =>
    hostCommandFiles().find(({ path: file }) => file.endsWith(`/${name}`))!.content;

let host: SimulatedHost;
beforeEach(() => {
    host = new SimulatedHost();
    for (const name of ["status", "logs"]) {
        fs.writeFileSync(path.join(host.root, "library", name), `#!/bin/sh\necho "${name} $*"\n`, {
            mode: 0o755,
        });
    }
});
afterEach(() => host.remove());

const mailhost = (...words: string[]) => host.run(fileOf("mailhost"), words);

describe("the host's command", () => {
    test("says what there is, and refuses what there is not", async () => {
        const { code, stdout } = await mailhost("help");
        assert.equal(code, 0);
        for (const name of ["status", "logs", "renew", "setup", "backup", "restore", "upgrade"])
            assert.match(stdout, new RegExp(`^  ${name}\\b`, "m"));
        const unknown = await mailhost("statsu");
        assert.deepEqual([unknown.code, unknown.stdout], [64, ""]);
        assert.match(unknown.stderr, /^mailhost: error: there is no command statsu\nUsage: /);
        // Not at a terminal.
        assert.equal((await mailhost()).code, 64);
    });

    test("hands on what others do", async () => {
        assert.equal((await mailhost("status", "--json")).stdout, "status --json\n");
        assert.equal((await mailhost("logs", "mx", "-f")).stdout, "logs mx -f\n");
        assert.match((await mailhost("setup")).stdout, /pulumi up there\.[\s\S]*\nstatus \n$/);
        await mailhost("renew", "--force");
        assert.deepEqual(host.told("library"), ["certificates renew --force"]);
    });

    for (const name of ["backup", "restore", "upgrade"]) {
        test(`${name} says that it is not there, and fails`, async () => {
            const { code, stderr } = await mailhost(name);
            assert.equal(code, 1);
            assert.match(
                stderr,
                /^mailhost: error: .* is not part of this version: nothing was done\. /,
            );
        });
    }

    test("renews as root alone", async () => {
        host.set("uid", "1000");
        assert.deepEqual(await mailhost("renew"), {
            code: 1,
            stdout: "",
            stderr: "mailhost: error: certificates are root's: sudo mailhost renew\n",
        });
    });
});

describe("the menu", () => {
    /** Types lines at a terminal. */
    function typed(lines: string) {
        const script = path.join(host.root, "mailhost");
        fs.writeFileSync(script, host.here(fileOf("mailhost")), { mode: 0o755 });
        const { status, stdout } = spawnSync("script", ["-qec", script, "/dev/null"], {
            input: lines,
            encoding: "utf8",
            env: {
                ...process.env,
                PATH: `${path.join(host.root, "bin")}:${process.env["PATH"]}`,
                FAKE: host.fake,
            },
            timeout: 20_000,
        });
        return { status, shown: stdout.replaceAll("\r", "") };
    }

    test("has the entries of the stack's own, in their order", () => {
        const { status, shown } = typed("7\n");
        assert.equal(status, 0);
        assert.deepEqual(shown.match(/^ {2}\d {2}.*$/gm), [
            "  1  Initial setup",
            "  2  Setup Backups",
            "  3  Setup Auto Upgrades",
            "  4  Renew certificates",
            "  5  Restore from Backup",
            "  6  Help",
            "  7  Exit",
        ]);
    });

    const entries: [choice: string, status: number, shown: RegExp][] = [
        ["1", 0, /\nstatus \n/],
        ["2", 1, /A backup is not part of this version/],
        ["3", 1, /on a schedule is not part of this version/],
        ["5", 1, /A restore is not part of this version/],
        ["6", 0, /Usage: mailhost COMMAND/],
    ];
    for (const [choice, expected, pattern] of entries) {
        test(`entry ${choice}`, () => {
            const { status, shown } = typed(`${choice}\n`);
            assert.match(shown, pattern);
            assert.equal(status, expected);
        });
    }

    test("renews", () => {
        assert.equal(typed("4\n").status, 0);
        assert.deepEqual(host.told("library"), ["certificates renew"]);
    });

    test("asks again for what is none", () => {
        const { status, shown } = typed("9\n7\n");
        assert.match(shown, /There is no entry 9\./);
        assert.equal(status, 0);
    });
});

describe("the logs", () => {
    const logs = (...words: string[]) => host.run(fileOf("logs"), words);

    test("of services come from compose, without secrets", async () => {
        await host.deploy();
        host.set("logs", `mx  | key ${describedSecrets.apiSecret}\n`);
        const { code, stdout } = await logs("mx", "--since", "1h", "--lines", "5", "-f");
        assert.deepEqual([code, stdout], [0, "mx  | key ***\n"]);
        assert.match(
            host.told("calls").at(-1)!,
            / logs --no-color --timestamps --tail 5 --follow --since 1h mx$/,
        );
        await logs();
        assert.match(host.told("calls").at(-1)!, / logs --no-color --timestamps --tail 100$/);
    });

    test("of units come from the journal", async () => {
        host.set("journal", "renewed\n");
        assert.equal((await logs("renew", "--since", "today")).stdout, "renewed\n");
        assert.deepEqual(host.told("journal-asked"), [
            "--quiet --no-pager --output short-iso --lines 100 --since today --unit mailhost-renew",
        ]);
    });

    const refused: [words: string[], message: RegExp][] = [
        [
            ["imap"],
            /nothing here is called imap\. There are mongodb mx; and data firewall renew stack/,
        ],
        [["--tail"], /logs knows no --tail/],
        [["--since"], /--since wants a value/],
        [["--lines", "x"], /--lines x: give a number, or all/],
        [["mx", "renew"], /shown apart/],
    ];
    for (const [words, message] of refused) {
        test(`refuse ${words.join(" ")}`, async () => {
            await host.deploy();
            const { code, stdout, stderr } = await logs(...words);
            assert.deepEqual([code, stdout], [64, ""]);
            assert.match(stderr, message);
        });
    }

    test("before a deployment", async () => {
        const { code, stderr } = await logs();
        assert.equal(code, 1);
        assert.match(stderr, /^mailhost: error: nothing is deployed yet/);
    });
});
