import * as http from "node:http";
import * as https from "node:https";
import type { Outside } from "./outside";

const timeoutMilliseconds = 60_000;

export interface WebRequest {
    /** Sent as JSON. */
    body?: object;
    headers?: Record<string, string>;
    /** HTTP Basic authentication. */
    auth?: { username: string; password: string };
}

export interface WebAnswer {
    status: number;
    headers: http.IncomingHttpHeaders;
    text: string;
}

/** A browser as far as it is needed here: verifies certificates, keeps cookies, and follows no redirect by itself. */
export class HttpsClient {
    /** Host → name → value. */
    private readonly cookies = new Map<string, Map<string, string>>();

    constructor(private readonly outside: Outside) {}

    /** `https:` goes to the host's port 443, `http:` to its port 80, whatever names stand in the URL. */
    async request(method: string, url: string, options: WebRequest = {}): Promise<WebAnswer> {
        const { protocol, hostname, pathname, search } = new URL(url);
        const secure = protocol === "https:";
        const { host, port } = this.outside.endpoint(secure ? 443 : 80);
        const body = options.body && JSON.stringify(options.body);
        const cookie = this.cookieFor(hostname);
        const settings: https.RequestOptions = {
            ...{ method, host, port, path: pathname + search, agent: false },
            ...{ servername: hostname, ca: this.outside.roots },
            timeout: timeoutMilliseconds,
            headers: {
                host: hostname,
                accept: "application/json",
                ...(cookie && { cookie }),
                ...(body !== undefined && {
                    "content-type": "application/json",
                    "content-length": String(Buffer.byteLength(body)),
                }),
                ...(options.auth && {
                    authorization: basic(options.auth.username, options.auth.password),
                }),
                ...options.headers,
            },
        };
        try {
            const answer = await exchange(secure ? https.request : http.request, settings, body);
            this.keepCookies(hostname, answer.headers["set-cookie"] ?? []);
            return answer;
        } catch (error) {
            const reason = error instanceof Error ? error.message : String(error);
            throw new Error(`${method} ${url}: ${reason}`, { cause: error });
        }
    }

    private cookieFor(host: string): string {
        return [...(this.cookies.get(host) ?? [])]
            .map(([name, value]) => `${name}=${value}`)
            .join("; ");
    }

    private keepCookies(host: string, headers: readonly string[]): void {
        const kept = this.cookies.get(host) ?? new Map<string, string>();
        for (const header of headers) {
            const [, name = "", value = ""] = /^([^=;]+)=([^;]*)/.exec(header) ?? [];
            kept.set(name.trim(), value);
        }
        this.cookies.set(host, kept);
    }
}

function basic(username: string, password: string): string {
    return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function exchange(
    request: typeof https.request,
    settings: https.RequestOptions,
    body: string | undefined,
): Promise<WebAnswer> {
    return new Promise((resolve, reject) => {
        const sent = request(settings, (response) => {
            let text = "";
            response.setEncoding("utf8").on("data", (part: string) => (text += part));
            response
                .on("error", reject)
                .on("end", () =>
                    resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
                );
        });
        sent.on("timeout", () => sent.destroy(new Error("no answer in time")));
        sent.on("error", reject).end(body);
    });
}
