import { spawn, type SpawnOptions } from "node:child_process";

export interface Finished {
    /** Exit code; 128 + signal number's place is taken by 1 when a signal ended it; 127 when it could not start. */
    code: number;
    stdout: string;
    stderr: string;
}

type Options = Pick<SpawnOptions, "cwd" | "env"> & { input?: string; timeoutSeconds?: number };

/** Runs a program to its end and returns what it printed, whatever its exit code. */
export function runQuietly(
    program: string,
    args: string[],
    options: Options = {},
): Promise<Finished> {
    return new Promise((resolve) => {
        const child = spawn(program, args, {
            cwd: options.cwd,
            env: options.env,
            stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
            timeout: (options.timeoutSeconds ?? 0) * 1000,
        });
        let stdout = "";
        let stderr = "";
        child.stdout!.setEncoding("utf8").on("data", (text: string) => (stdout += text));
        child.stderr!.setEncoding("utf8").on("data", (text: string) => (stderr += text));
        child.on("error", (error) =>
            resolve({ code: 127, stdout, stderr: stderr + error.message }),
        );
        child.on("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
        if (options.input !== undefined) {
            // A program may end without reading all of it; its exit code tells.
            child.stdin!.on("error", () => undefined);
            child.stdin!.end(options.input);
        }
    });
}

/**
 * Runs a program to its end and returns its standard output.
 *
 * @throws Error with the command, its exit code and the last 20 lines that it printed.
 */
export async function run(program: string, args: string[], options: Options = {}): Promise<string> {
    const { code, stdout, stderr } = await runQuietly(program, args, options);
    if (code === 0) return stdout;
    const tail = `${stdout}\n${stderr}`.trim().split("\n").slice(-20).join("\n");
    throw new Error(`\`${[program, ...args].join(" ")}\` exited with ${code}:\n${tail}`);
}

/** Runs a program on this terminal and returns its exit code. */
export function runInForeground(
    program: string,
    args: string[],
    options: Pick<SpawnOptions, "cwd" | "env"> = {},
): Promise<number> {
    return new Promise((resolve, reject) => {
        const child = spawn(program, args, { ...options, stdio: "inherit" });
        // Ctrl-C reaches the child through the terminal; we stay to report its end.
        const ignore = () => undefined;
        process.on("SIGINT", ignore);
        child.on("error", reject);
        child.on("close", (code) => {
            process.off("SIGINT", ignore);
            resolve(code ?? 1);
        });
    });
}
