import { FileStore, timestamp } from "../file-store";
import { notFound } from "./api-error";

export interface KeyObject {
    id: number;
    created: string;
    name: string;
    publicKey: string;
    fingerprint: string;
}

export interface DropletObject {
    id: number;
    created: string;
    /** PTR of its addresses as well, where it is a fully qualified name. */
    name: string;
    size: string;
    /** Grows with the size only where that was asked for. */
    diskGb: number;
    image: { id: number; slug: string | null; distribution: string; name: string };
    region: string;
    userData: string;
    /** authorized_keys lines, as they were when the Droplet was created. */
    publicKeys: string[];
    ipv4: string;
    /** A network `…::/64`; null without IPv6. */
    ipv6: string | null;
    tags: string[];
    monitoring: boolean;
    vpcUuid: string;
    /** Whether it was switched on last; it may be off all the same, when its system shut itself down. */
    poweredOn: boolean;
}

export interface VolumeObject {
    /** A UUID. */
    id: string;
    created: string;
    /** Names its disk, among all providers' volumes. */
    number: number;
    name: string;
    region: string;
    sizeGb: number;
    description: string;
    filesystemType: string;
    filesystemLabel: string;
    droplet: number | null;
    tags: string[];
    /** How often it was detached from a machine that had it mounted. A cloud does so without a word; data is lost. */
    detachedWhileMounted: number;
}

/** Where a rule's traffic comes from or goes to. */
export interface Peers {
    addresses?: string[];
    droplet_ids?: number[];
    tags?: string[];
}

/** A rule as the API gives it: `ports` is `0` for all of them, and for icmp. */
export interface FirewallRuleObject {
    protocol: "tcp" | "udp" | "icmp";
    ports: string;
    peers: Peers;
}

export interface FirewallObject {
    /** A UUID. */
    id: string;
    created: string;
    name: string;
    inbound: FirewallRuleObject[];
    outbound: FirewallRuleObject[];
    dropletIds: number[];
    tags: string[];
}

export interface ProjectObject {
    /** A UUID. */
    id: string;
    created: string;
    updated: string;
    name: string;
    description: string;
    purpose: string;
    environment: string;
    isDefault: boolean;
    /** `do:droplet:1`, with the time of assignment. */
    resources: { urn: string; assigned: string }[];
}

export interface ActionObject {
    id: number;
    status: "in-progress" | "completed" | "errored";
    type: string;
    started: string;
    completed: string | null;
    resource: { type: "droplet" | "volume"; id: number | string };
    region: string;
}

/** The kinds of objects of an account. */
export interface ObjectKinds {
    key: KeyObject;
    droplet: DropletObject;
    volume: VolumeObject;
    firewall: FirewallObject;
    project: ProjectObject;
}

/** The objects of one account. Numbers begin where no other simulated provider's get to. */
export class ObjectStore extends FileStore<ObjectKinds, ActionObject> {
    constructor(file: string) {
        super(file, {
            firstId: 500000001,
            kinds: ["key", "droplet", "volume", "firewall", "project"],
        });
    }

    /** @throws ApiError `not_found` */
    get<K extends keyof ObjectKinds>(kind: K, id: ObjectKinds[K]["id"]): ObjectKinds[K] {
        const object = this.find(kind, id);
        if (!object) throw notFound();
        return object;
    }

    addAction(type: string, resource: ActionObject["resource"], region: string): ActionObject {
        const action: ActionObject = {
            id: this.takeId(),
            status: "in-progress",
            type,
            started: timestamp(),
            completed: null,
            resource,
            region,
        };
        this.keepAction(action);
        this.save();
        return action;
    }

    finishAction(action: ActionObject, failed = false): void {
        action.status = failed ? "errored" : "completed";
        action.completed = timestamp();
        this.save();
    }
}
