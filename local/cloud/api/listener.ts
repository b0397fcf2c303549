import { timingSafeEqual } from "node:crypto";
import * as fs from "node:fs";
import type { IncomingMessage, RequestListener } from "node:http";
import type { Faults } from "./faults";

/** What a handler gets of a request. */
export interface ApiRequest {
    parameters: Record<string, string>;
    query: URLSearchParams;
    body: unknown;
    /** The request's own URL without its query, as the client has it. */
    address: string;
}

export interface ApiReply {
    /** @default 200 */
    status?: number;
    /** Undefined for 204. */
    body?: object;
}

export interface Route {
    method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
    /** `/servers/:id/actions/reboot` */
    path: string;
    handle(request: ApiRequest): ApiReply | Promise<ApiReply>;
}

/** How an API says that something is wrong. */
export interface ApiErrors {
    noRoute(path: string): Error;
    wrongMethod(method: string, path: string): Error;
    /** For a body that can't be read as JSON. */
    badBody(reason: string): Error;
    /** The answer to a request that meets a fault of kind `status`. */
    fault(status: number): ApiReply;
    /** The answer for what was thrown. */
    reply(error: unknown): ApiReply;
}

export interface ApiOptions extends SharedApiOptions {
    /** In front of every route's path, e.g. `/v1`. */
    prefix: string;
    routes: readonly Route[];
    errors: ApiErrors;
    /** Throws, with an error that {@link ApiErrors.reply} knows, for a request that may not be made. */
    admit(request: IncomingMessage): void;
}

/** What an API takes over from the cloud that it is a part of. */
export interface SharedApiOptions {
    /** A line of JSON a request: time, method, path, status. No bodies. */
    requestLog: string;
    /** @default none */
    faults?: Faults;
    /** Awaited after each request, before its answer is sent: what others are told is true by then. */
    beforeAnswer?(): Promise<void>;
}

/** Far above the largest body that any of the APIs takes. */
const maximumBodyBytes = 1024 * 1024;

/** Serves an API of JSON over HTTP. */
export function apiListener(options: ApiOptions): RequestListener {
    const { faults, errors } = options;
    const routes = options.routes.map((route) => {
        const pattern = (options.prefix + route.path).replace(/:(\w+)/g, "(?<$1>[^/]+)");
        return { route, pattern: new RegExp(`^${pattern}$`) };
    });

    async function dispatch(request: IncomingMessage, method: string, url: URL): Promise<ApiReply> {
        const matches = routes.filter(({ pattern }) => pattern.test(url.pathname));
        const match = matches.find(({ route }) => route.method === method);
        if (!match) {
            throw matches.length > 0
                ? errors.wrongMethod(method, url.pathname)
                : errors.noRoute(url.pathname);
        }
        return match.route.handle({
            parameters: { ...match.pattern.exec(url.pathname)?.groups },
            query: url.searchParams,
            body: await readJson(request, errors),
            address: `http://${request.headers.host ?? url.host}${url.pathname}`,
        });
    }

    async function answer(request: IncomingMessage, url: URL): Promise<ApiReply | "hang"> {
        const method = request.method ?? "GET";
        options.admit(request);
        const fault = faults?.take(method, url.pathname);
        if (fault?.kind === "status") return errors.fault(fault.status ?? 503);
        const reply = await dispatch(request, method, url);
        await options.beforeAnswer?.();
        return fault ? "hang" : reply;
    }

    return (request, response) => {
        const url = urlOf(request);
        void answer(request, url)
            .catch((error: unknown) => errors.reply(error))
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
    };
}

/** Where a request leads; what is no URL leads to a path of its own, and so to nothing that there is. */
function urlOf({ url = "/" }: IncomingMessage): URL {
    return new URL(URL.canParse(url) ? url : `http://laptop/${url.replace(/^\//, "")}`);
}

/** Whether a request carries the token, as `Authorization: Bearer`. */
export function hasToken(request: IncomingMessage, token: string): boolean {
    const given = Buffer.from(request.headers.authorization ?? "");
    const expected = Buffer.from(`Bearer ${token}`);
    return given.length === expected.length && timingSafeEqual(given, expected);
}

async function readJson(request: IncomingMessage, errors: ApiErrors): Promise<unknown> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
        length += chunk.length;
        if (length > maximumBodyBytes) throw errors.badBody("the body is too long");
        chunks.push(chunk);
    }
    if (length === 0) return undefined;
    try {
        return JSON.parse(Buffer.concat(chunks).toString("utf8"));
    } catch {
        throw errors.badBody("the body is not valid JSON");
    }
}
