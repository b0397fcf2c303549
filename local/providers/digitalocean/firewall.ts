import { resource } from "../handler";
import { nameForcesDeletion, withName } from "../naming";
import { refreshedInputs } from "../refreshed-inputs";
import type { CheckFailure, Properties, Values } from "../schema";
import type { ApiFirewall, ApiPeers, ApiRule } from "./api-objects";
import { Client } from "./client";

interface Found {
    firewall: ApiFirewall;
}

const protocol = { type: "string", required: true, values: ["tcp", "udp", "icmp"] } as const;
const action = { type: "string", values: ["allow", "deny"] } as const;
const texts = { type: "array", items: { type: "string" }, unordered: true } as const;
const numbers = { type: "array", items: { type: "integer" }, unordered: true } as const;

const inboundTable = {
    action,
    protocol,
    portRange: { type: "string" },
    sourceAddresses: texts,
    sourceDropletIds: numbers,
    sourceKubernetesIds: texts,
    sourceLoadBalancerUids: texts,
    sourceTags: texts,
} as const;

const outboundTable = {
    action,
    protocol,
    portRange: { type: "string" },
    destinationAddresses: texts,
    destinationDropletIds: numbers,
    destinationKubernetesIds: texts,
    destinationLoadBalancerUids: texts,
    destinationTags: texts,
} as const;

type Inbound = Values<typeof inboundTable>;
type Outbound = Values<typeof outboundTable>;

const inputTable = {
    name: { type: "string" },
    dropletIds: numbers,
    inboundRules: {
        type: "array",
        items: { type: "object", properties: inboundTable },
        unordered: true,
    },
    outboundRules: {
        type: "array",
        items: { type: "object", properties: outboundTable },
        unordered: true,
    },
    tags: texts,
} as const;

export const firewall = resource({
    inputs: inputTable,
    outputs: {
        status: { type: "string" },
        createdAt: { type: "string" },
        pendingChanges: {
            type: "array",
            items: {
                type: "object",
                properties: {
                    dropletId: { type: "integer" },
                    removing: { type: "boolean" },
                    status: { type: "string" },
                },
            },
        },
    },
    check: (inputs, olds, context) => ({
        inputs: withName(inputs, olds, context),
        failures: failuresOf(inputs),
    }),
    diff: (differences, change) => ({
        deleteBeforeReplace: nameForcesDeletion(differences, change),
    }),
    async create(inputs, context) {
        const made = await Client.of(context).post<Found>("/firewalls", bodyOf(inputs));
        return { id: made.firewall.id, outputs: { ...inputs, ...outputsOf(made) } };
    },
    async read(id, known, context) {
        const found = await Client.of(context).find<Found>(`/firewalls/${id}`);
        if (!found) return undefined;
        const outputs = outputsOf(found);
        const { name, dropletIds, inboundRules, outboundRules, tags } = outputs;
        const live = { name, dropletIds, inboundRules, outboundRules, tags };
        return { id, outputs, inputs: refreshedInputs(known?.inputs, live) };
    },
    async update({ id }, news, context) {
        const found = await Client.of(context).put<Found>(`/firewalls/${id}`, bodyOf(news));
        return { outputs: { ...news, ...outputsOf(found) } };
    },
    async delete({ id }, context) {
        const client = Client.of(context);
        if (await client.find(`/firewalls/${id}`)) await client.delete(`/firewalls/${id}`);
    },
});

function failuresOf(inputs: Properties): CheckFailure[] {
    const failures: CheckFailure[] = [];
    const rules = (name: string) => (Array.isArray(inputs[name]) ? inputs[name] : []);
    if (!("inboundRules" in inputs) && !("outboundRules" in inputs)) {
        failures.push({ path: "inboundRules", reason: "At least one rule must be specified" });
    }
    for (const name of ["inboundRules", "outboundRules"]) {
        for (const [index, rule] of rules(name).entries()) {
            if (rule === null || typeof rule !== "object" || Array.isArray(rule)) continue;
            if (rule["action"] === "deny") {
                const path = `${name}[${index}].action`;
                failures.push({ path, reason: "the laptop cloud does not simulate deny" });
            }
            if (rule["protocol"] === "icmp" || rule["portRange"]) continue;
            failures.push({
                path: `${name}[${index}].portRange`,
                reason: "is required if protocol is `tcp` or `udp`",
            });
        }
    }
    return failures;
}

function bodyOf(inputs: Values<typeof inputTable>): object {
    return {
        name: inputs.name,
        droplet_ids: inputs.dropletIds,
        tags: inputs.tags,
        inbound_rules: (inputs.inboundRules ?? []).map((rule) => ({
            protocol: rule.protocol,
            ports: rule.portRange,
            sources: {
                addresses: rule.sourceAddresses,
                droplet_ids: rule.sourceDropletIds,
                tags: rule.sourceTags,
                kubernetes_ids: rule.sourceKubernetesIds,
                load_balancer_uids: rule.sourceLoadBalancerUids,
            },
        })),
        outbound_rules: (inputs.outboundRules ?? []).map((rule) => ({
            protocol: rule.protocol,
            ports: rule.portRange,
            destinations: {
                addresses: rule.destinationAddresses,
                droplet_ids: rule.destinationDropletIds,
                tags: rule.destinationTags,
                kubernetes_ids: rule.destinationKubernetesIds,
                load_balancer_uids: rule.destinationLoadBalancerUids,
            },
        })),
    };
}

/** The API gives `0` for all ports, and for icmp, which has none. */
function portRangeOf({ ports, protocol: name }: ApiRule): { portRange?: string } {
    if (ports !== "0") return { portRange: ports };
    return name === "icmp" ? {} : { portRange: "all" };
}

function outputsOf({ firewall: found }: Found) {
    const filled = <K extends string>(prefix: K, peers: ApiPeers = {}) => ({
        ...(peers.addresses && { [`${prefix}Addresses`]: peers.addresses }),
        ...(peers.droplet_ids && { [`${prefix}DropletIds`]: peers.droplet_ids }),
        ...(peers.tags && { [`${prefix}Tags`]: peers.tags }),
    });
    return {
        name: found.name,
        status: found.status,
        createdAt: found.created_at,
        pendingChanges: found.pending_changes.map((change) => ({
            dropletId: change.droplet_id,
            removing: change.removing,
            status: change.status,
        })),
        dropletIds: found.droplet_ids,
        tags: found.tags,
        inboundRules: found.inbound_rules.map((rule) => ({
            protocol: rule.protocol,
            ...portRangeOf(rule),
            ...filled("source", rule.sources),
        })) as Inbound[],
        outboundRules: found.outbound_rules.map((rule) => ({
            protocol: rule.protocol,
            ...portRangeOf(rule),
            ...filled("destination", rule.destinations),
        })) as Outbound[],
    };
}
