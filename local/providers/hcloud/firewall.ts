import ipaddr from "ipaddr.js";
import { resource } from "../handler";
import { unknownValue, type CheckFailure, type Properties, type Values } from "../schema";
import type { ApiFirewall, ApiFirewallRule, ApiFirewallTarget } from "./api-objects";
import { Client, type Action } from "./client";
import { refreshedInputs } from "../refreshed-inputs";
import { nameForcesDeletion, withName } from "../naming";

interface Found {
    firewall: ApiFirewall;
}

const ruleTable = {
    direction: { type: "string", required: true, values: ["in", "out"] },
    protocol: { type: "string", required: true, values: ["tcp", "udp", "icmp", "esp", "gre"] },
    port: { type: "string" },
    sourceIps: { type: "array", items: { type: "string" }, unordered: true },
    destinationIps: { type: "array", items: { type: "string" }, unordered: true },
    description: { type: "string" },
} as const;

const targetTable = { labelSelector: { type: "string" }, server: { type: "integer" } } as const;
const targets = {
    type: "array",
    items: { type: "object", properties: targetTable },
    unordered: true,
} as const;

type Rule = Values<typeof ruleTable>;
type Target = Values<typeof targetTable>;

export const firewall = resource({
    inputs: {
        name: { type: "string" },
        labels: { type: "map", items: { type: "string" } },
        rules: {
            type: "array",
            items: { type: "object", properties: ruleTable },
            unordered: true,
        },
        applyTos: targets,
    },
    outputs: { labels: { type: "map", items: { type: "string" } }, applyTos: targets },
    check: (inputs, olds, context) => ({
        inputs: withName(inputs, olds, context),
        failures: failuresOf(inputs),
    }),
    diff: (differences, change) => ({
        deleteBeforeReplace: nameForcesDeletion(differences, change),
    }),
    async create(inputs, context) {
        const client = Client.of(context);
        const made = await client.post<Found & { actions: Action[] }>("/firewalls", {
            name: inputs.name,
            labels: inputs.labels,
            rules: (inputs.rules ?? []).map(toApi),
            apply_to: (inputs.applyTos ?? []).map(toApiTarget),
        });
        await client.wait(...made.actions);
        return {
            id: String(made.firewall.id),
            outputs: { ...inputs, ...outputsOf(made, inputs.rules) },
        };
    },
    async read(id, known, context) {
        const found = await Client.of(context).find<Found>(`/firewalls/${id}`);
        if (!found) return undefined;
        const outputs = outputsOf(found, known?.inputs.rules);
        const { name, labels, rules, applyTos } = outputs;
        const live = { name, labels, rules, applyTos };
        return { id, outputs, inputs: refreshedInputs(known?.inputs, live) };
    },
    async update({ id, inputs: olds }, news, context) {
        const client = Client.of(context);
        const route = `/firewalls/${id}`;
        await client.put(route, { name: news.name, labels: news.labels ?? {} });
        // As the real provider: taking the last rule away from the program leaves the rules as they are.
        if (!same(olds.rules, news.rules) && news.rules?.length) {
            await client.act(`${route}/actions/set_rules`, { rules: news.rules.map(toApi) });
        }
        if (news.applyTos && !same(olds.applyTos, news.applyTos)) {
            const { firewall: current } = await client.get<Found>(route);
            await applyTo(client, route, current.applied_to, news.applyTos.map(toApiTarget));
        }
        const found = await client.get<Found>(route);
        return { outputs: { ...news, ...outputsOf(found, news.rules) } };
    },
    async delete({ id }, context) {
        const client = Client.of(context);
        const route = `/firewalls/${id}`;
        const found = await client.find<Found>(route);
        if (!found) return;
        await applyTo(client, route, found.firewall.applied_to, []);
        await client.delete(route);
    },
});

async function applyTo(
    client: Client,
    route: string,
    current: ApiFirewallTarget[],
    wanted: ApiFirewallTarget[],
): Promise<void> {
    const missingFrom = (list: ApiFirewallTarget[]) => (target: ApiFirewallTarget) =>
        !list.some((other) => targetKey(other) === targetKey(target));
    const removed = current.filter(missingFrom(wanted));
    const added = wanted.filter(missingFrom(current));
    if (removed.length > 0) {
        await client.act(`${route}/actions/remove_from_resources`, { remove_from: removed });
    }
    if (added.length > 0) {
        await client.act(`${route}/actions/apply_to_resources`, { apply_to: added });
    }
}

function targetKey(target: ApiFirewallTarget): string {
    return target.type === "server"
        ? `server ${target.server.id}`
        : `selector ${target.label_selector.selector}`;
}

function failuresOf(inputs: Properties): CheckFailure[] {
    const rules = Array.isArray(inputs["rules"]) ? inputs["rules"] : [];
    return rules.flatMap((rule, index) => {
        if (rule === null || typeof rule !== "object" || Array.isArray(rule)) return [];
        return ["sourceIps", "destinationIps"].flatMap((field) => {
            const networks = rule[field];
            if (!Array.isArray(networks)) return [];
            return networks.flatMap((network, position) => {
                const reason = wrongNetwork(network);
                return reason ? [{ path: `rules[${index}].${field}[${position}]`, reason }] : [];
            });
        });
    });
}

/** A network, or a bare address, which stands for itself alone. */
function normalized(text: string): string {
    if (ipaddr.isValid(text)) {
        const address = ipaddr.parse(text);
        return `${address.toString()}/${address.kind() === "ipv4" ? 32 : 128}`;
    }
    try {
        const [address, bits] = ipaddr.parseCIDR(text);
        return `${address.toString()}/${bits}`;
    } catch {
        return text;
    }
}

function wrongNetwork(value: unknown): string | undefined {
    if (typeof value !== "string" || value === unknownValue) return undefined;
    try {
        const network = normalized(value);
        const [address, bits] = ipaddr.parseCIDR(network);
        const start =
            address.kind() === "ipv4"
                ? ipaddr.IPv4.networkAddressFromCIDR(network)
                : ipaddr.IPv6.networkAddressFromCIDR(network);
        if (start.toString() === address.toString()) return undefined;
        return `${value} is not the start of the cidr block ${start.toString()}/${bits}`;
    } catch {
        return `invalid CIDR address: ${value}`;
    }
}

function toApi(rule: Rule): Partial<ApiFirewallRule> {
    return {
        direction: rule.direction,
        protocol: rule.protocol,
        ...(rule.port && { port: rule.port }),
        ...(rule.description && { description: rule.description }),
        source_ips: (rule.sourceIps ?? []).map(normalized),
        destination_ips: (rule.destinationIps ?? []).map(normalized),
    };
}

function fromApi(rule: ApiFirewallRule): Rule {
    return {
        direction: rule.direction as Rule["direction"],
        protocol: rule.protocol as Rule["protocol"],
        ...(rule.port !== null && { port: rule.port }),
        ...(rule.description !== null && { description: rule.description }),
        ...(rule.source_ips.length > 0 && { sourceIps: rule.source_ips }),
        ...(rule.destination_ips.length > 0 && { destinationIps: rule.destination_ips }),
    };
}

function toApiTarget(target: Target): ApiFirewallTarget {
    if (target.labelSelector) {
        return { type: "label_selector", label_selector: { selector: target.labelSelector } };
    }
    if (target.server) return { type: "server", server: { id: target.server } };
    throw new Error("applyTos: an entry needs server or labelSelector");
}

function same(a: unknown, b: unknown): boolean {
    return JSON.stringify(a) === JSON.stringify(b);
}

/** Rules that mean the same as the program's are given back in the program's words and order. */
function outputsOf({ firewall: found }: Found, given: Rule[] | undefined) {
    const live = found.rules.map(fromApi);
    const key = (rules: Rule[]) =>
        rules.map((rule) => JSON.stringify(sortedRule(fromApi(complete(toApi(rule)))))).sort();
    const unchanged = given !== undefined && same(key(given), key(live));
    return {
        name: found.name,
        labels: found.labels,
        ...((given || live.length > 0) && { rules: unchanged ? given : live }),
        applyTos: found.applied_to.map((target) =>
            target.type === "server"
                ? { server: target.server.id }
                : { labelSelector: target.label_selector.selector },
        ),
    };
}

function complete(rule: Partial<ApiFirewallRule>): ApiFirewallRule {
    return {
        direction: "in",
        protocol: "tcp",
        port: null,
        description: null,
        source_ips: [],
        destination_ips: [],
        ...rule,
    };
}

function sortedRule(rule: Rule): Rule {
    return {
        ...rule,
        ...(rule.sourceIps && { sourceIps: [...rule.sourceIps].sort() }),
        ...(rule.destinationIps && { destinationIps: [...rule.destinationIps].sort() }),
    };
}
