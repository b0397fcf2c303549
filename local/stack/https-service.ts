import * as http from "node:http";
import * as https from "node:https";
import { Refusal } from "./accounts";
import { listen, type Service, type Stop } from "./service";
import type { TlsFiles } from "./tls-files";

export interface Request {
    method: string;
    path: string;
    headers: http.IncomingHttpHeaders;
    /** The `*` of the route that it met. */
    parameters: readonly string[];
    /** From JSON or a form. */
    body: Readonly<Record<string, unknown>>;
    /** From Basic authentication. */
    credentials?: { username: string; password: string };
}

export interface Reply {
    /** @default 200 */
    status?: number;
    headers?: Readonly<Record<string, string>>;
    /** An object is sent as JSON, text as a page. */
    body?: object | string;
}

/** `GET /v1/domains/*` → what answers. */
export type Routes = Readonly<Record<string, (request: Request) => Reply | Promise<Reply>>>;

export interface HttpsOptions {
    port: number;
    /** Undefined: plain HTTP, as the real one does without a key. */
    tls: TlsFiles | undefined;
    routes: Routes;
    /** Answers before any route does. */
    guard?(request: Request): Reply | undefined | Promise<Reply | undefined>;
    /** The body of a refusal. */
    refusal(status: number, message: string): object;
}

const maximumBodyBytes = 64 * 1024;

/** Serves JSON and pages until it is stopped. */
export async function serveHttps(service: Service, options: HttpsOptions): Promise<Stop> {
    const routes = Object.entries(options.routes).map(([route, handle]) => ({
        pattern: new RegExp(`^${route.replaceAll("*", "([^/]+)")}$`),
        handle,
    }));

    const answer = async (incoming: http.IncomingMessage): Promise<Reply> => {
        const { method = "GET", headers } = incoming;
        const path = new URL(incoming.url ?? "/", "https://stand-in").pathname;
        const request: Request = {
            ...{ method, path, headers, parameters: [], body: {} },
            credentials: basicCredentials(headers.authorization),
        };
        const guarded = await options.guard?.(request);
        if (guarded) return guarded;
        for (const { pattern, handle } of routes) {
            const match = pattern.exec(`${method} ${path}`);
            if (!match) continue;
            const parameters = match.slice(1).map(decodeURIComponent);
            return handle({ ...request, parameters, body: await readBody(incoming) });
        }
        return { status: 404, body: options.refusal(404, "Not found.") };
    };

    const listener: http.RequestListener = (incoming, response) => {
        void answer(incoming)
            .catch((error: unknown): Reply => {
                if (error instanceof Refusal) {
                    return {
                        status: error.status,
                        body: options.refusal(error.status, error.message),
                    };
                }
                service.log(`${incoming.method} ${incoming.url}: ${String(error)}`);
                return {
                    status: 500,
                    body: options.refusal(500, "An error occurred, see the log."),
                };
            })
            .then(({ status = 200, headers = {}, body = "" }) => {
                const page = typeof body === "string";
                response.writeHead(status, {
                    "content-type": page ? "text/html; charset=utf-8" : "application/json",
                    ...(options.tls && {
                        "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
                    }),
                    ...headers,
                });
                response.end(page ? body : JSON.stringify(body));
            });
    };
    const server = options.tls
        ? https.createServer(options.tls, listener)
        : http.createServer(listener);
    await listen(service, server, options.port);
    return () =>
        new Promise((resolve) => {
            server.close(() => resolve());
            server.closeIdleConnections();
        });
}

function basicCredentials(header = ""): Request["credentials"] {
    const encoded = /^Basic (\S+)$/i.exec(header)?.[1];
    if (encoded === undefined) return undefined;
    const text = Buffer.from(encoded, "base64").toString("utf8");
    const colon = text.indexOf(":");
    return colon < 0
        ? { username: text, password: "" }
        : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

async function readBody(incoming: http.IncomingMessage): Promise<Request["body"]> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
        length += chunk.length;
        if (length > maximumBodyBytes) throw new Refusal(400, "The body is too long.");
        chunks.push(chunk);
    }
    const text = Buffer.concat(chunks).toString("utf8");
    if (!incoming.headers["content-type"]?.includes("json")) {
        return Object.fromEntries(new URLSearchParams(text));
    }
    try {
        const body: unknown = JSON.parse(text);
        if (typeof body === "object" && body !== null) return body as Request["body"];
    } catch {
        // Refused below.
    }
    throw new Refusal(400, "The body is not valid JSON.");
}

/** @throws Refusal when it isn't there. */
export function textField(request: Request, name: string): string {
    const value = request.body[name];
    if (typeof value === "string" && value !== "") return value;
    throw new Refusal(400, `${name} is missing.`);
}

/** The answer that asks for Basic authentication. */
export function askCredentials(body: object): Reply {
    return { status: 401, headers: { "www-authenticate": 'Basic realm="Secure Area"' }, body };
}
