import { timingSafeEqual } from "node:crypto";
import * as fs from "node:fs";
import * as http from "node:http";
import { ApiError } from "./api-error";
import { actionRoutes } from "./action-routes";
import { catalogueRoutes } from "./catalogue-routes";
import type { Faults } from "./faults";
import { firewallRoutes } from "./firewall-routes";
import { laptopRoutes, type LaptopOptions } from "./laptop-routes";
import { primaryIpRoutes } from "./primary-ip-routes";
import type { Project } from "./project";
import type { ApiReply, Route } from "./route";
import { serverRoutes } from "./server-routes";
import { sshKeyRoutes } from "./ssh-key-routes";
import { volumeRoutes } from "./volume-routes";

/** Length of a token of the real API; its clients refuse any other. */
export const tokenLength = 64;

const apiPrefix = "/v1";
const laptopPrefix = "/_laptop";
/** Far above the largest body that the API takes (user data of 32 KiB). */
const maximumBodyBytes = 1024 * 1024;

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
    const { faults } = options;
    const routes = [
        ...[
            ...catalogueRoutes(project),
            ...sshKeyRoutes(project),
            ...primaryIpRoutes(project),
            ...firewallRoutes(project),
            ...volumeRoutes(project),
            ...serverRoutes(project),
            ...actionRoutes(project),
        ].map((route) => compile(apiPrefix, route)),
        ...laptopRoutes(project, faults, options).map((route) => compile(laptopPrefix, route)),
    ];

    async function answer(request: http.IncomingMessage, url: URL): Promise<ApiReply | "hang"> {
        const method = request.method ?? "GET";
        const ofLaptop = url.pathname.startsWith(`${laptopPrefix}/`);
        if (!(ofLaptop && method === "GET")) authorize(request, options.token);
        const fault = ofLaptop ? undefined : faults.take(method, url.pathname);
        if (fault?.kind === "status") {
            const error = { code: "service_error", message: "a fault that was asked for" };
            return { status: fault.status ?? 503, body: { error } };
        }
        const reply = await dispatch(routes, method, url, () => readJson(request));
        await options.beforeAnswer();
        return fault ? "hang" : reply;
    }

    return http.createServer((request, response) => {
        const url = new URL(request.url ?? "/", "http://laptop");
        void answer(request, url)
            .catch(errorReply)
            .then((reply) => {
                const status = reply === "hang" ? "hang" : (reply.status ?? 200);
                const line = {
                    time: new Date().toISOString(),
                    method: request.method,
                    path: url.pathname + url.search,
                    status,
                };
                fs.appendFileSync(options.requestLog, JSON.stringify(line) + "\n", { mode: 0o600 });
                if (reply === "hang") return;
                response.writeHead(reply.status ?? 200, { "content-type": "application/json" });
                response.end(reply.body === undefined ? undefined : JSON.stringify(reply.body));
            });
    });
}

interface CompiledRoute {
    route: Route;
    pattern: RegExp;
}

function compile(prefix: string, route: Route): CompiledRoute {
    const pattern = (prefix + route.path).replace(/:(\w+)/g, "(?<$1>[^/]+)");
    return { route, pattern: new RegExp(`^${pattern}$`) };
}

async function dispatch(
    routes: CompiledRoute[],
    method: string,
    url: URL,
    readBody: () => Promise<unknown>,
): Promise<ApiReply> {
    const matches = routes.filter(({ pattern }) => pattern.test(url.pathname));
    const match = matches.find(({ route }) => route.method === method);
    if (!match) {
        throw matches.length > 0
            ? new ApiError("method_not_allowed", `${method} is not allowed for ${url.pathname}`)
            : new ApiError("not_found", `the laptop cloud has no API endpoint ${url.pathname}`);
    }
    return match.route.handle({
        parameters: { ...match.pattern.exec(url.pathname)?.groups },
        query: url.searchParams,
        body: await readBody(),
    });
}

function authorize(request: http.IncomingMessage, token: string): void {
    const given = Buffer.from(request.headers.authorization ?? "");
    const expected = Buffer.from(`Bearer ${token}`);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
        throw new ApiError("unauthorized", "unable to authenticate");
    }
}

async function readJson(request: http.IncomingMessage): Promise<unknown> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
        length += chunk.length;
        if (length > maximumBodyBytes) throw new ApiError("json_error", "the body is too long");
        chunks.push(chunk);
    }
    if (length === 0) return undefined;
    try {
        return JSON.parse(Buffer.concat(chunks).toString("utf8"));
    } catch {
        throw new ApiError("json_error", "the body is not valid JSON");
    }
}

function errorReply(error: unknown): ApiReply {
    if (error instanceof ApiError) return { status: error.status, body: error.body };
    const message = error instanceof Error ? error.message : String(error);
    return { status: 500, body: { error: { code: "server_error", message, details: null } } };
}
