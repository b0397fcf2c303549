import type { Client } from "./client";

/** Brings the tags of a Droplet or volume from what they were to what they are to be. */
export async function changeTags(
    client: Client,
    resource: { type: "droplet" | "volume"; id: string },
    olds: readonly string[] = [],
    news: readonly string[] = [],
): Promise<void> {
    const resources = [{ resource_id: resource.id, resource_type: resource.type }];
    const route = (tag: string) => `/tags/${encodeURIComponent(tag)}/resources`;
    for (const tag of olds.filter((old) => !news.includes(old))) {
        await client.delete(route(tag), { resources });
    }
    for (const tag of news.filter((now) => !olds.includes(now))) {
        await client.post("/tags", { name: tag });
        await client.post(route(tag), { resources });
    }
}
