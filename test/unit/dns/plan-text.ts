import { presentationSoFar } from "../../../components/dns/presentation";
import type { DnsPlan, PlannedRecord } from "../../../components/dns/record";

/** A record in a line: scope, phase, role, then as in a zone file. */
export function recordLine({ name, role, scope, phase, ttl, data }: PlannedRecord): string {
    return [scope, phase, role, name, ttl, data.type, presentationSoFar(data, {})].join(" ");
}

/** The records of a zone, a line each. */
export function zoneLines(plan: DnsPlan, zone: string): string[] {
    return plan.records.filter((record) => record.zone === zone).map(recordLine);
}

/** What two plans do not share, as lines that were removed (`-`) and added (`+`). */
export function difference(before: DnsPlan, after: DnsPlan): string[] {
    const old = before.records.map(recordLine);
    const now = after.records.map(recordLine);
    return [
        ...old.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
        ...now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`),
    ];
}

/** The records that are left out, a line each, without why. */
export function omittedLines(plan: DnsPlan): string[] {
    return plan.omitted.map(({ type, name, role }) => `${role} ${name} ${type}`);
}
