import { randomUUID } from "node:crypto";
import * as z from "zod";
import type { ApiRequest, Route } from "../api/listener";
import { timestamp } from "../file-store";
import type { Account } from "./account";
import { ApiError } from "./api-error";
import type { ProjectObject } from "./objects";
import { pageOf, parseBody, textParameter } from "./route";

const environment = z.enum(["", "Development", "Staging", "Production"]).nullish();
const fields = {
    description: z.string().max(255).nullish(),
    environment,
    is_default: z.boolean().nullish(),
};
const name = z.string().min(1).max(175);
const purpose = z.string().min(1).max(255);
const createBody = z.object({ name, purpose, ...fields });
const changeBody = z.object({ name: name.optional(), purpose: purpose.optional(), ...fields });

export function projectRoutes(account: Account): Route[] {
    const { store } = account;
    const found = (request: ApiRequest): ProjectObject => {
        const byDefault = account.defaultProject();
        const id = textParameter(request);
        return id === "default" ? byDefault : store.get("project", id);
    };
    const refuseName = (given: string | undefined, own?: ProjectObject) => {
        if (store.all("project").some((other) => other.name === given && other.id !== own?.id)) {
            throw new ApiError("conflict", "name is already in use");
        }
    };
    const makeDefault = (project: ProjectObject) => {
        for (const other of store.all("project")) other.isDefault = other.id === project.id;
    };
    return [
        {
            method: "GET",
            path: "/projects",
            handle: (request) => {
                account.defaultProject();
                return pageOf(request, "projects", store.all("project").map(projectBody));
            },
        },
        {
            method: "GET",
            path: "/projects/:id",
            handle: (request) => ({ body: { project: projectBody(found(request)) } }),
        },
        {
            method: "POST",
            path: "/projects",
            handle: (request) => {
                const body = parseBody(createBody, request);
                account.defaultProject();
                refuseName(body.name);
                const project = store.add("project", {
                    id: randomUUID(),
                    updated: timestamp(),
                    name: body.name,
                    purpose: body.purpose,
                    description: body.description ?? "",
                    environment: body.environment ?? "",
                    isDefault: false,
                    resources: [],
                });
                return { status: 201, body: { project: projectBody(project) } };
            },
        },
        ...(["PUT", "PATCH"] as const).map((method): Route => ({
            method,
            path: "/projects/:id",
            handle: (request) => {
                const project = found(request);
                const body = parseBody(method === "PUT" ? createBody : changeBody, request);
                refuseName(body.name, project);
                project.name = body.name ?? project.name;
                project.purpose = body.purpose ?? project.purpose;
                project.description = body.description ?? project.description;
                project.environment = body.environment ?? project.environment;
                project.updated = timestamp();
                if (body.is_default) makeDefault(project);
                store.save();
                return { body: { project: projectBody(project) } };
            },
        })),
        {
            method: "DELETE",
            path: "/projects/:id",
            handle: (request) => {
                const project = found(request);
                if (project.resources.length > 0) {
                    throw new ApiError(
                        "precondition_failed",
                        "cannot delete a project with resources. move or remove the resources first",
                    );
                }
                if (project.isDefault) {
                    throw new ApiError("precondition_failed", "cannot delete the default project");
                }
                store.remove("project", project.id);
                return { status: 204 };
            },
        },
        {
            method: "GET",
            path: "/projects/:id/resources",
            handle: (request) =>
                pageOf(
                    request,
                    "resources",
                    found(request).resources.map((resource) => resourceBody(request, resource)),
                ),
        },
        {
            method: "POST",
            path: "/projects/:id/resources",
            handle: (request) => {
                const project = found(request);
                const body = parseBody(z.object({ resources: z.array(z.string()) }), request);
                const resources = body.resources.map((urn) => {
                    const status = assign(account, urn, project);
                    const assigned = timestamp();
                    return { ...resourceBody(request, { urn, assigned }), status };
                });
                return { body: { resources } };
            },
        },
    ];
}

/** @returns the status that the API tells of it. */
function assign(account: Account, urn: string, project: ProjectObject): string {
    const [, type = "", id = ""] = /^do:(droplet|volume):(.+)$/.exec(urn) ?? [];
    const { store } = account;
    const exists =
        type === "droplet" ? store.find("droplet", Number(id)) : store.find("volume", id);
    if (!exists) return "not_found";
    if (project.resources.some((resource) => resource.urn === urn)) return "already_assigned";
    account.assign(urn, project);
    return "assigned";
}

function resourceBody(
    { address }: ApiRequest,
    { urn, assigned }: { urn: string; assigned: string },
): object {
    const [, type = "", id = ""] = urn.split(":");
    const self = new URL(`/v2/${type}s/${id}`, address).href;
    return { urn, assigned_at: assigned, links: { self }, status: "ok" };
}

function projectBody(project: ProjectObject): object {
    return {
        id: project.id,
        owner_uuid: "00000000-0000-4000-8000-000000000001",
        owner_id: 1,
        name: project.name,
        description: project.description,
        purpose: project.purpose,
        environment: project.environment,
        is_default: project.isDefault,
        created_at: project.created,
        updated_at: project.updated,
    };
}
