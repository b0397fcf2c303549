import type { Context } from "../handler";
import { laptopCloud, laptopEndpoint } from "../laptop-endpoint";
import { RestClient } from "../rest-client";
import type { ApiAction } from "./api-objects";

/** A refusal by the API, in the words in which the real provider passes it on. */
export class ApiFailure extends Error {
    constructor(
        readonly status: number,
        /** What the API itself said. */
        readonly reason: string,
        where: string,
    ) {
        super(`${where}: ${status} ${reason}`);
    }
}

/** Milliseconds between two questions whether something is over. The real provider waits 10 s before the first. */
const pollMilliseconds = 100;

/** How long the real provider asks again for a Droplet that is busy. */
const busySeconds = 300;
const busy = "Droplet already has a pending event.";

/** Where the API is and how to talk to it. */
export interface Connection {
    /** Without `/v2`. */
    endpoint: string;
    token: string;
    /** How often a request is sent again after 429 or an error of the server's. */
    retries: number;
    /** Seconds before the first of those; each pause is twice the one before. */
    retryWait: number;
}

/**
 * The connection from the provider's configuration, the environment (`DIGITALOCEAN_API_URL`, `DIGITALOCEAN_TOKEN`) or the
 * laptop cloud that the engine was started for.
 *
 * @throws Error when there is no token, or the endpoint isn't on this computer.
 */
export function connectionFrom(
    config: {
        apiEndpoint?: string;
        token?: string;
        httpRetryMax?: number;
        httpRetryWaitMin?: number;
    },
    environment: NodeJS.ProcessEnv,
): Connection {
    const cloud = laptopCloud(environment);
    const endpoint = laptopEndpoint(
        "digitalocean:apiEndpoint",
        config.apiEndpoint ?? environment["DIGITALOCEAN_API_URL"] ?? cloud?.digitalOceanEndpoint,
    );
    const token =
        config.token ??
        environment["DIGITALOCEAN_TOKEN"] ??
        environment["DIGITALOCEAN_ACCESS_TOKEN"] ??
        cloud?.digitalOceanToken;
    if (!token) throw new Error("unable to find a token: set digitalocean:token");
    return {
        endpoint: endpoint.replace(/\/$/, ""),
        token,
        retries: config.httpRetryMax ?? 4,
        retryWait: config.httpRetryWaitMin ?? 1,
    };
}

/** A client of DigitalOcean's API. */
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

    /**
     * Begins an action and waits for its end; a Droplet that is busy is asked again.
     *
     * @throws Error when it ends in an error.
     */
    async act(route: string, body: object): Promise<void> {
        const deadline = Date.now() + busySeconds * 1000;
        for (;;) {
            try {
                const { action } = await this.post<{ action: ApiAction }>(route, body);
                return await this.wait(action);
            } catch (error) {
                const isBusy = error instanceof ApiFailure && error.reason === busy;
                if (!isBusy || Date.now() > deadline) throw error;
                await this.pause(pollMilliseconds);
            }
        }
    }

    private async wait({ id, type, status }: ApiAction): Promise<void> {
        for (let now = status; now !== "completed";) {
            if (now === "errored") throw new Error(`the action ${type} (${id}) has failed`);
            await this.pause(pollMilliseconds);
            now = (await this.get<{ action: ApiAction }>(`/actions/${id}`)).action.status;
        }
    }

    /** Asks until the answer is what is waited for. */
    async until<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
        for (;;) {
            const answer = await ask();
            if (holds(answer)) return answer;
            await this.pause(pollMilliseconds);
        }
    }

    isNotFound(error: unknown): boolean {
        return error instanceof ApiFailure && error.status === 404;
    }

    protected async send<T>(method: string, route: string, body?: object): Promise<T> {
        const { endpoint, retries, retryWait } = this.connection;
        const url = `${endpoint}/v2${route}`;
        for (let retry = 0; ; retry++) {
            const response = await this.request(method, url, body);
            const text = await response.text();
            if (response.ok) return (text === "" ? {} : JSON.parse(text)) as T;
            const passing = response.status === 429 || response.status >= 500;
            if (!passing || retry >= retries) {
                throw new ApiFailure(response.status, reasonOf(text), `${method} ${url}`);
            }
            await this.pause(1000 * retryWait * 2 ** retry);
        }
    }
}

function reasonOf(text: string): string {
    try {
        return (JSON.parse(text) as { message?: string }).message ?? text;
    } catch {
        return text;
    }
}
