/** A client of a provider's API. Each provider's own says what it sends again, and how it reads answers and refusals. */
export abstract class RestClient {
    constructor(
        private readonly token: string,
        protected readonly signal: AbortSignal | undefined,
    ) {}

    protected abstract send<T>(method: string, route: string, body?: object): Promise<T>;

    abstract isNotFound(error: unknown): boolean;

    get<T>(route: string): Promise<T> {
        return this.send<T>("GET", route);
    }

    /** As {@link get}; undefined when there is no such object. */
    async find<T>(route: string): Promise<T | undefined> {
        try {
            return await this.get<T>(route);
        } catch (error) {
            if (this.isNotFound(error)) return undefined;
            throw error;
        }
    }

    post<T>(route: string, body?: object): Promise<T> {
        return this.send<T>("POST", route, body);
    }

    put<T>(route: string, body: object): Promise<T> {
        return this.send<T>("PUT", route, body);
    }

    patch<T>(route: string, body: object): Promise<T> {
        return this.send<T>("PATCH", route, body);
    }

    async delete(route: string, body?: object): Promise<void> {
        await this.send("DELETE", route, body);
    }

    /** Sends a request once. */
    protected request(method: string, url: string, body?: object): Promise<Response> {
        return fetch(url, {
            method,
            headers: {
                authorization: `Bearer ${this.token}`,
                "content-type": "application/json",
            },
            ...(body && { body: JSON.stringify(body) }),
            signal: this.signal ?? null,
        });
    }

    protected async pause(ms: number): Promise<void> {
        await new Promise((resolve) => setTimeout(resolve, ms));
        this.signal?.throwIfAborted();
    }
}
