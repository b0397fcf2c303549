import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";

const root = path.join(__dirname, "../../..");
const program = `
    const { runSteps } = require("./local/progress");
    void runSteps([
        { title: "Engine", run: async () => "it is there" },
        { title: "Image", run: async () => {} },
    ]);
`;
const node = [process.execPath, "--import", "tsx", "-e", program];

test("a skipped step has its title once, and why, without a terminal", () => {
    const { status, stdout, stderr } = spawnSync(node[0]!, node.slice(1), {
        cwd: root,
        encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    // A CI may ask for colours (FORCE_COLOR).
    const lines = stripVTControlCharacters(stdout + stderr)
        .split("\n")
        .map((line) => line.trim());
    assert.deepEqual(
        lines.filter((line) => line.includes("Engine")),
        ["❯ Engine", "↓ Engine [SKIPPED: it is there]"],
    );
});

test("a skipped step has its title, and why, on a terminal", () => {
    const quoted = node.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    const { status, stdout } = spawnSync(
        "script",
        ["-qec", `stty cols 100; ${quoted}`, "/dev/null"],
        {
            cwd: root,
            encoding: "utf8",
            env: { ...process.env, LC_ALL: "C.UTF-8", TERM: "xterm", SHELL: "/bin/sh" },
        },
    );
    assert.equal(status, 0, stdout);
    const lines = stripVTControlCharacters(stdout).split(/[\r\n]+/);
    assert.ok(
        lines.some((line) => line.trim() === "↓ Engine: it is there"),
        stdout,
    );
});
