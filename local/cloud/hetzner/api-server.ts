import * as http from "node:http";
import type { Faults } from "../api/faults";
import { apiListener, hasToken, type ApiErrors } from "../api/listener";
import { ApiError } from "./api-error";
import { actionRoutes } from "./action-routes";
import { catalogueRoutes } from "./catalogue-routes";
import { firewallRoutes } from "./firewall-routes";
import { laptopRoutes, type LaptopOptions } from "./laptop-routes";
import { primaryIpRoutes } from "./primary-ip-routes";
import type { Project } from "./project";
import { serverRoutes } from "./server-routes";
import { sshKeyRoutes } from "./ssh-key-routes";
import { volumeRoutes } from "./volume-routes";

/** Length of a token of the real API; its clients refuse any other. */
export const tokenLength = 64;

const apiPrefix = "/v1";
const laptopPrefix = "/_laptop";

export interface ApiServerOptions extends LaptopOptions {
    token: string;
    /** A line of JSON a request: time, method, path, status. No bodies. */
    requestLog: string;
    /** Those of every API of the laptop cloud: `/_laptop/faults` takes them. */
    faults: Faults;
    /** Awaited after each request, before its answer is sent: what others are told of the objects is true by then. */
    beforeAnswer(): Promise<void>;
}

/** A simulation of the Hetzner Cloud API: real HTTP, real machines, objects in a file. */
export function createApiServer(project: Project, options: ApiServerOptions): http.Server {
    const { token, requestLog, faults } = options;
    const authorize = (request: http.IncomingMessage) => {
        if (!hasToken(request, token)) {
            throw new ApiError("unauthorized", "unable to authenticate");
        }
    };
    const shared = { requestLog, errors, beforeAnswer: () => options.beforeAnswer() };
    const api = apiListener({
        ...shared,
        prefix: apiPrefix,
        faults,
        admit: authorize,
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
    const laptop = apiListener({
        ...shared,
        prefix: laptopPrefix,
        routes: laptopRoutes(project, faults, options),
        admit: (request) => {
            if (request.method !== "GET") authorize(request);
        },
    });
    return http.createServer((request, response) =>
        request.url?.startsWith(`${laptopPrefix}/`)
            ? laptop(request, response)
            : api(request, response),
    );
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
