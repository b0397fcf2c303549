import type { ZoneContent } from "../dns/dns-server";

/** The mail domain of the outside world: whatever a host sends to it is judged, see `startMailSink`. */
export const sinkDomain = "sink.test";

/** The sink's own name. */
export const sinkHost = `mx.${sinkDomain}`;

/** The zone that leads mail servers to the sink. */
export function sinkZone(address: string): ZoneContent {
    const record = (name: string, type: string, rdata: string) => ({
        ...{ name, type, ttl: 300, rdata },
    });
    return {
        name: sinkDomain,
        signed: false,
        records: [
            record(sinkDomain, "MX", `10 ${sinkHost}.`),
            record(sinkHost, "A", address),
            // It sends nothing (RFC 7208 §10.1.2, RFC 7489 §6.3).
            record(sinkDomain, "TXT", '"v=spf1 -all"'),
            record(`_dmarc.${sinkDomain}`, "TXT", '"v=DMARC1; p=reject"'),
        ],
    };
}
