import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../../cli/run-program";
import { hostPackages } from "../../components/host/packages";
import type { ImageFiles } from "../cloud/machines/machine";
import { cacheRoot } from "../paths";
import { whyUnreachable } from "./archive";
import { makeSigningKey, publishRepository, type SigningKey } from "./repository";
import { systemImage, type Architecture, type ImageSystem, type SystemImage } from "./systems";

/** Everything that a machine is made from, and the package repository that it installs from. */
export interface ImageSet {
    /** The stock image first, then the snapshot where there is one. */
    images: ImageFiles[];
    /** A folder to serve over HTTP at the port that the machines are told; holds `debian/` or `ubuntu/`. */
    repository: string;
}

/** Id at the simulated provider of the snapshot, Debian 13 with the host's packages. */
export const snapshotImageId = 900000001;

/** Sizes of the file systems as they are built; a machine's disk is grown from there. */
const stockDiskSize = "2G";
const snapshotDiskSize = "3G";

function ownArchitecture(): Architecture {
    if (process.arch === "x64") return { debian: "amd64", hetzner: "x86" };
    if (process.arch === "arm64") return { debian: "arm64", hetzner: "arm" };
    throw new Error(
        `A machine image can be built on x64 and arm64, not on ${process.arch}. Run the laptop cloud on another computer.`,
    );
}

interface BuildOptions {
    /** @default "debian-13" */
    system?: ImageSystem;
    /** Gets a line for each phase. */
    onProgress?: (line: string) => void;
}

/**
 * Builds a system as a provider's stock image has it, a snapshot of it with the host's packages where virtual machines
 * boot it, and a signed repository of those packages; or returns what was built before from the same inputs.
 *
 * @throws Error when a package does not exist, a download fails or a tool is missing: with mmdebstrap's last lines.
 */
export async function buildImage(options: BuildOptions = {}): Promise<ImageSet> {
    const { system = "debian-13", onProgress: report = () => undefined } = options;
    const { parent, hash, folder } = placeOf(system);
    fs.mkdirSync(parent, { recursive: true });
    await waitForOtherBuild(parent, hash, report);
    if (!fs.existsSync(folder)) {
        const building = path.join(parent, `${hash}.${process.pid}`);
        fs.rmSync(building, { recursive: true, force: true });
        fs.mkdirSync(building);
        try {
            await build(building, system, report);
            fs.renameSync(building, folder);
        } finally {
            fs.rmSync(building, { recursive: true, force: true });
        }
    }
    prune(parent, hash);
    return imageSet(folder, system);
}

/** Why a system's image can't be built here: its archive is out of reach. Undefined when it is built already. */
export async function whyNotBuilt(system: ImageSystem): Promise<string | undefined> {
    if (fs.existsSync(placeOf(system).folder)) return undefined;
    const { archive, suite } = systemImage(system, ownArchitecture());
    const reason = await whyUnreachable(archive, suite);
    return reason && `${archive} can't be reached: ${reason}`;
}

/** Where a system's image is once it is built. Each system has a folder of its own, in which {@link prune} removes. */
function placeOf(system: ImageSystem): { parent: string; hash: string; folder: string } {
    const parent = path.join(cacheRoot, system === "debian-13" ? "image" : `image-${system}`);
    const hash = inputsHash(system);
    return { parent, hash, folder: path.join(parent, hash) };
}

/** Covers everything that decides what an image holds, save the distribution's own updates. */
function inputsHash(system: ImageSystem): string {
    const hash = createHash("sha256");
    for (const file of ["build-image.ts", "repository.ts", "populate-image.sh"]) {
        hash.update(fs.readFileSync(path.join(__dirname, file)));
    }
    const architecture = ownArchitecture();
    hash.update(
        JSON.stringify([architecture, systemImage(system, architecture), hostPackages(system)]),
    );
    return hash.digest("hex").slice(0, 16);
}

/** The folder of a system's repository beneath {@link ImageSet.repository}. */
function repositoryPath(system: ImageSystem): string {
    return system.split("-")[0]!;
}

function imageSet(folder: string, system: ImageSystem): ImageSet {
    const architecture = ownArchitecture();
    const { id, description, suite, kernel } = systemImage(system, architecture);
    const shared = {
        architecture: architecture.hetzner,
        packages: { path: repositoryPath(system), suite },
    };
    const stock = { ...shared, id, name: system, description };
    const rootDisk = path.join(folder, "stock.img");
    const repository = path.join(folder, "repository");
    if (kernel === undefined) return { images: [{ ...stock, rootDisk }], repository };
    const boot = { kernel: path.join(folder, "vmlinuz"), initrd: path.join(folder, "initrd") };
    return {
        images: [
            { ...stock, rootDisk, boot },
            {
                ...shared,
                id: snapshotImageId,
                description: `${system} with the host's packages already installed (laptop snapshot)`,
                rootDisk: path.join(folder, "snapshot.img"),
                boot,
            },
        ],
        repository,
    };
}

async function build(
    folder: string,
    system: ImageSystem,
    report: (line: string) => void,
): Promise<void> {
    report("making the repository's key");
    const key = await makeSigningKey();
    try {
        await makeDisks(folder, system, key, report);
        const packages = path.join(folder, "packages.tar");
        report("signing the package repository");
        await publishRepository({
            packages,
            folder: path.join(folder, "repository", repositoryPath(system)),
            suite: systemImage(system, ownArchitecture()).suite,
            architecture: ownArchitecture().debian,
            key,
        });
        fs.rmSync(packages);
    } finally {
        await key.destroy();
    }
}

async function makeDisks(
    folder: string,
    system: ImageSystem,
    key: SigningKey,
    report: (line: string) => void,
): Promise<void> {
    const isRoot = process.getuid?.() === 0;
    // mmdebstrap's root is another user than the caller, unless the caller is root.
    fs.chmodSync(folder, isRoot ? 0o700 : 0o777);
    const architecture = ownArchitecture();
    const { suite, sources, packages, keys, kernel } = systemImage(system, architecture);
    const hook = fs.readFileSync(path.join(__dirname, "populate-image.sh"), "utf8");
    const include = [...packages, ...(kernel === undefined ? [] : [kernel])];
    const env = {
        ...process.env,
        PATH: `${process.env["PATH"]}:/usr/sbin:/sbin`,
        // The caller's own settings are neither readable there nor wanted.
        HOME: "/",
        // Open to the subordinate root, and not in memory as /tmp may be.
        TMPDIR: "/var/tmp",
        HOST_PACKAGES: hostPackages(system).join(" "),
        REPOSITORY_KEY: key.publicKey,
        STOCK_DISK: stockDiskSize,
        SNAPSHOT_DISK: kernel === undefined ? "" : snapshotDiskSize,
    };
    await withKeys(keys, { cwd: folder, env }, report, (keyring) =>
        runReporting(
            "mmdebstrap",
            [
                `--mode=${isRoot ? "root" : "unshare"}`,
                "--variant=minbase",
                "--format=null",
                `--architectures=${architecture.debian}`,
                `--include=${include.join(",")}`,
                `--customize-hook=${hook}`,
                suite,
                "/dev/null",
                ...sources.map((source) => `deb [signed-by=${keyring}] ${source}`),
            ],
            { cwd: folder, env },
            report,
        ),
    );
    fs.chmodSync(folder, 0o755);
}

/**
 * Does something with the file of an archive's keys. Where this computer lacks it, as Debian 12 lacks Ubuntu's in any
 * package, it is taken from Debian 13, which Debian's own keys verify.
 */
async function withKeys(
    { file, package: name }: SystemImage["keys"],
    options: { cwd: string; env: NodeJS.ProcessEnv },
    report: (line: string) => void,
    work: (keyring: string) => Promise<void>,
): Promise<void> {
    const debian = systemImage("debian-13", ownArchitecture());
    if (fs.existsSync(file) || file === debian.keys.file) return work(file);
    report(`taking ${name} from Debian 13`);
    // Open to the subordinate root.
    const aside = fs.mkdtempSync("/var/tmp/mailhost-keys-");
    try {
        fs.chmodSync(aside, 0o755);
        const tree = path.join(aside, "tree.tar");
        await run(
            "mmdebstrap",
            [
                `--mode=${process.getuid?.() === 0 ? "root" : "unshare"}`,
                ...["--variant=extract", `--include=${name}`, debian.suite, tree],
                `deb [signed-by=${debian.keys.file}] ${debian.sources[0]}`,
            ],
            options,
        );
        await run("tar", ["-C", aside, "--strip-components=4", "-xf", tree, `.${file}`]);
        const keyring = path.join(aside, path.basename(file));
        fs.chmodSync(keyring, 0o644);
        await work(keyring);
    } finally {
        fs.rmSync(aside, { recursive: true });
    }
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
