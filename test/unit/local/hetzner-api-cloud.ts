import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import type {
    AttachedVolume,
    FirewallRule,
    ImageFiles,
    Machine,
    MachineSpec,
    Reach,
} from "../../../local/cloud/machines/machine";
import { createApiServer } from "../../../local/cloud/hetzner/api-server";
import { Faults } from "../../../local/cloud/api/faults";
import { Project } from "../../../local/cloud/hetzner/project";

/** A machine that does nothing but remember: whether it runs is a file in its folder, as with a real one. */
export class FakeMachine implements Machine {
    readonly calls: string[] = [];
    readonly mounted = new Set<number>();
    firewall: FirewallRule[] | undefined;

    constructor(
        readonly spec: MachineSpec,
        private readonly failures: Set<string>,
    ) {
        this.firewall = spec.firewall;
    }

    /** What a real machine does in its time, this one does at once. */
    private note(call: string): Promise<void> {
        this.calls.push(call);
        return this.failures.has(call)
            ? Promise.reject(new Error(`${call} failed as it was told to`))
            : Promise.resolve();
    }

    private get file(): string {
        return path.join(this.spec.directory, "running");
    }

    async start(): Promise<void> {
        await this.note("start");
        fs.writeFileSync(this.file, "");
    }

    async shutdown(): Promise<void> {
        await this.note("shutdown");
        fs.rmSync(this.file, { force: true });
    }

    async powerOff(): Promise<void> {
        await this.note("powerOff");
        fs.rmSync(this.file, { force: true });
    }

    isRunning(): boolean {
        return fs.existsSync(this.file);
    }

    async destroy(): Promise<void> {
        await this.note("destroy");
        fs.rmSync(this.file, { force: true });
    }

    async attachVolume(volume: AttachedVolume): Promise<void> {
        await this.note(`attachVolume ${volume.id}`);
    }

    async detachVolume(id: number): Promise<{ wasMounted: boolean }> {
        await this.note(`detachVolume ${id}`);
        return { wasMounted: this.mounted.has(id) };
    }

    async growVolume(id: number): Promise<void> {
        await this.note(`growVolume ${id}`);
    }

    async setFirewall(rules: FirewallRule[] | undefined): Promise<void> {
        await this.note("setFirewall");
        this.firewall = rules;
    }

    async resize(size: { memoryMb: number; cores: number }): Promise<void> {
        await this.note(`resize ${size.memoryMb} ${size.cores}`);
    }

    reach(port: number): Reach {
        return { host: "127.0.0.1", port: port + 20000 };
    }
}

export const token = "t".repeat(64);

/** A simulated Hetzner Cloud in this process, with machines that do nothing. */
export class TestCloud {
    readonly root: string;
    endpoint = "";
    quits: boolean[] = [];
    /** What was done to the servers beside the API's. */
    readonly services: string[] = [];
    /** By server id; each time that the machine's object was made anew. */
    readonly machines = new Map<number, FakeMachine>();
    /** Calls of machines and services that must fail. */
    readonly failures = new Set<string>();
    project!: Project;
    beforeAnswer: () => Promise<void> = () => Promise.resolve();
    private server!: http.Server;

    private constructor(root: string | undefined) {
        this.root = root ?? fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-hetzner-"));
    }

    /** @param root the folder of a cloud that was closed before: its objects are found again. */
    static async open(root?: string): Promise<TestCloud> {
        const cloud = new TestCloud(root);
        cloud.project = new Project({
            objectsFile: path.join(cloud.root, "objects.json"),
            machinesDirectory: path.join(cloud.root, "machines"),
            volumesDirectory: path.join(cloud.root, "volumes"),
            architecture: "x86",
            images: [image(7, "debian-13", "x86"), image(9, undefined, "x86")],
            addresses: {
                size: 200,
                ipv4: (index) => `198.18.7.${index + 10}`,
                ipv6: (index) => `2001:db8:7:${(index + 10).toString(16)}::/64`,
            },
            createMachine: (spec) => {
                const machine = new FakeMachine(spec, cloud.failures);
                const before = cloud.machines.get(spec.id);
                if (before) machine.calls.push(...before.calls);
                cloud.machines.set(spec.id, machine);
                return machine;
            },
        });
        cloud.server = createApiServer(cloud.project, {
            token,
            requestLog: path.join(cloud.root, "requests.log"),
            faults: new Faults(),
            beforeAnswer: () => cloud.beforeAnswer(),
            kind: "container",
            acme: { restart: (seconds) => cloud.note(`acme ${seconds}`) },
            registry: { setRunning: (running) => cloud.note(`registry ${running}`) },
            quit: (machines) => cloud.quits.push(machines),
        });
        await new Promise<void>((resolve) => cloud.server.listen(0, "127.0.0.1", resolve));
        const { port } = cloud.server.address() as AddressInfo;
        cloud.endpoint = `http://127.0.0.1:${port}/v1`;
        return cloud;
    }

    private note(call: string): Promise<void> {
        this.services.push(call);
        return this.failures.has(call)
            ? Promise.reject(new Error(`${call} failed as it was told to`))
            : Promise.resolve();
    }

    /** Sends a request and returns its status and body. */
    async send(method: string, route: string, body?: object): Promise<Answer> {
        const response = await fetch(this.endpoint.replace("/v1", "") + route, {
            method,
            headers: { authorization: `Bearer ${token}` },
            ...(body && { body: JSON.stringify(body) }),
        });
        const text = await response.text();
        return { status: response.status, body: text ? (JSON.parse(text) as Body) : {} };
    }

    /** As {@link send} under `/v1`, and waits until what it began is over. */
    async call(method: string, route: string, body?: object): Promise<Answer> {
        const answer = await this.send(method, `/v1${route}`, body);
        await this.project.idle();
        return answer;
    }

    requests(): { method: string; path: string; status: number | "hang" }[] {
        const file = path.join(this.root, "requests.log");
        if (!fs.existsSync(file)) return [];
        return fs
            .readFileSync(file, "utf8")
            .trim()
            .split("\n")
            .map(
                (line) =>
                    JSON.parse(line) as { method: string; path: string; status: number | "hang" },
            );
    }

    machine(id: number): FakeMachine {
        const machine = this.machines.get(id);
        if (!machine) throw new Error(`no machine ${id}`);
        return machine;
    }

    async close(keep = false): Promise<void> {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
        await this.project.idle();
        if (!keep) fs.rmSync(this.root, { recursive: true, force: true });
    }
}

interface ApiObject {
    id: number;
    [field: string]: unknown;
}

/** What answers hold, as far as tests read them. */
export interface Body {
    error?: { code: string; message: string; details: unknown };
    action?: ApiObject & { status: string };
    actions?: (ApiObject & { status: string })[];
    server?: ApiObject & { status: string };
    servers?: ApiObject[];
    volume?: ApiObject;
    volumes?: ApiObject[];
    firewall?: ApiObject;
    firewalls?: ApiObject[];
    primary_ip?: ApiObject & { ip: string };
    primary_ips?: (ApiObject & { ip: string })[];
    ssh_key?: ApiObject;
    ssh_keys?: ApiObject[];
    images?: ApiObject[];
    server_types?: ApiObject[];
    meta?: unknown;
    [field: string]: unknown;
}

export interface Answer {
    status: number;
    body: Body;
}

function image(id: number, name: string | undefined, architecture: "x86" | "arm"): ImageFiles {
    return {
        id,
        ...(name && { name }),
        description: name ?? "a snapshot",
        architecture,
        rootDisk: "/nowhere/root.img",
        kernel: "/nowhere/vmlinuz",
        initrd: "/nowhere/initrd.img",
    };
}
