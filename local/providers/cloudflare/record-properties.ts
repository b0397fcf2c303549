import type { Property, PropertyTable } from "../schema";

/** The types that the real provider takes. */
export const recordTypes = [
    ...["A", "AAAA", "CNAME", "MX", "NS", "OPENPGPKEY", "PTR", "TXT", "CAA", "CERT", "DNSKEY"],
    ...["DS", "HTTPS", "LOC", "NAPTR", "SMIMEA", "SRV", "SSHFP", "SVCB", "TLSA", "URI"],
];

const number = { type: "number" } as const satisfies Property;
const string = { type: "string" } as const satisfies Property;

/** The parts of a record's content, of all types. */
export const dataTable = {
    algorithm: number,
    altitude: number,
    certificate: string,
    digest: string,
    digestType: number,
    fingerprint: string,
    flags: { type: "any" },
    keyTag: number,
    latDegrees: number,
    latDirection: string,
    latMinutes: number,
    latSeconds: number,
    longDegrees: number,
    longDirection: string,
    longMinutes: number,
    longSeconds: number,
    matchingType: number,
    order: number,
    port: number,
    precisionHorz: number,
    precisionVert: number,
    preference: number,
    priority: number,
    protocol: number,
    publicKey: string,
    regex: string,
    replacement: string,
    selector: number,
    service: string,
    size: number,
    tag: string,
    target: string,
    type: number,
    usage: number,
    value: string,
    weight: number,
} as const satisfies PropertyTable;

export const settingsTable = {
    flattenCname: { type: "boolean" },
    ipv4Only: { type: "boolean" },
    ipv6Only: { type: "boolean" },
} as const satisfies PropertyTable;

/** A record in the API, as far as the provider reads it. */
export interface ApiRecord {
    id: string;
    name: string;
    type: string;
    content: string;
    ttl: number;
    proxied: boolean;
    proxiable: boolean;
    priority?: number | null;
    data?: object | null;
    settings?: { flatten_cname?: boolean; ipv4_only?: boolean; ipv6_only?: boolean } | null;
    tags?: string[] | null;
    comment?: string | null;
    private_routing?: boolean | null;
    comment_modified_on?: string;
    tags_modified_on?: string;
    created_on: string;
    modified_on: string;
    meta?: object | null;
}

/** The record as the provider's state and the results of its functions have it. */
export function described(record: ApiRecord) {
    return {
        name: record.name,
        type: record.type,
        content: record.content,
        ttl: record.ttl,
        proxied: record.proxied,
        proxiable: record.proxiable,
        priority: record.priority ?? undefined,
        data: record.data ? camelCased(record.data) : undefined,
        settings: settingsOf(record),
        tags: record.tags ?? [],
        comment: record.comment ?? undefined,
        privateRouting: record.private_routing ?? undefined,
        commentModifiedOn: record.comment_modified_on,
        tagsModifiedOn: record.tags_modified_on,
        createdOn: record.created_on,
        modifiedOn: record.modified_on,
        meta: JSON.stringify(record.meta ?? {}),
    };
}

/** Only a CNAME has settings, and the API leaves them out where they are the default. */
function settingsOf({ type, settings }: ApiRecord) {
    if (type !== "CNAME") return undefined;
    return {
        flattenCname: settings?.flatten_cname ?? false,
        ipv4Only: settings?.ipv4_only ?? false,
        ipv6Only: settings?.ipv6_only ?? false,
    };
}

export function camelCased(object: object): Record<string, unknown> {
    return renamed(object, (key) =>
        key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    );
}

export function snakeCase(key: string): string {
    return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export function snakeCased(object: object): Record<string, unknown> {
    return renamed(object, snakeCase);
}

function renamed(object: object, rename: (key: string) => string): Record<string, unknown> {
    return Object.fromEntries(
        Object.entries(object).map(([key, value]) => [rename(key), value as unknown]),
    );
}
