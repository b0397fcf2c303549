import { getDnsRecords, getZone } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { tokenPermissions } from "./cloudflare-arguments";
import {
    conflictMessage,
    conflictsOf,
    isForeign,
    type ExistingRecord,
    type Ownership,
} from "./conflicts";
import { recordsByZone, type DnsPlan } from "./record";

/** A zone at Cloudflare, of whose records none clashes with the plan. */
export interface CheckedZone {
    id: string;
    /** Whether the domain's registrar names Cloudflare's servers. */
    active: boolean;
    nameServers: readonly string[];
}

/** As many as any plan allows in a zone. */
const everyRecord = 1_000_000;

/** How the zones are judged. */
export interface ZoneRules extends Ownership {
    /** How many records a zone takes. */
    recordsPerZone: number;
}

/**
 * Looks every zone of the plan up, and what it holds, once. Zones are handed out only when nothing
 * clashes in any of them, so that nothing is written otherwise; at preview as well.
 *
 * @param name what stands before the records' keys in the names of their resources.
 */
export function checkedZones(
    name: string,
    plan: DnsPlan,
    rules: ZoneRules,
    opts: pulumi.InvokeOptions,
): pulumi.Output<Record<string, CheckedZone>> {
    return pulumi.output(lookUp(name, plan, rules, opts));
}

async function lookUp(
    name: string,
    plan: DnsPlan,
    rules: ZoneRules,
    opts: pulumi.InvokeOptions,
): Promise<Record<string, CheckedZone>> {
    const found = await Promise.all(
        plan.zones.map(({ name: zone }) =>
            zoneAt(zone, opts).catch((error: unknown) => ({ zone, error })),
        ),
    );
    const missing = found.filter((one) => "error" in one);
    if (missing.length > 0) {
        throw failure(missing.map(({ zone, error }) => zoneMessage(zone, error)).join("\n"), opts);
    }
    const zones = found.filter((one) => "id" in one);
    const planned = recordsByZone(plan);
    const conflicts = zones.flatMap(({ zone, existing }) =>
        conflictsOf(zone, planned.get(zone) ?? [], existing, rules),
    );
    if (conflicts.length > 0) {
        const ids = Object.fromEntries(zones.map(({ zone, id }) => [zone, id]));
        throw failure(conflictMessage(conflicts, name, ids), opts);
    }
    const full = zones.flatMap(({ zone, existing }) =>
        fullMessage(zone, planned.get(zone)?.length ?? 0, existing, rules),
    );
    if (full.length > 0) throw failure(full.join("\n"), opts);
    return Object.fromEntries(
        zones.map(({ zone, id, active, nameServers }) => [zone, { id, active, nameServers }]),
    );
}

/** A zone that is full would break the publication off half-way. */
function fullMessage(
    zone: string,
    planned: number,
    existing: readonly ExistingRecord[],
    rules: ZoneRules,
): string[] {
    const { recordsPerZone } = rules;
    const foreign = existing.filter((record) => isForeign(record, rules)).length;
    if (planned + foreign <= recordsPerZone) return [];
    return [
        `The zone ${zone} would hold ${planned + foreign} records, the ${planned} of this host and ${foreign} others, and ${recordsPerZone} is the most; none was changed.\n` +
            "  Remove what is not needed any more, or give the limit of the zone's plan as `recordsPerZone` (mailhost:dns.recordsPerZone in the configuration) if it is a higher one.",
    ];
}

async function zoneAt(zone: string, opts: pulumi.InvokeOptions) {
    const { zoneId, status, nameServers } = await getZone({ filter: { name: zone } }, opts);
    // A preview with a token that is not known yet asks nobody, and gets nothing.
    const { results } =
        zoneId === undefined
            ? { results: [] }
            : await getDnsRecords({ zoneId, maxItems: everyRecord }, opts);
    return {
        zone,
        id: zoneId,
        active: status === undefined || status === "active",
        nameServers: nameServers ?? [],
        existing: (results ?? []).map(
            ({ id, name, type, content, comment, meta, priority }): ExistingRecord => ({
                id,
                name,
                type,
                content: type === "MX" ? `${priority} ${content}` : (content ?? ""),
                comment,
                emailRouting: isOfEmailRouting(meta),
            }),
        ),
    };
}

function isOfEmailRouting(meta: string | undefined): boolean {
    return /"email_routing":\s*true/.test(meta ?? "");
}

function zoneMessage(zone: string, error: unknown): string {
    const why = error instanceof Error ? error.message : String(error);
    return (
        `The zone ${zone} can't be read at Cloudflare: ${why}\n` +
        `  Either the token lacks ${tokenPermissions} for it, or the account has no such zone: add it at ` +
        `https://dash.cloudflare.com, or give the domain's \`zone\` if its records are in one above it.`
    );
}

function failure(message: string, { parent }: pulumi.InvokeOptions): Error {
    const error = parent
        ? new pulumi.ResourceError(message, parent, true)
        : new pulumi.RunError(message);
    // Hidden anyway, and Node 20 takes half a minute to colour one that leads through Pulumi's source maps.
    error.stack = undefined;
    // Every record meets the one error, and Pulumi writes a property's name before its message each time.
    Object.defineProperty(error, "message", { get: () => message, set: () => undefined });
    return error;
}
