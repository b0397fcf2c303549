import { randomBytes } from "node:crypto";
import { StringDecoder } from "node:string_decoder";
import type { Context } from "../handler";

/** Which of a command's streams are shown while it runs. */
export type Logging = "stdout" | "stderr" | "stdoutAndStderr" | "none";

/** Collects what a command prints, and shows it line by line as far as `logging` has it. */
export class Output {
    private readonly texts = { stdout: "", stderr: "" };
    private readonly decoders = { stdout: new StringDecoder(), stderr: new StringDecoder() };
    private readonly unfinished = { stdout: "", stderr: "" };
    /** Both streams as they came. */
    all = "";

    constructor(
        private readonly context: Context,
        private readonly logging: Logging = "stdoutAndStderr",
    ) {}

    /** Takes the next piece of a stream. */
    add(stream: "stdout" | "stderr", chunk: Buffer): void {
        const text = this.decoders[stream].write(chunk);
        this.texts[stream] += text;
        this.all += text;
        if (this.logging !== stream && this.logging !== "stdoutAndStderr") return;
        const lines = (this.unfinished[stream] + text).split("\n");
        this.unfinished[stream] = lines.pop()!;
        for (const line of lines) this.context.status(line);
    }

    /** The resource's outputs: each stream without its last line break. */
    result(): { stdout: string; stderr: string } {
        return {
            stdout: this.texts.stdout.replace(/\n$/, ""),
            stderr: this.texts.stderr.replace(/\n$/, ""),
        };
    }

    /** The error of a command that failed. As the real one does, it shows all output whatever `logging` says. */
    failure(reason: string, command: string): Error {
        return new Error(`${reason}: running ${JSON.stringify(command)}:\n${this.all}`);
    }
}

/** Variables that hand a command its predecessor's output, unless `addPreviousOutputInEnv` is false. */
export function previousOutput(
    inputs: { addPreviousOutputInEnv?: boolean },
    previous: { stdout?: unknown; stderr?: unknown },
): Record<string, string> {
    if (inputs.addPreviousOutputInEnv === false) return {};
    const variables: Record<string, string> = {};
    if (typeof previous.stdout === "string" && previous.stdout !== "") {
        variables["PULUMI_COMMAND_STDOUT"] = previous.stdout;
    }
    if (typeof previous.stderr === "string" && previous.stderr !== "") {
        variables["PULUMI_COMMAND_STDERR"] = previous.stderr;
    }
    return variables;
}

/** The id of a new command: its name and eight random characters. */
export function newId(name: string): string {
    return name + randomBytes(4).toString("hex");
}
