import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { hostCommands } from "../../../cli/host-commands";
import { runQuietly } from "../../../cli/run-program";
import { projectRoot } from "../../../local/paths";

const mailhost = (...args: string[]) =>
    runQuietly(process.execPath, ["--import", "tsx", "cli/main.ts", ...args], { cwd: projectRoot });

test("says its version", async () => {
    const manifest = fs.readFileSync(path.join(projectRoot, "package.json"), "utf8");
    const { version } = JSON.parse(manifest) as { version: string };
    assert.deepEqual(await mailhost("--version"), { code: 0, stdout: `${version}\n`, stderr: "" });
});

test("a command of the host is not taken for one of this computer's", async () => {
    assert.deepEqual(await mailhost("logs", "mx", "--follow"), {
        code: 1,
        stdout: "",
        stderr: "error: `mailhost logs` is a command of the host itself: log in with what `pulumi stack output sshCommand` prints, and type it there.\n",
    });
});

test("here and on the host each command knows those of the other", async () => {
    const onHost = fs.readFileSync(path.join(projectRoot, "cloud-init/host/mailhost.sh"), "utf8");
    const names = (usage: string) =>
        [...usage.matchAll(/^ {2}([a-z]+) .* {2}\S/gm)]
            .map(([, name]) => name!)
            .filter((name) => name !== "help")
            .sort();
    const [usage = ""] = /Usage: .*?END/s.exec(onHost) ?? [];
    assert.deepEqual(names(usage), [...hostCommands].sort());
    const [, here = ""] = /^Commands:\n(.*)/ms.exec((await mailhost("--help")).stdout) ?? [];
    const [, known] =
        /^ +([a-z |]+)\)\n +fail "\$1 is a command on the computer/m.exec(onHost) ?? [];
    assert.deepEqual(known?.split(" | ").sort(), names(here));
});
