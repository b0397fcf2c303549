import { STATUS_CODES } from "node:http";
import type { Context } from "../handler";
import { laptopCloud, laptopEndpoint } from "../laptop-endpoint";
import { RestClient } from "../rest-client";

/** Where the API is and how to talk to it. */
export interface Connection {
    /** Without a slash at its end. */
    baseUrl: string;
    apiToken: string;
    /** Milliseconds before a request is tried again for the first time; doubled each time. */
    retryPause: number;
}

/** Sets {@link Connection.retryPause}: the real provider has no such setting, and its own pauses add up to minutes. */
export const retryPauseVariable = "MAILHOST_CLOUDFLARE_RETRY_PAUSE";

/** As the real client's: a failing request is sent eleven times, its last pauses half a minute long. */
const defaultRetryPause = 2000;
const maximumRetries = 10;
const longestPause = 30_000;
/** The longest wait that an answer may ask for by its `Retry-After`. */
const longestAsked = 60_000;

/**
 * The connection from the provider's configuration, the environment (`CLOUDFLARE_BASE_URL`, `CLOUDFLARE_API_TOKEN`) or
 * the laptop cloud that the engine was started for.
 *
 * @throws Error when there is no token, it has not the form of one, or the endpoint isn't on this computer.
 */
export function connectionFrom(
    config: { baseUrl?: string; apiToken?: string },
    environment: NodeJS.ProcessEnv,
): Connection {
    const cloud = laptopCloud(environment);
    const baseUrl = laptopEndpoint(
        "cloudflare:baseUrl",
        config.baseUrl ?? environment["CLOUDFLARE_BASE_URL"] ?? cloud?.cloudflareApi,
    );
    const apiToken =
        config.apiToken ?? environment["CLOUDFLARE_API_TOKEN"] ?? cloud?.cloudflareToken;
    if (apiToken === undefined) {
        throw new Error(
            "cloudflare:apiToken is not set: give the provider a token, or set CLOUDFLARE_API_TOKEN.",
        );
    }
    if (!/^[0-9A-Za-z_-]{40,80}$/.test(apiToken)) {
        throw new Error(
            "API tokens must only contain characters a-z, A-Z, 0-9, hyphens and underscores, 40 to 80 of them",
        );
    }
    const retryPause = Number(environment[retryPauseVariable] ?? defaultRetryPause);
    return { baseUrl: baseUrl.replace(/\/+$/, ""), apiToken, retryPause };
}

/** What the API answers with, as far as the provider reads it. */
interface Envelope<T> {
    result: T;
}

/** A refusal by the API, in the words in which the real provider passes it on. */
export class ApiFailure extends Error {
    constructor(
        method: string,
        url: string,
        readonly status: number,
        body: string,
    ) {
        super(
            `failed to make http request: ${method} "${url}": ${status} ${STATUS_CODES[status] ?? ""} ${body.trim()}`,
        );
    }
}

/** A client of Cloudflare's API. */
export class Client extends RestClient {
    constructor(
        private readonly connection: Connection,
        signal?: AbortSignal,
    ) {
        super(connection.apiToken, signal);
    }

    /** The client for a handler's context. */
    static of(context: Context): Client {
        return new Client(connectionFrom(context.config, process.env), context.signal);
    }

    /** @throws ApiFailure when the API refuses, other failures when it can't be reached. */
    protected async send<T>(method: string, route: string, body?: object): Promise<T> {
        const url = this.connection.baseUrl + route;
        for (let retry = 0; ; retry++) {
            const response = await this.attempt(method, url, body).catch((error: Error) => {
                this.signal?.throwIfAborted();
                if (retry === maximumRetries) throw error;
                return undefined;
            });
            if (response?.ok) return (JSON.parse(response.text) as Envelope<T>).result;
            if (response && (!isPassing(response.status) || retry === maximumRetries)) {
                throw new ApiFailure(method, url, response.status, response.text);
            }
            await this.pause(response?.retryAfter ?? this.backOff(retry));
        }
    }

    isNotFound(error: unknown): boolean {
        return error instanceof ApiFailure && error.status === 404;
    }

    private async attempt(method: string, url: string, body: object | undefined) {
        let response: Response;
        try {
            response = await this.request(method, url, body);
        } catch (error) {
            const cause = (error as Error).cause;
            const why = cause instanceof Error ? cause.message : (error as Error).message;
            throw new Error(`failed to make http request: ${method} "${url}": ${why}`);
        }
        const { ok, status, headers } = response;
        return { ok, status, text: await response.text(), retryAfter: askedPause(headers) };
    }

    private backOff(retry: number): number {
        const pause = Math.min(this.connection.retryPause * 2 ** retry, longestPause);
        return pause * (1 - Math.random() / 4);
    }
}

function isPassing(status: number): boolean {
    return status === 408 || status === 409 || status === 429 || status >= 500;
}

/** Milliseconds that an answer asks to wait. */
function askedPause(headers: Headers): number | undefined {
    const given = headers.get("retry-after");
    const asked = given === null ? NaN : Number(given) * 1000;
    return asked >= 0 && asked < longestAsked ? asked : undefined;
}
