import { getDomain } from "tldts";
import * as z from "zod";
import type { ApiRequest, Route } from "../api/listener";
import { nameServers } from "../dns/zone-text";
import { ApiError, invalidBody, noSuchObject, success, unsupported } from "./api-error";
import { asciiName } from "./names";
import { pageOf } from "./pages";
import { plans } from "./plans";
import { newId, timestamp, type StoredZone, type ZoneStore } from "./store";
import type { Zones } from "./zones";

const pageSize = { usual: 20, largest: 50 };

const accountName = "Laptop cloud";

const createBody = z.object({
    name: z.string(),
    account: z.object({ id: z.string().optional() }).optional(),
    type: z.string().optional(),
});

const subscriptionBody = z.object({ rate_plan: z.object({ id: z.enum(["free", "pro"]) }) });

/**
 * The zone that a request is about.
 *
 * @throws ApiError when there is none.
 */
export function zoneOf(store: ZoneStore, request: ApiRequest): StoredZone {
    const id = request.parameters["zone"] ?? "";
    const zone = store.find(id);
    if (!zone) throw noSuchObject(`/client/v4/zones/${id}`);
    return zone;
}

export function zoneRoutes(store: ZoneStore, zones: Zones): Route[] {
    /** A zone is active at once: no registry has to name its name servers first. */
    const described = (zone: StoredZone) => ({
        id: zone.id,
        name: zone.name,
        status: "active",
        paused: false,
        type: "full",
        development_mode: 0,
        name_servers: nameServers,
        original_name_servers: null,
        original_registrar: null,
        original_dnshost: null,
        created_on: zone.created_on,
        modified_on: zone.modified_on,
        activated_on: zone.created_on,
        meta: {
            step: 2,
            custom_certificate_quota: 0,
            page_rule_quota: 3,
            phishing_detected: false,
        },
        owner: { id: null, type: "user", email: null },
        account: { id: store.account.id, name: accountName },
        tenant: { id: null, name: null },
        tenant_unit: { id: null },
        permissions: ["#dns_records:edit", "#dns_records:read", "#zone:edit", "#zone:read"],
        plan: {
            id: zone.plan,
            name: plans[zone.plan].name,
            price: 0,
            currency: "USD",
            frequency: "",
            is_subscribed: false,
            can_subscribe: false,
            legacy_id: zone.plan,
            legacy_discount: false,
            externally_managed: false,
        },
    });

    return [
        {
            method: "GET",
            path: "/zones",
            handle: ({ query }) => {
                const found = store.all().filter((zone) => isAskedFor(zone, query, store));
                found.sort((a, b) => (a.name < b.name ? -1 : 1));
                return pageOf(query, found.map(described), pageSize);
            },
        },
        {
            method: "GET",
            path: "/zones/:zone",
            handle: (request) => success(described(zoneOf(store, request))),
        },
        {
            method: "POST",
            path: "/zones",
            handle: async ({ body }) => {
                const made = newZone(body, store.account.id);
                const result = await zones.change(made.name, (before) => {
                    if (before) {
                        const message = `${made.name} already exists`;
                        throw new ApiError(400, { code: 1061, message });
                    }
                    return { zone: made, result: made };
                });
                return success(described(result));
            },
        },
        {
            method: "DELETE",
            path: "/zones/:zone",
            handle: async (request) => {
                const { id } = zoneOf(store, request);
                await zones.edit(zoneOf(store, request), () => ({
                    zone: undefined,
                    result: undefined,
                }));
                return success({ id });
            },
        },
        {
            method: "POST",
            path: "/zones/:zone/subscription",
            handle: async (request) => {
                const parsed = subscriptionBody.safeParse(request.body);
                if (!parsed.success) throw unsupported("plans but free and pro");
                const { id } = parsed.data.rate_plan;
                await zones.edit(zoneOf(store, request), (zone) => ({
                    zone: { ...zone, plan: id },
                    result: undefined,
                }));
                return success({ rate_plan: { id }, state: "Paid" });
            },
        },
        {
            method: "GET",
            path: "/accounts",
            handle: ({ query }) => {
                const account = { ...store.account, name: accountName, type: "standard" };
                return pageOf(query, [account], pageSize);
            },
        },
    ];
}

/** @throws ApiError; 1116 is not verified. */
function newZone(body: unknown, account: string): StoredZone {
    const parsed = createBody.safeParse(body);
    if (!parsed.success) throw invalidBody("Request body is invalid: name is required.");
    const { type = "full", account: owner } = parsed.data;
    if (type !== "full") throw unsupported(`zones of type ${type}`);
    if (owner?.id !== undefined && owner.id !== account) {
        throw new ApiError(403, { code: 10000, message: "Authentication error" });
    }
    const name = asciiName(parsed.data.name);
    if (name === undefined || getDomain(name) !== name) {
        throw new ApiError(400, {
            code: 1116,
            message:
                "Please ensure you are providing the root domain and not any subdomains (e.g., example.com, not subdomain.example.com)",
        });
    }
    const now = timestamp();
    return {
        id: newId(),
        name,
        plan: "free",
        created_on: now,
        modified_on: now,
        dnssec: { enabled: false, modified_on: null },
        records: [],
    };
}

function isAskedFor(zone: StoredZone, query: URLSearchParams, store: ZoneStore): boolean {
    const asked = {
        name: zone.name,
        "name.exact": zone.name,
        status: "active",
        type: "full",
        "account.id": store.account.id,
        "account.name": accountName,
    };
    return Object.entries(asked).every(
        ([name, value]) => (query.get(name) ?? value).toLowerCase() === value.toLowerCase(),
    );
}
