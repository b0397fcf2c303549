import { stringify } from "yaml";
import type { ServerObject } from "./objects";
import type { Project } from "./project";

const prefix = "/hetzner/v1/";

/**
 * What the provider's metadata service tells a server of itself.
 *
 * Source: docs.hetzner.cloud, "Server Metadata".
 */
export function metadataOf(
    server: ServerObject,
    project: Project,
    path: string,
): string | undefined {
    if (!path.startsWith(prefix)) return undefined;
    const values: Record<string, string | number | string[]> = {
        hostname: server.name,
        "instance-id": server.id,
        "public-ipv4": project.primaryIp(server, "ipv4")?.ip ?? "",
        "local-ipv4": "",
        "public-keys": server.publicKeys,
        region: "eu-central",
        "availability-zone": `${server.location}-dc1`,
    };
    const place = path.slice(prefix.length).replace(/\/$/, "");
    if (place === "userdata") return server.userData;
    if (place === "metadata") return stringify(values);
    const value = place.startsWith("metadata/") ? values[place.slice(9)] : undefined;
    return Array.isArray(value) ? JSON.stringify(value) : value?.toString();
}
