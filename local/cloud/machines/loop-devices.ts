import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { run, runQuietly } from "../../../cli/run-program";

/** The loop devices of a file. */
async function loopDevices(file: string): Promise<string[]> {
    if (!fs.existsSync(file)) return [];
    const text = await run("losetup", ["--associated", file, "--output", "NAME", "--noheadings"]);
    return text.split("\n").filter(Boolean);
}

/** Makes a block device of a file, or finds the one that it has. */
export async function ensureLoopDevice(file: string): Promise<string> {
    const [existing] = await loopDevices(file);
    return existing ?? (await run("losetup", ["--find", "--show", file])).trim();
}

/** Frees the block devices of a file; one that is still mounted goes with its last user. */
export async function freeLoopDevices(file: string): Promise<void> {
    for (const device of await loopDevices(file)) {
        // It may have gone by itself in between.
        await runQuietly("losetup", ["--detach", device]);
    }
}

/** The kernel unmounts a machine's disk a moment after its last process; mounted twice it would be destroyed. */
export async function waitUntilFreed(file: string): Promise<void> {
    const deadline = Date.now() + 20_000;
    for (;;) {
        const devices = await loopDevices(file);
        if (devices.length === 0) return;
        if (Date.now() > deadline) {
            throw new Error(
                `${file} is still in use through ${devices.join(", ")}. Unmount it and run the command again.`,
            );
        }
        await sleep(50);
    }
}

/** `major:minor` of a block device. */
export async function deviceNumber(device: string): Promise<{ major: number; minor: number }> {
    const text = await run("stat", ["--format=%t %T", device]);
    const [major, minor] = text
        .trim()
        .split(" ")
        .map((hex) => Number.parseInt(hex, 16));
    return { major: major!, minor: minor! };
}
