import { absoluteName, presentationSoFar, referencesOf, resolveRecord } from "./presentation";
import {
    phases,
    referenceKey,
    type DnsPlan,
    type DnsValues,
    type Phase,
    type PlannedRecord,
} from "./record";

/** What makes a whole zone of the records. */
export interface ZoneFileOptions {
    /**
     * Names of the zone's servers: with them, the file is a whole zone with SOA and NS records. They have to be outside
     * of the zone, or to have addresses in it.
     *
     * @default none: the file is a part of a zone, to be included in it or imported
     */
    nameServers?: readonly string[];
    /**
     * E-mail address of who answers for the zone (RFC 1035 §3.3.13).
     *
     * @default `hostmaster@<zone>`
     */
    hostmaster?: string;
}

const whenToPublish: Record<Phase, string> = {
    base: "base: publish at once",
    certified: "certified: publish once the host has its certificate",
    serving: "serving: publish once the host takes mail",
};

/**
 * The records of a zone as a BIND zone file (RFC 1035 §5). A record that waits for a value stands there as a comment.
 *
 * @throws Error when the plan has no such zone.
 */
export function renderZoneFile(
    plan: DnsPlan,
    zone: string,
    values: Partial<DnsValues>,
    options: ZoneFileOptions = {},
): string {
    if (!plan.zones.some(({ name }) => name === zone)) {
        throw new Error(
            `The plan has no zone ${JSON.stringify(zone)}. Choose ${plan.zones.map(({ name }) => name).join(" or ")}.`,
        );
    }
    const records = plan.records.filter((record) => record.zone === zone);
    const parts = phases.flatMap((phase) => {
        const ofPhase = records.filter((record) => record.phase === phase);
        if (ofPhase.length === 0) return [];
        return [
            [`; ${whenToPublish[phase]}`, ...ofPhase.map((record) => line(record, values))].join(
                "\n",
            ),
        ];
    });
    return [[`$ORIGIN ${zone}.`, "$TTL 300", ...authority(zone, options)].join("\n"), ...parts]
        .join("\n\n")
        .concat("\n");
}

function line(record: PlannedRecord, values: Partial<DnsValues>): string {
    const { name, ttl, data, zone } = record;
    const text = [
        relativeName(name, zone),
        ttl,
        "IN",
        data.type,
        presentationSoFar(data, values),
    ].join(" ");
    if (resolveRecord(record, values) !== undefined) return text;
    const missing = referencesOf(data)
        .map(referenceKey)
        .filter((key) => values[key] === undefined);
    return `; waits for ${missing.join(" and ")}: ${text}`;
}

/** The name without the zone's; `@` for the zone itself. */
export function relativeName(name: string, zone: string): string {
    return name === zone ? "@" : name.slice(0, -zone.length - 1);
}

function authority(zone: string, { nameServers = [], hostmaster }: ZoneFileOptions): string[] {
    const [first] = nameServers;
    if (first === undefined) return [];
    const address = hostmaster ?? `hostmaster@${zone}`;
    const at = address.lastIndexOf("@");
    // In a mailbox's name, dots end labels: those of the part before the @ are escaped.
    const mailbox = `${address.slice(0, at).replace(/[.\\;"()@$]/g, "\\$&")}.${address.slice(at + 1)}.`;
    return [
        "; Raise the serial number, the first one, with every change.",
        `@ IN SOA ${absoluteName(first)} ${mailbox} 1 7200 900 1209600 300`,
        ...nameServers.map((server) => `@ IN NS ${absoluteName(server)}`),
    ];
}
