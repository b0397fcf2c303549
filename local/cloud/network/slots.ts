import * as fs from "node:fs";
import * as path from "node:path";
import * as os from "node:os";
import { firstSlot, lastSlot, slotAddresses } from "./addresses";

/** One file a slot, `pulumi-mailhost-slot-N`, holding the folder of the cloud that has it. */
const filePrefix = "pulumi-mailhost-slot-";

/** Shared by all users and checkouts of this computer, and emptied when it starts. */
function defaultRegistry(): string {
    return fs.existsSync("/run/lock") ? "/run/lock" : os.tmpdir();
}

/**
 * Reserves a slot for a laptop cloud: the one that it has already, or the first that no other cloud of this computer
 * has. A slot whose cloud's folder is gone is free.
 *
 * @param cloudRoot the cloud's folder; exists.
 * @throws Error when all slots are taken.
 */
export function reserveSlot(cloudRoot: string, registry = defaultRegistry()): number {
    const own = slotsOf(registry).find(({ root }) => root === cloudRoot);
    if (own) return own.slot;
    for (let slot = firstSlot; slot <= lastSlot; slot++) {
        const file = path.join(registry, filePrefix + slot);
        const root = readRoot(file);
        if (root === undefined) {
            // Of something else that calls its namespaces the same.
            if (fs.existsSync(`/run/netns/${slotAddresses(slot).namespace}`)) continue;
        } else {
            // An empty file is being written by another process.
            if (root === "" || fs.existsSync(root)) continue;
            try {
                fs.unlinkSync(file);
            } catch {
                continue; // Another user's.
            }
        }
        if (tryReserve(file, cloudRoot)) return slot;
    }
    throw new Error(
        `All ${lastSlot - firstSlot + 1} slots of laptop clouds on this computer are taken (${registry}/${filePrefix}*). Delete clouds that you no longer need: npm run local -- down --delete`,
    );
}

/** Gives the slot of a cloud back. */
export function releaseSlot(cloudRoot: string, registry = defaultRegistry()): void {
    for (const { slot, root } of slotsOf(registry)) {
        if (root === cloudRoot) fs.rmSync(path.join(registry, filePrefix + slot), { force: true });
    }
}

function slotsOf(registry: string): { slot: number; root: string | undefined }[] {
    return fs
        .readdirSync(registry)
        .filter((name) => name.startsWith(filePrefix))
        .map((name) => ({
            slot: Number(name.slice(filePrefix.length)),
            root: readRoot(path.join(registry, name)),
        }));
}

function tryReserve(file: string, cloudRoot: string): boolean {
    try {
        fs.writeFileSync(file, cloudRoot, { flag: "wx" });
        return true;
    } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "EEXIST" || code === "EACCES") return false;
        throw error;
    }
}

function readRoot(file: string): string | undefined {
    try {
        return fs.readFileSync(file, "utf8");
    } catch {
        return undefined;
    }
}
