import { spawn } from "node:child_process";
import { resource, type Context } from "../handler";
import type { Values } from "../schema";
import { lifecycle, type Printed } from "./lifecycle";
import { Output, previousOutput } from "./output";
import { commandInputs, commandOutputs } from "./properties";
import { routedPath } from "./routed-ssh";

const inputs = {
    ...commandInputs,
    dir: { type: "string" },
    interpreter: { type: "array", items: { type: "string" } },
    assetPaths: {
        type: "array",
        items: { type: "string" },
        refused: "The simulated command provider returns no assets.",
    },
    archivePaths: {
        type: "array",
        items: { type: "string" },
        refused: "The simulated command provider returns no archives.",
    },
} as const;

type Inputs = Values<typeof inputs>;

/** A process on this computer. */
export const localCommand = resource({
    inputs,
    outputs: commandOutputs,
    ...lifecycle<Inputs>(run),
});

const running = new Set<number>();
// A process that outlived the engine would go on changing what the next `up` changes.
process.on("exit", () => {
    for (const pid of running) kill(pid);
});

function kill(pid: number): void {
    try {
        process.kill(-pid, "SIGKILL");
    } catch {
        // It ended meanwhile.
    }
}

function run(
    command: string,
    given: Inputs,
    previous: Printed,
    context: Context,
): Promise<{ stdout: string; stderr: string }> {
    const [program = "/bin/sh", ...words] = given.interpreter?.length
        ? given.interpreter
        : ["/bin/sh", "-c"];
    const output = new Output(context, given.logging);
    const child = spawn(program, [...words, command], {
        cwd: given.dir,
        env: {
            ...process.env,
            PATH: routedPath(process.env["PATH"] ?? ""),
            ...given.environment,
            ...previousOutput(given, previous),
        },
        // A group of its own, so that cancelling ends what the shell started too.
        detached: true,
    });
    const { pid } = child;
    if (pid !== undefined) {
        running.add(pid);
        context.signal.addEventListener("abort", () => kill(pid), { once: true });
    }
    child.stdout.on("data", (chunk: Buffer) => output.add("stdout", chunk));
    child.stderr.on("data", (chunk: Buffer) => output.add("stderr", chunk));
    // A command that doesn't read its input closes it: no fault.
    child.stdin.on("error", () => undefined);
    child.stdin.end(given.stdin ?? "");
    return new Promise((resolve, reject) => {
        child.on("error", (error) =>
            reject(output.failure(startFailure(error, given.dir), command)),
        );
        child.on("close", (code, signal) => {
            if (pid !== undefined) running.delete(pid);
            if (code === 0) resolve(output.result());
            else
                reject(
                    output.failure(signal ? `signal: ${signal}` : `exit status ${code}`, command),
                );
        });
    });
}

/** Node says "spawn sh ENOENT" of a missing folder as well. */
function startFailure(error: NodeJS.ErrnoException, dir: string | undefined): string {
    return error.code === "ENOENT" && dir !== undefined
        ? `no such folder "${dir}", or no such interpreter (${error.message})`
        : error.message;
}
