import { isDeepStrictEqual } from "node:util";
import { renderRecordsTable } from "../../components/dns/records-table";
import { dnsOf } from "../laptop";

type Outputs = Record<string, unknown>;

/**
 * The records of a stack as a table; in one line where an `up` has changed none of them.
 *
 * @param before the stack's outputs before that, which another version may have written.
 * @returns undefined when the stack has no records.
 */
export function recordsText(before: Outputs, now: Outputs): string | undefined {
    const dns = dnsOf(now);
    if (!dns) return undefined;
    const { plan, values } = dns;
    if (!isDeepStrictEqual(before["dns"], now["dns"])) return renderRecordsTable(plan, values);
    const zones = plan.zones.map(({ name }) => name).join(", ");
    return `DNS: ${plan.records.length} records in ${zones}, as before: npm run local -- dns\n`;
}
