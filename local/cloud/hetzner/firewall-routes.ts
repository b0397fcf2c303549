import ipaddr from "ipaddr.js";
import * as z from "zod";
import type { ApiRequest, Route } from "../api/listener";
import { ApiError } from "./api-error";
import { labelSelector } from "./labels";
import type { FirewallObject, FirewallTarget, ServerObject } from "./objects";
import type { Project } from "./project";
import {
    filterListed,
    idParameter,
    labelsField,
    nameField,
    pageOf,
    parseBody,
    updateBody,
} from "./route";

const maximumRules = 50;

const network = z.string().superRefine((text, context) => {
    const reason = wrongNetwork(text);
    if (reason) context.addIssue({ code: "custom", message: reason });
});

const ruleField = z
    .object({
        direction: z.enum(["in", "out"]),
        protocol: z.enum(["tcp", "udp", "icmp", "esp", "gre"]),
        port: z.string().nullish(),
        source_ips: z.array(network).max(100).nullish(),
        destination_ips: z.array(network).max(100).nullish(),
        description: z.string().max(255).nullish(),
    })
    .superRefine((rule, context) => {
        const wrong = (field: string, message: string) =>
            context.addIssue({ code: "custom", path: [field], message });
        const hasPorts = rule.protocol === "tcp" || rule.protocol === "udp";
        if (hasPorts && !rule.port) wrong("port", `required for protocol ${rule.protocol}`);
        if (!hasPorts && rule.port) wrong("port", `not allowed for protocol ${rule.protocol}`);
        if (hasPorts && rule.port && !isPortRange(rule.port)) {
            wrong("port", `'${rule.port}' is not a port, a range or 'any'`);
        }
        const [needed, other] =
            rule.direction === "in"
                ? (["source_ips", "destination_ips"] as const)
                : (["destination_ips", "source_ips"] as const);
        if (!rule[needed]?.length) wrong(needed, `required for direction ${rule.direction}`);
        if (rule[other]?.length) wrong(other, `not allowed for direction ${rule.direction}`);
    })
    .transform((rule) => ({
        direction: rule.direction,
        protocol: rule.protocol,
        port: rule.port ?? null,
        source_ips: (rule.source_ips ?? []).map(normalNetwork),
        destination_ips: (rule.destination_ips ?? []).map(normalNetwork),
        description: rule.description ?? null,
    }));

const targetField = z
    .discriminatedUnion("type", [
        z.object({ type: z.literal("server"), server: z.object({ id: z.int() }) }),
        z.object({
            type: z.literal("label_selector"),
            label_selector: z.object({ selector: z.string().min(1) }),
        }),
    ])
    .transform((target): FirewallTarget =>
        target.type === "server"
            ? { type: "server", server: target.server.id }
            : { type: "label_selector", selector: target.label_selector.selector },
    );

const rulesField = z.array(ruleField).max(maximumRules);
const createBody = z.object({
    name: nameField,
    labels: labelsField,
    rules: rulesField.optional(),
    apply_to: z.array(targetField).optional(),
});

export function firewallRoutes(project: Project): Route[] {
    const { store } = project;
    const found = (request: ApiRequest) => store.get("firewall", idParameter(request, "firewall"));
    const affected = (firewall: FirewallObject): ServerObject[] =>
        store
            .all("server")
            .filter((server) =>
                firewall.appliedTo.some((target) => project.targets(target, server)),
            );
    const action = (command: string, firewall: FirewallObject, servers: ServerObject[]) =>
        project.done(command, [
            { id: firewall.id, type: "firewall" },
            ...servers.map((server) => ({ id: server.id, type: "server" })),
        ]);
    return [
        {
            method: "GET",
            path: "/firewalls",
            handle: (request) =>
                pageOf(
                    request,
                    "firewalls",
                    filterListed(request, store.all("firewall")).map((firewall) =>
                        firewallBody(project, firewall),
                    ),
                ),
        },
        {
            method: "GET",
            path: "/firewalls/:id",
            handle: (request) => ({ body: { firewall: firewallBody(project, found(request)) } }),
        },
        {
            method: "POST",
            path: "/firewalls",
            handle: async (request) => {
                const body = parseBody(createBody, request);
                store.checkName("firewall", body.name);
                for (const target of body.apply_to ?? []) checkTarget(project, target);
                const firewall = store.add("firewall", {
                    name: body.name,
                    labels: body.labels ?? {},
                    rules: body.rules ?? [],
                    appliedTo: body.apply_to ?? [],
                });
                const servers = affected(firewall);
                await project.enforceFirewalls(servers);
                const actions = [action("set_firewall_rules", firewall, [])];
                if (servers.length > 0) actions.push(action("apply_firewall", firewall, servers));
                return {
                    status: 201,
                    body: { firewall: firewallBody(project, firewall), actions },
                };
            },
        },
        {
            method: "PUT",
            path: "/firewalls/:id",
            handle: (request) => {
                const firewall = found(request);
                const body = parseBody(updateBody, request);
                store.update("firewall", firewall, body);
                return { body: { firewall: firewallBody(project, firewall) } };
            },
        },
        {
            method: "DELETE",
            path: "/firewalls/:id",
            handle: (request) => {
                const firewall = found(request);
                if (firewall.appliedTo.length > 0) {
                    throw new ApiError(
                        "resource_in_use",
                        `firewall with ID ${firewall.id} is still in use`,
                    );
                }
                store.remove("firewall", firewall.id);
                return { status: 204 };
            },
        },
        {
            method: "POST",
            path: "/firewalls/:id/actions/set_rules",
            handle: async (request) => {
                const firewall = found(request);
                firewall.rules = parseBody(z.object({ rules: rulesField }), request).rules;
                store.save();
                const servers = affected(firewall);
                await project.enforceFirewalls(servers);
                return {
                    status: 201,
                    body: { actions: [action("set_firewall_rules", firewall, servers)] },
                };
            },
        },
        {
            method: "POST",
            path: "/firewalls/:id/actions/apply_to_resources",
            handle: async (request) => {
                const firewall = found(request);
                const body = parseBody(z.object({ apply_to: z.array(targetField) }), request);
                for (const target of body.apply_to) {
                    checkTarget(project, target);
                    if (firewall.appliedTo.some((applied) => sameTarget(applied, target))) {
                        throw new ApiError(
                            "firewall_already_applied",
                            `firewall ${firewall.id} is already applied to ${describe(target)}`,
                        );
                    }
                }
                firewall.appliedTo.push(...body.apply_to);
                store.save();
                const servers = affected(firewall);
                await project.enforceFirewalls(servers);
                return {
                    status: 201,
                    body: { actions: [action("apply_firewall", firewall, servers)] },
                };
            },
        },
        {
            method: "POST",
            path: "/firewalls/:id/actions/remove_from_resources",
            handle: async (request) => {
                const firewall = found(request);
                const body = parseBody(z.object({ remove_from: z.array(targetField) }), request);
                for (const target of body.remove_from) checkTarget(project, target);
                const before = affected(firewall);
                firewall.appliedTo = firewall.appliedTo.filter(
                    (applied) => !body.remove_from.some((target) => sameTarget(applied, target)),
                );
                store.save();
                await project.enforceFirewalls(before);
                return {
                    status: 201,
                    body: { actions: [action("remove_firewall", firewall, before)] },
                };
            },
        },
    ];
}

function wrongNetwork(text: string): string | undefined {
    try {
        const [address, bits] = ipaddr.parseCIDR(text);
        const start =
            address.kind() === "ipv4"
                ? ipaddr.IPv4.networkAddressFromCIDR(text)
                : ipaddr.IPv6.networkAddressFromCIDR(text);
        if (start.toString() === address.toString()) return undefined;
        return `${text} is not the start of the CIDR block ${start.toString()}/${bits}`;
    } catch {
        return `${text} is not in CIDR notation`;
    }
}

function normalNetwork(text: string): string {
    const [address, bits] = ipaddr.parseCIDR(text);
    return `${address.toString()}/${bits}`;
}

function isPortRange(text: string): boolean {
    if (text === "any") return true;
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
    if (!match) return false;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    return first >= 1 && first <= last && last <= 65535;
}

function checkTarget(project: Project, target: FirewallTarget): void {
    if (target.type === "label_selector") {
        labelSelector(target.selector);
    } else if (!project.store.find("server", target.server)) {
        throw new ApiError("firewall_resource_not_found", `${describe(target)} not found`);
    }
}

function sameTarget(a: FirewallTarget, b: FirewallTarget): boolean {
    return describe(a) === describe(b);
}

function describe(target: FirewallTarget): string {
    return target.type === "server"
        ? `server ${target.server}`
        : `label selector '${target.selector}'`;
}

function firewallBody(project: Project, firewall: FirewallObject): object {
    return {
        id: firewall.id,
        name: firewall.name,
        labels: firewall.labels,
        rules: firewall.rules,
        applied_to: firewall.appliedTo.map((target) =>
            target.type === "server"
                ? { type: "server", server: { id: target.server } }
                : {
                      type: "label_selector",
                      label_selector: { selector: target.selector },
                      applied_to_resources: project.store
                          .all("server")
                          .filter((server) => project.targets(target, server))
                          .map((server) => ({ type: "server", server: { id: server.id } })),
                  },
        ),
        created: firewall.created,
    };
}
