import * as z from "zod";
import type { Route } from "../api/listener";
import type { ZonePublisher } from "./api";
import { invalidBody, success, unsupported } from "./api-error";
import { timestamp, type StoredZone, type ZoneStore } from "./store";
import { zoneOf } from "./zone-routes";
import type { Zones } from "./zones";

const editBody = z.object({
    status: z.enum(["active", "disabled"]).optional(),
    dnssec_multi_signer: z.boolean().optional(),
    dnssec_presigned: z.boolean().optional(),
    dnssec_use_nsec3: z.boolean().optional(),
});

export function dnssecRoutes(
    store: ZoneStore,
    zones: Zones,
    publisher: ZonePublisher,
    dsAtRegistrar: boolean,
): Route[] {
    const described = (zone: StoredZone) => describe(zone, publisher, dsAtRegistrar);
    const path = "/zones/:zone/dnssec";

    const set = (zone: StoredZone, enabled: boolean) =>
        zones.edit(zone, (draft) => {
            const dnssec =
                enabled === draft.dnssec.enabled
                    ? draft.dnssec
                    : { enabled, modified_on: timestamp() };
            const result = { ...draft, dnssec };
            return { zone: result, result };
        });

    return [
        {
            method: "GET",
            path,
            handle: async (request) => success(await described(zoneOf(store, request))),
        },
        {
            method: "PATCH",
            path,
            handle: async (request) => {
                const parsed = editBody.safeParse(request.body ?? {});
                if (!parsed.success) throw invalidBody("Request body is invalid: status.");
                const { status, ...others } = parsed.data;
                for (const [name, on] of Object.entries(others)) if (on) throw unsupported(name);
                const zone = zoneOf(store, request);
                const after = status ? await set(zone, status === "active") : zone;
                return success(await described(after));
            },
        },
        {
            method: "DELETE",
            path,
            handle: async (request) => {
                const { id } = await set(zoneOf(store, request), false);
                return success(id);
            },
        },
    ];
}

/** DNSSEC of a zone. The real service calls it pending until it finds the DS record in the parent zone. */
async function describe(
    zone: StoredZone,
    publisher: ZonePublisher,
    dsAtRegistrar: boolean,
): Promise<object> {
    const key = zone.dnssec.enabled ? await publisher.keyOf(zone.name) : undefined;
    return {
        status: key ? (dsAtRegistrar ? "active" : "pending") : "disabled",
        flags: key?.flags ?? null,
        algorithm: key ? String(key.algorithm) : null,
        // Of the only algorithm that the real service signs with.
        key_type: key ? "ECDSAP256SHA256" : null,
        digest_type: key ? "2" : null,
        digest_algorithm: key ? "SHA256" : null,
        digest: key?.digest ?? null,
        ds: key ? `${zone.name}. 3600 IN DS ${key.keyTag} ${key.algorithm} 2 ${key.digest}` : null,
        key_tag: key?.keyTag ?? null,
        public_key: key?.publicKey ?? null,
        modified_on: zone.dnssec.modified_on,
        dnssec_multi_signer: false,
        dnssec_presigned: false,
        dnssec_use_nsec3: false,
    };
}
