import { resource, type Change } from "../handler";
import { refreshedInputs } from "../refreshed-inputs";
import {
    unknownValue,
    type CheckFailure,
    type Properties,
    type PropertyTable,
    type PropertyValue,
    type Values,
} from "../schema";
import { Client } from "./client";
import {
    dataTable,
    described,
    recordTypes,
    settingsTable,
    snakeCased,
    type ApiRecord,
} from "./record-properties";

const inputs = {
    comment: { type: "string" },
    content: { type: "string" },
    data: { type: "object", properties: dataTable },
    includeShadowMetadata: { type: "boolean" },
    name: { type: "string", required: true },
    priority: { type: "number" },
    privateRouting: { type: "boolean" },
    proxied: { type: "boolean" },
    settings: { type: "object", properties: settingsTable },
    tags: { type: "array", items: { type: "string" }, unordered: true },
    ttl: { type: "number", required: true },
    type: { type: "string", required: true, replaces: true },
    zoneId: { type: "string", required: true, replaces: true },
} as const satisfies PropertyTable;

type Inputs = Values<typeof inputs>;

/** Left out by the program, these are whatever the API makes of them. */
const computedWhenAbsent = ["content", "includeShadowMetadata", "settings", "tags"] as const;

/** A DNS record. Its id is that of the API; the one for an import is `<zone_id>/<dns_record_id>`. */
export const dnsRecord = resource({
    inputs,
    outputs: {
        commentModifiedOn: { type: "string" },
        content: { type: "string" },
        createdOn: { type: "string" },
        includeShadowMetadata: { type: "boolean" },
        meta: { type: "string" },
        modifiedOn: { type: "string", changesOnUpdate: true },
        proxiable: { type: "boolean" },
        proxied: { type: "boolean" },
        settings: { type: "object", properties: settingsTable },
        tags: { type: "array", items: { type: "string" } },
        tagsModifiedOn: { type: "string" },
    },
    check: (given) => ({ failures: failuresOf(given) }),
    compared,
    async create(given, context) {
        if (given.proxied && given.ttl !== 1) {
            throw new Error(
                "ttl must be set to 1 when `proxied` is true: When a DNS record is marked as `proxied` the TTL must be 1 as Cloudflare will control the TTL internally.",
            );
        }
        const made = await Client.of(context).post<ApiRecord>(
            `/zones/${given.zoneId}/dns_records`,
            bodyOf(given),
        );
        return { id: made.id, outputs: stateOf(given, made) };
    },
    async read(id, known, context) {
        const client = Client.of(context);
        if (known?.outputs.zoneId === undefined) {
            const { zoneId, recordId } = importId(id);
            const found = await client.get<ApiRecord>(routeOf(zoneId, recordId));
            const live = { ...described(found), zoneId };
            return { id: found.id, outputs: live, inputs: importedInputs(live) };
        }
        const { zoneId } = known.outputs;
        const found = await client.find<ApiRecord>(routeOf(zoneId, id));
        if (!found) return undefined;
        const live = { ...described(found), zoneId };
        return { id, outputs: live, inputs: refreshedInputs<object>(known.inputs, live) };
    },
    async update({ id, inputs: olds }, news, context) {
        const updated = await Client.of(context).put<ApiRecord>(
            routeOf(news.zoneId, id),
            // What was given before and is not any more has to be taken back explicitly.
            { ...(olds.comment !== undefined && { comment: null }), ...bodyOf(news) },
        );
        return { outputs: stateOf(news, updated) };
    },
    // The real one fails too where the record is gone already: a refresh is the way out.
    async delete({ id, outputs }, context) {
        await Client.of(context).delete(routeOf(outputs.zoneId ?? "", id));
    },
});

function routeOf(zoneId: string, recordId: string): string {
    return `/zones/${zoneId}/dns_records/${recordId}`;
}

function failuresOf(given: Properties): CheckFailure[] {
    const failures: CheckFailure[] = [];
    const { type, priority } = given;
    if (given["content"] !== undefined && given["data"] !== undefined) {
        for (const [path, other] of [
            ["content", "data"],
            ["data", "content"],
        ] as const) {
            failures.push({
                path,
                reason: `Invalid Attribute Combination. Attribute "${other}" cannot be specified when "${path}" is specified`,
            });
        }
    }
    if (typeof type === "string" && type !== unknownValue) {
        if (!recordTypes.includes(type.toUpperCase())) {
            const known = recordTypes.map((one) => `"${one}"`).join(" ");
            failures.push({
                path: "type",
                reason: `Invalid Attribute Value Match. Attribute type value must be one of: [${known}], got: "${type}"`,
            });
        }
    }
    if (typeof priority === "number" && (priority < 0 || priority > 65535)) {
        failures.push({
            path: "priority",
            reason: `Invalid Attribute Value. Attribute priority value must be between 0.000000 and 65535.000000, got: ${priority}`,
        });
    }
    return failures;
}

/** As the real one: the state, which a refresh reads from the API, with what the program gives now. */
function compared({ state, news }: Change): { olds: Properties; news: Properties } {
    const planned: Properties = { ...news, proxied: news["proxied"] ?? false };
    for (const name of computedWhenAbsent) {
        if (planned[name] === undefined && state[name] !== undefined) planned[name] = state[name];
    }
    const { name, content } = state;
    if (name !== undefined && isSameName(name, news["name"])) planned["name"] = name;
    if (news["type"] === "CNAME" && isSameText(content, news["content"])) {
        planned["content"] = content ?? null;
    }
    const olds = Object.fromEntries(
        Object.entries(state).filter(([key]) => Object.hasOwn(inputs, key)),
    );
    return { olds: { proxied: false, ...olds }, news: planned };
}

/** `@` and names below the zone are what the API calls by the full name; a trailing dot it never writes. */
function isSameName(live: PropertyValue, given: PropertyValue | undefined): boolean {
    if (typeof live !== "string" || typeof given !== "string") return false;
    if (given === "@") return live.includes(".");
    const [long, short] = [live, given].map((name) => name.replace(/\.$/, "")) as [string, string];
    return long.startsWith(`${short}.`);
}

function isSameText(live: PropertyValue | undefined, given: PropertyValue | undefined): boolean {
    return (
        typeof live === "string" &&
        typeof given === "string" &&
        live.toLowerCase() === given.toLowerCase()
    );
}

function bodyOf(given: Inputs): object {
    const { name, type, ttl, content, priority, comment, tags, privateRouting } = given;
    return {
        ...{ name, type, ttl, content, priority, comment, tags },
        proxied: given.proxied ?? false,
        private_routing: privateRouting,
        data: given.data && snakeCased(given.data),
        settings: given.settings && snakeCased(given.settings),
    };
}

/** What the program gave stands in the state as it was given; a refresh replaces it by what the API has. */
function stateOf(given: Inputs, record: ApiRecord): Record<string, unknown> {
    const live = described(record);
    return {
        includeShadowMetadata: false,
        content: live.content,
        proxied: live.proxied,
        proxiable: live.proxiable,
        settings: live.settings,
        tags: live.tags,
        commentModifiedOn: live.commentModifiedOn,
        tagsModifiedOn: live.tagsModifiedOn,
        createdOn: live.createdOn,
        modifiedOn: live.modifiedOn,
        meta: live.meta,
        ...given,
    };
}

function importId(id: string): { zoneId: string; recordId: string } {
    const [zoneId, recordId, ...more] = id.split("/");
    if (!zoneId || !recordId || more.length > 0) {
        throw new Error(
            `invalid ID: expected urlencoded segments "<zone_id>/<dns_record_id>", got "${id}"`,
        );
    }
    return { zoneId, recordId };
}

/** As the real one's: whatever is not empty, content beside data too, which its own check then refuses. */
function importedInputs(live: ReturnType<typeof described> & { zoneId: string }): Properties {
    const { name, type, content, ttl, proxied, priority, data, tags, comment, zoneId } = live;
    return JSON.parse(
        JSON.stringify({
            ...{ name, type, ttl, content, data, comment, zoneId },
            priority: priority || undefined,
            proxied: proxied || undefined,
            tags: tags.length > 0 ? tags : undefined,
        }),
    ) as Properties;
}
