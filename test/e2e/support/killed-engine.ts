import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { recover } from "../../../cli/recover";
import type { Recovery } from "../../../cli/recovery-plan";
import { stackName } from "../../../local/engine/stack";
import { eventually, type TestLaptop } from "./test-laptop";

/** What kills the engine of a laptop at chosen moments, and what comes after. */
export function killedEngine(laptop: () => TestLaptop) {
    /** Starts `pulumi up`, waits for the moment, kills the engine, and waits until its plugins are gone too. */
    async function killAt(moment: () => Promise<boolean>): Promise<void> {
        const args = laptop().stack.arguments([
            "up",
            "--yes",
            "--skip-preview",
            "--non-interactive",
        ]);
        const engine = spawn("pulumi", args, {
            cwd: laptop().stack.project,
            env: laptop().stack.environment,
            stdio: ["ignore", "pipe", "pipe"],
        });
        let printed = "";
        for (const stream of [engine.stdout, engine.stderr]) {
            stream.setEncoding("utf8").on("data", (text: string) => (printed += text));
        }
        const ended = new Promise<NodeJS.Signals | null>((resolve) =>
            engine.on("exit", (_code, signal) => resolve(signal)),
        );
        let signal: NodeJS.Signals | null | undefined;
        void ended.then((s) => (signal = s));
        await eventually(
            async () => signal !== undefined || (await moment()),
            600,
            "the moment to kill has come",
        );
        assert.equal(
            signal,
            undefined,
            `the engine ended by itself before the moment came:\n${printed}`,
        );
        process.kill(engine.pid!, "SIGKILL");
        assert.equal(await ended, "SIGKILL");
        await eventually(
            () => Promise.resolve(laptop().engineProcesses().length === 0),
            180,
            "the plugins have ended",
        );
    }

    /** How many requests have been committed and left without an answer. */
    const hanging = () =>
        laptop()
            .requestLog()
            .filter(({ status }) => status === "hang").length;

    /** A create whose answer never comes: the object exists, and the engine does not know. */
    async function killInWindow(method: string, path: string): Promise<void> {
        const count = hanging();
        await laptop().api("POST", "/_laptop/faults", {
            method,
            path: `^${path}$`,
            kind: "hang-after-commit",
        });
        await killAt(() => Promise.resolve(hanging() > count));
        await laptop().api("DELETE", "/_laptop/faults");
    }

    async function recovered(): Promise<{ done: Recovery; said: string }> {
        const lines: string[] = [];
        const done = await recover({
            stack: stackName,
            pulumi: (args, options) => laptop().stack.pulumi(args, options),
            say: (line) => lines.push(line),
        });
        assert.deepEqual(done.unknown, []);
        return { done, said: lines.join("\n") };
    }

    return { killAt, killInWindow, recovered };
}
