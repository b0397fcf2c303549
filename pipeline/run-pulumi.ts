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
        child.on("error", ({ message }) =>
            ended({
                code: 127,
                stdout,
                stderr: `${stderr}${message}\nIs \`pulumi\` on PATH? Install it: https://www.pulumi.com/docs/install/`,
            }),
        );
        child.on("close", (code) => ended({ code: code ?? 1, stdout, stderr }));
    });

/** The last lines that `pulumi` printed. */
export function lastLines({ stdout, stderr }: Finished): string {
    return `${stdout}\n${stderr}`.trim().split("\n").slice(-20).join("\n");
}

/** @throws Error with the last lines that a failed `pulumi` printed. */
export function expectSuccess(what: string, finished: Finished): string {
    if (finished.code === 0) return finished.stdout;
    throw new Error(`${what} failed (exit code ${finished.code}):\n${lastLines(finished)}`);
}

/** What `pulumi preview --json` printed. @throws Error when it failed before it wrote the document. */
export function previewDocument(finished: Finished): string {
    // What went wrong before the program ran, such as an unknown stack, is not in the document.
    if (!finished.stdout.trimStart().startsWith("{")) expectSuccess("The preview", finished);
    return finished.stdout;
}

/** The stack's state, as `pulumi stack export` prints it. @throws Error when it can't be read. */
export async function readState(stack: string, pulumi: RunPulumi): Promise<string> {
    return expectSuccess("Reading the state", await pulumi(["stack", "export", "--stack", stack]));
}
