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
            // Whoever is in the laptop cloud may write in its name, so that its mail to a host passes there as well.
            record(
                sinkDomain,
                "TXT",
                '"v=spf1 ip4:198.18.0.0/15 ip6:2001:db8::/32 ip4:127.0.0.0/8 -all"',
            ),
            record(`_dmarc.${sinkDomain}`, "TXT", '"v=DMARC1; p=reject"'),
        ],
    };
}
