// What is typed wrongly is met with help, before anything is set up.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { projectRoot } from "../../../local/paths";

function run(...args: string[]) {
    const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ["--import", "tsx", "local/cli.ts", ...args],
        { cwd: projectRoot, encoding: "utf8" },
    );
    return { status, stdout, stderr };
}

test("a mistyped command is named, with the one that is meant, whatever options follow it", () => {
    const expected = {
        status: 1,
        stdout: "",
        stderr: "\nerror: There is no command statsu. Did you mean status? There are up, down, status, ssh, dns, recover, pin.\n",
    };
    assert.deepEqual(run("local", "statsu"), expected);
    assert.deepEqual(run("local", "statsu", "--json"), expected);
});

test("an option of `up` that is none, and an argument too many, are not taken for a command", () => {
    assert.match(run("local", "--machin", "vm").stderr, /unknown option '--machin'/);
    assert.match(run("local", "up", "host").stderr, /too many arguments for 'up'/);
});

test("a test file that is not there is refused before anything is built", () => {
    assert.deepEqual(run("test", "--fast", "test/unit/nothing.test.ts"), {
        status: 1,
        stdout: "",
        stderr: "\nerror: There is no test file test/unit/nothing.test.ts.\n",
    });
});

test("help says what is to be typed, dashes included", () => {
    assert.match(
        run("local", "--help").stdout,
        /^Usage: npm run local -- \[options\] \[command\]$/m,
    );
    assert.match(
        run("local", "down", "--help").stdout,
        /^Usage: npm run local -- down \[options\]$/m,
    );
    assert.match(run("bench", "--help").stdout, /^Usage: npm run bench -- \[options\] <name>$/m);
});
