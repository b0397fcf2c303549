import type { Context } from "../handler";
import { laptopCloud, laptopEndpoint } from "../laptop-endpoint";
import { RestClient } from "../rest-client";

/** What the API's answers hold, as far as the provider reads them. */
export interface Action {
    id: number;
    status: "running" | "success" | "error";
    error: { code: string; message: string } | null;
}

/** A refusal by the API, in the words in which the real provider passes it on. */
export class ApiFailure extends Error {
    constructor(
        readonly code: string,
        message: string,
    ) {
        super(`${message} (${code})`);
    }
}

/** Tried again with the real client's pauses: 1 s, 2 s, 4 s, … */
const passingCodes = new Set(["conflict", "locked", "rate_limit_exceeded", "timeout"]);
const passingStatuses = new Set([502, 504]);
const maximumRetries = 5;

const tokenLength = 64;
const wrongToken = `entered token is invalid (must be exactly ${tokenLength} characters long)`;

/** Where the API is and how to talk to it. */
export interface Connection {
    endpoint: string;
    token: string;
    /** Milliseconds between two questions whether an action is over. */
    pollInterval: number;
}

/**
 * The connection from the provider's configuration, the environment (`HCLOUD_ENDPOINT`, `HCLOUD_TOKEN`) or the laptop
 * cloud that the engine was started for.
 *
 * @throws Error when the token hasn't 64 characters or the endpoint isn't on this computer.
 */
export function connectionFrom(
    config: { endpoint?: string; token?: string; pollInterval?: string },
    environment: NodeJS.ProcessEnv,
): Connection {
    const cloud = laptopCloud(environment);
    const endpoint = laptopEndpoint(
        "hcloud:endpoint",
        config.endpoint ?? environment["HCLOUD_ENDPOINT"] ?? cloud?.hcloudEndpoint,
    );
    const token = config.token ?? environment["HCLOUD_TOKEN"] ?? cloud?.hcloudToken;
    if (token?.length !== tokenLength) throw new Error(wrongToken);
    return { endpoint, token, pollInterval: milliseconds(config.pollInterval ?? "500ms") };
}

/** Milliseconds of a Go duration such as `500ms`, `1.5s`, `2m`. */
export function milliseconds(duration: string): number {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(duration);
    if (!match) throw new Error(`hcloud:pollInterval is ${duration}; give it as 500ms or 1s`);
    return Number(match[1]) * { ms: 1, s: 1000, m: 60_000 }[match[2] as "ms" | "s" | "m"];
}

/** A client of the Hetzner Cloud API. */
export class Client extends RestClient {
    constructor(
        private readonly connection: Connection,
        signal?: AbortSignal,
    ) {
        super(connection.token, signal);
    }

    /** The client for a handler's context. */
    static of(context: Context): Client {
        return new Client(connectionFrom(context.config, process.env), context.signal);
    }

    /** Deleting what is gone already is fine. */
    override async delete(route: string): Promise<void> {
        try {
            const { action } = await this.send<{ action?: Action }>("DELETE", route);
            if (action) await this.wait(action);
        } catch (error) {
            if (!this.isNotFound(error)) throw error;
        }
    }

    /** Begins an action of an object and waits for its end. */
    async act(route: string, body?: object): Promise<void> {
        const { action, actions } = await this.post<{ action?: Action; actions?: Action[] }>(
            route,
            body,
        );
        await this.wait(...(action ? [action] : (actions ?? [])));
    }

    /** @throws ApiFailure with what went wrong. */
    async wait(...actions: Action[]): Promise<void> {
        let pending = actions;
        for (;;) {
            for (const { status, error } of pending) {
                if (status === "error") {
                    throw new ApiFailure(error?.code ?? "unknown", error?.message ?? "it failed");
                }
            }
            pending = pending.filter((action) => action.status === "running");
            if (pending.length === 0) return;
            await this.pause(this.connection.pollInterval);
            const ids = pending.map((action) => `id=${action.id}`).join("&");
            pending = (await this.get<{ actions: Action[] }>(`/actions?${ids}`)).actions;
        }
    }

    isNotFound(error: unknown): boolean {
        return error instanceof ApiFailure && error.code === "not_found";
    }

    protected async send<T>(method: string, route: string, body?: object): Promise<T> {
        for (let retry = 0; ; retry++) {
            const response = await this.request(method, this.connection.endpoint + route, body);
            const text = await response.text();
            if (response.ok) return (text === "" ? {} : JSON.parse(text)) as T;
            const failure = failureOf(response.status, text);
            const passing = passingStatuses.has(response.status) || passingCodes.has(failure.code);
            if (!passing || retry === maximumRetries) throw failure;
            await this.pause(1000 * 2 ** retry);
        }
    }
}

interface ErrorBody {
    error?: {
        code: string;
        message: string;
        details?: { fields?: { name: string; messages: string[] }[] } | null;
    };
}

function failureOf(status: number, text: string): ApiFailure {
    let error: ErrorBody["error"];
    try {
        error = (JSON.parse(text) as ErrorBody).error;
    } catch {
        error = undefined;
    }
    if (!error) return new ApiFailure(String(status), `the API answered with status ${status}`);
    const fields = (error.details?.fields ?? []).map(
        (field) => `${field.name}: ${field.messages.join(", ")}`,
    );
    const details = fields.length > 0 ? `: ${fields.join("; ")}` : "";
    return new ApiFailure(error.code, error.message + details);
}
