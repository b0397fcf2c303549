import type * as http from "node:http";
import * as path from "node:path";
import {
    cloudflarePrefix,
    createCloudflareApi,
    type ZonePublisher,
} from "../../../local/cloud/cloudflare/api";
import type { ZoneContent, ZoneKey } from "../../../local/cloud/dns/dns-server";
import { TestApi } from "./test-api";

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
    /** What every publication waits for. */
    gate: Promise<unknown> = Promise.resolve();
    refuses: (zone: ZoneContent) => boolean = () => false;

    async publish(zone: ZoneContent): Promise<void> {
        await this.gate;
        if (this.refuses(zone)) throw new Error(`zone ${zone.name} is refused as it was told to`);
        this.published.push(zone.name);
        this.zones.set(zone.name, zone);
    }

    async withdraw(name: string): Promise<void> {
        await this.gate;
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
export class TestCloudflare extends TestApi {
    baseUrl = "";
    readonly publisher = new MemoryPublisher();
    /** How many requests have arrived whole, answered or not. */
    received = 0;

    /**
     * @param root the folder of one that was closed before: its zones are found again.
     * @param publisher in place of the one in memory.
     * @param dsAtRegistrar as the API's option.
     */
    static async open(
        root?: string,
        publisher?: ZonePublisher,
        dsAtRegistrar?: boolean,
    ): Promise<TestCloudflare> {
        const cloud = new TestCloudflare("cloudflare", root);
        const { storeFile, requestLog, faults } = cloud;
        const api = createCloudflareApi({
            ...{ storeFile, requestLog, faults, dsAtRegistrar },
            token: cloudflareToken,
            publisher: publisher ?? cloud.publisher,
        });
        const counting: http.RequestListener = (request, response) => {
            request.once("end", () => cloud.received++);
            return api(request, response);
        };
        cloud.baseUrl = (await cloud.listen(counting)) + cloudflarePrefix;
        return cloud;
    }

    get storeFile(): string {
        return path.join(this.root, "zones.json");
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
}
