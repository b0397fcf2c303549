import * as ipaddr from "ipaddr.js";

type Block = [ipaddr.IPv4 | ipaddr.IPv6, number];

/**
 * Whether address blocks in CIDR form are the world, or near it: half of all IPv4 addresses, or as many IPv6 addresses
 * as are given out at all (2000::/3).
 */
export function isWorld(cidrs: readonly string[]): boolean {
    const blocks = cidrs.filter((cidr) => ipaddr.isValidCIDR(cidr.trim())).map(blockOf);
    const share = (kind: "ipv4" | "ipv6") =>
        apart(blocks.filter(([address]) => address.kind() === kind)).reduce(
            (sum, [, length]) => sum + 2 ** -length,
            0,
        );
    return share("ipv4") >= 1 / 2 || share("ipv6") >= 1 / 8;
}

function blockOf(cidr: string): Block {
    const [address, length] = ipaddr.parseCIDR(cidr.trim());
    return [address, length];
}

/** Without those that lie within others. */
function apart(blocks: readonly Block[]): Block[] {
    return blocks.filter(
        ([address, length], at) =>
            !blocks.some(
                (other, otherAt) =>
                    otherAt !== at &&
                    address.match(other) &&
                    (other[1] < length || (other[1] === length && otherAt < at)),
            ),
    );
}

/** Whether a firewall's ports, `22`, `20-25`, `any`, `all`, `0` or none at all, hold a port. */
export function holdsPort(ports: string | undefined, port: number): boolean {
    if (ports === undefined || ports === "" || /^(any|all|0)$/.test(ports)) return true;
    const [first = NaN, last = first] = ports.split("-").map(Number);
    return first <= port && port <= last;
}
