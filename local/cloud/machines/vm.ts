import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../../../cli/run-program";
import { ensureRootDisk, isDirtyExt4, withSystemPrograms } from "./disk";
import { probeKvm } from "./kvm-probe";
import type {
    AttachedVolume,
    FirewallRule,
    Machine,
    MachineOptions,
    MachineSpec,
    Reach,
} from "./machine";
import { identify, isSameProcess, type ProcessIdentity } from "./process-identity";
import {
    networkId,
    planForwards,
    renderForward,
    renderForwardHost,
    renderQemuCommand,
    vmGateways,
    volumeDevices,
    type Forward,
} from "./qemu-command";
import { Qmp } from "./qmp";
import { renderSeed, writeSeed } from "./seed";

/**
 * A machine under QEMU: a kernel, boot and disks of its own, and no root needed.
 *
 * Its network is QEMU's user mode: the machine carries its own addresses, this computer reaches the open ports at a
 * loopback address, over IPv4 only; machines do not reach each other, and of the cloud's services only what speaks TCP
 * over IPv4 (no metadata service).
 */
export class VirtualMachine implements Machine {
    private readonly spec: MachineSpec;

    constructor(
        spec: MachineSpec,
        private readonly options: MachineOptions,
    ) {
        this.spec = { ...spec, volumes: [...spec.volumes] };
    }

    async start(): Promise<void> {
        if (this.isRunning()) return;
        const { spec, options } = this;
        const accelerator = (await probeKvm()).boots ? "kvm" : "tcg";
        await ensureRootDisk(spec);
        await this.writeSeedDisk();
        const { program, args } = renderQemuCommand(spec, options, accelerator);
        fs.rmSync(this.file("qmp.sock"), { force: true });
        const log = fs.openSync(this.file("qemu.log"), "w", 0o600);
        const child = spawn(program, args, {
            cwd: spec.directory,
            detached: true,
            stdio: ["ignore", log, log],
        });
        fs.closeSync(log);
        child.unref();
        const failure = new Promise<string>((resolve) => {
            child.once("error", (error) => resolve(error.message));
            child.once("exit", (code, signal) => resolve(`exit code ${code ?? signal}`));
        });
        const identity = child.pid === undefined ? undefined : identify(child.pid);
        if (identity) fs.writeFileSync(this.file("process.json"), JSON.stringify(identity));
        const failed = await Promise.race([this.waitForMonitor(), failure]);
        if (failed !== undefined) {
            const said = fs.readFileSync(this.file("qemu.log"), "utf8").trim();
            throw new Error(
                `The machine "${spec.name}" did not start: \`${program}\` ended with ${failed}:\n${said}`,
            );
        }
    }

    async shutdown(timeoutSeconds: number): Promise<void> {
        const identity = this.process();
        if (!identity) return;
        await this.withMonitor((qmp) => qmp.execute("system_powerdown"));
        if (!(await waitForEnd(identity, timeoutSeconds))) await this.powerOff();
    }

    async powerOff(): Promise<void> {
        const identity = this.process();
        if (!identity) return;
        process.kill(identity.pid, "SIGKILL");
        await waitForEnd(identity, 10);
    }

    isRunning(): boolean {
        return this.process() !== undefined;
    }

    async destroy(): Promise<void> {
        await this.powerOff();
    }

    async attachVolume(volume: AttachedVolume): Promise<void> {
        this.spec.volumes = [...this.spec.volumes.filter((v) => v.id !== volume.id), volume];
        if (!this.isRunning()) return;
        const { node, device } = volumeDevices(volume);
        await this.withMonitor(async (qmp) => {
            await qmp.execute("blockdev-add", node);
            await qmp.execute("device_add", device);
        });
    }

    async detachVolume(id: number): Promise<{ wasMounted: boolean }> {
        const volume = this.spec.volumes.find((v) => v.id === id);
        if (!volume) return { wasMounted: false };
        this.spec.volumes = this.spec.volumes.filter((v) => v.id !== id);
        if (!this.isRunning()) return { wasMounted: false };
        const { name } = volumeDevices(volume);
        await this.withMonitor(async (qmp) => {
            await qmp.execute("device_del", { id: name });
            await removeNode(qmp, name);
        });
        // No agent runs in the machine; what is mounted says so on the disk.
        return { wasMounted: isDirtyExt4(volume.file) };
    }

    async growVolume(id: number): Promise<void> {
        const volume = this.spec.volumes.find((v) => v.id === id);
        if (!volume || !this.isRunning()) return;
        const { size } = fs.statSync(volume.file);
        await this.withMonitor((qmp) =>
            qmp.execute("block_resize", { "node-name": volumeDevices(volume).name, size }),
        );
    }

    async setFirewall(rules: FirewallRule[] | undefined): Promise<void> {
        this.spec.firewall = rules;
        if (!this.isRunning()) return;
        const wanted = planForwards(this.spec, rules, this.options);
        await this.withMonitor(async (qmp) => {
            const present = parseForwards(await qmp.monitor("info usernet"));
            const keys = (forwards: HostSide[]) => new Set(forwards.map(renderForwardHost));
            const [wantedKeys, presentKeys] = [keys(wanted), keys(present)];
            for (const key of presentKeys) {
                if (!wantedKeys.has(key)) await qmp.monitor(`hostfwd_remove ${networkId} ${key}`);
            }
            for (const forward of wanted) {
                if (presentKeys.has(renderForwardHost(forward))) continue;
                const answer = await qmp.monitor(
                    `hostfwd_add ${networkId} ${renderForward(forward)}`,
                );
                if (answer.trim() !== "") {
                    throw new Error(
                        `Port ${forward.port} of "${this.spec.name}" can't be reached at ${forward.hostAddress}:${forward.hostPort}: ${answer.trim()} Free that port and apply the firewall again.`,
                    );
                }
            }
        });
    }

    resize(size: { memoryMb: number; cores: number }): Promise<void> {
        Object.assign(this.spec, size);
        return Promise.resolve();
    }

    reach(port: number, family: 4 | 6): Reach | undefined {
        if (family === 6) return undefined;
        const forward = planForwards(this.spec, this.spec.firewall, this.options).find(
            (f) => f.protocol === "tcp" && f.port === port,
        );
        return forward && { host: forward.hostAddress, port: forward.hostPort };
    }

    private file(name: string): string {
        return path.join(this.spec.directory, name);
    }

    private process(): ProcessIdentity | undefined {
        try {
            const text = fs.readFileSync(this.file("process.json"), "utf8");
            const identity = JSON.parse(text) as ProcessIdentity;
            return isSameProcess(identity) ? identity : undefined;
        } catch {
            return undefined;
        }
    }

    private async writeSeedDisk(): Promise<void> {
        const folder = this.file("seed");
        writeSeed(
            folder,
            renderSeed(this.spec, {
                ...this.options,
                gateway: vmGateways(this.options.slot),
                dnsOver: "tcp",
            }),
        );
        const disk = this.file("seed.iso");
        fs.rmSync(disk, { force: true });
        fs.writeFileSync(disk, "", { mode: 0o600 });
        const labels = ["-quiet", "-volid", "cidata", "-joliet", "-rock"];
        await run("genisoimage", [...labels, "-output", disk, folder], {
            env: withSystemPrograms(),
        });
    }

    private async waitForMonitor(): Promise<undefined> {
        for (;;) {
            try {
                return await this.withMonitor(() => Promise.resolve(undefined));
            } catch {
                await sleep(100);
            }
        }
    }

    private async withMonitor<T>(work: (qmp: Qmp) => Promise<T>): Promise<T> {
        // Through the process's own folder, since a socket's path has at most 107 characters.
        const identity = this.process();
        if (!identity) throw new Error(`The machine "${this.spec.name}" is off.`);
        const qmp = await Qmp.connect(`/proc/${identity.pid}/cwd/qmp.sock`);
        try {
            return await work(qmp);
        } finally {
            qmp.close();
        }
    }
}

type HostSide = Pick<Forward, "protocol" | "hostAddress" | "hostPort">;

/** Reads the forwarded ports from the monitor's `info usernet`. */
export function parseForwards(text: string): HostSide[] {
    return [...text.matchAll(/^\s*(TCP|UDP)\[HOST_FORWARD\]\s+\S+\s+(\S+)\s+(\d+)\s/gm)].map(
        ([, protocol, hostAddress, hostPort]) => ({
            protocol: protocol === "TCP" ? "tcp" : "udp",
            hostAddress: hostAddress!,
            hostPort: Number(hostPort),
        }),
    );
}

/** The disk's file can only be closed once the controller has let go of the disk. */
async function removeNode(qmp: Qmp, name: string): Promise<void> {
    const deadline = Date.now() + 20_000;
    for (;;) {
        try {
            await qmp.execute("blockdev-del", { "node-name": name });
            return;
        } catch (error) {
            if (Date.now() > deadline) throw error;
            await sleep(100);
        }
    }
}

/** @returns whether it ended in time. */
async function waitForEnd(identity: ProcessIdentity, timeoutSeconds: number): Promise<boolean> {
    const deadline = Date.now() + timeoutSeconds * 1000;
    while (isSameProcess(identity)) {
        if (Date.now() > deadline) return false;
        await sleep(100);
    }
    return true;
}
