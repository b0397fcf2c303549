import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Where the unified hierarchy is mounted; undefined where there is none. */
export function unifiedHierarchy(): string | undefined {
    return mounts().find(([, , type]) => type === "cgroup2")?.[1];
}

/** Where a computer with both versions mounts systemd's own hierarchy, in which nspawn makes groups of the same names. */
function legacyHierarchy(): string | undefined {
    return mounts().find(
        ([, , type, options]) => type === "cgroup" && options?.includes("name=systemd"),
    )?.[1];
}

function mounts(): string[][] {
    const lines = fs.readFileSync("/proc/mounts", "utf8").split("\n");
    return lines.map((line) => line.split(" "));
}

/**
 * A control group (version 2) that holds all processes of one machine, whatever they fork: it tells whether the
 * machine runs and ends it at once, without a process id that another process could have meanwhile.
 */
export class ControlGroup {
    readonly folder: string;

    /** @throws Error where the computer has no unified hierarchy. */
    constructor(private readonly name: string) {
        const hierarchy = unifiedHierarchy();
        if (hierarchy === undefined) {
            throw new Error(
                "No control group hierarchy of version 2 is mounted (`mount -t cgroup2`), which container machines need. Use --machine vm.",
            );
        }
        this.folder = path.join(hierarchy, name);
    }

    create(): void {
        fs.mkdirSync(this.folder, { recursive: true });
    }

    isPopulated(): boolean {
        try {
            const events = fs.readFileSync(path.join(this.folder, "cgroup.events"), "utf8");
            return /^populated 1$/m.test(events);
        } catch {
            return false;
        }
    }

    /** The processes of the group, or of one below it, with all groups below. */
    processes(below = "."): number[] {
        const folder = path.join(this.folder, below);
        if (!fs.existsSync(folder)) return [];
        const own = fs.readFileSync(path.join(folder, "cgroup.procs"), "utf8");
        return [
            ...own.split("\n").filter(Boolean).map(Number),
            ...this.children(folder).flatMap((name) => this.processes(path.join(below, name))),
        ];
    }

    /** Ends every process at once. */
    async kill(): Promise<void> {
        if (!fs.existsSync(this.folder)) return;
        fs.writeFileSync(path.join(this.folder, "cgroup.kill"), "1");
        await this.waitUntilEmpty(10);
    }

    /** @returns whether it is empty. */
    async waitUntilEmpty(timeoutSeconds: number): Promise<boolean> {
        const deadline = Date.now() + timeoutSeconds * 1000;
        while (this.isPopulated()) {
            if (Date.now() > deadline) return false;
            await sleep(50);
        }
        return true;
    }

    /** Removes the group with those that the machine made below it. No process is in them any more. */
    remove(): void {
        this.removeFolder(this.folder);
        const legacy = legacyHierarchy();
        if (legacy !== undefined) this.removeFolder(path.join(legacy, this.name));
    }

    private removeFolder(folder: string): void {
        if (!fs.existsSync(folder)) return;
        for (const name of this.children(folder)) this.removeFolder(path.join(folder, name));
        fs.rmdirSync(folder);
    }

    private children(folder: string): string[] {
        return fs
            .readdirSync(folder, { withFileTypes: true })
            .filter((entry) => entry.isDirectory())
            .map((entry) => entry.name);
    }
}
