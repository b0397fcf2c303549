import type { AttachedVolume, FirewallRule, MachineSpec } from "../machines/machine";
import type { Transition } from "../machines/machine-park";
import {
    hostAddress,
    ServerProvider,
    type LentServer,
    type LentVolume,
    type Pointer,
    type ProviderOptions,
} from "../server-provider";
import { ApiError } from "./api-error";
import { serverTypes, type Architecture } from "./catalogue";
import { labelSelector } from "./labels";
import { metadataOf } from "./metadata";
import {
    ObjectStore,
    type ActionObject,
    type FirewallObject,
    type FirewallTarget,
    type PrimaryIpObject,
    type ServerObject,
    type VolumeObject,
} from "./objects";
import { pointerList } from "./pointers";

/** What the simulated API stands on. */
export interface ProjectOptions extends ProviderOptions {
    /** This computer's: machines of another would have to be emulated, which is too slow to be of use. */
    architecture: Architecture;
}

/** One project of the simulated provider: its objects and the machines behind its servers. */
export class Project extends ServerProvider<ObjectStore> {
    readonly name = "hetzner";

    constructor(override readonly options: ProjectOptions) {
        super(options, new ObjectStore(options.objectsFile));
        for (const action of this.store.actions) {
            if (action.status === "running") {
                this.store.finishAction(action, "the laptop cloud ended while this was under way");
            }
        }
        for (const server of this.store.all("server")) this.putMachine(server);
    }

    servers(): LentServer[] {
        return this.store.all("server").map((server) => {
            const ipv4 = this.primaryIp(server, "ipv4")?.ip;
            const ipv6 = this.primaryIp(server, "ipv6")?.ip;
            return {
                id: server.id,
                name: server.name,
                ...(ipv4 && { ipv4 }),
                ...(ipv6 && { ipv6: hostAddress(ipv6) }),
                poweredOn: server.poweredOn,
            };
        });
    }

    volumes(): LentVolume[] {
        return this.store.all("volume").map((volume) => ({
            id: volume.id,
            name: volume.name,
            server: volume.server,
            detachedWhileMounted: volume.detachedWhileMounted,
        }));
    }

    pointers(): Pointer[] {
        return this.store.all("primary_ip").flatMap(pointerList);
    }

    metadata({ id }: LentServer, path: string): string | undefined {
        return metadataOf(this.store.get("server", id), this, path);
    }

    protected startServer(id: number): void {
        this.begin(this.store.get("server", id), "starting", "start_server", () =>
            this.park.use(id, (machine) => machine.start()),
        );
    }

    /** Makes the machine's object from what the objects say now; it counts from the machine's next start. */
    putMachine(server: ServerObject): void {
        this.park.put(this.specification(server));
    }

    status(server: ServerObject): Transition | "running" | "off" {
        return (
            this.park.transition(server.id) ?? (this.park.isRunning(server.id) ? "running" : "off")
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
        const action = this.store.addAction(command, [{ id: server.id, type: "server" }]);
        this.store.save();
        this.park.begin(server.id, transition, work, (failure) =>
            this.store.finishAction(action, failure),
        );
        return action;
    }

    checkUnlocked(server: ServerObject): void {
        const transition = this.park.transition(server.id);
        if (transition) {
            throw new ApiError("locked", `server ${server.id} is locked: it is ${transition}`);
        }
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
                ...(rule.direction === "out" && { destinationIps: rule.destination_ips }),
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
        return this.volumeImage(volume.id);
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

    /** An address that no primary IP has. */
    freeAddress(type: "ipv4" | "ipv6"): string {
        const taken = new Set(this.store.all("primary_ip").map((ip) => ip.ip));
        const address = this.untakenAddress(type, taken);
        if (address !== undefined) return address;
        throw new ApiError(
            "resource_unavailable",
            `all ${this.options.addresses.size} ${type} addresses of the laptop cloud are in use`,
        );
    }

    private specification(server: ServerObject): MachineSpec {
        const type = serverTypes.find((candidate) => candidate.name === server.serverType);
        const { id, description, architecture } = server.image;
        const ipv4 = this.primaryIp(server, "ipv4");
        const ipv6 = this.primaryIp(server, "ipv6");
        return {
            id: server.id,
            name: server.name,
            directory: this.makeMachineDirectory(server.id),
            image: this.imageOf({ id, description, architecture }),
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

/** Where a server finds a volume, whatever else is attached. */
export function linuxDevice(volumeId: number): string {
    return `/dev/disk/by-id/scsi-0HC_Volume_${volumeId}`;
}
