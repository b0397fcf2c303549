import type { FirewallRule } from "../machines/machine";
import { contains, ipv6NetworkOf, metadataAddress, parseBlock } from "./addresses";

/** What the cloud firewall of one machine is rendered from. */
export interface MachineFirewall {
    /** The server's id. */
    id: number;
    /** The link to the machine, in the cloud's namespace. */
    link: string;
    ipv4?: string;
    ipv6?: string;
    /** Undefined: everything passes. */
    rules?: FirewallRule[];
}

/** The name of a machine's own table in the cloud's namespace. */
export function firewallTable(id: number): string {
    return `machine-${id}`;
}

/**
 * Renders the cloud firewall of one machine: a table that replaces the one before it in a single transaction. What
 * leaves the machine must carry its own addresses; what comes must be allowed or belong to what it began.
 */
export function renderFirewall(firewall: MachineFirewall): string {
    const { link, rules } = firewall;
    const table = `inet ${firewallTable(firewall.id)}`;
    const own6 = firewall.ipv6 ? `{ ${ipv6NetworkOf(firewall.ipv6)}, fe80::/10 }` : "fe80::/10";
    const outbound = rules?.filter((rule) => rule.direction === "out") ?? [];
    const fromMachine = [
        "ct state established,related accept",
        "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept",
        `ip daddr ${metadataAddress} accept`,
        ...outbound.flatMap((rule) => renderRule(rule, "daddr", rule.destinationIps ?? [])),
        "drop",
    ];
    const filter = rules
        ? [
              "ct state established,related accept",
              // Without these the router that is the laptop cloud could not find the machine.
              "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept",
              ...rules
                  .filter((rule) => rule.direction === "in")
                  .flatMap((rule) => renderRule(rule, "saddr", rule.sourceIps)),
              "drop",
          ]
        : ["accept"];
    return [
        // Creating it first makes the deletion succeed whether it was there or not.
        `table ${table} {}`,
        `delete table ${table}`,
        `table ${table} {`,
        "    chain to-machine {",
        ...filter.map((line) => `        ${line}`),
        "    }",
        ...(outbound.length > 0
            ? [
                  "    chain from-machine {",
                  ...fromMachine.map((line) => `        ${line}`),
                  "    }",
                  "    chain input {",
                  "        type filter hook input priority 0; policy accept;",
                  `        iifname "${link}" jump from-machine`,
                  "    }",
              ]
            : []),
        "    chain forward {",
        "        type filter hook forward priority 0; policy accept;",
        `        iifname "${link}" ip saddr != ${firewall.ipv4 ?? "0.0.0.0"} drop`,
        `        iifname "${link}" ip6 saddr != ${own6} drop`,
        ...(outbound.length > 0 ? [`        iifname "${link}" jump from-machine`] : []),
        `        oifname "${link}" jump to-machine`,
        "    }",
        // The laptop cloud's own services are to a machine what the internet is.
        "    chain output {",
        "        type filter hook output priority 0; policy accept;",
        `        oifname "${link}" jump to-machine`,
        "    }",
        "}",
        "",
    ].join("\n");
}

/** @param field what the blocks are compared with: where a packet comes from, or where it goes. */
function renderRule(
    rule: FirewallRule,
    field: "saddr" | "daddr",
    blocks: readonly string[],
): string[] {
    return blocks.map((block) => {
        const [network, bits] = parseBlock(block);
        const family = network.kind() === "ipv4" ? "ip" : "ip6";
        // A prefix of no bits is all addresses, which nft has no match for in IPv6.
        const peer =
            bits === 0
                ? `meta nfproto ${family === "ip" ? "ipv4" : "ipv6"}`
                : `${family} ${field} ${network.toString()}/${bits}`;
        return `${peer} ${renderProtocol(rule, family)} accept`;
    });
}

function renderProtocol(rule: FirewallRule, family: "ip" | "ip6"): string {
    switch (rule.protocol) {
        case "tcp":
        case "udp":
            return rule.port === undefined || rule.port === "any"
                ? `meta l4proto ${rule.protocol}`
                : `${rule.protocol} dport ${portRange(rule.port).join("-")}`;
        case "icmp":
            return `meta l4proto ${family === "ip" ? "icmp" : "ipv6-icmp"}`;
        case "esp":
        case "gre":
            return `meta l4proto ${rule.protocol}`;
    }
}

/** First and last port of `25` or `1000-2000`; a single port once. */
function portRange(port: string): [number] | [number, number] {
    const match = /^(\d+)(?:-(\d+))?$/.exec(port);
    const first = Number(match?.[1]);
    const last = match?.[2] === undefined ? first : Number(match[2]);
    if (!match || first < 1 || last > 65535 || first > last) {
        throw new Error(
            `"${port}" is no port of a firewall rule: give a number from 1 to 65535, a range "1000-2000" or "any".`,
        );
    }
    return first === last ? [first] : [first, last];
}

/** A port of a machine that is open to a source. */
export interface OpenPort {
    protocol: "tcp" | "udp";
    port: number;
}

/** A port range up to this size is listed in full; of a wider one only `candidates`. */
const listedRange = 32;

/**
 * The ports that rules open to one of the given addresses.
 *
 * @param candidates what is listed of a rule that opens a wide range, of `any`, and where there is no firewall.
 */
export function openPorts(
    rules: FirewallRule[] | undefined,
    sources: readonly string[],
    candidates: readonly OpenPort[],
): OpenPort[] {
    if (!rules) return [...candidates];
    const open = new Map<string, OpenPort>();
    for (const rule of rules) {
        const { protocol } = rule;
        if (rule.direction !== "in" || (protocol !== "tcp" && protocol !== "udp")) continue;
        if (!rule.sourceIps.some((block) => sources.some((source) => contains(block, source)))) {
            continue;
        }
        for (const port of portsOf(rule.port ?? "any", protocol, candidates)) {
            open.set(`${protocol} ${port}`, { protocol, port });
        }
    }
    return [...open.values()];
}

function portsOf(port: string, protocol: string, candidates: readonly OpenPort[]): number[] {
    const [first, last = first] = port === "any" ? [1, 65535] : portRange(port);
    if (last - first < listedRange) {
        return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    }
    return candidates
        .filter((c) => c.protocol === protocol && c.port >= first && c.port <= last)
        .map((c) => c.port);
}
