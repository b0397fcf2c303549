import {
    ipv6NetworkOf,
    machineGateway,
    metadataAddress,
    slotAddresses,
    type SlotAddresses,
} from "./addresses";

/** Commands for `ip -batch`, by the namespace in which they run. Each may run again on what it made. */
export interface LinkPlan {
    /** Run once, when the link is not there whole. */
    createLink: string[];
    /** On the side from which the link was made. */
    near: string[];
    far: string[];
}

/** The link's name on this computer, and in the cloud's namespace. */
export const computerLink = "computer";

/** Joins this computer (near) to the namespace of a laptop cloud (far). */
export function planCloudLink(slot: number): LinkPlan {
    const { namespace, computer, services, ipv4Network, ipv6Network } = slotAddresses(slot);
    const link = namespace;
    return {
        createLink: [`link add ${link} type veth peer name ${computerLink} netns ${namespace}`],
        near: [
            `link set ${link} up`,
            `addr replace ${computer.ipv4}/32 dev ${link}`,
            `addr replace ${computer.ipv6}/128 dev ${link} nodad`,
            `route replace ${services.ipv4}/32 dev ${link} src ${computer.ipv4}`,
            `route replace ${services.ipv6}/128 dev ${link} src ${computer.ipv6}`,
            `route replace ${ipv4Network} via ${services.ipv4} dev ${link} src ${computer.ipv4}`,
            `route replace ${ipv6Network} via ${services.ipv6} dev ${link} src ${computer.ipv6}`,
        ],
        far: [
            "link set lo up",
            `addr replace ${metadataAddress}/32 dev lo`,
            `link set ${computerLink} up`,
            `addr replace ${services.ipv4}/32 dev ${computerLink}`,
            `addr replace ${services.ipv6}/128 dev ${computerLink} nodad`,
            `route replace ${computer.ipv4}/32 dev ${computerLink} src ${services.ipv4}`,
            `route replace ${computer.ipv6}/128 dev ${computerLink} src ${services.ipv6}`,
        ],
    };
}

/** The kernel's settings that are on in a cloud's namespace: it is the router of its machines. */
export const routerSettings = [
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/net/ipv6/conf/all/forwarding",
];

/**
 * The rules that hold for every machine of a cloud: from this computer comes only what this computer sent (another
 * one on its network could route through it), and no machine opens a connection to it.
 */
export function renderCloudGuard(slot: number): string {
    const { computer } = slotAddresses(slot);
    const foreign = [
        `iifname "${computerLink}" ip saddr != ${computer.ipv4} drop`,
        `iifname "${computerLink}" ip6 saddr != { ${computer.ipv6}, fe80::/10 } drop`,
    ];
    return [
        "table inet guard {}",
        "delete table inet guard",
        "table inet guard {",
        "    chain input {",
        "        type filter hook input priority -10; policy accept;",
        ...foreign.map((line) => `        ${line}`),
        "    }",
        "    chain forward {",
        "        type filter hook forward priority -10; policy accept;",
        ...foreign.map((line) => `        ${line}`),
        `        oifname "${computerLink}" ct state new reject with icmpx admin-prohibited`,
        "    }",
        "}",
        "",
    ].join("\n");
}

/** A machine's place in its cloud's network. */
export interface MachineAddress {
    slot: number;
    /** The server's id. */
    id: number;
    ipv4?: string;
    ipv6?: string;
}

/** The network namespace of one machine. */
export function machineNamespace(slot: number, id: number): string {
    return `${slotAddresses(slot).namespace}-${id}`;
}

/** The link to a machine, in the cloud's namespace; within the kernel's 15 characters for an id of 14 digits. */
export function machineLink(id: number): string {
    return `m${id}`;
}

/** The machine's own interface, called as on a rented server. */
export const machineInterface = "eth0";

/** Joins a cloud's namespace (near) to a machine's (far); the machine sets up its side by itself. */
export function planMachineLink(address: MachineAddress): LinkPlan {
    const { services }: SlotAddresses = slotAddresses(address.slot);
    const link = machineLink(address.id);
    const near = [
        // The gateway's address is fe80::1; the kernel's own link-local one would stand beside it.
        `link set ${link} addrgenmode none`,
        `addr replace ${machineGateway.ipv4}/32 dev ${link}`,
        `addr replace ${machineGateway.ipv6}/64 dev ${link} nodad`,
        `link set ${link} up`,
    ];
    if (address.ipv4) {
        near.push(`route replace ${address.ipv4}/32 dev ${link} src ${services.ipv4}`);
    }
    if (address.ipv6) {
        near.push(`route replace ${ipv6NetworkOf(address.ipv6)} dev ${link} src ${services.ipv6}`);
    }
    return {
        createLink: [
            `link add ${link} type veth peer name ${machineInterface} netns ${machineNamespace(address.slot, address.id)}`,
        ],
        near,
        far: ["link set lo up"],
    };
}
