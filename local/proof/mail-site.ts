import { HttpsClient, type WebAnswer, type WebRequest } from "./https-client";
import type { Outside } from "./outside";

export interface Login {
    username: string;
    password: string;
}

/** One record that the web site asks for, and whether it found it. */
export interface ChecklistRow {
    /** Fully qualified, without a trailing dot. */
    name: string;
    type: string;
    value: string;
    ok: boolean;
    required?: boolean;
    found?: unknown;
}

export interface Checklist {
    checklist: ChecklistRow[];
    complete: boolean;
}

export interface QueuedEmail {
    id: string;
    status: string;
    error: { code: string; message: string } | null;
}

/** A request that was answered with another status than it has to be. */
export class RefusedError extends Error {
    constructor(
        readonly status: number,
        request: string,
        text: string,
    ) {
        super(`${request} is answered with ${status}: ${messageOf(text)}`);
    }
}

/** The mail stack's own web site and API, as its users see them. */
export class MailSite {
    readonly web: HttpsClient;
    private token = "";

    constructor(private readonly outside: Outside) {
        this.web = new HttpsClient(outside);
    }

    /** Whether the web site still waits for its first administrator: it then answers nobody without the password. */
    async isGuarded(auth?: Login): Promise<boolean> {
        const { status } = await this.atSite("GET", "/setup", { ...(auth && { auth }) });
        return status === 401;
    }

    /** Makes the first administrator and signs in. @returns the group of the new user. */
    async register(user: { email: string; password: string }, gate: Login): Promise<string> {
        const answer = await this.atSite("POST", "/register", { body: user, auth: gate });
        const { group } = read<{ group: string }>(answer, "POST /register");
        await this.readToken();
        return group;
    }

    async logIn(user: { email: string; password: string }): Promise<void> {
        read(await this.atSite("POST", "/login", { body: user }), "POST /login");
        await this.readToken();
    }

    /** Adds a mail domain, unless it is there. */
    async addDomain(domain: string): Promise<void> {
        read(
            await this.atSite("POST", "/setup/domain", { body: { domain } }),
            "POST /setup/domain",
        );
    }

    /** The DNS records that the site wants of a domain. */
    async checklist(domain: string): Promise<Checklist> {
        const path = `/setup/dns/${domain}`;
        return read<Checklist>(await this.atSite("GET", path), `GET ${path}`);
    }

    /** A call of the API in the name of the signed-in user. @throws RefusedError */
    async api<T>(method: string, path: string, body?: object): Promise<T> {
        const answer = await this.atApi(method, path, body);
        return read<T>(answer, `${method} ${path}`);
    }

    /** The same without saying who asks. @throws RefusedError */
    async asStranger<T>(method: string, path: string): Promise<T> {
        return read<T>(await this.web.request(method, this.apiUrl(path)), `${method} ${path}`);
    }

    private atApi(method: string, path: string, body?: object): Promise<WebAnswer> {
        return this.web.request(method, this.apiUrl(path), {
            ...(body && { body }),
            auth: { username: this.token, password: "" },
        });
    }

    private apiUrl(path: string): string {
        return `https://api.${this.outside.domain}${path}`;
    }

    private atSite(method: string, path: string, options: WebRequest = {}): Promise<WebAnswer> {
        return this.web.request(method, `https://${this.outside.domain}${path}`, options);
    }

    private async readToken(): Promise<void> {
        const path = "/my-account/security";
        const answer = await this.atSite("GET", path);
        this.token = read<{ api_token: string }>(answer, `GET ${path}`).api_token;
    }
}

function read<T>({ status, text }: WebAnswer, request: string): T {
    if (status !== 200) throw new RefusedError(status, request, text);
    return JSON.parse(text) as T;
}

function messageOf(text: string): string {
    try {
        return (JSON.parse(text) as { message?: string }).message ?? text.slice(0, 200);
    } catch {
        return text.trim().slice(0, 200);
    }
}
