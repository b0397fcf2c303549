import * as fs from "node:fs";
import type { ApiRequest, Route } from "../api/listener";
import { ApiError } from "./api-error";
import type { ServerObject } from "./objects";
import type { Project } from "./project";
import { filterListed, idParameter, pageOf, parseBody, updateBody } from "./route";
import { serverBody } from "./server-body";
import { serverActionRoutes } from "./server-actions";
import { createServer } from "./server-create";

export function serverRoutes(project: Project): Route[] {
    const { store } = project;
    const found = (request: ApiRequest) => store.get("server", idParameter(request, "server"));
    return [
        {
            method: "GET",
            path: "/servers",
            handle: (request) => {
                const statuses = request.query.getAll("status");
                const servers = filterListed(request, store.all("server")).filter(
                    (server) => statuses.length === 0 || statuses.includes(project.status(server)),
                );
                return pageOf(
                    request,
                    "servers",
                    servers.map((server) => serverBody(project, server)),
                );
            },
        },
        {
            method: "GET",
            path: "/servers/:id",
            handle: (request) => ({ body: { server: serverBody(project, found(request)) } }),
        },
        {
            method: "POST",
            path: "/servers",
            handle: (request) => createServer(project, request),
        },
        {
            method: "PUT",
            path: "/servers/:id",
            handle: async (request) => {
                const server = found(request);
                const body = parseBody(updateBody, request);
                store.update("server", server, body);
                // Firewalls may select servers by their labels.
                if (body.labels) await project.enforceFirewalls([server]);
                return { body: { server: serverBody(project, server) } };
            },
        },
        {
            method: "DELETE",
            path: "/servers/:id",
            handle: (request) => {
                const server = found(request);
                if (server.protection.delete) {
                    throw new ApiError(
                        "protected",
                        `server ${server.id} is protected from deletion`,
                    );
                }
                const action = project.begin(server, "deleting", "delete_server", () =>
                    deleteServer(project, server),
                );
                return { body: { action } };
            },
        },
        ...serverActionRoutes(project),
    ];
}

async function deleteServer(project: Project, server: ServerObject): Promise<void> {
    const { store } = project;
    for (const volume of project.volumesOf(server)) await project.detachVolume(volume);
    await project.park.use(server.id, (machine) => machine.destroy());
    fs.rmSync(project.machineDirectory(server.id), { recursive: true, force: true });
    for (const type of ["ipv4", "ipv6"] as const) {
        const ip = project.primaryIp(server, type);
        if (ip?.autoDelete) store.remove("primary_ip", ip.id);
        else if (ip) ip.server = null;
    }
    for (const firewall of store.all("firewall")) {
        firewall.appliedTo = firewall.appliedTo.filter(
            (target) => target.type !== "server" || target.server !== server.id,
        );
    }
    store.remove("server", server.id);
    project.park.forget(server.id);
}
