import type { IncomingMessage, RequestListener } from "node:http";
import { apiListener, hasToken, type ApiErrors, type SharedApiOptions } from "../api/listener";
import type { Account } from "./account";
import { actionRoutes } from "./action-routes";
import { ApiError, notFound } from "./api-error";
import { catalogueRoutes } from "./catalogue-routes";
import { dropletRoutes } from "./droplet-routes";
import { firewallRoutes } from "./firewall-routes";
import { keyRoutes } from "./key-routes";
import { projectRoutes } from "./project-routes";
import { tagRoutes } from "./tag-routes";
import { volumeRoutes } from "./volume-routes";

export const digitalOceanPrefix = "/v2";

/** A simulation of DigitalOcean's API: real HTTP, real machines, objects in a file. */
export function digitalOceanApi(
    account: Account,
    { token, ...shared }: SharedApiOptions & { token: string },
): RequestListener {
    return apiListener({
        ...shared,
        errors,
        prefix: digitalOceanPrefix,
        admit: (request: IncomingMessage) => {
            if (!hasToken(request, token)) {
                throw new ApiError("Unauthorized", "Unable to authenticate you");
            }
        },
        routes: [
            ...catalogueRoutes(account),
            ...keyRoutes(account),
            ...volumeRoutes(account),
            ...dropletRoutes(account),
            ...firewallRoutes(account),
            ...projectRoutes(account),
            ...tagRoutes(account),
            ...actionRoutes(account),
        ],
    });
}

const errors: ApiErrors = {
    noRoute: () => notFound(),
    wrongMethod: (method, path) =>
        new ApiError("method_not_allowed", `${method} is not allowed for ${path}`),
    badBody: (reason) => new ApiError("bad_request", reason),
    fault: (status) => ({
        status,
        body: { id: "service_unavailable", message: "a fault that was asked for" },
    }),
    reply: (error) => {
        if (error instanceof ApiError) return { status: error.status, body: error.body };
        const message = error instanceof Error ? error.message : String(error);
        return { status: 500, body: { id: "server_error", message } };
    },
};
