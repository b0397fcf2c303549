import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { Faults } from "../../../local/cloud/api/faults";
import type { MachineSpec } from "../../../local/cloud/machines/machine";
import { FakeMachine } from "./fake-machine";

interface LoggedRequest {
    method: string;
    path: string;
    status: number | "hang";
}

/** A provider's simulated API in this process, with a folder of its own. */
export class TestApi {
    readonly faults = new Faults();
    readonly requestLog: string;
    private server!: http.Server;

    /** @param root the folder of one that was closed before: its objects are found again. */
    protected constructor(
        name: string,
        readonly root = fs.mkdtempSync(path.join(os.tmpdir(), `mailhost-${name}-`)),
    ) {
        this.requestLog = path.join(root, "requests.log");
    }

    /** @returns the URL of its root. */
    protected async listen(api: http.RequestListener): Promise<string> {
        this.server = http.createServer(api);
        await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
        return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    }

    requests(): LoggedRequest[] {
        if (!fs.existsSync(this.requestLog)) return [];
        return fs
            .readFileSync(this.requestLog, "utf8")
            .trim()
            .split("\n")
            .map((line) => JSON.parse(line) as LoggedRequest);
    }

    /** Work that an answered request began is over. */
    protected idle(): Promise<void> {
        return Promise.resolve();
    }

    async close(keep = false): Promise<void> {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
        await this.idle();
        if (!keep) fs.rmSync(this.root, { recursive: true, force: true });
    }
}

/** One of a provider of servers, with machines that do nothing. */
export class TestServersApi<Body> extends TestApi {
    /** By the server's id; each time that the machine's object was made anew. */
    readonly machines = new Map<number, FakeMachine>();
    /** Calls of machines and services that must fail. */
    readonly failures = new Set<string>();

    protected get files() {
        return {
            objectsFile: path.join(this.root, "objects.json"),
            machinesDirectory: path.join(this.root, "machines"),
            volumesDirectory: path.join(this.root, "volumes"),
        };
    }

    protected readonly createMachine = (spec: MachineSpec): FakeMachine => {
        const machine = new FakeMachine(spec, this.failures);
        const before = this.machines.get(spec.id);
        if (before) machine.calls.push(...before.calls);
        this.machines.set(spec.id, machine);
        return machine;
    };

    machine(id: number | string): FakeMachine {
        const machine = this.machines.get(Number(id));
        if (!machine) throw new Error(`no machine ${id}`);
        return machine;
    }

    protected async exchange(
        method: string,
        url: string,
        token: string,
        body?: object,
    ): Promise<{ status: number; body: Body }> {
        const response = await fetch(url, {
            method,
            headers: { authorization: `Bearer ${token}` },
            ...(body && { body: JSON.stringify(body) }),
        });
        const text = await response.text();
        return { status: response.status, body: (text ? JSON.parse(text) : {}) as Body };
    }
}

/** Runs with an API that is there for this alone. */
export async function withApi<Api extends TestApi>(
    opened: Promise<Api>,
    run: (api: Api) => Promise<void>,
): Promise<void> {
    const api = await opened;
    try {
        await run(api);
    } finally {
        await api.close();
    }
}
