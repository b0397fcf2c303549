import * as z from "zod";
import type { ApiRequest, Route } from "../api/listener";
import { ApiError, invalidField } from "./api-error";
import { findLocation } from "./catalogue-routes";
import type { PrimaryIpObject, ServerObject } from "./objects";
import { changePointer, pointerBody, pointerList } from "./pointers";
import type { Project } from "./project";
import {
    filterListed,
    idParameter,
    labelsField,
    locationField,
    nameField,
    noDatacenter,
    pageOf,
    parseBody,
    updateBody,
} from "./route";

const createBody = z.object({
    name: nameField,
    type: z.enum(["ipv4", "ipv6"]),
    location: locationField.optional(),
    datacenter: noDatacenter,
    assignee_id: z.int().nullish(),
    assignee_type: z.literal("server").optional(),
    auto_delete: z.boolean().optional(),
    labels: labelsField,
});
const assignBody = z.object({ assignee_id: z.int(), assignee_type: z.literal("server") });

export function primaryIpRoutes(project: Project): Route[] {
    const { store } = project;
    const found = (request: ApiRequest) =>
        store.get("primary_ip", idParameter(request, "primary_ip"));
    const action = (command: string, ip: PrimaryIpObject) => ({
        status: 201,
        body: { action: project.done(command, [{ id: ip.id, type: "primary_ip" }]) },
    });
    return [
        {
            method: "GET",
            path: "/primary_ips",
            handle: (request) => {
                const address = request.query.get("ip");
                const ips = filterListed(request, store.all("primary_ip")).filter(
                    (ip) => address === null || ip.ip === address,
                );
                return pageOf(request, "primary_ips", ips.map(primaryIpBody));
            },
        },
        {
            method: "GET",
            path: "/primary_ips/:id",
            handle: (request) => ({ body: { primary_ip: primaryIpBody(found(request)) } }),
        },
        {
            method: "POST",
            path: "/primary_ips",
            handle: (request) => {
                const body = parseBody(createBody, request);
                const server = body.assignee_id ? store.get("server", body.assignee_id) : undefined;
                if ((body.location === undefined) === (server === undefined)) {
                    throw invalidField(
                        "location",
                        "exactly one of location, assignee_id is needed",
                    );
                }
                if (server && body.assignee_type === undefined) {
                    throw invalidField("assignee_type", "missing data for required field");
                }
                const location = server?.location ?? findLocation(body.location ?? "").name;
                store.checkName("primary_ip", body.name);
                if (server) checkAssignable(project, body.type, location, server);
                const ip = store.add("primary_ip", {
                    name: body.name,
                    labels: body.labels ?? {},
                    type: body.type,
                    ip: project.freeAddress(body.type),
                    location,
                    server: server?.id ?? null,
                    autoDelete: body.auto_delete ?? false,
                    protected: false,
                    pointers: {},
                });
                if (server) project.putMachine(server);
                const done = project.done("create_primary_ip", [{ id: ip.id, type: "primary_ip" }]);
                return { status: 201, body: { primary_ip: primaryIpBody(ip), action: done } };
            },
        },
        {
            method: "PUT",
            path: "/primary_ips/:id",
            handle: (request) => {
                const ip = found(request);
                const { auto_delete: autoDelete, ...body } = parseBody(
                    updateBody.extend({ auto_delete: z.boolean().optional() }),
                    request,
                );
                store.update("primary_ip", ip, { ...body, autoDelete });
                return { body: { primary_ip: primaryIpBody(ip) } };
            },
        },
        {
            method: "DELETE",
            path: "/primary_ips/:id",
            handle: (request) => {
                const ip = found(request);
                if (ip.protected) {
                    throw new ApiError(
                        "protected",
                        `primary IP ${ip.id} is protected from deletion`,
                    );
                }
                unassign(project, ip);
                store.remove("primary_ip", ip.id);
                return { status: 204 };
            },
        },
        {
            method: "POST",
            path: "/primary_ips/:id/actions/assign",
            handle: (request) => {
                const ip = found(request);
                const { assignee_id: serverId } = parseBody(assignBody, request);
                const server = store.get("server", serverId);
                if (ip.server !== null) {
                    throw new ApiError(
                        "primary_ip_already_assigned",
                        `primary IP ${ip.id} is already assigned to server ${ip.server}`,
                    );
                }
                checkAssignable(project, ip.type, ip.location, server);
                ip.server = server.id;
                store.save();
                project.putMachine(server);
                return action("assign_primary_ip", ip);
            },
        },
        {
            method: "POST",
            path: "/primary_ips/:id/actions/unassign",
            handle: (request) => {
                const ip = found(request);
                if (ip.server === null) {
                    throw new ApiError("invalid_input", `primary IP ${ip.id} is not assigned`);
                }
                unassign(project, ip);
                return action("unassign_primary_ip", ip);
            },
        },
        {
            method: "POST",
            path: "/primary_ips/:id/actions/change_dns_ptr",
            handle: (request) => {
                const ip = found(request);
                changePointer(ip, parseBody(pointerBody, request));
                store.save();
                return action("change_dns_ptr", ip);
            },
        },
        {
            method: "POST",
            path: "/primary_ips/:id/actions/change_protection",
            handle: (request) => {
                const ip = found(request);
                ip.protected = parseBody(z.object({ delete: z.boolean() }), request).delete;
                store.save();
                return action("change_protection", ip);
            },
        },
    ];
}

/** Whether a primary IP of this type can become this server's: it is off, in the same location, and has none yet. */
function checkAssignable(
    project: Project,
    type: "ipv4" | "ipv6",
    location: string,
    server: ServerObject,
): void {
    if (project.primaryIp(server, type)) {
        throw new ApiError(
            type === "ipv4" ? "server_has_ipv4" : "server_has_ipv6",
            `server ${server.id} already has an ${type} address`,
        );
    }
    if (location !== server.location) {
        throw new ApiError(
            "invalid_input",
            `the primary IP is in ${location}, server ${server.id} in ${server.location}`,
        );
    }
    checkOff(project, server);
}

function unassign(project: Project, ip: PrimaryIpObject): void {
    if (ip.server === null) return;
    const server = project.store.get("server", ip.server);
    checkOff(project, server);
    ip.server = null;
    project.store.save();
    project.putMachine(server);
}

function checkOff(project: Project, server: ServerObject): void {
    project.checkUnlocked(server);
    if (project.status(server) === "off") return;
    throw new ApiError("server_not_stopped", `server ${server.id} must be powered off for this`);
}

export function primaryIpBody(ip: PrimaryIpObject): object {
    return {
        id: ip.id,
        name: ip.name,
        type: ip.type,
        ip: ip.ip,
        location: findLocation(ip.location),
        assignee_id: ip.server,
        assignee_type: "server",
        auto_delete: ip.autoDelete,
        blocked: false,
        dns_ptr: pointerList(ip),
        labels: ip.labels,
        protection: { delete: ip.protected },
        created: ip.created,
    };
}
