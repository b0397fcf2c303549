import type { RequestListener } from "node:http";
import type { Faults } from "../api/faults";
import { apiListener, type Route } from "../api/listener";
import type { DnsServer } from "../dns/dns-server";
import { errors, success } from "./api-error";
import { admit } from "./authentication";
import { dnssecRoutes } from "./dnssec-routes";
import { recordRoutes } from "./record-routes";
import { ZoneStore } from "./store";
import { zoneRoutes } from "./zone-routes";
import { Zones } from "./zones";

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
    /**
     * Whether the domains' registrar publishes the DS record of a zone at once, as Cloudflare's own does. DNSSEC stays
     * `pending` otherwise.
     *
     * @default false
     */
    dsAtRegistrar?: boolean;
}

/** Where the API stands on its server. */
export const cloudflarePrefix = "/client/v4";

/** A simulation of Cloudflare's API for zones, DNS records and DNSSEC, below {@link cloudflarePrefix}. */
export function createCloudflareApi(options: CloudflareApiOptions): RequestListener {
    const { token, requestLog, faults, publisher, dsAtRegistrar = false } = options;
    const store = new ZoneStore(options.storeFile);
    const zones = new Zones(store, publisher);
    zones.publishAll().catch((error: unknown) => console.error(error));
    return apiListener({
        prefix: cloudflarePrefix,
        routes: [
            ...zoneRoutes(store, zones),
            ...recordRoutes(store, zones),
            ...dnssecRoutes(store, zones, publisher, dsAtRegistrar),
            tokenRoute(store.account.id),
        ],
        requestLog,
        faults,
        errors,
        admit: (request) => admit(request, token),
    });
}

/** The only token has the account's identifier. */
function tokenRoute(id: string): Route {
    return {
        method: "GET",
        path: "/user/tokens/verify",
        handle: () => {
            const message = "This API Token is valid and active";
            return success(
                { id, status: "active" },
                { messages: [{ code: 10000, message, type: null }] },
            );
        },
    };
}
