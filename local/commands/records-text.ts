import { isDeepStrictEqual } from "node:util";
import { renderRecordsTable } from "../../components/dns/records-table";
import type { Records } from "../../cli/dns";

/**
 * The records of a stack as a table; in one line where an `up` has changed none of them.
 *
 * @param before as they were before that; undefined when there were none, or another version has written them.
 */
export function recordsText(before: Records | undefined, now: Records): string {
    if (!isDeepStrictEqual(before, now)) return renderRecordsTable(now.plan, now.values);
    const zones = now.plan.zones.map(({ name }) => name).join(", ");
    return `DNS: ${now.plan.records.length} records in ${zones}, as before: npm run local -- dns\n`;
}
