import { run } from "../cli/run-program";
import type { ExportedStack, StateResource } from "../cli/deployment";
import { startCloud, stopCloud } from "../local/cloud/start";
import { ensureEngine } from "../local/engine/find-engine";
import { LocalStack, stackName } from "../local/engine/stack";
import { localConfig, readStatus, rememberHost, snapshot } from "../local/laptop";
import { cloudPaths, type CloudInfo } from "../local/paths";
import { Outside } from "../local/proof/outside";
import { sshArguments } from "../local/status";
import { addZones } from "../local/zones";

/** Options of OpenSSH's client: it asks nobody, and ends when the machine is gone. */
export const unattended = ["-o", "BatchMode=yes", "-o", "ServerAliveInterval=10"];

/**
 * Gives a laptop cloud of containers to a measurement, beside the user's own, and removes it whatever happens.
 *
 * @param certificateSeconds how long its authority's certificates are valid. @default 90 days
 */
export async function withCloud<T>(
    options: { name: string; certificateSeconds?: number },
    work: (info: CloudInfo) => Promise<T>,
): Promise<T> {
    const cloud = `bench-${options.name}`;
    const remove = () => stopCloud(cloud, { keepData: false });
    const interrupted = () => void remove().finally(() => process.exit(130));
    // What a killed measurement left behind.
    await remove();
    process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
    try {
        return await work(await startCloud({ ...options, name: cloud, kind: "container" }));
    } finally {
        process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
        await remove();
    }
}

/** The host of the `local` stack in such a cloud: the real engine, the project's program, a machine. */
export class RehearsedHost {
    private constructor(
        private readonly cloud: string,
        readonly stack: LocalStack,
    ) {}

    /**
     * Makes the stack; the host is made by the first {@link up}.
     *
     * @param options.withPackages whether the machine's image has the distribution packages already.
     */
    static async prepare(
        info: CloudInfo,
        options: { withPackages: boolean },
    ): Promise<RehearsedHost> {
        const engine = await ensureEngine(() => undefined);
        const stack = new LocalStack(engine, info);
        await stack.prepare(localConfig(options.withPackages ? snapshot : undefined, info));
        await addZones(info, stack);
        return new RehearsedHost(info.name, stack);
    }

    /** `pulumi preview`. @throws Error with what it printed when it fails. */
    async preview(): Promise<void> {
        await this.engine("preview");
    }

    /** `pulumi up`; returns the seconds that it took. @throws Error with what it printed when it fails. */
    async up(...args: string[]): Promise<number> {
        const begun = performance.now();
        await this.engine("up", "--yes", "--skip-preview", ...args);
        const seconds = (performance.now() - begun) / 1000;
        await rememberHost(this.cloud, await this.stack.outputs());
        return seconds;
    }

    /** Every resource of the state. */
    async resources(): Promise<StateResource[]> {
        const stdout = await this.engine("stack", "export");
        return (JSON.parse(stdout) as ExportedStack).deployment.resources ?? [];
    }

    status() {
        return readStatus(this.cloud, false);
    }

    async outside(): Promise<Outside> {
        return Outside.of(await this.status());
    }

    /** A file in the cloud's folder, which is removed with it. */
    file(name: string): string {
        return `${cloudPaths(this.cloud).root}/${name}`;
    }

    /** Runs a command on the host as root and returns what it printed. @throws Error when it fails. */
    async ssh(command: string): Promise<string> {
        const { ssh } = await this.status();
        if (!ssh) throw new Error("The host has no reachable SSH port.");
        return run("ssh", [...unattended, ...sshArguments(ssh), command], { timeoutSeconds: 600 });
    }

    /** How often somebody has logged in so far, this question not counted. */
    async logins(): Promise<number> {
        const accepted = await this.ssh("journalctl -u ssh --no-pager -q | grep -c 'Accepted '");
        return Number(accepted) - 1;
    }

    /** Runs `pulumi` on the stack and returns what it printed. */
    private async engine(...args: string[]): Promise<string> {
        const { code, stdout, stderr } = await this.stack.pulumi(
            [...args, "--stack", stackName],
            // It hides the option that writes the events.
            { env: { PULUMI_DEBUG_COMMANDS: "true" } },
        );
        if (code === 0) return stdout;
        throw new Error(`pulumi ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
    }
}
