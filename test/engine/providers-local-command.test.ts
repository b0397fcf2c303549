import * as assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, test } from "node:test";
import { commandProvider } from "../../local/providers/command/provider";
import { checkProperties, type Properties } from "../../local/providers/schema";
import { testContext } from "../unit/local/test-context";

const local = commandProvider.resources["command:local:Command"]!;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-local-"));
/** Nobody else's on this computer, and longer than this file may take. */
const sleep = `sleep 86400.${process.pid}`;
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
const asProperties = (value: unknown) => value as Properties;

describe("local.Command", { timeout: 120_000 }, () => {
    after(() => fs.rmSync(folder, { recursive: true }));

    const create = async (inputs: Properties) =>
        (await local.create(inputs, testContext())).outputs;

    test("gives standard input, environment and folder, and keeps both outputs", async () => {
        const outputs = await create({
            create: "cat; echo $A >&2; pwd",
            stdin: "in\n",
            environment: { A: "b" },
            dir: folder,
        });
        assert.equal(outputs.stdout, `in\n${folder}`);
        assert.equal(outputs.stderr, "b");
    });

    test("without a command nothing runs", async () => {
        const outputs = await create({});
        assert.deepEqual(outputs, { stdout: "", stderr: "" });
    });

    test("the interpreter gets the command as its last word", async () => {
        const outputs = await create({ create: "x y", interpreter: ["printf", "%s|"] });
        assert.equal(outputs.stdout, "x y|");
    });

    test("a failure tells status, command and all output, whatever is logged", async () => {
        const context = testContext();
        await assert.rejects(
            Promise.resolve(
                local.create(
                    { create: "echo out; echo err >&2; exit 3", logging: "none" },
                    context,
                ),
            ),
            { message: 'exit status 3: running "echo out; echo err >&2; exit 3":\nout\nerr\n' },
        );
        assert.deepEqual(context.said, []);
    });

    test("output is shown line by line, as far as it is to be logged", async () => {
        for (const [logging, shown] of [
            [undefined, ["a", "b"]],
            ["stdout", ["a"]],
            ["stderr", ["b"]],
            ["none", []],
        ] as const) {
            const context = testContext();
            await local.create(asProperties({ create: "echo a; echo b >&2", logging }), context);
            assert.deepEqual(context.said.sort(), shown);
        }
    });

    test("a missing folder is named", async () => {
        await assert.rejects(create({ create: "true", dir: "/nowhere" }), {
            message: /^no such folder "\/nowhere", or no such interpreter/,
        });
    });

    test("update runs update, else create, and both know the output before", async () => {
        const inputs = { create: "echo first", update: "echo $PULUMI_COMMAND_STDOUT second" };
        const old = { id: "x", inputs, outputs: { ...inputs, stdout: "first", stderr: "" } };
        const updated = (news: Properties) => local.update!(old, news, testContext());
        assert.equal((await updated(inputs)).outputs.stdout, "first second");
        assert.equal((await updated({ create: "echo again" })).outputs.stdout, "again");
        const without = { ...inputs, addPreviousOutputInEnv: false };
        assert.equal((await updated(without)).outputs.stdout, "second");
        assert.equal((await updated({})).outputs.stdout, "first");
    });

    test("cancelling ends what the command started", async () => {
        const cancellation = new AbortController();
        const file = path.join(folder, "cancelled");
        const made = local.create(
            { create: `sh -c 'echo $$ > ${file}; ${sleep}'; true` },
            testContext(cancellation.signal),
        );
        while (!fs.existsSync(file) || fs.readFileSync(file, "utf8") === "") {
            await pause();
        }
        cancellation.abort();
        await assert.rejects(Promise.resolve(made), { message: /^signal: SIGKILL/ });
        const pid = Number(fs.readFileSync(file, "utf8"));
        // What is killed beside it ends a moment later.
        while (!/^[ZX]?$/.test(processState(pid))) await pause();
    });

    test("assets are refused", () => {
        const { failures } = checkProperties(local.inputs, { assetPaths: ["*"] });
        assert.deepEqual(failures, [
            { path: "assetPaths", reason: "The simulated command provider returns no assets." },
        ]);
    });
});

/** One letter, `Z` for one that has ended and waits to be counted; empty for none. */
function processState(pid: number): string {
    const listed = spawnSync("ps", ["-o", "state=", "-p", String(pid)], { encoding: "utf8" });
    return listed.stdout.trim();
}

test("no process of a command is left", { timeout: 60_000 }, async () => {
    const listed = () => execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }).split("\n");
    while (listed().includes(sleep)) await pause();
});
