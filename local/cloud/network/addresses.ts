import * as ipaddr from "ipaddr.js";

/** Slots that exist: a VM's loopback addresses are 127.0.(10+slot).K. */
export const firstSlot = 1;
export const lastSlot = 199;

/** Where a machine reads its metadata, as at every provider. */
export const metadataAddress = "169.254.169.254";

/** The gateway that Hetzner gives every server, on its link though in no network of the server's. */
export const machineGateway = { ipv4: "172.31.1.1", ipv6: "fe80::1" };

/** The addresses of one laptop cloud: 198.18.N.0/24 and 2001:db8:N::/48 (N in decimal digits in both). */
export interface SlotAddresses {
    /** The network namespace of the cloud's services and routes. */
    namespace: string;
    ipv4Network: string;
    ipv6Network: string;
    /** This computer, as machines and services see it. */
    computer: { ipv4: string; ipv6: string };
    /** The laptop cloud's services, as machines and this computer reach them. */
    services: { ipv4: string; ipv6: string };
}

/** @throws RangeError for a slot that does not exist. */
export function slotAddresses(slot: number): SlotAddresses {
    if (!Number.isInteger(slot) || slot < firstSlot || slot > lastSlot) {
        throw new RangeError(
            `Slot ${slot} does not exist: a laptop cloud's slot is a whole number from ${firstSlot} to ${lastSlot}.`,
        );
    }
    return {
        namespace: `mh${slot}`,
        ipv4Network: `198.18.${slot}.0/24`,
        ipv6Network: `2001:db8:${slot}::/48`,
        computer: { ipv4: `198.18.${slot}.1`, ipv6: `2001:db8:${slot}::1` },
        services: { ipv4: `198.18.${slot}.2`, ipv6: `2001:db8:${slot}::2` },
    };
}

/** `2001:db8:1:a::1` → `2001:db8:1:a::/64`: the network that a machine's own IPv6 address stands for. */
export function ipv6NetworkOf(address: string): string {
    const parts = ipaddr.IPv6.parse(address).parts;
    const network = new ipaddr.IPv6([...parts.slice(0, 4), 0, 0, 0, 0]);
    return `${network.toRFC5952String()}/64`;
}

/** Whether a CIDR block or single address holds an address of the same family. */
export function contains(block: string, address: string): boolean {
    const [network, bits] = parseBlock(block);
    const parsed = ipaddr.parse(address);
    return network.kind() === parsed.kind() && parsed.match(network, bits);
}

/** @throws Error when it is neither a CIDR block nor an address. */
export function parseBlock(block: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
    return block.includes("/")
        ? ipaddr.parseCIDR(block)
        : [ipaddr.parse(block), block.includes(":") ? 128 : 32];
}
