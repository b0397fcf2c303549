import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { run, runQuietly } from "../../cli/run-program";
import { isAtLeast } from "./version";

/** The oldest Go that the modules built here are known to compile with. */
export const oldestGo = "1.26";

/** A program to build, all or most of which comes from the Go module proxy. */
export interface GoPackage {
    /** As a person knows it: `pulumi 3.248.0`. */
    title: string;
    /** The folder of our module: its `go.mod` and `go.sum` pin versions and checksums. */
    module: string;
    /** Import path of the program. @default our module itself */
    package?: string;
    /** Added to `-s -w`. @default none */
    linkerFlags?: string;
    /** What a person waits for it on two cores, e.g. `5 minutes`. */
    duration: string;
}

/** The version of the Go toolchain on PATH; undefined when there is none, or an older one than needed. */
export async function goToolchain(): Promise<string | undefined> {
    const { code, stdout } = await runQuietly("go", ["version"]);
    const version = /go(\d+\.\d+(?:\.\d+)?)/.exec(stdout)?.[1];
    return code === 0 && version && isAtLeast(version, oldestGo) ? version : undefined;
}

function moduleFiles(module: string): string[] {
    return fs.readdirSync(module).sort();
}

/** 16 hexadecimal digits over everything that decides what is built. */
export function goInputsHash(module: string, goVersion: string): string {
    const hash = createHash("sha256").update(`${goVersion} ${process.arch}`);
    for (const name of moduleFiles(module)) hash.update(fs.readFileSync(path.join(module, name)));
    return hash.digest("hex").slice(0, 16);
}

/**
 * Builds a program as a static binary that runs in any distribution.
 *
 * @param work a folder of this build's own; the binary is at `output` in it.
 * @throws Error with what `go build` said.
 */
export async function buildGoPackage(
    source: GoPackage,
    work: string,
    output: string,
    report: (line: string) => void,
): Promise<void> {
    fs.mkdirSync(path.dirname(path.join(work, output)), { recursive: true });
    // A copy, since the build may complete go.mod.
    for (const name of moduleFiles(source.module)) {
        fs.copyFileSync(path.join(source.module, name), path.join(work, name));
    }
    const started = Date.now();
    const clock = setInterval(() => {
        const seconds = Math.round((Date.now() - started) / 1000);
        report(`building ${source.title}: ${seconds} s (about ${source.duration} on two cores)`);
    }, 20_000);
    try {
        await run(
            "go",
            [
                ...["build", "-buildvcs=false", "-mod=mod", "-trimpath"],
                ...["-ldflags", ["-s -w", source.linkerFlags ?? []].flat().join(" ")],
                ...["-o", output, source.package ?? "."],
            ],
            {
                cwd: work,
                env: {
                    ...process.env,
                    GOTOOLCHAIN: "local",
                    GOFLAGS: "",
                    GOWORK: "off",
                    CGO_ENABLED: "0",
                },
            },
        );
    } finally {
        clearInterval(clock);
    }
}
