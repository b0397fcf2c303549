import * as http from "node:http";
import ipaddr from "ipaddr.js";
import { stringify } from "yaml";
import type { ServerObject } from "./hetzner/objects";
import type { Project } from "./hetzner/project";

const prefix = "/hetzner/v1/";

/**
 * A simulation of the provider's metadata service. Whoever asks is told about the server that has its address, as at
 * the real one; anyone else gets 404.
 *
 * Source: docs.hetzner.cloud, "Server Metadata".
 */
export function createMetadataService(project: Project): http.Server {
    return http.createServer((request, response) => {
        const from = request.socket.remoteAddress ?? "";
        const server = ipaddr.isValid(from) ? project.serverAt(ipaddr.process(from)) : undefined;
        const text = server && documentAt(project, server, request.url ?? "/");
        if (text === undefined) {
            response.writeHead(404, { "content-type": "text/plain" }).end("not found\n");
        } else {
            response.writeHead(200, { "content-type": "text/plain" }).end(text);
        }
    });
}

function documentAt(project: Project, server: ServerObject, url: string): string | undefined {
    if (!url.startsWith(prefix)) return undefined;
    const values: Record<string, string | number | string[]> = {
        hostname: server.name,
        "instance-id": server.id,
        "public-ipv4": project.primaryIp(server, "ipv4")?.ip ?? "",
        "local-ipv4": "",
        "public-keys": server.publicKeys,
        region: "eu-central",
        "availability-zone": `${server.location}-dc1`,
    };
    const place = url.slice(prefix.length).replace(/\/$/, "");
    if (place === "userdata") return server.userData;
    if (place === "metadata") return stringify(values);
    const value = place.startsWith("metadata/") ? values[place.slice(9)] : undefined;
    return Array.isArray(value) ? JSON.stringify(value) : value?.toString();
}
