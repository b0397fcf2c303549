import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureGoProgram } from "../go-programs/build";
import { buildImage } from "../image/build-image";
import { buildStackImages } from "../image/stack-images";
import type { ImageSystem } from "../image/systems";
import { cloudPaths, type CloudInfo, type MachineKind } from "../paths";
import type { DaemonOptions } from "./daemon";
import type { CloudStatus } from "./laptop-api";
import { lockFile } from "./lock-file";
import { chooseKind } from "./machines/choose-kind";
import { isSameProcess, type ProcessIdentity } from "./machines/process-identity";
import { slotAddresses } from "./network/addresses";
import { createCloudNetwork, destroyCloudNetwork } from "./network/cloud-network";
import { releaseSlot, reserveSlot } from "./network/slots";
import { openProviders } from "./open-providers";

export type { CloudStatus, MachineStatus } from "./laptop-api";

/** What is slow to make is there when the daemon starts, so that it has only to start its servers. */
const readySeconds = 60;
/** A daemon that was told to end lets what it is doing to a machine come to its end. */
const endSeconds = 150;
/** Where an ordinary user may not bind ports below 1024: 22 is reached at 10022. */
const shiftedPortOffset = 10_000;

/**
 * Starts a laptop cloud, or finds it running: its network, its daemon, and the machines that were on when it was
 * stopped. Several clouds run side by side.
 *
 * @param options.kind the kind of its machines. @default what the cloud has, else what the computer can do best
 * @param options.system what its machines can boot; taken when it starts. @default "debian-13"
 * @param options.certificateSeconds how long the certificates of its ACME server are valid; taken when it starts.
 * @default what the cloud had, else 90 days
 * @throws Error when the cloud has machines of another kind, or with the end of its log when it does not start.
 */
export async function startCloud(options: {
    name: string;
    kind?: MachineKind;
    system?: ImageSystem;
    certificateSeconds?: number;
}): Promise<CloudInfo> {
    const { name } = options;
    const { root } = cloudPaths(name);
    fs.mkdirSync(root, { recursive: true, mode: 0o700 });
    const release = await lockFile(path.join(root, "start.lock"));
    try {
        const before = readInfo(name);
        if (before && options.kind && before.kind !== options.kind) {
            throw new Error(
                `The laptop cloud "${name}" has machines of kind ${before.kind}, not ${options.kind}. Delete it first: npm run local -- down --delete`,
            );
        }
        if (before && daemonOf(name)) return before;
        const [image, stackImages, pebble] = await Promise.all([
            buildImage({ system: options.system }),
            buildStackImages(),
            ensureGoProgram("pebble", () => undefined),
        ]);
        const choice = await chooseKind(before?.kind ?? options.kind, before !== undefined);
        const slot = reserveSlot(root);
        if (before && before.slot !== slot && hasObjects(name)) {
            throw new Error(
                `The addresses of the laptop cloud "${name}" (198.18.${before.slot}.0/24) are another one's by now. Delete that one, or this: npm run local -- down --delete`,
            );
        }
        if (choice.kind === "container") await createCloudNetwork(slot);
        return await startDaemon({
            name,
            kind: choice.kind,
            ...(choice.accelerator && { accelerator: choice.accelerator }),
            slot,
            portOffset: portOffset(),
            made: { image, stackImages, pebble },
            ...(options.certificateSeconds && { certificateSeconds: options.certificateSeconds }),
        });
    } finally {
        release();
    }
}

/**
 * Shuts a laptop cloud's machines down, ends its daemon and removes its network: no process is left. Also when the
 * daemon was killed, and when there is no such cloud.
 *
 * @param options.keepData false deletes disks, objects and everything else in its folder. @default true
 */
export async function stopCloud(name: string, options: { keepData?: boolean } = {}): Promise<void> {
    const { root } = cloudPaths(name);
    if (!fs.existsSync(root)) return;
    const release = await lockFile(path.join(root, "start.lock"));
    try {
        await endDaemon(name);
        const info = readInfo(name);
        if (info) await powerDown(info);
        // A start that failed leaves a network without a cloud.json.
        if (info?.kind !== "vm" && process.getuid?.() === 0) {
            await destroyCloudNetwork(info?.slot ?? reserveSlot(root));
        }
        if (options.keepData === false) {
            releaseSlot(root);
            fs.rmSync(root, { recursive: true, force: true });
        }
    } finally {
        release();
    }
}

/** What a running laptop cloud says of its machines; undefined when it does not run. */
export async function cloudStatus(name: string): Promise<CloudStatus | undefined> {
    const info = readInfo(name);
    if (!info || !daemonOf(name)) return undefined;
    const response = await fetch(laptopUrl(info, "status"));
    if (!response.ok) {
        throw new Error(`the laptop cloud "${name}" answers with status ${response.status}`);
    }
    return (await response.json()) as CloudStatus;
}

function laptopUrl(info: CloudInfo, endpoint: string): string {
    return info.hcloudEndpoint.replace(/\/v1$/, `/_laptop/${endpoint}`);
}

async function startDaemon(options: DaemonOptions): Promise<CloudInfo> {
    const paths = cloudPaths(options.name);
    const log = fs.openSync(paths.daemonLog, "a", 0o600);
    const command = [
        process.execPath,
        "--require",
        require.resolve("tsx/cjs"),
        path.join(__dirname, "daemon.ts"),
        JSON.stringify(options),
    ];
    const { namespace } = slotAddresses(options.slot);
    // nsenter becomes the program it is given, so the child's number is the daemon's.
    const [program = "", ...args] =
        options.kind === "container"
            ? ["nsenter", `--net=/run/netns/${namespace}`, ...command]
            : command;
    const daemon = spawn(program, args, { detached: true, stdio: ["ignore", log, log], cwd: "/" });
    fs.closeSync(log);
    let ended: string | undefined;
    daemon.once("error", (error) => (ended = error.message));
    daemon.once("exit", (code, signal) => (ended = `it ended with ${signal ?? code}`));
    for (let waited = 0; waited < readySeconds * 1000; waited += 50) {
        const info = readInfo(options.name);
        if (info && info.pid === daemon.pid && daemonOf(options.name)) {
            daemon.unref();
            return info;
        }
        if (ended !== undefined) break;
        await sleep(50);
    }
    daemon.kill("SIGKILL");
    const tail = fs.readFileSync(paths.daemonLog, "utf8").trim().split("\n").slice(-20).join("\n");
    throw new Error(
        `The laptop cloud "${options.name}" did not start: ${ended ?? `not ready after ${readySeconds} s`}. The end of ${paths.daemonLog}:\n${tail}`,
    );
}

async function endDaemon(name: string): Promise<void> {
    const daemon = daemonOf(name);
    if (!daemon) return;
    process.kill(daemon.pid, "SIGTERM");
    for (let waited = 0; waited < endSeconds * 1000; waited += 50) {
        if (!isSameProcess(daemon)) return;
        await sleep(50);
    }
    process.kill(daemon.pid, "SIGKILL");
}

/** Ends the machines from here: they outlive a daemon, and so does what they hold of this computer. */
async function powerDown(info: CloudInfo): Promise<void> {
    const providers = openProviders({
        ...info,
        servicesPort: Number(new URL(info.servicesUrl).port),
        images: [],
    });
    const used = Object.values(providers).filter(({ options }) =>
        fs.existsSync(options.objectsFile),
    );
    await Promise.all(used.map((provider) => provider.powerDown()));
}

function hasObjects(name: string): boolean {
    const { objects, digitalOceanObjects } = cloudPaths(name);
    return fs.existsSync(objects) || fs.existsSync(digitalOceanObjects);
}

/** The daemon that runs for a cloud. */
function daemonOf(name: string): ProcessIdentity | undefined {
    const identity = readJson<ProcessIdentity>(path.join(cloudPaths(name).root, "daemon.json"));
    return identity && isSameProcess(identity) ? identity : undefined;
}

function readInfo(name: string): CloudInfo | undefined {
    return readJson<CloudInfo>(cloudPaths(name).info);
}

function readJson<T>(file: string): T | undefined {
    try {
        return JSON.parse(fs.readFileSync(file, "utf8")) as T;
    } catch {
        return undefined;
    }
}

function portOffset(): number {
    if (process.getuid?.() === 0) return 0;
    const first = readJson<number>("/proc/sys/net/ipv4/ip_unprivileged_port_start") ?? 1024;
    return first <= 22 ? 0 : shiftedPortOffset;
}
