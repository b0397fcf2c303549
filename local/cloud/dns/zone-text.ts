import type { ZoneContent, ZoneRecord } from "./dns-server";

/** The name servers of every zone; they are this one server. */
export const nameServers = ["ns1.laptop-cloud.test", "ns2.laptop-cloud.test"] as const;

/** Seconds to live of SOA and NS. */
const ownTtl = 86400;
/** Refresh, retry, expire and negative time to live, as Cloudflare has them. */
const soaTimers = "10000 2400 604800 1800";

/** The records that every zone has; the serial is the server's to raise. */
function ownRecords(zone: string): ZoneRecord[] {
    const own = (type: string, rdata: string) => ({ name: zone, type, ttl: ownTtl, rdata });
    return [
        own("SOA", `${nameServers[0]}. hostmaster.laptop-cloud.test. 1 ${soaTimers}`),
        ...nameServers.map((server) => own("NS", `${server}.`)),
    ];
}

/**
 * The lines of a zone file (RFC 1035 §5.1), one a record.
 *
 * @throws Error for a zone or record that can't stand in a file of its own name, on a line of its own.
 */
export function renderZoneLines({ name, records }: ZoneContent): string[] {
    if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name)) {
        throw new Error(
            `"${name}" is no name of a zone: give it in lower-case ASCII without a trailing dot.`,
        );
    }
    return [...ownRecords(name), ...records].map((record) => {
        if (record.name !== name && !record.name.endsWith(`.${name}`)) {
            throw new Error(
                `${record.name} is not in zone ${name}: it would be left out in silence.`,
            );
        }
        const line = `${record.name}. ${record.ttl} IN ${record.type} ${record.rdata}`;
        if (/[\r\n]/.test(line)) {
            throw new Error(`A record of zone ${name} has a line break: ${JSON.stringify(line)}`);
        }
        return line;
    });
}
