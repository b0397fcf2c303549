import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { identify, isSameProcess, type ProcessIdentity } from "./machines/process-identity";

/**
 * Waits until no other process holds a lock, and takes it. A lock whose owner is gone counts for nothing.
 *
 * @param file stands while the lock is held; its folder exists. Others, for a moment, have names that begin with its.
 * @param onWait called once when another process has it.
 * @returns what gives it back.
 */
export async function lockFile(file: string, onWait?: () => void): Promise<() => void> {
    for (let waited = false; ;) {
        if (take(file)) return () => fs.rmSync(file, { force: true });
        const holder = readHolder(file);
        if (holder && !isSameProcess(holder)) removeLockOf(holder, file);
        else if (!waited) {
            waited = true;
            onWait?.();
        }
        await sleep(100);
    }
}

/** Makes a link that leads nowhere: unlike a file, it has its content at once, whenever the process is killed. */
function take(file: string): boolean {
    try {
        fs.symlinkSync(JSON.stringify(identify(process.pid)), file);
        return true;
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        return false;
    }
}

/** Removes the lock of a process that is gone, unless somebody else has done so: then another's may stand there. */
function removeLockOf(gone: ProcessIdentity, file: string): void {
    const right = `${file}.${gone.pid}-${gone.startTime}`;
    if (!take(right)) {
        const other = readHolder(right);
        if (other && !isSameProcess(other)) fs.rmSync(right, { force: true });
        return;
    }
    try {
        const holder = readHolder(file);
        if (holder?.pid === gone.pid && holder.startTime === gone.startTime) fs.rmSync(file);
    } finally {
        fs.rmSync(right, { force: true });
    }
}

const nobody: ProcessIdentity = { pid: 0, startTime: 0 };

/** Undefined when the lock was given back. */
function readHolder(file: string): ProcessIdentity | undefined {
    try {
        return JSON.parse(fs.readlinkSync(file)) as ProcessIdentity;
    } catch (error) {
        // Earlier versions made a file, and were killed before they wrote to it.
        return (error as NodeJS.ErrnoException).code === "EINVAL" ? nobody : undefined;
    }
}
