import type { RequestListener } from "node:http";
import type { Faults } from "../api/faults";
import type { DnsServer } from "../dns/dns-server";

/** What the API needs of the DNS server that answers from its zones. */
export type ZonePublisher = Pick<DnsServer, "publish" | "withdraw" | "keyOf">;

export interface CloudflareApiOptions {
    /** Zones and records, JSON, kept over restarts (0600). */
    storeFile: string;
    /** 40 characters of `A-Za-z0-9_-`. */
    token: string;
    /** A line of JSON a request: time, method, path, status. No bodies. */
    requestLog: string;
    faults: Faults;
    publisher: ZonePublisher;
}

/** Where the API stands on its server. */
export const cloudflarePrefix = "/client/v4";

/** A simulation of Cloudflare's API for zones, DNS records and DNSSEC, below {@link cloudflarePrefix}. */
export function createCloudflareApi(_options: CloudflareApiOptions): RequestListener {
    throw new Error("not written yet");
}
