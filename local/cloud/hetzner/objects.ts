import { FileStore, timestamp } from "../file-store";
import { ApiError, notFound } from "./api-error";
import type { Architecture } from "./catalogue";
import type { Labels } from "./labels";

interface CommonFields {
    id: number;
    name: string;
    created: string;
    labels: Labels;
}

export interface SshKeyObject extends CommonFields {
    publicKey: string;
    fingerprint: string;
}

export interface PrimaryIpObject extends CommonFields {
    type: "ipv4" | "ipv6";
    /** An IPv4 address, or an IPv6 network `…::/64`. */
    ip: string;
    location: string;
    server: number | null;
    autoDelete: boolean;
    protected: boolean;
    /** PTR records by address. */
    pointers: Record<string, string>;
}

/** A rule in the form in which the API takes and gives it. */
export interface ApiFirewallRule {
    direction: "in" | "out";
    protocol: "tcp" | "udp" | "icmp" | "esp" | "gre";
    port: string | null;
    source_ips: string[];
    destination_ips: string[];
    description: string | null;
}

export type FirewallTarget =
    { type: "server"; server: number } | { type: "label_selector"; selector: string };

export interface FirewallObject extends CommonFields {
    rules: ApiFirewallRule[];
    appliedTo: FirewallTarget[];
}

export interface VolumeObject extends CommonFields {
    sizeGb: number;
    location: string;
    server: number | null;
    format: string | null;
    protected: boolean;
    /** How often it was detached from a machine that had it mounted. A cloud does so without a word; data is lost. */
    detachedWhileMounted: number;
}

export interface ServerObject extends CommonFields {
    serverType: string;
    image: { id: number; name: string | null; description: string; architecture: Architecture };
    location: string;
    userData: string;
    /** authorized_keys lines, as they were when the server was created. */
    publicKeys: string[];
    diskGb: number;
    protection: { delete: boolean; rebuild: boolean };
    /** Whether it was switched on last; it may be off all the same, when its system shut itself down. */
    poweredOn: boolean;
}

export interface ActionObject {
    id: number;
    command: string;
    status: "running" | "success" | "error";
    progress: number;
    started: string;
    finished: string | null;
    resources: { id: number; type: string }[];
    error: { code: string; message: string } | null;
}

/** The kinds of objects that have a name of their own in the project. */
export interface ObjectKinds {
    ssh_key: SshKeyObject;
    primary_ip: PrimaryIpObject;
    firewall: FirewallObject;
    volume: VolumeObject;
    server: ServerObject;
}
export type ObjectKind = keyof ObjectKinds;

/** The objects of one project. */
export class ObjectStore extends FileStore<ObjectKinds, ActionObject> {
    constructor(file: string) {
        super(file, {
            firstId: 101,
            kinds: ["ssh_key", "primary_ip", "firewall", "volume", "server"],
        });
    }

    /** @throws ApiError `not_found` */
    get<K extends ObjectKind>(kind: K, id: number): ObjectKinds[K] {
        const object = this.find(kind, id);
        if (!object) throw notFound(kind, id);
        return object;
    }

    /** @throws ApiError `uniqueness_error` when another object of this kind has the name. */
    checkName(kind: ObjectKind, name: string, own?: number): void {
        const other = this.all(kind).find((object) => object.name === name);
        if (other && other.id !== own) {
            throw new ApiError(
                "uniqueness_error",
                `${kind} name is already used: '${name}' (ID ${other.id})`,
            );
        }
    }

    /** What a PUT changes; what is undefined stays. @throws ApiError `uniqueness_error`, and nothing is changed. */
    update<K extends ObjectKind>(
        kind: K,
        object: ObjectKinds[K],
        changes: { [P in keyof ObjectKinds[K]]?: ObjectKinds[K][P] | undefined },
    ): void {
        if (changes.name !== undefined) this.checkName(kind, changes.name, object.id);
        const given = Object.entries(changes).filter(([, value]) => value !== undefined);
        Object.assign(object, Object.fromEntries(given));
        this.save();
    }

    addAction(command: string, resources: ActionObject["resources"]): ActionObject {
        const action: ActionObject = {
            id: this.takeId(),
            command,
            status: "running",
            progress: 0,
            started: timestamp(),
            finished: null,
            resources,
            error: null,
        };
        this.keepAction(action);
        return action;
    }

    finishAction(action: ActionObject, failure?: string): void {
        action.status = failure === undefined ? "success" : "error";
        action.progress = 100;
        action.finished = timestamp();
        if (failure !== undefined) action.error = { code: "action_failed", message: failure };
        this.save();
    }
}
