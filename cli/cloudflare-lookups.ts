import { plain } from "../components/dns/conflicts";
import type { StateResource } from "./deployment";
import type { Lookups } from "./recovery-plan";

export interface CloudflareAccess {
    /** Base URL that ends in `/client/v4`, with or without a slash. @default https://api.cloudflare.com/client/v4 */
    baseUrl?: string;
    token: string;
}

/** What the API tells of a record that matters here (https://developers.cloudflare.com/api/resources/dns/). */
interface ApiRecord {
    id: string;
    content?: string;
    data?: Record<string, unknown>;
    priority?: number;
    comment?: string | null;
}

/** Finds DNS records by what their create was given: zone, name, type, content and the comment that says whose it is. */
export function cloudflareLookups(access: CloudflareAccess): Lookups {
    const baseUrl = (access.baseUrl ?? "https://api.cloudflare.com/client/v4").replace(/\/$/, "");
    const get = async (path: string): Promise<unknown> => {
        const response = await fetch(baseUrl + path, {
            headers: { authorization: `Bearer ${access.token}` },
            signal: AbortSignal.timeout(30_000),
        });
        if (!response.ok) {
            throw new Error(`Cloudflare's API answered ${response.status} to GET ${path}`);
        }
        return ((await response.json()) as { result: unknown }).result;
    };

    return {
        "cloudflare:index/dnsRecord:DnsRecord": async ({ inputs = {} }: StateResource) => {
            const { zoneId, type, name, comment } = inputs;
            if (typeof zoneId !== "string" || typeof type !== "string" || typeof name !== "string")
                throw new Error("its zone, type or name is not in the state");
            const query = new URLSearchParams({ type, "name.exact": name, per_page: "100" });
            const found = (await get(
                `/zones/${zoneId}/dns_records?${query.toString()}`,
            )) as ApiRecord[];
            const same = found.find((record) => isSame(record, inputs));
            if (!same) return undefined;
            if ((same.comment ?? "") !== (comment ?? "")) {
                throw new Error(
                    `there is the same record (id ${same.id}) without the comment that this stack gives, so it is somebody else's`,
                );
            }
            return same.id;
        },
        // Enabling it again changes nothing, so there is nothing to find.
        "cloudflare:index/zoneDnssec:ZoneDnssec": () => Promise.resolve(undefined),
    };
}

function isSame(record: ApiRecord, inputs: NonNullable<StateResource["inputs"]>): boolean {
    const { content, data, priority } = inputs;
    if (priority !== undefined && record.priority !== priority) return false;
    if (typeof content === "string") return plain(String(record.content)) === plain(content);
    return Object.entries(data ?? {}).every(
        ([field, value]) => plain(String(record.data?.[snakeCase(field)])) === plain(String(value)),
    );
}

function snakeCase(name: string): string {
    return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
