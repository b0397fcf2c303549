import type { Client, ClientChannel } from "ssh2";
import { resource, type Context } from "../handler";
import type { Values } from "../schema";
import { dial } from "./dial";
import { lifecycle, type Printed } from "./lifecycle";
import { Output, previousOutput } from "./output";
import { commandInputs, commandOutputs, connection } from "./properties";

const inputs = { ...commandInputs, connection } as const;

type Inputs = Values<typeof inputs>;

/** A command on another host, over SSH. Has no read: a refresh notices nothing. */
export const remoteCommand = resource({
    inputs,
    outputs: commandOutputs,
    ...lifecycle<Inputs>(run),
});

async function run(
    command: string,
    given: Inputs,
    previous: Printed,
    context: Context,
): Promise<{ stdout: string; stderr: string }> {
    const client = await dial(given.connection, context);
    try {
        const handedOver = previousOutput(given, previous);
        const env = { ...handedOver, ...given.environment };
        for (const name of await refusedVariables(client, env)) {
            const advice = `Unable to set '${name}'. This only works if your SSH server is configured to accept these variables via AcceptEnv; or put 'VAR=value' before the command itself.`;
            if (Object.hasOwn(given.environment ?? {}, name)) {
                context.log("error", advice);
                throw new Error(`could not set environment variable "${name}": ssh: setenv failed`);
            }
            context.log("warning", advice);
        }
        const output = new Output(context, given.logging);
        const reason = await execute(client, command, env, given.stdin, output);
        if (reason !== undefined) throw output.failure(reason, command);
        return output.result();
    } finally {
        client.end();
    }
}

/**
 * Which variables the host doesn't accept. The library sends them without asking for an answer, so they are sent to
 * a command that shows what has arrived.
 */
async function refusedVariables(client: Client, env: Record<string, string>): Promise<string[]> {
    const names = Object.keys(env);
    if (names.length === 0) return [];
    const seen = new Output({ status: () => undefined } as unknown as Context, "none");
    await execute(client, "env -0", env, undefined, seen);
    const arrived = new Set(seen.all.split("\0").map((line) => line.split("=")[0]));
    return names.filter((name) => !arrived.has(name));
}

/** @returns why it failed, or undefined. */
function execute(
    client: Client,
    command: string,
    env: Record<string, string>,
    stdin: string | undefined,
    output: Output,
): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
        // A command may be over in the same packet that says that it has begun: who listens later misses its status.
        client.exec(command, { env }, (error, channel) => {
            if (error) reject(error);
            else follow(channel, output, resolve).end(stdin ?? "");
        });
    });
}

function follow(
    channel: ClientChannel,
    output: Output,
    ended: (reason: string | undefined) => void,
): ClientChannel {
    let ending: string | undefined =
        "wait: remote command exited without exit status or exit signal";
    channel.on("data", (chunk: Buffer) => output.add("stdout", chunk));
    channel.stderr.on("data", (chunk: Buffer) => output.add("stderr", chunk));
    // Whether the command read its input shows in its exit status, as with the real one.
    channel.on("error", () => undefined);
    channel.on("exit", (code: number | null, signal?: string) => {
        if (code === 0) ending = undefined;
        else if (code !== null) ending = `Process exited with status ${code}`;
        else ending = `Process exited with status 128 from signal ${signal?.replace(/^SIG/, "")}`;
    });
    return channel.on("close", () => ended(ending));
}
