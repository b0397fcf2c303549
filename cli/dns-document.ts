import { presentation, referencesOf, resolveRecord } from "../components/dns/presentation";
import {
    referenceKey,
    type DnsPlan,
    type DnsValues,
    type PlannedRecord,
    type Reference,
    type RecordType,
} from "../components/dns/record";

/** The values that are not known yet: `ipv4`, `certificate-key:current`, … Empty when none is missing. */
interface Waiting {
    waitsFor: string[];
}

/** What `mailhost dns --json` prints. */
export interface DnsDocument {
    zones: DnsPlan["zones"];
    /** Sorted by zone, name, type and role. Names are fully qualified, without a trailing dot. */
    records: (Omit<PlannedRecord, "data"> &
        Waiting & {
            type: RecordType;
            /** As in a zone file (RFC 1035 §5.1), names in it with a trailing dot; null while a value is missing. */
            content: string | null;
        })[];
    /** PTR records, which the server's provider publishes: from the address to the target. */
    pointers: ({ role: "ipv4" | "ipv6"; address: string | null; target: string } & Waiting)[];
    omitted: DnsPlan["omitted"];
    missing: DnsPlan["missing"];
    warnings: DnsPlan["warnings"];
}

/** The records of a plan in the form that scripts read. */
export function dnsDocument(plan: DnsPlan, values: Partial<DnsValues>): DnsDocument {
    const missing = (references: readonly Reference[]) =>
        references.map(referenceKey).filter((key) => values[key] === undefined);
    const { zones, omitted, warnings } = plan;
    return {
        zones,
        records: plan.records.map((record) => {
            const { name, data, ttl, phase, role, scope, zone, domain } = record;
            const resolved = resolveRecord(record, values);
            return {
                name,
                type: data.type,
                ttl,
                phase,
                role,
                scope,
                zone,
                domain,
                content: resolved ? presentation(resolved.data) : null,
                waitsFor: missing(referencesOf(data)),
            };
        }),
        pointers: plan.pointers.map(({ role, address, target }) => ({
            role,
            address: values[referenceKey(address)] ?? null,
            target,
            waitsFor: missing([address]),
        })),
        omitted,
        missing: plan.missing,
        warnings,
    };
}
