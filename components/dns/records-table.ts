import { presentationSoFar } from "./presentation";
import { recordsByZone, referenceKey, type DnsPlan, type DnsValues } from "./record";
import { relativeName } from "./zone-file";

const width = 100;
const longestName = 30;

/** The text, or its start when it is longer. */
function shortened(text: string, length: number): string {
    return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** Rows in columns as wide as their longest cell; the last column takes what is left of the line. */
function columns(rows: readonly (readonly string[])[]): string[] {
    const widths = (rows[0] ?? []).map((_, column) =>
        Math.max(...rows.map((row) => row[column]?.length ?? 0)),
    );
    return rows.map((row) => {
        const before = row
            .slice(0, -1)
            .map((cell, column) => cell.padEnd(widths[column] ?? 0))
            .join("  ");
        return `  ${before}  ${shortened(row.at(-1) ?? "", width - before.length - 4)}`;
    });
}

/** Text in lines of at most the table's width, the further ones indented. */
function wrapped(text: string): string[] {
    const lines: string[] = [];
    let line = " ";
    for (const word of text.split(" ")) {
        if (line.length + 1 + word.length > width && line.trim() !== "") {
            lines.push(line);
            line = "   ";
        }
        line += ` ${word}`;
    }
    return [...lines, line];
}

function section(title: string, lines: readonly string[]): string[] {
    return lines.length === 0 ? [] : [[title, ...lines].join("\n")];
}

/**
 * The plan as a table for a terminal of 100 columns: the records by zone, then what the server's provider publishes,
 * what is left out and why, what is missing, and warnings. Long contents are shortened, and `<key>` stands for a value
 * that is not known.
 */
export function renderRecordsTable(plan: DnsPlan, values: Partial<DnsValues>): string {
    const records = recordsByZone(plan);
    const recordSections = plan.zones.flatMap(({ name: zone, signed }) => {
        const rows = (records.get(zone) ?? []).map(({ name, ttl, phase, data }) => [
            shortened(relativeName(name, zone), longestName),
            data.type,
            String(ttl),
            phase,
            presentationSoFar(data, values),
        ]);
        const heading = ["NAME", "TYPE", "TTL", "PHASE", "CONTENT"];
        return section(
            `Zone ${zone}${signed ? ", signed by DNSSEC" : ""}`,
            columns([heading, ...rows]),
        );
    });
    return [
        ...recordSections,
        ...section(
            "Set at the server's provider",
            plan.pointers.map(({ address, target }) => {
                const key = referenceKey(address);
                return `  PTR  ${values[key] ?? `<${key}>`}  ${target}`;
            }),
        ),
        ...section(
            "Left out",
            plan.omitted.flatMap(({ type, name, why }) => wrapped(`${type} ${name}: ${why}`)),
        ),
        ...section(
            "Missing",
            plan.missing.flatMap(({ domain, setting, how }) =>
                wrapped(`${domain}, ${setting}: ${how}`),
            ),
        ),
        ...section("Warnings", plan.warnings.flatMap(wrapped)),
    ]
        .join("\n\n")
        .concat("\n");
}
