import { spawn, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withSystemPrograms } from "./machines/disk";

const startSeconds = 30;
const stopSeconds = 10;

export interface ChildServerOptions {
    /** As a person knows it, e.g. `The DNS server (knotd)`. */
    title: string;
    program: string;
    args: readonly string[];
    /** Where it runs; holds its log. */
    directory: string;
    /** Name of its log, which is written anew. Only its owner reads it. */
    log: string;
    /** Where it is to answer. */
    address: { host: string; port: number };
    /** @default this process's */
    environment?: NodeJS.ProcessEnv;
    /** Whether it answers; a rejection counts as not yet. */
    isReady(): Promise<boolean>;
}

/** A program that serves the laptop cloud and ends with this process, however that ends. */
export class ChildServer {
    private constructor(private readonly child: ChildProcess) {}

    /**
     * Starts a server and waits until it answers.
     *
     * @throws Error with what it said when it does not.
     */
    static async start(options: ChildServerOptions): Promise<ChildServer> {
        const { title, program, args, directory, address } = options;
        const logFile = path.join(directory, options.log);
        const log = fs.openSync(logFile, "w", 0o600);
        // The kernel ends it when this process ends, even by SIGKILL.
        const child = spawn("setpriv", ["--pdeathsig", "KILL", program, ...args], {
            cwd: directory,
            env: withSystemPrograms(options.environment),
            stdio: ["ignore", log, log],
        });
        fs.closeSync(log);
        let ended: string | undefined;
        child.once("error", (error) => (ended = error.message));
        child.once("exit", (code, signal) => (ended = `it ended with ${signal ?? code}`));
        for (let waited = 0; waited < startSeconds * 1000 && !ended; waited += 20) {
            if (await options.isReady().catch(() => false)) return new ChildServer(child);
            await sleep(20);
        }
        child.kill("SIGKILL");
        const said = fs.readFileSync(logFile, "utf8").trim();
        throw new Error(
            `${title} did not start at ${address.host} port ${address.port}: ${ended ?? `it is not ready after ${startSeconds} s`}. It said:\n${said}`,
        );
    }

    async stop(): Promise<void> {
        const { child } = this;
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGTERM");
        const force = setTimeout(() => child.kill("SIGKILL"), stopSeconds * 1000);
        await ended;
        clearTimeout(force);
    }
}
