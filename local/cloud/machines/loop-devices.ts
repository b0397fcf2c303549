import { setTimeout as sleep } from "node:timers/promises";
import { run, runQuietly } from "../../../cli/run-program";

interface LoopDevice {
    device: string;
    /** It goes with its last user, so it is nobody's to take: a mounted root disk, or a disk that was pulled. */
    isGoing: boolean;
}

async function loopDevices(file: string): Promise<LoopDevice[]> {
    const columns = ["--noheadings", "--output", "NAME,AUTOCLEAR"];
    const { stdout } = await runQuietly("losetup", ["--associated", file, ...columns]);
    return stdout
        .split("\n")
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => fields.length === 2)
        .map(([device, going]) => ({ device: device!, isGoing: going === "1" }));
}

/** Makes a block device of a file, or finds the one that it has. */
export async function ensureLoopDevice(file: string): Promise<string> {
    const existing = (await loopDevices(file)).find(({ isGoing }) => !isGoing);
    return existing?.device ?? (await run("losetup", ["--find", "--show", file])).trim();
}

/** Lets the block device of a file that has grown grow too. */
export async function refreshCapacity(file: string): Promise<void> {
    for (const { device } of await loopDevices(file))
        await run("losetup", ["--set-capacity", device]);
}

/**
 * Frees the block device of a file. One that is still mounted goes with its last user.
 *
 * @returns the device, undefined when there is none.
 */
export async function freeLoopDevice(file: string): Promise<string | undefined> {
    const existing = (await loopDevices(file)).find(({ isGoing }) => !isGoing);
    // It may have gone by itself in between.
    if (existing) await runQuietly("losetup", ["--detach", existing.device]);
    return existing?.device;
}

/**
 * Waits until a file is no longer in use through a device, or any: the kernel unmounts a machine's disks a moment
 * after its last process, and a file system that is mounted twice is destroyed.
 *
 * @throws Error when it stays in use.
 */
export async function waitUntilFreed(file: string, device?: string): Promise<void> {
    const deadline = Date.now() + 20_000;
    for (;;) {
        const present = (await loopDevices(file)).map((loop) => loop.device);
        const busy = device === undefined ? present : present.filter((name) => name === device);
        if (busy.length === 0) return;
        if (Date.now() > deadline) {
            throw new Error(
                `${file} is still in use through ${busy.join(", ")}. Unmount it and run the command again.`,
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
