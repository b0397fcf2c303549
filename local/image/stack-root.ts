import * as fs from "node:fs";
import * as path from "node:path";
import { run, runQuietly } from "../../cli/run-program";
import { cacheRoot } from "../paths";
import { cachedFolder, hashFiles } from "./stack-cache";

/** The file system that all images of the stack share, so that a machine pulls it once. */
export interface StackRoot {
    /** An OCI layout whose image `base` has this file system as its only layer. */
    layout: string;
    /** Its `/etc/passwd` and `/etc/group`, without the users of any service. */
    passwd: string;
    group: string;
}

/** Debian has each of the services, none of them at upstream's version: what a host relies on is the same. */
const packages = [
    ...["base-files", "base-passwd", "libc-bin", "dash", "bash", "coreutils", "grep", "sed"],
    ...["hostname", "curl", "netcat-openbsd", "openssl", "ca-certificates"],
    ...["nodejs", "redis-server", "nginx", "libnginx-mod-stream"],
];

const suite = "trixie";
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
const sources = [
    `deb [signed-by=${keyring}] http://deb.debian.org/debian ${suite} main`,
    `deb [signed-by=${keyring}] http://deb.debian.org/debian ${suite}-updates main`,
    `deb [signed-by=${keyring}] http://deb.debian.org/debian-security ${suite}-security main`,
];

/** Left out while packages are unpacked. */
const excluded = ["doc", "man", "locale", "lintian", "common-licenses"];

/** The architecture as Debian and OCI both call it. */
export function stackArchitecture(): "amd64" | "arm64" {
    if (process.arch === "x64") return "amd64";
    if (process.arch === "arm64") return "arm64";
    throw new Error(
        `The stack's images can be built on x64 and arm64, not on ${process.arch}. Run the laptop cloud on another computer.`,
    );
}

/** Covers everything that decides what the file system holds, save Debian's own updates. */
export function stackRootHash(): string {
    const files = ["stack-root.ts", "stack-root.sh", "stack-cache.ts"];
    return hashFiles(
        files.map((name) => path.join(__dirname, name)),
        stackArchitecture(),
    );
}

/** Builds the shared file system, or returns what was built before from the same inputs. */
export async function buildStackRoot(report: (line: string) => void): Promise<StackRoot> {
    const folder = await cachedFolder({
        parent: path.join(cacheRoot, "stack-root"),
        hash: stackRootHash(),
        title: "the file system of the stack's images",
        // Another process may be copying the one before.
        keep: 2,
        build: (building) => build(building, report),
        report,
    });
    const read = (name: string) => fs.readFileSync(path.join(folder, name), "utf8");
    return {
        layout: path.join(folder, "layout"),
        passwd: read("passwd"),
        group: read("group"),
    };
}

async function build(folder: string, report: (line: string) => void): Promise<void> {
    const tree = path.join(folder, "root.tar");
    const layout = path.join(folder, "layout");
    report("unpacking the packages of the stack's images");
    await unpackPackages(tree);
    for (const name of ["passwd", "group"]) {
        const text = await run("tar", ["-xOf", tree, `./etc/${name}`]);
        fs.writeFileSync(path.join(folder, name), text);
    }
    report("compressing the file system of the stack's images");
    await run("umoci", ["init", "--layout", layout]);
    await run("umoci", ["new", "--image", `${layout}:base`]);
    await run("umoci", ["raw", "add-layer", "--image", `${layout}:base`, tree]);
    fs.rmSync(tree);
}

/** Packages are unpacked and never configured, so that nothing of what configures them has to be there. */
async function unpackPackages(tree: string): Promise<void> {
    const hook = fs.readFileSync(path.join(__dirname, "stack-root.sh"), "utf8");
    const { code, stderr } = await runQuietly(
        "mmdebstrap",
        [
            `--mode=${process.getuid?.() === 0 ? "root" : "unshare"}`,
            "--variant=extract",
            `--architectures=${stackArchitecture()}`,
            `--include=${packages.join(",")}`,
            '--aptopt=Apt::Install-Recommends "false"',
            ...excluded.map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
            `--extract-hook=${hook}`,
            "--skip=output/dev",
            suite,
            tree,
            ...sources,
        ],
        {
            env: {
                ...process.env,
                PATH: `${process.env["PATH"]}:/usr/sbin:/sbin`,
                // The caller's own settings are neither readable there nor wanted.
                HOME: "/",
                // Open to the subordinate root, and not in memory as /tmp may be.
                TMPDIR: "/var/tmp",
            },
        },
    );
    if (code === 0) return;
    throw new Error(
        `\`mmdebstrap\` exited with ${code} while it unpacked the stack's images:\n${stderr.trim().split("\n").slice(-30).join("\n")}`,
    );
}
