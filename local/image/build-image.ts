import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { hostPackages } from "../../components/host/packages";
import type { ImageFiles } from "../cloud/machines/machine";
import { cacheRoot } from "../paths";
import { makeSigningKey, publishRepository, type SigningKey } from "./repository";

/** Everything that a machine is made from, and the package repository that it installs from. */
export interface ImageSet {
    /** The stock image first, then the snapshot. */
    images: ImageFiles[];
    /** A folder to serve over HTTP at the port that the machines are told; holds `debian/`. */
    repository: string;
}

/** Ids at the simulated provider. The stock image has the one that the real provider gave to its Debian 13. */
export const stockImageId = 114690387;
export const snapshotImageId = 900000001;

export const suite = "trixie";

/** What a provider's stock image holds, and none of the host's own packages. */
const stockPackages = [
    ...["systemd", "systemd-sysv", "systemd-resolved", "libpam-systemd", "udev", "dbus", "kmod"],
    ...["openssh-server", "cloud-init", "cloud-guest-utils", "sudo", "apt", "ca-certificates"],
    ...["curl", "iproute2", "iputils-ping", "netbase", "procps", "e2fsprogs", "less", "tzdata"],
];

/** Sizes of the file systems as they are built; a machine's disk is grown from there. */
const stockDiskSize = "2G";
const snapshotDiskSize = "3G";

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
const debian = "http://deb.debian.org/debian";
const sources = [
    `deb [signed-by=${keyring}] ${debian} ${suite} main`,
    `deb [signed-by=${keyring}] ${debian} ${suite}-updates main`,
    `deb [signed-by=${keyring}] ${debian}-security ${suite}-security main`,
];

/** Debian's and the Hetzner Cloud API's names of this computer's architecture. */
function architectures(): { debian: "amd64" | "arm64"; hetzner: "x86" | "arm" } {
    if (process.arch === "x64") return { debian: "amd64", hetzner: "x86" };
    if (process.arch === "arm64") return { debian: "arm64", hetzner: "arm" };
    throw new Error(
        `A machine image can be built on x64 and arm64, not on ${process.arch}. Run the laptop cloud on another computer.`,
    );
}

/**
 * Builds Debian 13 as a provider's stock image has it, a snapshot of it with the host's packages, and a signed
 * repository of those packages; or returns what was built before from the same inputs.
 *
 * @param options.onProgress gets a line for each phase.
 * @throws Error when a package does not exist, a download fails or a tool is missing: with mmdebstrap's last lines.
 */
export async function buildImage(
    options: { onProgress?: (line: string) => void } = {},
): Promise<ImageSet> {
    const report = options.onProgress ?? (() => undefined);
    const parent = path.join(cacheRoot, "image");
    const hash = inputsHash();
    const folder = path.join(parent, hash);
    fs.mkdirSync(parent, { recursive: true });
    await waitForOtherBuild(parent, hash, report);
    if (!fs.existsSync(folder)) {
        const building = path.join(parent, `${hash}.${process.pid}`);
        fs.rmSync(building, { recursive: true, force: true });
        fs.mkdirSync(building);
        try {
            await build(building, report);
            fs.renameSync(building, folder);
        } finally {
            fs.rmSync(building, { recursive: true, force: true });
        }
    }
    prune(parent, hash);
    return imageSet(folder);
}

/** Covers everything that decides what an image holds, save Debian's own updates. */
function inputsHash(): string {
    const hash = createHash("sha256");
    for (const file of ["build-image.ts", "repository.ts", "populate-image.sh"]) {
        hash.update(fs.readFileSync(path.join(__dirname, file)));
    }
    hash.update(JSON.stringify([architectures(), hostPackages("debian-13")]));
    return hash.digest("hex").slice(0, 16);
}

function imageSet(folder: string): ImageSet {
    const files = {
        architecture: architectures().hetzner,
        kernel: path.join(folder, "vmlinuz"),
        initrd: path.join(folder, "initrd"),
    };
    return {
        images: [
            {
                ...files,
                id: stockImageId,
                name: "debian-13",
                description: "Debian 13",
                rootDisk: path.join(folder, "stock.img"),
            },
            {
                ...files,
                id: snapshotImageId,
                description:
                    "debian-13 with the host's packages already installed (laptop snapshot)",
                rootDisk: path.join(folder, "snapshot.img"),
            },
        ],
        repository: path.join(folder, "repository"),
    };
}

async function build(folder: string, report: (line: string) => void): Promise<void> {
    report("making the repository's key");
    const key = await makeSigningKey();
    try {
        await makeDisks(folder, key, report);
        const packages = path.join(folder, "packages.tar");
        report("signing the package repository");
        await publishRepository({
            packages,
            folder: path.join(folder, "repository", "debian"),
            suite,
            architecture: architectures().debian,
            key,
        });
        fs.rmSync(packages);
    } finally {
        await key.destroy();
    }
}

async function makeDisks(
    folder: string,
    key: SigningKey,
    report: (line: string) => void,
): Promise<void> {
    const isRoot = process.getuid?.() === 0;
    // mmdebstrap's root is another user than the caller, unless the caller is root.
    fs.chmodSync(folder, isRoot ? 0o700 : 0o777);
    const hook = fs.readFileSync(path.join(__dirname, "populate-image.sh"), "utf8");
    const include = [...stockPackages, `linux-image-cloud-${architectures().debian}`];
    await runReporting(
        "mmdebstrap",
        [
            `--mode=${isRoot ? "root" : "unshare"}`,
            "--variant=minbase",
            "--format=null",
            `--architectures=${architectures().debian}`,
            `--include=${include.join(",")}`,
            `--customize-hook=${hook}`,
            suite,
            "/dev/null",
            ...sources,
        ],
        {
            cwd: folder,
            env: {
                ...process.env,
                PATH: `${process.env["PATH"]}:/usr/sbin:/sbin`,
                // The caller's own settings are neither readable there nor wanted.
                HOME: "/",
                // Open to the subordinate root, and not in memory as /tmp may be.
                TMPDIR: "/var/tmp",
                HOST_PACKAGES: hostPackages("debian-13").join(" "),
                REPOSITORY_KEY: key.publicKey,
                STOCK_DISK: stockDiskSize,
                SNAPSHOT_DISK: snapshotDiskSize,
            },
        },
        report,
    );
    fs.chmodSync(folder, 0o755);
}

/** Runs a program whose phases are told in lines `I: …` on its standard error. */
function runReporting(
    program: string,
    args: string[],
    options: { cwd: string; env: NodeJS.ProcessEnv },
    report: (line: string) => void,
): Promise<void> {
    return new Promise((resolve, reject) => {
        const child = spawn(program, args, {
            cwd: options.cwd,
            env: options.env,
            stdio: ["ignore", "ignore", "pipe"],
        });
        const tail: string[] = [];
        createInterface({ input: child.stderr }).on("line", (line) => {
            // The hook's own text is told when it starts; it says nothing to a person.
            const phase = /^I: (?!running --)(.*)/.exec(line)?.[1];
            if (phase !== undefined) report(phase);
            tail.push(line);
            if (tail.length > 30) tail.shift();
        });
        child.on("error", (error) =>
            reject(new Error(`\`${program}\` can't be started: ${error.message}. Install it.`)),
        );
        child.on("close", (code) => {
            if (code === 0) resolve();
            else {
                reject(
                    new Error(
                        `\`${program}\` exited with ${code} while it built the machine image:\n${tail.join("\n")}`,
                    ),
                );
            }
        });
    });
}

/** The process that builds in a folder `<hash>.<pid>`. */
function builder(name: string): number | undefined {
    const pid = Number(/^[0-9a-f]{16}\.(\d+)$/.exec(name)?.[1]);
    return Number.isNaN(pid) ? undefined : pid;
}

function isAlive(pid: number): boolean {
    try {
        process.kill(pid, 0);
        return true;
    } catch (error) {
        return (error as NodeJS.ErrnoException).code === "EPERM";
    }
}

/** Two suites may start at once from one checkout: the second takes what the first builds. */
async function waitForOtherBuild(
    parent: string,
    hash: string,
    report: (line: string) => void,
): Promise<void> {
    const isBuiltElsewhere = () =>
        fs.readdirSync(parent).some((name) => {
            const pid = builder(name);
            return (
                name.startsWith(hash) && pid !== undefined && pid !== process.pid && isAlive(pid)
            );
        });
    if (!isBuiltElsewhere()) return;
    report("waiting for another process that builds the same image");
    while (isBuiltElsewhere()) await sleep(500);
}

/** Removes images of other inputs and what dead builds left. Machines have disks of their own and miss nothing. */
function prune(parent: string, hash: string): void {
    for (const name of fs.readdirSync(parent)) {
        const pid = builder(name);
        if (name === hash || (pid !== undefined && isAlive(pid))) continue;
        fs.rmSync(path.join(parent, name), { recursive: true, force: true });
    }
}
