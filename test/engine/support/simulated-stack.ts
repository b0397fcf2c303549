import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type * as pulumi from "@pulumi/pulumi";
import { LocalWorkspace, PulumiCommand, type Stack } from "@pulumi/pulumi/automation";
import { ensureEngine } from "../../../local/engine/find-engine";
import { runQuietly, type Finished } from "../../../cli/run-program";
import { installPlugins } from "../../../local/providers/install";

type Outputs = Record<string, unknown> | void;

/** Registers resources, and returns the outputs if there are any. */
export type Program = () => Outputs | Promise<Outputs>;

/**
 * What an inline program still asks of an engine that has failed and ended is rejected with nobody left to catch it,
 * at any time after. In a process of its own the program would be gone by then; here the test runner would take it for
 * a failure of whichever test runs. Everything else reaches the runner as ever.
 */
function ignoreRequestsToEndedEngines(): void {
    const listeners = process.listeners("unhandledRejection");
    if (listeners.includes(passOn)) return;
    runners.push(...listeners);
    process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", passOn);
}

const runners: NodeJS.UnhandledRejectionListener[] = [];

function passOn(reason: unknown, promise: Promise<unknown>): void {
    if (reason instanceof Error && reason.message === "Resource monitor is terminating") return;
    for (const listener of runners) listener.call(process, reason, promise);
}

/** A stack of the real engine with the simulated providers, in a temporary folder of its own. */
export class SimulatedStack {
    private constructor(
        /** Its PULUMI_HOME, state and backend; marks its processes too. */
        readonly folder: string,
        private readonly stack: Stack,
    ) {}

    /** @param config plain stack configuration. */
    static async create(config: Record<string, string> = {}): Promise<SimulatedStack> {
        ignoreRequestsToEndedEngines();
        const engine = await ensureEngine(console.error);
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-stack-"));
        const made = (name: string) => {
            fs.mkdirSync(path.join(folder, name));
            return path.join(folder, name);
        };
        const home = made("home");
        const state = made("state");
        fs.symlinkSync(path.join(engine.bin, "pulumi"), path.join(made("bin"), "pulumi"));
        await installPlugins(home);
        const stack = await LocalWorkspace.createOrSelectStack(
            { projectName: "simulated", stackName: "test", program: () => Promise.resolve() },
            {
                workDir: made("work"),
                pulumiCommand: await PulumiCommand.get({ root: folder }),
                envVars: {
                    PULUMI_HOME: home,
                    // An engine that is killed leaves files of attributes empty, with which no command reads the state.
                    PULUMI_BACKEND_URL: `file://${state}?metadata=skip`,
                    PULUMI_CONFIG_PASSPHRASE: "test",
                    PULUMI_SKIP_UPDATE_CHECK: "true",
                    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
                    PULUMI_CREDENTIAL_STORE: "plaintext",
                },
            },
        );
        for (const [key, value] of Object.entries(config)) await stack.setConfig(key, { value });
        return new SimulatedStack(folder, stack);
    }

    /** @returns how many resources were created, updated and so on, without the stack itself; and the outputs. */
    async up(program: Program): Promise<{
        changes: Record<string, number>;
        outputs: Record<string, { value: unknown; secret: boolean }>;
    }> {
        this.stack.workspace.program = async () => program();
        const { summary, outputs } = await this.stack.up();
        return { changes: ownChanges(summary.resourceChanges), outputs };
    }

    /** The text that an `up` which fails shows; throws when it doesn't fail. */
    async failedUp(program: Program): Promise<string> {
        this.stack.workspace.program = async () => program();
        const result = await this.stack.up().catch((error: Error) => error.message);
        if (typeof result !== "string") throw new Error("The up succeeded.");
        return result;
    }

    async preview(program: Program): Promise<Record<string, number>> {
        this.stack.workspace.program = async () => program();
        return ownChanges((await this.stack.preview()).changeSummary);
    }

    /** What an `up` would do, by logical name: what stays the same and what is only read is left out. */
    async steps(program: Program): Promise<Record<string, string>> {
        this.stack.workspace.program = async () => program();
        const steps: Record<string, string> = {};
        await this.stack.preview({
            onEvent: ({ resourcePreEvent }) => {
                if (!resourcePreEvent) return;
                const { op, urn, type } = resourcePreEvent.metadata;
                if (type.startsWith("pulumi:") || op === "same" || op === "read") return;
                // A replacement is told in three steps.
                steps[urn.split("::").pop()!] = op.includes("replace") ? "replace" : op;
            },
        });
        return steps;
    }

    /** The text that a preview which fails shows; throws when it doesn't fail. */
    async failedPreview(program: Program): Promise<string> {
        this.stack.workspace.program = async () => program();
        const result = await this.stack.preview().catch((error: Error) => error.message);
        if (typeof result !== "string") throw new Error("The preview succeeded.");
        return result;
    }

    /** Fails where a refresh, and then a preview, finds anything to do. */
    async expectNoDrift(program: Program): Promise<void> {
        this.stack.workspace.program = async () => program();
        await this.stack.preview({ expectNoChanges: true });
        await this.stack.refresh({ expectNoChanges: true });
        await this.stack.preview({ expectNoChanges: true });
    }

    /** The text that a destroy which fails shows; throws when it doesn't fail. */
    async failedDestroy(): Promise<string> {
        const result = await this.stack.destroy().catch((error: Error) => error.message);
        if (typeof result !== "string") throw new Error("The destroy succeeded.");
        return result;
    }

    async refresh(): Promise<Record<string, number>> {
        return ownChanges((await this.stack.refresh()).summary.resourceChanges);
    }

    /** The state file as it lies on the disk. */
    stateText(): string {
        return fs.readFileSync(this.stateFile(), "utf8");
    }

    private stateFile(): string {
        return path.join(this.folder, "state", ".pulumi", "stacks", "simulated", "test.json");
    }

    /** The resources in the state, by logical name. */
    async resources(): Promise<
        Record<string, { id: string; inputs: object; outputs: Record<string, unknown> }>
    > {
        const { deployment } = (await this.stack.exportStack()) as {
            deployment: {
                resources?: {
                    urn: string;
                    id: string;
                    inputs: object;
                    outputs: pulumi.Unwrap<never>;
                }[];
            };
        };
        return Object.fromEntries(
            (deployment.resources ?? []).map((r) => [r.urn.split("::").pop()!, r]),
        );
    }

    /** Whatever the engine and its plugins started and that still runs. */
    processes(): { pid: number; args: string }[] {
        return fs
            .readdirSync("/proc")
            .filter((name) => /^\d+$/.test(name))
            .flatMap((pid) => {
                try {
                    const read = (file: string) => fs.readFileSync(`/proc/${pid}/${file}`, "utf8");
                    if (!read("environ").includes(`PULUMI_HOME=${this.folder}/`)) return [];
                    return [{ pid: Number(pid), args: read("cmdline").replaceAll("\0", " ") }];
                } catch {
                    return [];
                }
            });
    }

    /** Kills the engine that carries out an `up`; fails where its plugins, or what they started, do not end with it. */
    async killEngine(): Promise<void> {
        const engine = this.processes().find(({ args }) => args.includes("pulumi up"));
        if (!engine) throw new Error("No engine runs.");
        process.kill(engine.pid, "SIGKILL");
        for (let waited = 0; this.processes().length > 0; waited += 100) {
            if (waited > 60_000)
                throw new Error(`They run on: ${JSON.stringify(this.processes())}`);
            await sleep(100);
        }
    }

    /** Runs `pulumi` itself, for what needs no program. */
    cli(args: string[], options: { input?: string } = {}): Promise<Finished> {
        const { workDir, envVars } = this.stack.workspace;
        return runQuietly(path.join(this.folder, "bin", "pulumi"), [...args, "--non-interactive"], {
            cwd: workDir,
            env: { ...process.env, ...envVars },
            ...options,
        });
    }

    /** After an engine that was killed. */
    async cancel(): Promise<void> {
        await this.stack.cancel();
    }

    async destroy(): Promise<void> {
        await this.stack.destroy();
    }

    /** Destroys what is left and removes the folder. */
    async remove(): Promise<void> {
        await this.stack.destroy();
        fs.rmSync(this.folder, { recursive: true });
    }
}

/** The stack itself is a resource too, always created once and the same afterwards. */
function ownChanges(changes: Partial<Record<string, number>> | undefined): Record<string, number> {
    const own: Record<string, number> = {};
    let stack = 1;
    for (const operation of ["same", "create", "update", "replace", "delete"]) {
        const count = changes?.[operation] ?? 0;
        const mine = ["same", "create"].includes(operation) && count > 0 ? count - stack : count;
        if (mine !== count) stack = 0;
        if (mine > 0) own[operation] = mine;
    }
    return own;
}
