import { randomUUID } from "node:crypto";
import { timestamp } from "../file-store";
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
import { unprocessable } from "./api-error";
import { findSize } from "./catalogue";
import { machineRules } from "./firewall-rules";
import { metadataOf } from "./metadata";
import {
    ObjectStore,
    type ActionObject,
    type DropletObject,
    type FirewallObject,
    type ProjectObject,
    type VolumeObject,
} from "./objects";

/** A name that becomes a PTR record. Source: docs.digitalocean.com, "Manage PTR Records". */
const qualifiedName = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/i;

/** An account of the simulated provider: its objects and the machines behind its Droplets. */
export class Account extends ServerProvider<ObjectStore> {
    readonly name = "digitalocean";

    constructor(options: ProviderOptions) {
        super(options, new ObjectStore(options.objectsFile));
        for (const action of this.store.actions) {
            if (action.status === "in-progress") this.store.finishAction(action, true);
        }
        for (const droplet of this.store.all("droplet")) this.putMachine(droplet);
    }

    servers(): LentServer[] {
        return this.store.all("droplet").map(({ id, name, ipv4, ipv6, poweredOn }) => ({
            ...{ id, name, ipv4, poweredOn },
            ...(ipv6 !== null && { ipv6: hostAddress(ipv6) }),
        }));
    }

    volumes(): LentVolume[] {
        return this.store.all("volume").map(({ id, name, droplet, detachedWhileMounted }) => ({
            ...{ id, name, detachedWhileMounted },
            server: droplet,
        }));
    }

    /** A Droplet's name is the PTR record of its IPv4 address and of its first IPv6 address. */
    pointers(): Pointer[] {
        return this.servers()
            .filter(({ name }) => qualifiedName.test(name))
            .flatMap(({ name, ipv4, ipv6 }) =>
                [ipv4, ipv6].flatMap((ip) => (ip === undefined ? [] : [{ ip, dns_ptr: name }])),
            );
    }

    metadata({ id }: LentServer, path: string): string | undefined {
        return metadataOf(this.store.get("droplet", id), path);
    }

    protected startServer(id: number): void {
        this.begin(this.store.get("droplet", id), "starting", "power_on", () =>
            this.park.use(id, (machine) => machine.start()),
        );
    }

    /** Makes the machine's object from what the objects say now; it counts from the machine's next start. */
    putMachine(droplet: DropletObject): void {
        this.park.put(this.specification(droplet));
    }

    status({ id }: DropletObject): "new" | "active" | "off" {
        if (this.park.transition(id) === "initializing") return "new";
        return this.park.isRunning(id) ? "active" : "off";
    }

    /**
     * An action on a Droplet: the answer is sent while it runs, and clients ask until it ends.
     *
     * @param resource @default the Droplet
     * @throws ApiError while another one runs.
     */
    begin(
        droplet: DropletObject,
        transition: Transition,
        type: string,
        work: () => Promise<void>,
        resource: ActionObject["resource"] = { type: "droplet", id: droplet.id },
    ): ActionObject {
        this.checkUnlocked(droplet);
        const action = this.store.addAction(type, resource, droplet.region);
        this.park.begin(droplet.id, transition, work, (failure) => {
            if (failure !== undefined) console.error(`action ${action.id} (${type}): ${failure}`);
            this.store.finishAction(action, failure !== undefined);
        });
        return action;
    }

    checkUnlocked({ id }: DropletObject): void {
        if (this.park.transition(id)) throw unprocessable("Droplet already has a pending event.");
    }

    volumesOf({ id }: DropletObject): VolumeObject[] {
        return this.store.all("volume").filter((volume) => volume.droplet === id);
    }

    firewallsOf({ id, tags }: DropletObject): FirewallObject[] {
        return this.store
            .all("firewall")
            .filter(
                (firewall) =>
                    firewall.dropletIds.includes(id) ||
                    firewall.tags.some((tag) => tags.includes(tag)),
            );
    }

    /** The rules that a Droplet's machine must enforce: those of all of its firewalls, nothing when it has none. */
    effectiveRules(droplet: DropletObject): FirewallRule[] | undefined {
        return machineRules(this.firewallsOf(droplet), this.store.all("droplet"));
    }

    /** Brings the machines' firewalls up to date. A rule may name any Droplet, so all of them. */
    async enforceFirewalls(): Promise<void> {
        await Promise.all(
            this.store
                .all("droplet")
                .map((droplet) =>
                    this.park.use(droplet.id, (machine) =>
                        machine.setFirewall(this.effectiveRules(droplet)),
                    ),
                ),
        );
    }

    volumeFile({ number }: VolumeObject): string {
        return this.volumeImage(number);
    }

    attachedVolume(volume: VolumeObject): AttachedVolume {
        return {
            id: volume.number,
            file: this.volumeFile(volume),
            device: `/dev/disk/by-id/scsi-0DO_Volume_${volume.name}`,
        };
    }

    /** Takes a volume off its Droplet's machine, mounted or not, and notes it when that cost data. */
    async detachVolume(volume: VolumeObject): Promise<void> {
        if (volume.droplet === null) return;
        const { wasMounted } = await this.park.use(volume.droplet, (machine) =>
            machine.detachVolume(volume.number),
        );
        volume.droplet = null;
        if (wasMounted) volume.detachedWhileMounted++;
        this.store.save();
    }

    /** An address that no Droplet has. */
    freeAddress(type: "ipv4" | "ipv6"): string {
        const taken = new Set(this.store.all("droplet").map((droplet) => droplet[type] ?? ""));
        const address = this.untakenAddress(type, taken);
        if (address !== undefined) return address;
        const { size } = this.options.addresses;
        throw unprocessable(`all ${size} ${type} addresses of the laptop cloud are in use`);
    }

    /** The project that everything belongs to which was put into no other; an account always has one. */
    defaultProject(): ProjectObject {
        const made = this.store.all("project").find(({ isDefault }) => isDefault);
        return (
            made ??
            this.store.add("project", {
                id: randomUUID(),
                updated: timestamp(),
                name: "first-project",
                description: "",
                purpose: "Just trying out DigitalOcean",
                environment: "",
                isDefault: true,
                resources: [],
            })
        );
    }

    /** Puts what a URN names into a project, out of the one that it is in. */
    assign(urn: string, project: ProjectObject): void {
        this.unassign(urn);
        project.resources.push({ urn, assigned: timestamp() });
        this.store.save();
    }

    unassign(urn: string): void {
        for (const project of this.store.all("project")) {
            project.resources = project.resources.filter((resource) => resource.urn !== urn);
        }
        this.store.save();
    }

    private specification(droplet: DropletObject): MachineSpec {
        const size = findSize(droplet.size);
        const { id, name } = droplet.image;
        return {
            id: droplet.id,
            name: droplet.name,
            directory: this.makeMachineDirectory(droplet.id),
            image: this.imageOf({ id, description: name, architecture: "x86" }),
            userData: droplet.userData,
            publicKeys: droplet.publicKeys,
            memoryMb: size?.memoryMb ?? 1024,
            cores: size?.vcpus ?? 1,
            diskGb: droplet.diskGb,
            ipv4: droplet.ipv4,
            ...(droplet.ipv6 !== null && { ipv6: hostAddress(droplet.ipv6) }),
            volumes: this.volumesOf(droplet).map((volume) => this.attachedVolume(volume)),
            firewall: this.effectiveRules(droplet),
        };
    }
}
