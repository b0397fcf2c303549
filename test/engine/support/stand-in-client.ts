import type { IncomingHttpHeaders } from "node:http";
import * as https from "node:https";
import * as net from "node:net";
import * as tls from "node:tls";
import { createTransport } from "nodemailer";
import { domain, host, mxPort, type StandInMachine } from "./stand-in-machine";

/** The first user, who has the domain and a mailbox. */
export class Administrator {
    readonly me = `me@${domain}`;
    cookie = "";
    token = "";
    password = "";

    constructor(private readonly machine: StandInMachine) {}

    askWeb(method: string, path: string, options: AskOptions = {}): Promise<Answer> {
        return ask(this.machine.ca, domain, 3000, method, path, {
            ...options,
            headers: { accept: "application/json", cookie: this.cookie, ...options.headers },
        });
    }

    askApi(method: string, path: string, body?: object): Promise<Answer> {
        const auth = `${this.token}:`;
        return ask(this.machine.ca, `api.${domain}`, 4000, method, path, { body, auth });
    }

    /** What the domain needs in DNS. */
    async checks(): Promise<Checks> {
        return (await this.askWeb("GET", `/setup/dns/${domain}`)).body as Checks;
    }

    async send(transport: object, from: string, to: string, subject: string): Promise<string> {
        const mailer = createTransport({
            ...{ name: "client.test", tls: { ca: this.machine.ca } },
            ...transport,
        });
        try {
            const mail = { from, to, subject, text: "Ein Gruß.\n.\n..x\nEnd" };
            return (await mailer.sendMail(mail)).response;
        } finally {
            mailer.close();
        }
    }

    /** How another server delivers. */
    mx() {
        return {
            ...{ host: "127.0.0.1", port: mxPort, requireTLS: true },
            tls: { ca: this.machine.ca, servername: host },
        };
    }

    submission() {
        return {
            ...{ host: "127.0.0.1", port: 465, secure: true },
            auth: { user: this.me, pass: this.password },
            tls: { ca: this.machine.ca, servername: `smtp.${domain}` },
        };
    }

    /** Makes the account, the domain and the mailbox. */
    async register(): Promise<void> {
        const body = { email: this.me, password: "a long password" };
        const auth = "admin:a password to set up";
        await this.askWeb("POST", "/register", { auth, body });
        await this.logIn(body);
        await this.askWeb("POST", "/setup/domain", { body: { domain } });
        const aliases = `/v1/domains/${domain}/aliases`;
        await this.askApi("POST", aliases, { name: "me", has_imap: true });
        const generated = await this.askApi("POST", `${aliases}/me/generate-password`, {});
        this.password = (generated.body as { password: string }).password;
    }

    /** Takes the cookie and the token of an account. */
    async logIn(body: { email: string; password: string }): Promise<void> {
        const loggedIn = await this.askWeb("POST", "/login", { body });
        this.cookie = loggedIn.headers["set-cookie"]![0]!.split(";")[0]!;
        const account = await this.askWeb("GET", "/my-account/security");
        this.token = (account.body as { api_token: string }).api_token;
    }

    logInToImap(): Promise<string> {
        const { ca } = this.machine;
        const socket = tls.connect({ port: 993, host: "127.0.0.1", ca, servername: domain });
        socket.write(`1 LOGIN ${this.me} ${this.password}\r\n2 LOGOUT\r\n`);
        return everything(socket);
    }
}

interface Checks {
    checklist: { name: string; type: string; value: string; ok: boolean }[];
    complete: boolean;
}

export interface AskOptions {
    auth?: string;
    body?: object;
    headers?: Record<string, string>;
}

export interface Answer {
    status: number;
    headers: IncomingHttpHeaders;
    body: unknown;
}

export function ask(
    ca: string,
    servername: string,
    port: number,
    method: string,
    path: string,
    { auth, body, headers }: AskOptions,
): Promise<Answer> {
    const request = https.request({
        ...{ host: "127.0.0.1", port, method, path, auth, ca, servername, agent: false },
        headers: { ...headers, ...(body && { "content-type": "application/json" }) },
    });
    request.end(body && JSON.stringify(body));
    return new Promise((resolve, reject) => {
        request.on("error", reject);
        request.on("response", (response) => {
            let text = "";
            response.setEncoding("utf8").on("data", (part: string) => (text += part));
            response.on("end", () => {
                const json = response.headers["content-type"] === "application/json";
                resolve({
                    ...{ status: response.statusCode ?? 0, headers: response.headers },
                    body: json ? JSON.parse(text) : text,
                });
            });
        });
    });
}

export function everything(socket: net.Socket): Promise<string> {
    let said = "";
    socket.setEncoding("utf8").on("data", (text: string) => (said += text));
    return new Promise((resolve, reject) =>
        socket.on("error", reject).on("close", () => resolve(said)),
    );
}

export async function firstLine(socket: net.Socket): Promise<string> {
    const line = await new Promise<string>((resolve, reject) => {
        socket.once("error", reject);
        socket.setEncoding("utf8").once("data", resolve);
    });
    return line;
}

/** A connection to a server that has said its first line. */
export async function greeted(port: number): Promise<net.Socket> {
    const socket = net.connect(port, "127.0.0.1");
    await firstLine(socket);
    return socket;
}

/** Sends as far as to where the message itself begins. */
export async function toData(socket: net.Socket, to: string): Promise<void> {
    let said = "";
    await new Promise<void>((resolve, reject) => {
        const take = (text: string) => {
            said += text;
            if (!/^354 /m.test(said)) return;
            socket.off("data", take);
            resolve();
        };
        socket.setEncoding("utf8").on("data", take).once("error", reject);
        socket.once("close", () => reject(new Error(`No 354, but:\n${said}`)));
        socket.write(
            `EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<${to}>\r\nDATA\r\n`,
        );
    });
}
