import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { beforeEach, describe, test } from "node:test";
import { describedSecrets } from "../stack-deploy/described-release";
import { host, simulateHost } from "../stack-deploy/simulated-host";
import { fileOf } from "./status-host";

simulateHost();
beforeEach(() => {
    for (const name of ["status", "logs"]) {
        fs.writeFileSync(
            path.join(host.root, "library", name),
            `#!/bin/sh\necho "${name} $*"\n[ ! -e "$FAKE/follow" ] || { echo following; exec /bin/sleep 60; }\n`,
            {
                mode: 0o755,
            },
        );
    }
});

const mailhost = (...words: string[]) => host.run(fileOf("mailhost"), words);

describe("the host's command", () => {
    test("says what there is, and refuses what there is not", async () => {
        const { code, stdout } = await mailhost("help");
        assert.equal(code, 0);
        for (const name of [
            "status",
            "logs",
            "renew",
            "setup",
            "backup",
            "restore",
            "upgrade",
            "menu",
        ])
            assert.match(stdout, new RegExp(`^  ${name}\\b`, "m"));
        const unknown = await mailhost("statsu");
        assert.deepEqual([unknown.code, unknown.stdout], [64, ""]);
        assert.match(unknown.stderr, /^mailhost: error: there is no command statsu\nUsage: /);
        // Not at a terminal.
        assert.equal((await mailhost()).code, 64);
        assert.deepEqual(await mailhost("menu"), {
            code: 64,
            stdout: "",
            stderr: "mailhost: error: the menu needs a terminal: ssh -t gives a command one\n",
        });
    });

    test("sends commands of one's own computer there", async () => {
        assert.deepEqual(await mailhost("dns", "--json"), {
            code: 64,
            stdout: "",
            stderr: "mailhost: error: dns is a command on the computer on which the program is: npx mailhost dns (in a clone: npm run mailhost -- dns)\n",
        });
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
    const terminal = (command = "") => {
        const script = path.join(host.root, "mailhost");
        fs.writeFileSync(script, host.here(fileOf("mailhost")), { mode: 0o755 });
        // exec: else the caller's $SHELL stays between, and some shells die of Ctrl-C in the menu's place.
        return ["script", ["-qec", `exec ${script} ${command}`, "/dev/null"]] as const;
    };
    const environment = () => ({
        ...process.env,
        PATH: `${path.join(host.root, "bin")}:${process.env["PATH"]}`,
        FAKE: host.fake,
        // The caller's may be none that runs anything, as an account of a service has it.
        SHELL: "/bin/sh",
    });
    const begun = () =>
        spawn(...terminal(), {
            env: environment(),
            timeout: 60_000,
            stdio: ["pipe", "pipe", "inherit"],
        });

    /** Types lines at a terminal. */
    function typed(lines: string, command?: string) {
        const { status, stdout } = spawnSync(...terminal(command), {
            input: lines,
            encoding: "utf8",
            env: environment(),
            timeout: 20_000,
        });
        return { status, shown: stdout.replaceAll("\r", "") };
    }

    test("has a name too", () => assert.deepEqual(typed("7\n", "menu"), typed("7\n")));

    test("has the entries of the stack's own, in their order, and the host's behind them", () => {
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
            "  8  Status",
            "  9  Logs",
        ]);
    });

    /** How often the menu was shown. */
    const menus = (shown: string) => shown.split("\n  1  Initial setup\n").length - 1;

    // What is typed stands before or behind the question, whichever comes first.
    const entries: [choice: string, shown: RegExp][] = [
        ["1", /\nstatus \n/],
        ["2", /A backup is not part of this version/],
        ["3", /on a schedule is not part of this version/],
        ["5", /A restore is not part of this version/],
        ["6", /Usage: mailhost COMMAND/],
        ["8", /[ \n]status \n/],
        ["9\n", /[ \n]logs \n/],
        ["9\nmx", /[ \n]logs mx\n/],
        ["9\nmx --since 1h", /[ \n]logs mx --since 1h\n/],
    ];
    for (const [choice, pattern] of entries) {
        for (const [end, keys] of [
            ["q", "q\n"],
            ["Exit", "7\n"],
            ["the end of input", ""],
        ] as const) {
            test(`comes back after entry ${JSON.stringify(choice)}, until ${end}`, () => {
                const { status, shown } = typed(`${choice}\n${keys}`);
                assert.match(shown, pattern);
                assert.equal(menus(shown), 2);
                assert.equal(status, 0);
            });
        }
    }

    test("takes one choice after the other", () => {
        const { status, shown } = typed("2\n8\n9\nmx\nq\n");
        assert.match(
            shown,
            /A backup is not part[\s\S]*[ \n]status \n[\s\S]*[ \n]logs mx\n[\s\S]*Initial setup/,
        );
        assert.deepEqual([status, menus(shown)], [0, 4]);
    });

    test("renews, and comes back from what fails", () => {
        host.set("no-certificates", "");
        const { status, shown } = typed("4\nq\n");
        assert.match(shown, /they can not/);
        assert.deepEqual([status, menus(shown)], [0, 2]);
        assert.deepEqual(host.told("library"), ["certificates renew"]);
    });

    test("comes back from logs that are followed, by Ctrl-C", async () => {
        host.set("follow", "");
        const child = begun();
        let shown = "";
        child.stdout.setEncoding("utf8").on("data", (text: string) => {
            shown += text;
            // Each once, when what it is for has begun.
            if (/Choose.*: $/.test(shown) && menus(shown.replaceAll("\r", "")) === 1)
                child.stdin.write("9\n");
            else if (/Of which.*: $/.test(shown)) child.stdin.write("mx --follow\n");
            else if (/following\r\n$/.test(shown)) child.stdin.write("\x03");
            else if (/Choose.*: $/.test(shown)) child.stdin.write("q\n");
        });
        const [status] = (await once(child, "close")) as [number];
        assert.deepEqual([status, menus(shown.replaceAll("\r", ""))], [0, 2], shown);
    });

    test("asks again for what is none", () => {
        const { status, shown } = typed("0\nq\n");
        assert.match(shown, /There is no entry 0\./);
        assert.deepEqual([status, menus(shown)], [0, 2]);
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
        await logs("stack", "--since", "1h30m");
        assert.deepEqual(host.told("journal-asked"), [
            "--quiet --no-pager --output short-iso --lines 100 --since=today --unit mailhost-renew",
            "--quiet --no-pager --output short-iso --lines 100 --since=-1h30m --unit mailhost-stack",
        ]);
    });

    const lastRenewal = (text: string) => {
        const folder = path.join(host.root, "state", "certificates");
        fs.mkdirSync(folder, { recursive: true });
        fs.writeFileSync(path.join(folder, "last-renew"), `${text}\n`);
    };

    test("of renewals end with what came of the last one, which may have been by hand", async () => {
        lastRenewal("2026-11-26T20:00:00+00:00 ok");
        host.set("journal", "renewed\n");
        assert.deepEqual(await logs("renew"), {
            code: 0,
            stdout: "renewed\nThe last renewal, by the timer or by hand, ended at 2026-11-26T20:00:00+00:00: ok\n",
            stderr: "",
        });
        host.unset("journal");
        assert.deepEqual(await logs("renew"), {
            code: 0,
            stdout: "The last renewal, by the timer or by hand, ended at 2026-11-26T20:00:00+00:00: ok\n",
            stderr: "mailhost: the journal has no entries of renew: mailhost renew by hand says everything where it is called.\n",
        });
    });

    test("of renewals hide secrets in what came of the last one", async () => {
        await host.deploy();
        lastRenewal(`2026-11-26T20:00:00+00:00 failed: with ${describedSecrets.apiSecret}`);
        assert.match((await logs("renew")).stdout, /: failed: with \*\*\*\n$/);
    });

    test("that have no entries say so", async () => {
        await host.deploy();
        const none = async (...words: string[]) => {
            const { code, stdout, stderr } = await logs(...words);
            assert.deepEqual([code, stdout], [0, ""]);
            return stderr;
        };
        assert.equal(
            await none("renew"),
            "mailhost: the journal has no entries of renew: mailhost renew by hand says everything where it is called.\n",
        );
        assert.equal(
            await none("data", "stack", "--since", "1h"),
            "mailhost: the journal has no entries of data stack since 1h. How they are: mailhost status\n",
        );
        assert.equal(
            await none("mx"),
            "mailhost: there are no entries of mx. How the services are: mailhost status\n",
        );
        assert.equal(
            await none("--since", "90s"),
            "mailhost: there are no entries of any service since 90s. How the services are: mailhost status\n",
        );
    });

    test("pass on a last line without an end, and an empty one", async () => {
        host.set("journal", "\n\nno end");
        assert.deepEqual(await logs("stack"), { code: 0, stdout: "\n\nno end\n", stderr: "" });
    });

    const refused: [words: string[], message: RegExp][] = [
        [
            ["imap"],
            /nothing here is called imap\. There are mongodb mx; and data firewall renew stack/,
        ],
        [["--tail"], /logs knows no --tail/],
        [["--since"], /--since wants a value/],
        [["mx", "--since", "noon"], /--since noon: give 90s, 30m or 2h, a day/],
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
