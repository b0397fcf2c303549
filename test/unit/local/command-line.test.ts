// What is typed wrongly is met with help, before anything is set up.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { projectRoot } from "../../../local/paths";

function runIn(folder: string, ...args: string[]) {
    const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ["--import", "tsx", "local/cli.ts", ...args],
        { cwd: folder, encoding: "utf8" },
    );
    return { status, stdout, stderr };
}
const run = (...args: string[]) => runIn(projectRoot, ...args);

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

test("a test file that is not there is refused before anything is built, a folder as well", () => {
    const there = path.join(projectRoot, "test/unit/local/command-line.test.ts");
    const refused = ["test/unit/nothing.test.ts", "test/unit"];
    assert.deepEqual(run("test", "--fast", there, ...refused), {
        status: 1,
        stdout: "",
        stderr: `\nerror: There is no test file ${refused.join(", ")}.\n`,
    });
});

test("dns starts no laptop cloud that is down", (t) => {
    // A checkout of its own, since the command is about the one laptop cloud of its checkout.
    const checkout = fs.mkdtempSync(path.join(os.tmpdir(), "checkout-"));
    t.after(() => fs.rmSync(checkout, { recursive: true }));
    for (const name of ["cli", "program", "components", "local", "package.json", "tsconfig.json"])
        fs.cpSync(path.join(projectRoot, name), path.join(checkout, name), { recursive: true });
    fs.symlinkSync(path.join(projectRoot, "node_modules"), path.join(checkout, "node_modules"));
    assert.deepEqual(runIn(checkout, "local", "dns"), {
        status: 1,
        stdout: "",
        stderr: "\nerror: There is no laptop cloud yet. `npm run local` makes one.\n",
    });

    const cloud = path.join(checkout, ".local/clouds/local");
    fs.mkdirSync(path.join(cloud, "pulumi"), { recursive: true });
    fs.writeFileSync(path.join(cloud, "cloud.json"), JSON.stringify({ kind: "container" }));
    fs.writeFileSync(path.join(cloud, "pulumi/Pulumi.local.yaml"), "config: {}\n");
    assert.deepEqual(runIn(checkout, "local", "dns"), {
        status: 1,
        stdout: "",
        stderr: "\nerror: The laptop cloud is not running. `npm run local` starts it.\n",
    });
    assert.deepEqual(fs.readdirSync(path.join(checkout, ".local")), ["clouds"]);
    assert.deepEqual(fs.readdirSync(cloud).sort(), ["cloud.json", "pulumi"]);
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
