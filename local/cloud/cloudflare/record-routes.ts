import type { ApiRequest, Route } from "../api/listener";
import { ApiError, success } from "./api-error";
import { findRecords } from "./find-records";
import { isProxiable, makeRecord } from "./make-record";
import { pageOf } from "./pages";
import type { StoredRecord, StoredZone, ZoneStore } from "./store";
import { zoneOf } from "./zone-routes";
import type { Zones } from "./zones";

const pageSize = { usual: 100, largest: 5_000_000 };

export function recordRoutes(store: ZoneStore, zones: Zones): Route[] {
    const path = "/zones/:zone/dns_records";
    const one = `${path}/:record`;

    /** Puts what `make` makes of the record in its place. */
    async function replace(
        request: ApiRequest,
        make: (zone: StoredZone, before: StoredRecord) => StoredRecord,
    ) {
        const made = await zones.edit(zoneOf(store, request), (zone) => {
            const before = recordOf(zone, request);
            const record = make(zone, before);
            const records = zone.records.map((other) => (other === before ? record : other));
            return { zone: { ...zone, records }, result: record };
        });
        return success(described(made));
    }

    return [
        {
            method: "GET",
            path,
            handle: (request) => {
                const found = findRecords(zoneOf(store, request).records, request.query);
                return pageOf(request.query, found.map(described), pageSize);
            },
        },
        {
            method: "POST",
            path,
            handle: async (request) => {
                const made = await zones.edit(zoneOf(store, request), (zone) => {
                    const record = makeRecord(zone, request.body);
                    return {
                        zone: { ...zone, records: [...zone.records, record] },
                        result: record,
                    };
                });
                return success(described(made));
            },
        },
        {
            method: "GET",
            path: one,
            handle: (request) => success(described(recordOf(zoneOf(store, request), request))),
        },
        {
            method: "PUT",
            path: one,
            handle: (request) =>
                replace(request, (zone, before) => makeRecord(zone, request.body, before)),
        },
        {
            method: "PATCH",
            path: one,
            handle: (request) =>
                replace(request, (zone, before) =>
                    makeRecord(zone, changed(before, request.body), before),
                ),
        },
        {
            method: "DELETE",
            path: one,
            handle: async (request) => {
                const id = await zones.edit(zoneOf(store, request), (zone) => {
                    const gone = recordOf(zone, request);
                    const records = zone.records.filter((record) => record !== gone);
                    return { zone: { ...zone, records }, result: gone.id };
                });
                return success({ id });
            },
        },
    ];
}

/** A record with what a body changes of it; a body that is no object is left to be refused. */
function changed(before: StoredRecord, body: unknown): unknown {
    const isObject = typeof body === "object" && body !== null && !Array.isArray(body);
    return isObject ? { ...before, ...body } : body;
}

/** @throws ApiError 81044, code and message as clients' issues quote them. */
function recordOf(zone: StoredZone, request: ApiRequest): StoredRecord {
    const record = zone.records.find(({ id }) => id === request.parameters["record"]);
    if (!record) throw new ApiError(404, { code: 81044, message: "Record does not exist." });
    return record;
}

/** As the API returns it. */
function described(record: StoredRecord): object {
    return { ...record, proxiable: isProxiable(record), meta: {} };
}
