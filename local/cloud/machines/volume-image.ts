import * as fs from "node:fs";
import * as path from "node:path";
import { run } from "../../../cli/run-program";
import { withSystemPrograms } from "./disk";

const gibibyte = 1024 ** 3;

/** Makes the sparse file of a volume, with a file system where one was asked for. Leaves nothing when that fails. */
export async function makeVolumeImage(
    file: string,
    sizeGb: number,
    format: string | null,
): Promise<void> {
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    try {
        fs.closeSync(fs.openSync(file, "w", 0o600));
        fs.truncateSync(file, sizeGb * gibibyte);
        if (format) await run(`mkfs.${format}`, ["-q", file], { env: withSystemPrograms() });
    } catch (error) {
        fs.rmSync(file, { force: true });
        throw error;
    }
}

export function growVolumeImage(file: string, sizeGb: number): void {
    fs.truncateSync(file, sizeGb * gibibyte);
}
