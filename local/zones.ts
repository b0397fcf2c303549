import { defaultZone } from "../components/dns/domain-settings";
import type { MailDomain } from "../components/dns/domain-options";
import type { LocalStack } from "./engine/stack";
import type { CloudInfo } from "./paths";

/**
 * Adds the zones of the stack's mail domains to the simulated Cloudflare account, where they are missing: at the real
 * one the operator does it.
 *
 * @throws Error with what the API refused.
 */
export async function addZones(cloud: CloudInfo, stack: LocalStack): Promise<void> {
    const further = (stack.setting("mailhost:domains") ?? []) as MailDomain[];
    const domains: MailDomain[] = [
        { name: stack.setting("mailhost:domain") as string },
        ...further,
    ];
    const zones = new Set(domains.map(({ name, zone }) => zone ?? defaultZone(name)));
    for (const zone of zones) await addZone(cloud, zone);
}

/** Adds a zone to the simulated account, unless it is there. */
export async function addZone(cloud: CloudInfo, name: string): Promise<void> {
    const query = new URLSearchParams({ name });
    const found = await call<unknown[]>(cloud, "GET", `/zones?${query.toString()}`);
    if (found.length > 0) return;
    const [account] = await call<{ id: string }[]>(cloud, "GET", "/accounts");
    await call(cloud, "POST", "/zones", { name, account: { id: account?.id } });
}

async function call<T>(cloud: CloudInfo, method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(cloud.cloudflareApi + path, {
        method,
        headers: {
            authorization: `Bearer ${cloud.cloudflareToken}`,
            "content-type": "application/json",
        },
        ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} of the simulated Cloudflare API: ${text}`);
    return (JSON.parse(text) as { result: T }).result;
}
