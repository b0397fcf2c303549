import * as fs from "node:fs";
import * as path from "node:path";
import { shellQuote } from "../../components/host/shell-quote";
import { cacheRoot } from "../paths";
import { buildPrograms, programCommand } from "../programs";
import { runQuietly } from "../../cli/run-program";
import { buildGoPackage, goInputsHash, goToolchain, type GoPackage } from "../go-programs/go-build";
import { isAtLeast } from "../go-programs/version";

/** The version that is built, and the oldest on PATH that is taken: the one that this project is tested with. */
export const engineVersion = "3.248.0";

/** The CLI as a Go program. */
const cli: GoPackage = {
    title: `pulumi ${engineVersion}`,
    module: path.join(__dirname, "cli"),
    package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    linkerFlags: `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${engineVersion}`,
    duration: "5 minutes",
};

/** A usable `pulumi`. */
export interface Engine {
    /** The folder that holds `pulumi`, to stand first on PATH. */
    bin: string;
    /** `path`: the user's own; `go`: built here from Go modules; `npm`: npm's launcher, which downloads it. */
    source: "path" | "go" | "npm";
    version: string;
}

export const howToGetPulumi =
    `There is no Pulumi CLI ${engineVersion} or newer on PATH, no Go toolchain to build it with, and npm's launcher could ` +
    "not fetch it. Do one of these and run the command again:\n" +
    "  - install Pulumi: https://www.pulumi.com/docs/install/\n" +
    "  - install Go 1.26 or newer: https://go.dev/doc/install (the CLI is then built, which takes about 5 minutes)";

/**
 * Finds or makes a Pulumi CLI: `pulumi` on PATH if new enough, else built from Go modules, else npm's launcher.
 *
 * @throws Error that says how to get one when none of the three works.
 */
export async function ensureEngine(report: (line: string) => void): Promise<Engine> {
    const onPath = await pulumiOnPath();
    if (onPath) return onPath;
    const go = await goToolchain();
    if (go) return buildWithGo(go, report);
    return installFromNpm(report);
}

async function pulumiOnPath(): Promise<Engine | undefined> {
    for (const bin of (process.env["PATH"] ?? "").split(path.delimiter)) {
        const file = path.join(bin, "pulumi");
        if (!bin || !isExecutable(file)) continue;
        const version = await pulumiVersion(file);
        // The first one is what the user means by `pulumi`; an older one is passed over, never replaced.
        return version && isAtLeast(version, engineVersion)
            ? { bin, source: "path", version }
            : undefined;
    }
    return undefined;
}

/** `3.248.0` of `v3.248.0\n`; undefined when the file can't say. */
async function pulumiVersion(file: string): Promise<string | undefined> {
    const { code, stdout } = await runQuietly(file, ["version"], {
        env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" },
    });
    return code === 0 ? /v?(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1] : undefined;
}

async function buildWithGo(goVersion: string, report: (line: string) => void): Promise<Engine> {
    const folder = path.join(cacheRoot, "engine", goInputsHash(cli.module, goVersion));
    const bin = path.join(folder, "bin");
    if (!fs.existsSync(path.join(bin, "pulumi"))) {
        const work = `${folder}.build-${process.pid}`;
        try {
            await buildGoPackage(cli, work, path.join("bin", "pulumi"), report);
            fs.rmSync(folder, { recursive: true, force: true });
            fs.renameSync(work, folder);
        } finally {
            fs.rmSync(work, { recursive: true, force: true });
        }
    }
    await installLanguageHost(bin);
    return { bin, source: "go", version: engineVersion };
}

/** The launcher of npm downloads the CLI from Pulumi's servers, its language hosts included. */
async function installFromNpm(report: (line: string) => void): Promise<Engine> {
    const folder = path.join(cacheRoot, "engine", "npm");
    const bin = path.join(folder, "node_modules", ".bin");
    if (!fs.existsSync(path.join(bin, "pulumi"))) {
        report("fetching npm's pulumi launcher");
        fs.mkdirSync(folder, { recursive: true });
        const { code } = await runQuietly("npm", [
            "install",
            "--prefix",
            folder,
            "--no-audit",
            "--no-fund",
            "pulumi@3",
        ]);
        if (code !== 0) throw new Error(howToGetPulumi);
    }
    report("fetching the Pulumi CLI through npm's launcher");
    const version = await pulumiVersion(path.join(bin, "pulumi"));
    if (!version || !isAtLeast(version, engineVersion)) throw new Error(howToGetPulumi);
    return { bin, source: "npm", version };
}

/** Puts our Node language host beside a CLI that was built without one: the engine looks there. */
async function installLanguageHost(bin: string): Promise<void> {
    const host = path.join(__dirname, "language-host.ts");
    await buildPrograms([host]);
    const launcher = path.join(bin, "pulumi-language-nodejs");
    const script = `#!/bin/sh\nexec ${programCommand(host).map(shellQuote).join(" ")} "$@"\n`;
    fs.writeFileSync(`${launcher}.tmp`, script, { mode: 0o755 });
    fs.renameSync(`${launcher}.tmp`, launcher);
}

function isExecutable(file: string): boolean {
    try {
        fs.accessSync(file, fs.constants.X_OK);
        return fs.statSync(file).isFile();
    } catch {
        return false;
    }
}
