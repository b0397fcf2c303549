import { randomUUID } from "node:crypto";
import * as z from "zod";
import type { ApiRequest, Route } from "../api/listener";
import type { Account } from "./account";
import { ApiError, unprocessable } from "./api-error";
import { ruleBodies, ruleFields } from "./firewall-rules";
import type { FirewallObject } from "./objects";
import { pageOf, parseBody, tagsField, textParameter } from "./route";

/** Source: docs.digitalocean.com, "Cloud Firewalls Limits". */
const limits = { rules: 50, droplets: 10, tags: 5 };

const dropletsField = z.array(z.int());
const firewallBodyFields = z.object({
    name: z
        .string()
        .regex(/^[a-zA-Z0-9][a-zA-Z0-9.-]*$/, "letters, digits, dots and dashes")
        .max(255),
    ...ruleFields,
    droplet_ids: dropletsField.nullish().transform((ids) => [...new Set(ids ?? [])]),
    tags: tagsField,
});

export function firewallRoutes(account: Account): Route[] {
    const { store } = account;
    const found = (request: ApiRequest) => store.get("firewall", textParameter(request));
    const wanted = (request: ApiRequest, own?: FirewallObject) => {
        const body = parseBody(firewallBodyFields, request);
        const fields = {
            name: body.name,
            inbound: body.inbound_rules,
            outbound: body.outbound_rules,
            dropletIds: body.droplet_ids,
            tags: body.tags,
        };
        check(account, fields, own);
        return fields;
    };
    /** Changes a part of a firewall, once the whole has been checked. */
    const change =
        (edit: (firewall: FirewallObject, request: ApiRequest) => Partial<FirewallObject>) =>
        async (request: ApiRequest) => {
            const firewall = found(request);
            const changed = edit(firewall, request);
            check(account, { ...firewall, ...changed }, firewall);
            Object.assign(firewall, changed);
            store.save();
            await account.enforceFirewalls();
            return { status: 204 };
        };
    const part = (
        name: "droplets" | "tags",
        add: (firewall: FirewallObject, request: ApiRequest) => Partial<FirewallObject>,
        remove: typeof add,
    ): Route[] => [
        { method: "POST", path: `/firewalls/:id/${name}`, handle: change(add) },
        { method: "DELETE", path: `/firewalls/:id/${name}`, handle: change(remove) },
    ];
    const ids = (request: ApiRequest) =>
        parseBody(z.object({ droplet_ids: dropletsField }), request).droplet_ids;
    const tags = (request: ApiRequest) => parseBody(z.object({ tags: tagsField }), request).tags;
    return [
        {
            method: "GET",
            path: "/firewalls",
            handle: (request) =>
                pageOf(request, "firewalls", store.all("firewall").map(firewallBody)),
        },
        {
            method: "GET",
            path: "/firewalls/:id",
            handle: (request) => ({ body: { firewall: firewallBody(found(request)) } }),
        },
        {
            method: "POST",
            path: "/firewalls",
            handle: async (request) => {
                const firewall = store.add("firewall", { id: randomUUID(), ...wanted(request) });
                await account.enforceFirewalls();
                return { status: 202, body: { firewall: firewallBody(firewall) } };
            },
        },
        {
            method: "PUT",
            path: "/firewalls/:id",
            handle: async (request) => {
                const firewall = found(request);
                Object.assign(firewall, wanted(request, firewall));
                store.save();
                await account.enforceFirewalls();
                return { body: { firewall: firewallBody(firewall) } };
            },
        },
        {
            method: "DELETE",
            path: "/firewalls/:id",
            handle: async (request) => {
                store.remove("firewall", found(request).id);
                await account.enforceFirewalls();
                return { status: 204 };
            },
        },
        ...part(
            "droplets",
            ({ dropletIds }, request) => ({
                dropletIds: [...new Set([...dropletIds, ...ids(request)])],
            }),
            ({ dropletIds }, request) => {
                const gone = ids(request);
                return { dropletIds: dropletIds.filter((id) => !gone.includes(id)) };
            },
        ),
        ...part(
            "tags",
            (firewall, request) => ({ tags: [...new Set([...firewall.tags, ...tags(request)])] }),
            (firewall, request) => {
                const gone = tags(request);
                return { tags: firewall.tags.filter((tag) => !gone.includes(tag)) };
            },
        ),
    ];
}

type Fields = Pick<FirewallObject, "name" | "inbound" | "outbound" | "dropletIds" | "tags">;

function check({ store }: Account, fields: Fields, own: FirewallObject | undefined): void {
    const rules = fields.inbound.length + fields.outbound.length;
    if (rules === 0) throw unprocessable("must have at least one rule");
    for (const [what, count, limit] of [
        ["rules", rules, limits.rules],
        ["droplets", fields.dropletIds.length, limits.droplets],
        ["tags", fields.tags.length, limits.tags],
    ] as const) {
        if (count > limit) throw unprocessable(`at most ${limit} ${what}, not ${count}`);
    }
    const unknown = fields.dropletIds.filter((id) => !store.find("droplet", id));
    if (unknown.length > 0) throw unprocessable(`droplet ${unknown.join(", ")} not found`);
    const taken = store
        .all("firewall")
        .some(({ id, name }) => name === fields.name && id !== own?.id);
    if (taken) throw new ApiError("conflict", "duplicate name");
}

function firewallBody(firewall: FirewallObject): object {
    return {
        id: firewall.id,
        name: firewall.name,
        status: "succeeded",
        ...ruleBodies(firewall),
        created_at: firewall.created,
        droplet_ids: firewall.dropletIds,
        tags: firewall.tags,
        pending_changes: [],
    };
}
