import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Where the unified hierarchy is mounted; undefined where there is none. */
export function unifiedHierarchy(
    mounts = fs.readFileSync("/proc/mounts", "utf8"),
): string | undefined {
    return mounts
        .split("\n")
        .map((line) => line.split(" "))
        .find(([, , type]) => type === "cgroup2")?.[1];
}

/**
 * A control group (version 2) that holds all processes of one machine, whatever they fork: it tells whether the
 * machine runs and ends it at once, without a process id that another process could have meanwhile.
 */
export class ControlGroup {
    readonly folder: string;

    /** @throws Error where the computer has no unified hierarchy. */
    constructor(name: string) {
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
    remove(folder = this.folder): void {
        if (!fs.existsSync(folder)) return;
        for (const name of this.children(folder)) this.remove(path.join(folder, name));
        fs.rmdirSync(folder);
    }

    private children(folder: string): string[] {
        return fs
            .readdirSync(folder, { withFileTypes: true })
            .filter((entry) => entry.isDirectory())
            .map((entry) => entry.name);
    }
}
