import { providerFunction } from "../handler";
import type { Property, PropertyTable } from "../schema";
import { Client } from "./client";
import {
    dataTable,
    described,
    settingsTable,
    snakeCase,
    type ApiRecord,
} from "./record-properties";

const string = { type: "string" } as const satisfies Property;
const boolean = { type: "boolean" } as const satisfies Property;
const matchers = { contains: string, endswith: string, exact: string, startswith: string } as const;
const presence = { ...matchers, absent: string, present: string } as const;

const inputs = {
    comment: { type: "object", properties: presence },
    content: { type: "object", properties: matchers },
    direction: { type: "string", values: ["asc", "desc"] },
    includeShadowMetadata: boolean,
    match: { type: "string", values: ["any", "all"] },
    maxItems: { type: "integer" },
    name: { type: "object", properties: matchers },
    order: { type: "string", values: ["type", "name", "content", "ttl", "proxied"] },
    proxied: boolean,
    search: string,
    shadowedByName: string,
    shadowingName: string,
    tag: { type: "object", properties: presence },
    tagMatch: { type: "string", values: ["any", "all"] },
    type: string,
    zoneId: string,
} as const satisfies PropertyTable;

const result = {
    comment: string,
    commentModifiedOn: string,
    content: string,
    createdOn: string,
    data: { type: "object", properties: dataTable },
    id: string,
    meta: string,
    modifiedOn: string,
    name: string,
    priority: { type: "number" },
    privateRouting: boolean,
    proxiable: boolean,
    proxied: boolean,
    settings: { type: "object", properties: settingsTable },
    tags: { type: "array", items: string },
    tagsModifiedOn: string,
    ttl: { type: "number" },
    type: string,
} as const satisfies PropertyTable;

const defaultMaxItems = 1000;

export const getDnsRecords = providerFunction({
    inputs,
    outputs: {
        ...inputs,
        results: { type: "array", items: { type: "object", properties: result } },
    },
    async invoke(args, context) {
        const { zoneId, maxItems, ...filters } = args;
        const wanted = maxItems !== undefined && maxItems > 0 ? maxItems : defaultMaxItems;
        const records: ApiRecord[] = [];
        // As the real one: pages of the API's own size, until one is empty.
        for (let page = 1; records.length < wanted; page++) {
            const query = queryOf({ ...filters, ...(page > 1 && { page }) });
            const found = await Client.of(context).get<ApiRecord[]>(
                `/zones/${zoneId ?? ""}/dns_records${query && `?${query}`}`,
            );
            if (found.length === 0) break;
            records.push(...found);
        }
        return {
            ...args,
            results: records
                .slice(0, wanted)
                .map((record) => ({ ...described(record), id: record.id })),
        };
    },
});

type Filter = string | number | boolean | Record<string, string | undefined> | undefined;

/** Nested filters are joined with a dot: `name.exact`. */
function queryOf(filters: Record<string, Filter>): string {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(filters)) {
        const name = snakeCase(key);
        if (typeof value === "object") {
            for (const [how, text] of Object.entries(value))
                query.set(`${name}.${how}`, text ?? "");
        } else if (value !== undefined) {
            query.set(name, String(value));
        }
    }
    return query.toString();
}
