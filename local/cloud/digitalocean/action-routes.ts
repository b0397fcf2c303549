import type { ApiRequest, Route } from "../api/listener";
import type { Account } from "./account";
import { notFound } from "./api-error";
import { findRegion } from "./catalogue";
import { regionBody } from "./catalogue-routes";
import type { ActionObject } from "./objects";
import { numberParameter, pageOf, textParameter } from "./route";

export function actionRoutes(account: Account): Route[] {
    const { store } = account;
    const one = (request: ApiRequest, actions: readonly ActionObject[], name: string) => {
        const id = numberParameter(request, name);
        const action = actions.find((candidate) => candidate.id === id);
        if (!action) throw notFound();
        return { body: { action: actionBody(action) } };
    };
    const of = (type: "droplet" | "volume", id: number | string) => {
        store.get(type, id);
        return store.actions.filter(({ resource }) => resource.type === type && resource.id === id);
    };
    const newest = (actions: readonly ActionObject[]) => [...actions].reverse().map(actionBody);
    return [
        {
            method: "GET",
            path: "/actions",
            handle: (request) => pageOf(request, "actions", newest(store.actions)),
        },
        {
            method: "GET",
            path: "/actions/:id",
            handle: (request) => one(request, store.actions, "id"),
        },
        ...(["droplet", "volume"] as const).flatMap((type): Route[] => {
            const idOf = (request: ApiRequest) =>
                type === "droplet" ? numberParameter(request) : textParameter(request);
            return [
                {
                    method: "GET",
                    path: `/${type}s/:id/actions`,
                    handle: (request) =>
                        pageOf(request, "actions", newest(of(type, idOf(request)))),
                },
                {
                    method: "GET",
                    path: `/${type}s/:id/actions/:action`,
                    handle: (request) => one(request, of(type, idOf(request)), "action"),
                },
            ];
        }),
    ];
}

export function actionBody(action: ActionObject): object {
    const region = findRegion(action.region);
    return {
        id: action.id,
        status: action.status,
        type: action.type,
        started_at: action.started,
        completed_at: action.completed,
        // A volume's id is no number, and the field holds numbers alone.
        resource_id: typeof action.resource.id === "number" ? action.resource.id : null,
        resource_type: action.resource.type,
        region: region ? regionBody(region) : null,
        region_slug: action.region,
    };
}
