import * as fs from "node:fs";
import * as path from "node:path";
import ipaddr from "ipaddr.js";
import type { AttachedVolume, FirewallRule, ImageFiles, MachineSpec } from "../machines/machine";
import { ApiError } from "./api-error";
import { serverTypes, type Architecture } from "./catalogue";
import { labelSelector } from "./labels";
import { MachinePark, type MachineFactory } from "./machine-park";
import {
    ObjectStore,
    type ActionObject,
    type FirewallObject,
    type FirewallTarget,
    type PrimaryIpObject,
    type ServerObject,
    type VolumeObject,
} from "./objects";

/** What the simulated API stands on. */
export interface ProjectOptions {
    objectsFile: string;
    machinesDirectory: string;
    volumesDirectory: string;
    /** This computer's: machines of another would have to be emulated, which is too slow to be of use. */
    architecture: Architecture;
    /** The images that boot here. */
    images: readonly ImageFiles[];
    /** The address blocks of this cloud, see {@link AddressBlocks}. */
    addresses: AddressBlocks;
    createMachine: MachineFactory;
}

/** Hands out the addresses of primary IPs. `index` grows with each one and wraps at `size`. */
export interface AddressBlocks {
    size: number;
    ipv4(index: number): string;
    /** A network of 64 bits: `2001:db8:1:a::/64`. */
    ipv6(index: number): string;
}

/** What a server is doing while an action on it runs. */
export type Transition = "initializing" | "starting" | "stopping" | "deleting" | "migrating";

/** How long a system may take to shut down before its power goes. */
const shutdownSeconds = 60;

/** One project of the simulated provider: its objects and the machines behind its servers. */
export class Project {
    readonly store: ObjectStore;
    readonly park: MachinePark;
    private readonly transitions = new Map<number, Transition>();
    private readonly underWay = new Set<Promise<void>>();

    constructor(readonly options: ProjectOptions) {
        this.store = new ObjectStore(options.objectsFile);
        this.park = new MachinePark(options.createMachine);
        for (const action of this.store.actions) {
            if (action.status === "running") {
                this.store.finishAction(action, "the laptop cloud ended while this was under way");
            }
        }
        for (const server of this.store.all("server")) this.putMachine(server);
    }

    /** Makes the machine's object from what the objects say now; it counts from the machine's next start. */
    putMachine(server: ServerObject): void {
        this.park.put(this.specification(server));
    }

    status(server: ServerObject): Transition | "running" | "off" {
        return (
            this.transitions.get(server.id) ?? (this.park.isRunning(server.id) ? "running" : "off")
        );
    }

    /** An action that is over when the answer is sent. */
    done(command: string, resources: ActionObject["resources"]): ActionObject {
        const action = this.store.addAction(command, resources);
        this.store.finishAction(action);
        return action;
    }

    /**
     * An action on a server that takes its time: the answer is sent while it runs, and clients ask until it ends.
     *
     * @throws ApiError `locked` while another one runs.
     */
    begin(
        server: ServerObject,
        transition: Transition,
        command: string,
        work: () => Promise<void>,
    ): ActionObject {
        this.checkUnlocked(server);
        this.transitions.set(server.id, transition);
        const action = this.store.addAction(command, [{ id: server.id, type: "server" }]);
        this.store.save();
        const end = (failure?: string): void => {
            this.transitions.delete(server.id);
            this.store.finishAction(action, failure);
        };
        const running = work().then(
            () => end(),
            (error: unknown) => end(error instanceof Error ? error.message : String(error)),
        );
        this.underWay.add(running);
        void running.finally(() => this.underWay.delete(running));
        return action;
    }

    checkUnlocked(server: ServerObject): void {
        const transition = this.transitions.get(server.id);
        if (transition) {
            throw new ApiError("locked", `server ${server.id} is locked: it is ${transition}`);
        }
    }

    /** Resolves when no action and no work on a machine is under way. */
    async idle(): Promise<void> {
        await Promise.all(this.underWay);
        await this.park.idle();
    }

    /** Shuts every machine down and frees what it holds of this computer; its disk and its objects stay. */
    async powerDown(): Promise<void> {
        await this.idle();
        this.store.setBootId(null);
        await Promise.all(
            this.store.all("server").map((server) =>
                this.park.use(server.id, async (machine) => {
                    if (machine.isRunning()) await machine.shutdown(shutdownSeconds);
                    await machine.destroy();
                }),
            ),
        );
    }

    /**
     * Switches on, in the background, what was on when the cloud was powered down or the computer itself ended. In any
     * other case a machine that does not run was ended on purpose, and stays off.
     *
     * @param bootId differs after each start of the computer.
     */
    powerUp(bootId: string): void {
        const before = this.store.bootId;
        this.store.setBootId(bootId);
        if (before === bootId) return;
        for (const server of this.store.all("server")) {
            if (!server.poweredOn || this.park.isRunning(server.id)) continue;
            this.begin(server, "starting", "start_server", () =>
                this.park.use(server.id, (machine) => machine.start()),
            );
        }
    }

    /** The server that has an address: its IPv4 address, or the host's own in its IPv6 network. */
    serverAt(address: ipaddr.IPv4 | ipaddr.IPv6): ServerObject | undefined {
        return this.store.all("server").find((server) => {
            const ipv6 = this.primaryIp(server, "ipv6")?.ip;
            const own =
                address.kind() === "ipv4"
                    ? this.primaryIp(server, "ipv4")?.ip
                    : ipv6 && hostAddress(ipv6);
            return own === address.toString();
        });
    }

    primaryIp(server: ServerObject, type: "ipv4" | "ipv6"): PrimaryIpObject | undefined {
        return this.store
            .all("primary_ip")
            .find((ip) => ip.server === server.id && ip.type === type);
    }

    volumesOf(server: ServerObject): VolumeObject[] {
        return this.store.all("volume").filter((volume) => volume.server === server.id);
    }

    firewallsOf(server: ServerObject): FirewallObject[] {
        return this.store
            .all("firewall")
            .filter((firewall) =>
                firewall.appliedTo.some((target) => this.targets(target, server)),
            );
    }

    targets(target: FirewallTarget, server: ServerObject): boolean {
        return target.type === "server"
            ? target.server === server.id
            : labelSelector(target.selector)(server.labels);
    }

    /** The rules that a server's machine must enforce: those of all of its firewalls, nothing when it has none. */
    effectiveRules(server: ServerObject): FirewallRule[] | undefined {
        const firewalls = this.firewallsOf(server);
        if (firewalls.length === 0) return undefined;
        return firewalls.flatMap((firewall) =>
            firewall.rules.map((rule) => ({
                direction: rule.direction,
                protocol: rule.protocol,
                ...(rule.port !== null && { port: rule.port }),
                sourceIps: rule.source_ips,
            })),
        );
    }

    /** Brings the machines' firewalls up to date; `servers` are those that something changed for. */
    async enforceFirewalls(servers: readonly ServerObject[]): Promise<void> {
        await Promise.all(
            servers.map((server) =>
                this.park.use(server.id, (machine) =>
                    machine.setFirewall(this.effectiveRules(server)),
                ),
            ),
        );
    }

    volumeFile(volume: VolumeObject): string {
        return path.join(this.options.volumesDirectory, `volume-${volume.id}.img`);
    }

    attachedVolume(volume: VolumeObject): AttachedVolume {
        return {
            id: volume.id,
            file: this.volumeFile(volume),
            device: linuxDevice(volume.id),
        };
    }

    /** Takes a volume off its server's machine, mounted or not, and notes it when that cost data. */
    async detachVolume(volume: VolumeObject): Promise<void> {
        if (volume.server === null) return;
        const { wasMounted } = await this.park.use(volume.server, (machine) =>
            machine.detachVolume(volume.id),
        );
        volume.server = null;
        if (wasMounted) volume.detachedWhileMounted++;
        this.store.save();
    }

    machineDirectory(id: number): string {
        return path.join(this.options.machinesDirectory, `server-${id}`);
    }

    /** An address that no primary IP has. */
    freeAddress(type: "ipv4" | "ipv6"): string {
        const taken = new Set(this.store.all("primary_ip").map((ip) => ip.ip));
        const { addresses } = this.options;
        for (let tries = 0; tries < addresses.size; tries++) {
            const index = this.store.takeAddressIndex() % addresses.size;
            const address = addresses[type](index);
            if (!taken.has(address)) return address;
        }
        throw new ApiError(
            "resource_unavailable",
            `all ${addresses.size} ${type} addresses of the laptop cloud are in use`,
        );
    }

    private specification(server: ServerObject): MachineSpec {
        const type = serverTypes.find((candidate) => candidate.name === server.serverType);
        const image = this.options.images.find((candidate) => candidate.id === server.image.id);
        const directory = this.machineDirectory(server.id);
        fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
        const ipv4 = this.primaryIp(server, "ipv4");
        const ipv6 = this.primaryIp(server, "ipv6");
        return {
            id: server.id,
            name: server.name,
            directory,
            image: image ?? goneImage(server),
            userData: server.userData,
            publicKeys: server.publicKeys,
            memoryMb: (type?.memoryGb ?? 1) * 1024,
            cores: type?.cores ?? 1,
            diskGb: server.diskGb,
            ...(ipv4 && { ipv4: ipv4.ip }),
            ...(ipv6 && { ipv6: hostAddress(ipv6.ip) }),
            volumes: this.volumesOf(server).map((volume) => this.attachedVolume(volume)),
            firewall: this.effectiveRules(server),
        };
    }
}

/** What a machine that exists already is given when its image is no longer there: it can still be ended. */
function goneImage(server: ServerObject): ImageFiles {
    const { id, description, architecture } = server.image;
    return { id, description, architecture, rootDisk: "", kernel: "", initrd: "" };
}

/** Where a server finds a volume, whatever else is attached. */
export function linuxDevice(volumeId: number): string {
    return `/dev/disk/by-id/scsi-0HC_Volume_${volumeId}`;
}

/** The address that a server gives itself in its IPv6 network: `<prefix>::1`. */
export function hostAddress(network: string): string {
    const [address] = ipaddr.IPv6.parseCIDR(network);
    return new ipaddr.IPv6([...address.parts.slice(0, 7), 1]).toString();
}
