import * as fs from "node:fs";
import * as path from "node:path";
import type {
    AttachedVolume,
    FirewallRule,
    ImageFiles,
    Machine,
    MachineSpec,
    Reach,
} from "../../../local/cloud/machines/machine";

/** A machine that does nothing but remember: whether it runs is a file in its folder, as with a real one. */
export class FakeMachine implements Machine {
    readonly calls: string[] = [];
    readonly mounted = new Set<number>();
    firewall: FirewallRule[] | undefined;

    constructor(
        readonly spec: MachineSpec,
        private readonly failures: Set<string>,
    ) {
        this.firewall = spec.firewall;
    }

    /** What a real machine does in its time, this one does at once. */
    private note(call: string): Promise<void> {
        this.calls.push(call);
        return this.failures.has(call)
            ? Promise.reject(new Error(`${call} failed as it was told to`))
            : Promise.resolve();
    }

    private get file(): string {
        return path.join(this.spec.directory, "running");
    }

    async start(): Promise<void> {
        await this.note("start");
        fs.writeFileSync(this.file, "");
    }

    async shutdown(): Promise<void> {
        await this.note("shutdown");
        fs.rmSync(this.file, { force: true });
    }

    async powerOff(): Promise<void> {
        await this.note("powerOff");
        fs.rmSync(this.file, { force: true });
    }

    isRunning(): boolean {
        return fs.existsSync(this.file);
    }

    async destroy(): Promise<void> {
        await this.note("destroy");
        fs.rmSync(this.file, { force: true });
    }

    async attachVolume(volume: AttachedVolume): Promise<void> {
        await this.note(`attachVolume ${volume.id}`);
    }

    async detachVolume(id: number): Promise<{ wasMounted: boolean }> {
        await this.note(`detachVolume ${id}`);
        return { wasMounted: this.mounted.has(id) };
    }

    async growVolume(id: number): Promise<void> {
        await this.note(`growVolume ${id}`);
    }

    async setFirewall(rules: FirewallRule[] | undefined): Promise<void> {
        await this.note("setFirewall");
        this.firewall = rules;
    }

    async resize(size: { memoryMb: number; cores: number }): Promise<void> {
        await this.note(`resize ${size.memoryMb} ${size.cores}`);
    }

    reach(port: number): Reach {
        return { host: "127.0.0.1", port: port + 20000 };
    }
}

/** An image without files. */
export function image(
    id: number,
    name: string | undefined,
    architecture: "x86" | "arm",
): ImageFiles {
    return {
        id,
        ...(name && { name }),
        description: name ?? "a snapshot",
        architecture,
        rootDisk: "/nowhere/root.img",
        boot: { kernel: "/nowhere/vmlinuz", initrd: "/nowhere/initrd.img" },
        packages: { path: "debian", suite: "trixie" },
    };
}
