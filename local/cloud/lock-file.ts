import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { identify, isSameProcess, type ProcessIdentity } from "./machines/process-identity";

/**
 * Waits until no other process holds a lock, and takes it. A lock whose owner is gone counts for nothing.
 *
 * @param file stands while the lock is held; its folder exists.
 * @param onWait called once when another process has it.
 * @returns what gives it back.
 */
export async function lockFile(file: string, onWait?: () => void): Promise<() => void> {
    const own = JSON.stringify(identify(process.pid));
    for (let waited = false; ;) {
        try {
            fs.writeFileSync(file, own, { flag: "wx" });
            return () => fs.rmSync(file, { force: true });
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        }
        const holder = readHolder(file);
        if (holder && !isSameProcess(holder)) fs.rmSync(file, { force: true });
        else if (!waited) {
            waited = true;
            onWait?.();
        }
        await sleep(100);
    }
}

/** Undefined while the file is being written, and when it is gone by now. */
function readHolder(file: string): ProcessIdentity | undefined {
    try {
        return JSON.parse(fs.readFileSync(file, "utf8")) as ProcessIdentity;
    } catch {
        return undefined;
    }
}
