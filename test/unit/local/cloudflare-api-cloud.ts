import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Faults } from "../../../local/cloud/api/faults";
import {
    cloudflarePrefix,
    createCloudflareApi,
    type ZonePublisher,
} from "../../../local/cloud/cloudflare/api";
import type { ZoneContent, ZoneKey } from "../../../local/cloud/dns/dns-server";

/** 40 characters. */
export const cloudflareToken = "t".repeat(40);

export const zoneKey: ZoneKey = {
    keyTag: 2371,
    algorithm: 13,
    flags: 257,
    publicKey:
        "oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkqmVfRvMGPmM1x8fGAa2XhSA==",
    digest: "AB".repeat(32),
};

/** In place of a DNS server: keeps what it is given, and refuses when it is told to. */
export class MemoryPublisher implements ZonePublisher {
    readonly zones = new Map<string, ZoneContent>();
    /** Zones in the order in which they were published. */
    readonly published: string[] = [];
    /** Milliseconds that a publication takes. */
    pause = 0;
    refuses: (zone: ZoneContent) => boolean = () => false;

    async publish(zone: ZoneContent): Promise<void> {
        await sleep(this.pause);
        if (this.refuses(zone)) throw new Error(`zone ${zone.name} is refused as it was told to`);
        this.published.push(zone.name);
        this.zones.set(zone.name, zone);
    }

    async withdraw(name: string): Promise<void> {
        await sleep(this.pause);
        this.zones.delete(name);
    }

    keyOf(name: string): Promise<ZoneKey> {
        return this.zones.get(name)?.signed
            ? Promise.resolve(zoneKey)
            : Promise.reject(new Error(`Zone ${name} is not signed.`));
    }
}

/** What answers hold, as far as tests read them. */
export interface Answer<T = Record<string, unknown>> {
    status: number;
    success: boolean;
    errors: { code: number; message: string; error_chain?: unknown }[];
    result: T;
    result_info?: { page: number; per_page: number; total_count: number };
}

/** The simulated Cloudflare API in this process, over a {@link MemoryPublisher}. */
export class TestCloudflare {
    readonly faults = new Faults();
    baseUrl = "";
    private server!: http.Server;

    readonly publisher = new MemoryPublisher();

    private constructor(readonly folder: string) {}

    /**
     * @param folder of one that was closed before: its zones are found again.
     * @param publisher in place of the one in memory.
     * @param dsAtRegistrar as the API's option.
     */
    static async open(
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-cloudflare-")),
        publisher?: ZonePublisher,
        dsAtRegistrar?: boolean,
    ): Promise<TestCloudflare> {
        const cloud = new TestCloudflare(folder);
        const api = createCloudflareApi({
            storeFile: cloud.storeFile,
            token: cloudflareToken,
            requestLog: path.join(folder, "requests.log"),
            faults: cloud.faults,
            publisher: publisher ?? cloud.publisher,
            dsAtRegistrar,
        });
        cloud.server = http.createServer(api);
        await new Promise<void>((resolve) => cloud.server.listen(0, "127.0.0.1", resolve));
        const { port } = cloud.server.address() as AddressInfo;
        cloud.baseUrl = `http://127.0.0.1:${port}${cloudflarePrefix}`;
        return cloud;
    }

    get storeFile(): string {
        return path.join(this.folder, "zones.json");
    }

    /** @param headers replace the ones that a client sends. */
    async call<T = Record<string, unknown>>(
        method: string,
        route: string,
        body?: object | string,
        headers: Record<string, string> = {
            authorization: `Bearer ${cloudflareToken}`,
            "content-type": "application/json",
        },
    ): Promise<Answer<T>> {
        const response = await fetch(this.baseUrl + route, {
            method,
            headers,
            ...(body && { body: typeof body === "string" ? body : JSON.stringify(body) }),
        });
        return {
            status: response.status,
            ...((await response.json()) as Omit<Answer<T>, "status">),
        };
    }

    /** @returns the id of the zone made. */
    async addZone(name: string): Promise<string> {
        const { result } = await this.call<{ id: string }>("POST", "/zones", { name });
        return result.id;
    }

    requests(): { method: string; path: string; status: number | "hang" }[] {
        return fs
            .readFileSync(path.join(this.folder, "requests.log"), "utf8")
            .trim()
            .split("\n")
            .map((line) => JSON.parse(line) as ReturnType<TestCloudflare["requests"]>[number]);
    }

    async close(keep = false): Promise<void> {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
        if (!keep) fs.rmSync(this.folder, { recursive: true, force: true });
    }
}
