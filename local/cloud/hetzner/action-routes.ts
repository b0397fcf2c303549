import type { ApiRequest, Route } from "../api/listener";
import { notFound } from "./api-error";
import type { ActionObject } from "./objects";
import type { Project } from "./project";
import { idParameter, pageOf } from "./route";

export function actionRoutes(project: Project): Route[] {
    const kinds = ["server", "volume", "firewall", "primary_ip"] as const;
    return [
        {
            method: "GET",
            path: "/actions",
            handle: (request) => {
                const ids = request.query.getAll("id").map(Number);
                const asked = project.store.actions.filter(
                    (action) => ids.length === 0 || ids.includes(action.id),
                );
                return listed(request, asked);
            },
        },
        {
            method: "GET",
            path: "/actions/:id",
            handle: (request) => {
                const id = idParameter(request, "action");
                const action = project.store.actions.find((candidate) => candidate.id === id);
                if (!action) throw notFound("action", id);
                return { body: { action } };
            },
        },
        ...kinds.map((kind): Route => ({
            method: "GET",
            path: `/${kind}s/:id/actions`,
            handle: (request) => {
                const { id } = project.store.get(kind, idParameter(request, kind));
                const own = project.store.actions.filter((action) =>
                    action.resources.some(
                        (resource) => resource.type === kind && resource.id === id,
                    ),
                );
                return listed(request, own);
            },
        })),
    ];
}

function listed(request: ApiRequest, actions: readonly ActionObject[]) {
    const statuses = request.query.getAll("status");
    const kept = actions.filter(
        (action) => statuses.length === 0 || statuses.includes(action.status),
    );
    return pageOf(request, "actions", kept);
}
