import * as fs from "node:fs";
import * as path from "node:path";
import { run } from "../../../cli/run-program";
import type { MachineSpec } from "./machine";

const gibibyte = 1024 ** 3;

/** A machine's root disk: a raw ext4 file system in its folder. */
export function rootDisk(directory: string): string {
    return path.join(directory, "disk.img");
}

/** Copies the image to the machine's folder at the first start, grown to the machine's size; holes stay holes. */
export async function ensureRootDisk(
    spec: Pick<MachineSpec, "directory" | "image" | "diskGb">,
): Promise<void> {
    const disk = rootDisk(spec.directory);
    if (fs.existsSync(disk)) return;
    const copy = `${disk}.new`;
    const source = spec.image.rootDisk;
    await run("cp", ["--sparse=always", "--reflink=auto", source, copy]);
    fs.chmodSync(copy, 0o600);
    if (spec.diskGb * gibibyte > fs.statSync(copy).size) {
        fs.truncateSync(copy, spec.diskGb * gibibyte);
        await run("resize2fs", [copy], { env: withSystemPrograms() });
    }
    fs.renameSync(copy, disk);
}

/** An ordinary user's PATH lacks where Debian keeps the administrator's programs. */
export function withSystemPrograms(environment = process.env): NodeJS.ProcessEnv {
    return { ...environment, PATH: `${environment["PATH"]}:/usr/sbin:/sbin` };
}

const superblockOffset = 1024;

/**
 * Whether an ext4 file system was not unmounted: its journal waits to be replayed (`needs_recovery`, which ext4 sets
 * on disk when it is mounted). False for anything else than ext4.
 */
export function isDirtyExt4(file: string): boolean {
    const superblock = Buffer.alloc(1024);
    const descriptor = fs.openSync(file, "r");
    try {
        fs.readSync(descriptor, superblock, 0, superblock.length, superblockOffset);
    } finally {
        fs.closeSync(descriptor);
    }
    const [magic, incompatible] = [superblock.readUInt16LE(0x38), superblock.readUInt32LE(0x60)];
    return magic === 0xef53 && (incompatible & 0x4) !== 0;
}
