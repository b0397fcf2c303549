import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run, runQuietly } from "../../../cli/run-program";
import { machineGateway } from "../network/addresses";
import {
    applyFirewall,
    createMachineNetwork,
    destroyMachineNetwork,
} from "../network/cloud-network";
import { machineLink, machineNamespace } from "../network/network-plan";
import { ControlGroup } from "./control-group";
import { ensureRootDisk, rootDisk } from "./disk";
import {
    deviceNumber,
    ensureLoopDevice,
    freeLoopDevice,
    refreshCapacity,
    waitUntilFreed,
} from "./loop-devices";
import type {
    AttachedVolume,
    FirewallRule,
    Machine,
    MachineOptions,
    MachineSpec,
    Reach,
} from "./machine";
import { renderSeed, writeSeed } from "./seed";

/** The folder at which a machine finds its disks. */
const deviceFolder = "/dev/disk/by-id";

/**
 * A machine as a system container (systemd-nspawn) in a network namespace: quick, with real addresses, and root only.
 *
 * What it is not: it has this computer's kernel, memory and cores; no udev runs in it, so systemd knows no `.device`
 * units there (a mount unit does not wait for its device, a unit that requires one fails), a `mount` finds the disk
 * at its path all the same; `vm.*` sysctls and swap are this computer's and refused.
 */
export class ContainerMachine implements Machine {
    private readonly spec: MachineSpec;
    private readonly group: ControlGroup;
    /** The machine's network namespace; its name everywhere outside. */
    private readonly namespace: string;
    /** Holds the volumes' device nodes. In /dev, since a home folder may be mounted without devices. */
    private readonly devices: string;

    constructor(
        spec: MachineSpec,
        private readonly options: MachineOptions,
    ) {
        this.spec = { ...spec, volumes: [...spec.volumes] };
        this.namespace = machineNamespace(options.slot, spec.id);
        this.group = new ControlGroup(`pulumi-mailhost-${this.namespace}`);
        this.devices = `/dev/pulumi-mailhost/${this.namespace}`;
    }

    async start(): Promise<void> {
        if (this.isRunning()) return;
        const { spec } = this;
        await ensureRootDisk(spec);
        await waitUntilFreed(rootDisk(spec.directory));
        writeSeed(
            path.join(spec.directory, "seed"),
            renderSeed(spec, { ...this.options, gateway: machineGateway, dnsOver: "udp" }),
        );
        await createMachineNetwork({ slot: this.options.slot, ...spec });
        await this.setFirewall(spec.firewall);
        fs.mkdirSync(this.devices, { recursive: true });
        for (const volume of spec.volumes) await this.plug(volume);
        this.group.remove();
        this.group.create();
        this.superviseDetached();
        await this.waitForBoot();
    }

    async shutdown(timeoutSeconds: number): Promise<void> {
        for (const pid of this.group.processes("supervisor")) process.kill(pid, "SIGTERM");
        if (!(await this.group.waitUntilEmpty(timeoutSeconds))) await this.group.kill();
        await this.silence();
        await this.releaseDisks();
    }

    async powerOff(): Promise<void> {
        await this.group.kill();
        await this.silence();
        await this.releaseDisks();
    }

    isRunning(): boolean {
        return this.group.isPopulated();
    }

    async destroy(): Promise<void> {
        await this.powerOff();
        this.group.remove();
        // nspawn leaves it behind when a machine ends.
        fs.rmSync(`/run/systemd/nspawn/propagate/${this.namespace}`, {
            recursive: true,
            force: true,
        });
        await destroyMachineNetwork(this.options.slot, this.spec.id);
    }

    async attachVolume(volume: AttachedVolume): Promise<void> {
        this.spec.volumes = [...this.spec.volumes.filter((v) => v.id !== volume.id), volume];
        if (this.isRunning()) await this.plug(volume);
    }

    async detachVolume(id: number): Promise<{ wasMounted: boolean }> {
        const volume = this.spec.volumes.find((v) => v.id === id);
        if (!volume) return { wasMounted: false };
        this.spec.volumes = this.spec.volumes.filter((v) => v.id !== id);
        const node = this.node(volume);
        if (!fs.existsSync(node)) return { wasMounted: false };
        const mounts = mountPoints(this.group.processes("machine"), await deviceNumber(node));
        for (const mount of mounts) await shutDownFileSystem(mount);
        // What was committed before is written now, so that nothing of it can reach the disk behind its next machine.
        if (mounts.length > 0) await run("blockdev", ["--flushbufs", node]);
        fs.rmSync(node);
        const device = await freeLoopDevice(volume.file);
        if (device !== undefined && mounts.length === 0) await waitUntilFreed(volume.file, device);
        return { wasMounted: mounts.length > 0 };
    }

    async growVolume(id: number): Promise<void> {
        const volume = this.spec.volumes.find((v) => v.id === id);
        if (volume && this.isRunning()) await refreshCapacity(volume.file);
    }

    async setFirewall(rules: FirewallRule[] | undefined): Promise<void> {
        this.spec.firewall = rules;
        const { id, ipv4, ipv6 } = this.spec;
        await applyFirewall(this.options.slot, { id, link: machineLink(id), ipv4, ipv6, rules });
    }

    /** Kept for the interface's sake: a container has all of this computer's memory and cores. */
    resize(size: { memoryMb: number; cores: number }): Promise<void> {
        Object.assign(this.spec, size);
        return Promise.resolve();
    }

    reach(port: number, family: 4 | 6): Reach | undefined {
        const host = family === 4 ? this.spec.ipv4 : this.spec.ipv6;
        return host === undefined ? undefined : { host, port };
    }

    /** The namespace outlives its machine, and its kernel would answer for it: a machine that is off says nothing. */
    private async silence(): Promise<void> {
        await runQuietly("ip", ["-n", this.namespace, "link", "set", "eth0", "down"]);
    }

    private superviseDetached(): void {
        const log = fs.openSync(path.join(this.spec.directory, "console.log"), "a", 0o600);
        const child = spawn(
            "unshare",
            [
                ...["--mount", "--propagation", "private"],
                path.join(__dirname, "supervise-container.sh"),
                this.group.folder,
                this.spec.directory,
                this.namespace,
                this.devices,
            ],
            { detached: true, stdio: ["ignore", log, log], cwd: "/" },
        );
        child.on("error", () => undefined); // Seen by waitForBoot, as a machine that does not come up.
        child.unref();
        fs.closeSync(log);
    }

    private async waitForBoot(): Promise<void> {
        const deadline = Date.now() + 30_000;
        while (this.group.processes("machine/payload").length === 0) {
            await sleep(50);
            if (Date.now() < deadline) continue;
            const log = path.join(this.spec.directory, "console.log");
            const tail = fs.readFileSync(log, "utf8").trim().split("\n").slice(-10).join("\n");
            await this.group.kill();
            throw new Error(
                `The machine "${this.spec.name}" did not start within 30 s. The end of ${log}:\n${tail}`,
            );
        }
    }

    private node(volume: AttachedVolume): string {
        if (path.dirname(volume.device) !== deviceFolder) {
            throw new Error(
                `Volume ${volume.id} is to be found at "${volume.device}", but a container machine has disks in ${deviceFolder} only. Give it a path there.`,
            );
        }
        return path.join(this.devices, path.basename(volume.device));
    }

    private async plug(volume: AttachedVolume): Promise<void> {
        const node = this.node(volume);
        const { major, minor } = await deviceNumber(await ensureLoopDevice(volume.file));
        fs.rmSync(node, { force: true });
        await run("mknod", ["-m", "660", node, "b", String(major), String(minor)]);
    }

    private async releaseDisks(): Promise<void> {
        fs.rmSync(this.devices, { recursive: true, force: true });
        for (const { file } of this.spec.volumes) {
            const device = await freeLoopDevice(file);
            if (device !== undefined) await waitUntilFreed(file, device);
        }
        await waitUntilFreed(rootDisk(this.spec.directory));
    }
}

/** Where a block device is mounted in the mount namespaces of some processes, as paths of this process. */
function mountPoints(pids: number[], device: { major: number; minor: number }): string[] {
    const number = `${device.major}:${device.minor}`;
    const seen = new Set<string>();
    return pids.flatMap((pid) => {
        try {
            const namespace = fs.readlinkSync(`/proc/${pid}/ns/mnt`);
            if (seen.has(namespace)) return [];
            seen.add(namespace);
            return fs
                .readFileSync(`/proc/${pid}/mountinfo`, "utf8")
                .split("\n")
                .map((line) => line.split(" "))
                .filter((fields) => fields[2] === number)
                .map((fields) => `/proc/${pid}/root${unescapeMountPoint(fields[4]!)}`);
        } catch {
            return []; // It ended meanwhile.
        }
    });
}

/** The kernel writes blanks in mountinfo as octal escapes. */
function unescapeMountPoint(field: string): string {
    return field.replace(/\\([0-7]{3})/g, (_all, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
    );
}

/**
 * Pulls a file system's disk from under it: every access fails from now on and nothing more is written
 * (EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH, which XFS knows too). A file system without it lives until it is
 * unmounted. Node can't call ioctl; perl is essential in Debian.
 */
async function shutDownFileSystem(mountPoint: string): Promise<void> {
    const program =
        'my $how = pack("L", 2); open(my $d, "<", $ARGV[0]) or exit 0; ioctl($d, 0x8004587d, $how);';
    await run("perl", ["-e", program, mountPoint]);
}
