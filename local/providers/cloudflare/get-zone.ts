import { providerFunction } from "../handler";
import type { PropertyTable } from "../schema";
import { Client } from "./client";
import { camelCased } from "./record-properties";

interface ApiZone {
    id: string;
    [property: string]: unknown;
}

const account = {
    type: "object",
    properties: { id: { type: "string" }, name: { type: "string" } },
} as const;

const filter = {
    account,
    direction: { type: "string" },
    match: { type: "string" },
    name: { type: "string" },
    order: { type: "string" },
    status: { type: "string" },
    types: { type: "array", items: { type: "string" } },
} as const satisfies PropertyTable;

const inputs = {
    filter: { type: "object", properties: filter },
    zoneId: { type: "string" },
} as const satisfies PropertyTable;

export const getZone = providerFunction({
    inputs,
    outputs: {
        ...inputs,
        ...strings("activatedOn", "cnameSuffix", "createdOn", "id", "modifiedOn", "name"),
        ...strings("originalDnshost", "originalRegistrar", "status", "type", "verificationKey"),
        ...lists("nameServers", "originalNameServers", "permissions", "vanityNameServers"),
        account,
        developmentMode: { type: "number" },
        meta: { type: "any" },
        owner: { type: "any" },
        paused: { type: "boolean" },
        plan: { type: "any" },
        tenant: { type: "any" },
        tenantUnit: { type: "any" },
    },
    async invoke(args, context) {
        if ((args.filter === undefined) === (args.zoneId === undefined)) {
            throw new Error(
                "Invalid Attribute Combination: Exactly one of these attributes must be configured: [zone_id,filter]",
            );
        }
        const client = Client.of(context);
        const zoneId = args.zoneId ?? (await onlyMatch(client, args.filter ?? {}));
        const { id, ...zone } = await client.get<ApiZone>(`/zones/${zoneId}`);
        return { ...args, ...nested(zone), id, zoneId: id };
    },
});

type Filter = NonNullable<Parameters<typeof filterQuery>[0]>;

async function onlyMatch(client: Client, wanted: Filter): Promise<string> {
    const found = await client.get<ApiZone[]>(`/zones?${filterQuery(wanted)}`);
    const [only, second] = found;
    if (!only || second) {
        throw new Error(`failed to find exactly one result: ${found.length} found`);
    }
    return only.id;
}

function filterQuery(wanted: {
    account?: { id?: string; name?: string };
    types?: string[];
    [name: string]: unknown;
}): string {
    const { account: of, types, ...rest } = wanted;
    const query = new URLSearchParams();
    for (const type of types ?? []) query.append("type", type);
    if (of?.id !== undefined) query.set("account.id", of.id);
    if (of?.name !== undefined) query.set("account.name", of.name);
    for (const [name, value] of Object.entries(rest)) query.set(name, String(value));
    return query.toString();
}

function nested(zone: object): Record<string, unknown> {
    return Object.fromEntries(
        Object.entries(camelCased(zone))
            .filter(([, value]) => value !== null)
            .map(([name, value]) => [name, isObject(value) ? nested(value) : value]),
    );
}

function isObject(value: unknown): value is object {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

function strings<const N extends string>(...names: N[]): Record<N, { type: "string" }> {
    return Object.fromEntries(names.map((name) => [name, { type: "string" }])) as Record<
        N,
        { type: "string" }
    >;
}

function lists<const N extends string>(
    ...names: N[]
): Record<N, { type: "array"; items: { type: "string" } }> {
    return Object.fromEntries(
        names.map((name) => [name, { type: "array", items: { type: "string" } }]),
    ) as Record<N, { type: "array"; items: { type: "string" } }>;
}
