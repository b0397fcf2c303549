import type { ZoneContent } from "../dns/dns-server";
import { recordKinds } from "./record-types";
import type { StoredRecord, StoredZone } from "./store";

/** Seconds to live of a record whose TTL is automatic. Source: developers.cloudflare.com/dns, "Time to Live (TTL)". */
const automaticTtl = 300;

/** A zone as it is to be answered. There are no proxies here: a proxied record is answered as it is. */
export function zoneContent(zone: StoredZone): ZoneContent {
    // The real service takes NS records at the apex and ignores them: they are its own.
    const records = zone.records.filter(({ type, name }) => type !== "NS" || name !== zone.name);
    const shortest = new Map<string, number>();
    const key = ({ name, type }: StoredRecord) => `${name} ${type}`;
    for (const record of records) {
        const ttl = record.ttl === 1 ? automaticTtl : record.ttl;
        shortest.set(key(record), Math.min(ttl, shortest.get(key(record)) ?? ttl));
    }
    return {
        name: zone.name,
        signed: zone.dnssec.enabled,
        records: records.map((record) => ({
            name: record.name,
            type: record.type,
            // All records of a name and type have one (RFC 2181 §5.2).
            ttl: shortest.get(key(record)) ?? automaticTtl,
            rdata: recordKinds[record.type].rdata(record),
        })),
    };
}
