import type { IncomingMessage, RequestListener } from "node:http";
import { apiListener, hasToken, type ApiErrors, type SharedApiOptions } from "../api/listener";
import { ApiError } from "./api-error";
import { actionRoutes } from "./action-routes";
import { catalogueRoutes } from "./catalogue-routes";
import { firewallRoutes } from "./firewall-routes";
import { primaryIpRoutes } from "./primary-ip-routes";
import type { Project } from "./project";
import { serverRoutes } from "./server-routes";
import { sshKeyRoutes } from "./ssh-key-routes";
import { volumeRoutes } from "./volume-routes";

/** Length of a token of the real API; its clients refuse any other. */
export const tokenLength = 64;

export const hetznerPrefix = "/v1";

/** A simulation of the Hetzner Cloud API: real HTTP, real machines, objects in a file. */
export function hetznerApi(
    project: Project,
    { token, ...shared }: SharedApiOptions & { token: string },
): RequestListener {
    return apiListener({
        ...shared,
        errors,
        prefix: hetznerPrefix,
        admit: (request: IncomingMessage) => {
            if (!hasToken(request, token)) {
                throw new ApiError("unauthorized", "unable to authenticate");
            }
        },
        routes: [
            ...catalogueRoutes(project),
            ...sshKeyRoutes(project),
            ...primaryIpRoutes(project),
            ...firewallRoutes(project),
            ...volumeRoutes(project),
            ...serverRoutes(project),
            ...actionRoutes(project),
        ],
    });
}

const errors: ApiErrors = {
    noRoute: (path) => new ApiError("not_found", `the laptop cloud has no API endpoint ${path}`),
    wrongMethod: (method, path) =>
        new ApiError("method_not_allowed", `${method} is not allowed for ${path}`),
    badBody: (reason) => new ApiError("json_error", reason),
    fault: (status) => ({
        status,
        body: { error: { code: "service_error", message: "a fault that was asked for" } },
    }),
    reply: (error) => {
        if (error instanceof ApiError) return { status: error.status, body: error.body };
        const message = error instanceof Error ? error.message : String(error);
        return { status: 500, body: { error: { code: "server_error", message, details: null } } };
    },
};
