/** Whether address blocks in CIDR form are the world, or near it: half of all IPv4 or IPv6 addresses and more. */
export function isWorld(cidrs: readonly string[]): boolean {
    return (["ipv4", "ipv6"] as const).some((family) => {
        const blocks = [...new Set(cidrs.map(normal))].filter(
            (cidr) => cidr.includes(":") === (family === "ipv6"),
        );
        const share = blocks.reduce((sum, cidr) => sum + 2 ** -prefixLength(cidr), 0);
        return share >= 0.5;
    });
}

const normal = (cidr: string) => cidr.trim().toLowerCase();

function prefixLength(cidr: string): number {
    const [address = "", length] = cidr.split("/");
    return length === undefined ? (address.includes(":") ? 128 : 32) : Number(length);
}

/** Whether a firewall's ports, `22`, `20-25`, `any`, `all`, `0` or none at all, hold a port. */
export function holdsPort(ports: string | undefined, port: number): boolean {
    if (ports === undefined || ports === "" || /^(any|all|0)$/.test(ports)) return true;
    const [first = NaN, last = first] = ports.split("-").map(Number);
    return first <= port && port <= last;
}
