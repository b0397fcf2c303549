import ipaddr from "ipaddr.js";
import { slotAddresses } from "../network/addresses";
import type { Pointer, ServerProvider } from "../server-provider";
import type { DnsServer, ZoneContent } from "./dns-server";

/** Seconds to live of PTR records, as Hetzner has them. */
const ttl = 86400;

/** The name at which an address is looked up (RFC 1035 §3.5, RFC 3596 §2.5), without a trailing dot. */
export function reverseName(address: string): string {
    const parsed = ipaddr.parse(address);
    const labels =
        parsed instanceof ipaddr.IPv4
            ? parsed.octets.map(String)
            : parsed.parts.flatMap((part) => [...part.toString(16).padStart(4, "0")]);
    return [...labels.reverse(), parsed.kind() === "ipv4" ? "in-addr.arpa" : "ip6.arpa"].join(".");
}

/** The zones of a cloud's two address blocks. */
export function reverseZones(slot: number, pointers: readonly Pointer[]): ZoneContent[] {
    const { ipv4Network, ipv6Network } = slotAddresses(slot);
    const [firstV4 = "", firstV6 = ""] = [ipv4Network, ipv6Network].map((n) => n.split("/")[0]);
    // What is left of the first address's name without the labels that differ within the block.
    const zones = [
        reverseName(firstV4).split(".").slice(1).join("."),
        reverseName(firstV6).split(".").slice(20).join("."),
    ];
    return zones.map((name) => ({
        name,
        signed: false,
        records: pointers
            .map(({ ip, dns_ptr }) => ({
                ...{ name: reverseName(ip), type: "PTR", ttl, rdata: `${dns_ptr}.` },
            }))
            .filter((record) => record.name.endsWith(`.${name}`)),
    }));
}

/**
 * Keeps the reverse zones of a cloud true to its servers' addresses: to be called after whatever may have changed them.
 *
 * @param fixed pointers of addresses that no provider has.
 */
export function reversePublisher(
    providers: readonly ServerProvider[],
    slot: number,
    dns: Pick<DnsServer, "publish">,
    fixed: readonly Pointer[] = [],
): () => Promise<void> {
    let last: { text: string; done: Promise<unknown> } | undefined;
    return async () => {
        const zones = reverseZones(slot, [
            ...fixed,
            ...providers.flatMap((provider) => provider.pointers()),
        ]);
        const text = JSON.stringify(zones);
        if (last?.text !== text) {
            last = { text, done: Promise.all(zones.map((zone) => dns.publish(zone))) };
        }
        const { done } = last;
        await done.catch((error: unknown) => {
            if (last?.done === done) last = undefined;
            throw error;
        });
    };
}
