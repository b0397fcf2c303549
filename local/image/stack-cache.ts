import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { lockFile } from "../cloud/lock-file";

interface CachedFolder {
    /** Holds one folder for each set of inputs. */
    parent: string;
    /** Of the inputs, see {@link hashFiles}. */
    hash: string;
    /** As a person knows what is made: `the stack's images`. */
    title: string;
    /** How many folders stay, the one asked for included, those used last. */
    keep: number;
    /** Fills a folder; it is moved to its place afterwards. */
    build: (folder: string) => Promise<void>;
    report: (line: string) => void;
}

/**
 * The folder that was made of the same inputs before, or a new one. Of several processes that need it at once one builds
 * it, and the others wait.
 */
export async function cachedFolder(args: CachedFolder): Promise<string> {
    const { parent, hash } = args;
    const folder = path.join(parent, hash);
    fs.mkdirSync(parent, { recursive: true });
    const release = await lockFile(path.join(parent, "build.lock"), () =>
        args.report(`waiting for another process that builds ${args.title}`),
    );
    try {
        if (!fs.existsSync(folder)) {
            // In a path that no earlier build that was killed has written to: only the holder of the lock builds.
            const building = `${folder}.building`;
            fs.rmSync(building, { recursive: true, force: true });
            fs.mkdirSync(building);
            try {
                await args.build(building);
                fs.renameSync(building, folder);
            } finally {
                fs.rmSync(building, { recursive: true, force: true });
            }
        }
        const now = new Date();
        fs.utimesSync(folder, now, now);
        prune(parent, args.keep);
        return folder;
    } finally {
        release();
    }
}

function prune(parent: string, keep: number): void {
    const made = fs
        .readdirSync(parent)
        .filter((name) => !name.startsWith("build.lock"))
        .map((name) => {
            const folder = path.join(parent, name);
            // What a killed build left counts as older than anything whole.
            return {
                folder,
                used: name.endsWith(".building") ? 0 : fs.statSync(folder).mtimeMs,
            };
        })
        .sort((a, b) => b.used - a.used);
    for (const { folder } of made.slice(keep)) fs.rmSync(folder, { recursive: true, force: true });
    for (const { folder, used } of made) {
        if (used === 0) fs.rmSync(folder, { recursive: true, force: true });
    }
}

/**
 * 16 hexadecimal digits over files' names and contents and further text.
 *
 * @param sources files, and folders with all that is in them.
 */
export function hashFiles(sources: readonly string[], ...further: string[]): string {
    const hash = createHash("sha256").update(JSON.stringify(further));
    const add = (file: string, name: string) => {
        if (fs.statSync(file).isDirectory()) {
            for (const entry of fs.readdirSync(file).sort()) {
                add(path.join(file, entry), `${name}/${entry}`);
            }
            return;
        }
        const content = fs.readFileSync(file);
        hash.update(`${name}\0${content.length}\0`).update(content);
    };
    for (const source of sources) add(source, path.basename(source));
    return hash.digest("hex").slice(0, 16);
}
