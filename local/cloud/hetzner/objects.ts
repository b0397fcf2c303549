import * as fs from "node:fs";
import * as path from "node:path";
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

interface Contents {
    nextId: number;
    /** Counts the addresses that were handed out, so that one that was given back isn't reused at once. */
    nextAddress: number;
    /** The run of this computer in which machines may be running; null when the cloud was powered down. */
    bootId: string | null;
    objects: { [K in ObjectKind]: ObjectKinds[K][] };
    actions: ActionObject[];
}

const keptActions = 500;

/** The objects of one project, kept in a file that is replaced as a whole after each change. 0600: it has user data. */
export class ObjectStore {
    private readonly contents: Contents;

    constructor(private readonly file: string) {
        this.contents = fs.existsSync(file)
            ? (JSON.parse(fs.readFileSync(file, "utf8")) as Contents)
            : {
                  nextId: 101,
                  nextAddress: 0,
                  bootId: null,
                  objects: { ssh_key: [], primary_ip: [], firewall: [], volume: [], server: [] },
                  actions: [],
              };
    }

    all<K extends ObjectKind>(kind: K): readonly ObjectKinds[K][] {
        return this.contents.objects[kind];
    }

    find<K extends ObjectKind>(kind: K, id: number): ObjectKinds[K] | undefined {
        return this.contents.objects[kind].find((object) => object.id === id);
    }

    /** @throws ApiError `not_found` */
    get<K extends ObjectKind>(kind: K, id: number): ObjectKinds[K] {
        const object = this.find(kind, id);
        if (!object) throw notFound(kind, id);
        return object;
    }

    /** @throws ApiError `uniqueness_error` when another object of this kind has the name. */
    checkName(kind: ObjectKind, name: string, own?: number): void {
        const other = this.contents.objects[kind].find((object) => object.name === name);
        if (other && other.id !== own) {
            throw new ApiError(
                "uniqueness_error",
                `${kind} name is already used: '${name}' (ID ${other.id})`,
            );
        }
    }

    add<K extends ObjectKind>(
        kind: K,
        fields: Omit<ObjectKinds[K], "id" | "created">,
    ): ObjectKinds[K] {
        const object = { id: this.contents.nextId++, created: timestamp(), ...fields };
        // The spread of an Omit<> is not recognised as the whole; it has every field by construction.
        this.contents.objects[kind].push(object as unknown as ObjectKinds[K]);
        this.save();
        return object as unknown as ObjectKinds[K];
    }

    remove(kind: ObjectKind, id: number): void {
        const list: { id: number }[] = this.contents.objects[kind];
        const index = list.findIndex((object) => object.id === id);
        if (index >= 0) list.splice(index, 1);
        this.save();
    }

    /** The id that the next {@link add} will use. */
    get nextId(): number {
        return this.contents.nextId;
    }

    takeAddressIndex(): number {
        return this.contents.nextAddress++;
    }

    get bootId(): string | null {
        return this.contents.bootId;
    }

    setBootId(bootId: string | null): void {
        this.contents.bootId = bootId;
        this.save();
    }

    get actions(): readonly ActionObject[] {
        return this.contents.actions;
    }

    addAction(command: string, resources: ActionObject["resources"]): ActionObject {
        const action: ActionObject = {
            id: this.contents.nextId++,
            command,
            status: "running",
            progress: 0,
            started: timestamp(),
            finished: null,
            resources,
            error: null,
        };
        this.contents.actions.push(action);
        this.contents.actions.splice(0, this.contents.actions.length - keptActions);
        return action;
    }

    finishAction(action: ActionObject, failure?: string): void {
        action.status = failure === undefined ? "success" : "error";
        action.progress = 100;
        action.finished = timestamp();
        if (failure !== undefined) action.error = { code: "action_failed", message: failure };
        this.save();
    }

    save(): void {
        fs.mkdirSync(path.dirname(this.file), { recursive: true, mode: 0o700 });
        const next = `${this.file}.next`;
        fs.writeFileSync(next, JSON.stringify(this.contents, undefined, 1), { mode: 0o600 });
        fs.renameSync(next, this.file);
    }
}

/** Now, in the API's form (no fraction). */
function timestamp(): string {
    return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}
