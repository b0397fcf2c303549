import * as fs from "node:fs";
import * as path from "node:path";
import { lockFile } from "../cloud/lock-file";
import { cacheRoot } from "../paths";
import { buildGoPackage, goInputsHash, goToolchain, oldestGo, type GoPackage } from "./go-build";

/**
 * What no distribution has, or not as new: the ACME server, the database that plays MongoDB, the linter of GitHub's
 * workflows, and a run through DigitalOcean's API with its own client.
 */
export type GoProgram = "pebble" | "ferretdb" | "actionlint" | "godo";

const programs: Record<GoProgram, Pick<GoPackage, "title" | "duration">> = {
    pebble: {
        title: "pebble, the ACME server",
        duration: "half a minute",
    },
    ferretdb: {
        title: "FerretDB, which plays MongoDB",
        duration: "90 seconds",
    },
    actionlint: {
        title: "actionlint, which checks workflows",
        duration: "15 seconds",
    },
    godo: {
        title: "godo, DigitalOcean's client",
        duration: "a minute",
    },
};

/**
 * Builds a program from modules of the Go module proxy, at the versions and checksums that its `go.mod` and `go.sum`
 * here pin; or returns what was built before from the same inputs. Processes that need it at once wait for the one that builds.
 *
 * @returns the path of a static binary, in the cache.
 * @throws Error that says how to get Go when there is none, or what `go build` said.
 */
export async function ensureGoProgram(
    name: GoProgram,
    report: (line: string) => void,
): Promise<string> {
    const goVersion = await goToolchain();
    if (goVersion === undefined) throw new Error(howToGetGo(name));
    const source: GoPackage = { ...programs[name], module: path.join(__dirname, name) };
    const parent = path.join(cacheRoot, "go-programs", name);
    const hash = goInputsHash(source.module, goVersion);
    const folder = path.join(parent, hash);
    const binary = path.join(folder, name);
    if (fs.existsSync(binary)) return binary;
    fs.mkdirSync(parent, { recursive: true });
    const release = await lockFile(path.join(parent, "build.lock"), () =>
        report(`waiting for another process that builds ${source.title}`),
    );
    try {
        if (fs.existsSync(binary)) return binary;
        // Of other inputs, or of a build that was killed: only the holder of the lock builds.
        for (const old of fs.readdirSync(parent)) {
            if (!old.startsWith("build.lock")) removeFolder(path.join(parent, old));
        }
        report(`building ${source.title}`);
        const work = `${folder}.building`;
        try {
            await buildGoPackage(source, work, name, report);
            fs.renameSync(work, folder);
        } finally {
            removeFolder(work);
        }
        return binary;
    } finally {
        release();
    }
}

function removeFolder(folder: string): void {
    fs.rmSync(folder, { recursive: true, force: true });
}

function howToGetGo(name: GoProgram): string {
    return (
        `This needs ${programs[name].title}, and builds it with Go, of which there is no version ` +
        `${oldestGo} or newer on PATH. Install Go and run the command again: https://go.dev/doc/install`
    );
}
