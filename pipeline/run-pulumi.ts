import { spawn } from "node:child_process";
import type { Finished } from "../cli/run-program";

/** Runs `pulumi` with these arguments in the project's folder. */
export type RunPulumi = (args: string[], options?: { shown?: boolean }) => Promise<Finished>;

/**
 * `pulumi` from PATH in a process group of its own, so that a cancelled run reaches it once and through us: asked once,
 * the engine ends what runs and unlocks the stack; asked twice, it leaves the stack locked.
 *
 * @param shown what it prints goes to this process's own output as well.
 */
export const runPulumi: RunPulumi = (args, { shown = false } = {}) =>
    new Promise((resolve) => {
        const child = spawn("pulumi", [...args, "--non-interactive"], {
            stdio: ["ignore", "pipe", "pipe"],
            detached: true,
        });
        let asked = false;
        const ask = () => {
            if (!asked && child.pid) child.kill("SIGINT");
            asked = true;
        };
        process.on("SIGINT", ask).on("SIGTERM", ask);
        const ended = (finished: Finished) => {
            process.off("SIGINT", ask).off("SIGTERM", ask);
            resolve(finished);
        };
        let stdout = "";
        let stderr = "";
        child.stdout.setEncoding("utf8").on("data", (text: string) => {
            stdout += text;
            if (shown) process.stdout.write(text);
        });
        child.stderr.setEncoding("utf8").on("data", (text: string) => {
            stderr += text;
            if (shown) process.stderr.write(text);
        });
        child.on("error", ({ message }) => ended({ code: 127, stdout, stderr: stderr + message }));
        child.on("close", (code) => ended({ code: code ?? 1, stdout, stderr }));
    });

/** @throws Error with the last lines that a failed `pulumi` printed. */
export function expectSuccess(what: string, { code, stdout, stderr }: Finished): string {
    if (code === 0) return stdout;
    const tail = `${stdout}\n${stderr}`.trim().split("\n").slice(-20).join("\n");
    throw new Error(`${what} failed (exit code ${code}):\n${tail}`);
}
