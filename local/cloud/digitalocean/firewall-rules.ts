import ipaddr from "ipaddr.js";
import * as z from "zod";
import type { FirewallRule } from "../machines/machine";
import { hostAddress } from "../server-provider";
import type { DropletObject, FirewallObject, FirewallRuleObject, Peers } from "./objects";
import { tagsField } from "./route";

const everyPort = "0";

const peersField = z
    .object({
        addresses: z
            .array(
                z.string().refine(isNetwork, { error: "is neither an address nor a CIDR block" }),
            )
            .nullish(),
        droplet_ids: z.array(z.int()).nullish(),
        tags: tagsField,
        load_balancer_uids: z.array(z.string()).max(0, "are not simulated").nullish(),
        kubernetes_ids: z.array(z.string()).max(0, "are not simulated").nullish(),
    })
    .transform((peers): Peers => ({
        ...(peers.addresses?.length && { addresses: peers.addresses }),
        ...(peers.droplet_ids?.length && { droplet_ids: peers.droplet_ids }),
        ...(peers.tags.length > 0 && { tags: peers.tags }),
    }))
    .refine((peers) => Object.keys(peers).length > 0, "must have at least one of them");

/** A rule whose traffic's other end stands in `sources` or in `destinations`. */
function ruleField<K extends "sources" | "destinations">(peers: K) {
    return z
        .object({
            protocol: z.enum(["tcp", "udp", "icmp"]),
            ports: z.string().nullish(),
            sources: peers === "sources" ? peersField : z.undefined().optional(),
            destinations: peers === "destinations" ? peersField : z.undefined().optional(),
        })
        .superRefine(({ protocol, ports }, context) => {
            if (protocol === "icmp") return;
            if (isPorts(ports ?? "")) return;
            const message = `'${ports ?? ""}' is no port, no range and not 'all'`;
            context.addIssue({ code: "custom", path: ["ports"], message });
        })
        .transform(({ protocol, ports, sources, destinations }): FirewallRuleObject => ({
            protocol,
            ports: protocol === "icmp" || ports === "all" ? everyPort : (ports ?? everyPort),
            peers: sources ?? destinations ?? {},
        }));
}

const rulesOf = (peers: "sources" | "destinations") =>
    z
        .array(ruleField(peers))
        .nullish()
        .transform((rules) => rules ?? []);

/** The rules of a request. */
export const ruleFields = {
    inbound_rules: rulesOf("sources"),
    outbound_rules: rulesOf("destinations"),
};

function isNetwork(text: string): boolean {
    if (ipaddr.isValid(text)) return true;
    try {
        ipaddr.parseCIDR(text);
        return true;
    } catch {
        return false;
    }
}

function isPorts(text: string): boolean {
    if (text === "all" || text === everyPort) return true;
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    return match !== null && first >= 1 && first <= last && last <= 65535;
}

/** Rules as the API gives them. */
export function ruleBodies(firewall: FirewallObject): {
    inbound_rules: object[];
    outbound_rules: object[];
} {
    const body =
        (peersName: string) =>
        ({ protocol, ports, peers }: FirewallRuleObject) => ({
            protocol,
            ports,
            [peersName]: peers,
        });
    return {
        inbound_rules: firewall.inbound.map(body("sources")),
        outbound_rules: firewall.outbound.map(body("destinations")),
    };
}

/**
 * What a Droplet with these firewalls must enforce. What no rule lets through is shut, in both directions; without any
 * firewall nothing is.
 */
export function machineRules(
    firewalls: readonly FirewallObject[],
    droplets: readonly DropletObject[],
): FirewallRule[] | undefined {
    if (firewalls.length === 0) return undefined;
    const rules = firewalls.flatMap(({ inbound, outbound }) => [
        ...inbound.map((rule) => machineRule("in", rule, droplets)),
        ...outbound.map((rule) => machineRule("out", rule, droplets)),
    ]);
    const shut: FirewallRule = {
        direction: "out",
        protocol: "tcp",
        port: "any",
        sourceIps: [],
        destinationIps: [],
    };
    return rules.some(({ direction }) => direction === "out") ? rules : [...rules, shut];
}

function machineRule(
    direction: "in" | "out",
    { protocol, ports, peers }: FirewallRuleObject,
    droplets: readonly DropletObject[],
): FirewallRule {
    const named = droplets.filter(
        ({ id, tags }) =>
            peers.droplet_ids?.includes(id) || peers.tags?.some((tag) => tags.includes(tag)),
    );
    const addresses = [
        ...(peers.addresses ?? []),
        ...named.flatMap(({ ipv4, ipv6 }) => [ipv4, ...(ipv6 ? [hostAddress(ipv6)] : [])]),
    ];
    return {
        direction,
        protocol,
        ...(protocol !== "icmp" && { port: ports === everyPort ? "any" : ports }),
        sourceIps: direction === "in" ? addresses : [],
        ...(direction === "out" && { destinationIps: addresses }),
    };
}
