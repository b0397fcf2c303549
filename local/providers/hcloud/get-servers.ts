import { createHash } from "node:crypto";
import { providerFunction } from "../handler";
import type { PropertyTable } from "../schema";
import type { ApiServer } from "./api-objects";
import { Client } from "./client";

const serverTable = {
    id: { type: "integer" },
    name: { type: "string" },
    serverType: { type: "string" },
    image: { type: "string" },
    location: { type: "string" },
    datacenter: { type: "string" },
    status: { type: "string" },
    ipv4Address: { type: "string" },
    ipv6Address: { type: "string" },
    ipv6Network: { type: "string" },
    firewallIds: { type: "array", items: { type: "integer" } },
    labels: { type: "map", items: { type: "string" } },
    primaryDiskSize: { type: "integer" },
    backups: { type: "boolean" },
    backupWindow: { type: "string" },
    deleteProtection: { type: "boolean" },
    rebuildProtection: { type: "boolean" },
    iso: { type: "string" },
    rescue: { type: "string" },
} as const satisfies PropertyTable;

const filters = {
    withSelector: { type: "string" },
    withStatuses: { type: "array", items: { type: "string" } },
} as const satisfies PropertyTable;

export const getServers = providerFunction({
    inputs: filters,
    outputs: {
        ...filters,
        id: { type: "string" },
        servers: { type: "array", items: { type: "object", properties: serverTable } },
    },
    async invoke(args, context) {
        const servers = await list(Client.of(context), args.withSelector, args.withStatuses);
        return {
            ...args,
            id: createHash("sha1")
                .update(servers.map((server) => server.id).join("-"))
                .digest("hex"),
            servers: servers.map(described),
        };
    },
});

const places = {
    placementGroupId: { type: "integer" },
    networks: { type: "array", items: { type: "any" } },
} as const satisfies PropertyTable;

export const getServer = providerFunction({
    inputs: {
        ...filters,
        ...places,
        id: { type: "integer" },
        name: { type: "string" },
        selector: { type: "string", deprecated: "Please use the withSelector property instead." },
    },
    outputs: { ...filters, ...places, ...serverTable, selector: { type: "string" } },
    async invoke(args, context) {
        const servers = await list(
            Client.of(context),
            args.withSelector ?? args.selector,
            args.withStatuses,
        );
        const matching = servers.filter(
            (server) =>
                (args.id === undefined || server.id === args.id) &&
                (args.name === undefined || server.name === args.name),
        );
        const [found, second] = matching;
        if (!found) throw new Error("no Server found");
        if (second) throw new Error("more than one server found for this selector");
        return { ...described(found), withSelector: args.withSelector };
    },
});

async function list(
    client: Client,
    selector: string | undefined,
    statuses: string[] = [],
): Promise<ApiServer[]> {
    const query = new URLSearchParams(
        statuses.map((status): [string, string] => ["status", status]),
    );
    if (selector) query.set("label_selector", selector);
    query.set("per_page", "50");
    const servers: ApiServer[] = [];
    for (let page: number | null = 1; page !== null;) {
        query.set("page", String(page));
        const answer: {
            servers: ApiServer[];
            meta: { pagination: { next_page: number | null } };
        } = await client.get(`/servers?${query.toString()}`);
        servers.push(...answer.servers);
        page = answer.meta.pagination.next_page;
    }
    return servers;
}

function described(server: ApiServer) {
    const { ipv4, ipv6, firewalls } = server.public_net;
    return {
        id: server.id,
        name: server.name,
        serverType: server.server_type.name,
        image: server.image?.name ?? String(server.image?.id ?? ""),
        location: server.location.name,
        datacenter: "",
        status: server.status,
        ipv4Address: ipv4?.ip ?? "",
        ipv6Address: ipv6?.ip.replace(/\/\d+$/, "1") ?? "",
        ipv6Network: ipv6?.ip ?? "",
        firewallIds: firewalls.map((firewall) => firewall.id),
        labels: server.labels,
        primaryDiskSize: server.primary_disk_size,
        backups: server.backup_window !== null,
        backupWindow: server.backup_window ?? "",
        deleteProtection: server.protection.delete,
        rebuildProtection: server.protection.rebuild,
        iso: "",
        rescue: "",
    };
}
