import * as fs from "node:fs";
import * as net from "node:net";
import * as tls from "node:tls";
import { nameServerClient, type Lookup } from "../cloud/sink/name-server-client";
import { sinkHost } from "../cloud/sink/sink-zone";
import type { LocalStatus } from "../status";

/** A host under software emulation takes its time to begin a TLS connection. */
const timeoutMilliseconds = 60_000;

/** Where this computer reaches a port of the host. */
export interface Endpoint {
    family: "IPv4" | "IPv6";
    host: string;
    port: number;
}

/** The host as the rest of the world sees it: by its ports, its names and its certificates. */
export class Outside {
    /** Asks the laptop cloud's name server and no other. */
    readonly lookup: Lookup;

    private constructor(
        private readonly status: LocalStatus,
        /** The primary mail domain. */
        readonly domain: string,
        /** `mx.<domain>` */
        readonly hostName: string,
        /** What the certificate authority's own certificates are, PEM. Nothing else is trusted. */
        readonly roots: string,
        readonly nameServer: { host: string; port: number },
    ) {
        this.lookup = nameServerClient(nameServer);
    }

    /** @throws Error when the host does not run. */
    static of(status: LocalStatus): Outside {
        const { domain, host, dns, acme } = status;
        if (!status.running || !domain || !host || !dns || !acme) {
            throw new Error("There is no running host to look at. `npm run local` brings one up.");
        }
        return new Outside(status, domain, host, fs.readFileSync(acme.caFile, "utf8"), dns);
    }

    /** Every mail domain, the primary one first. */
    get domains(): readonly string[] {
        return this.status.domains;
    }

    /** The primary IPs. */
    get published(): string[] {
        const { ipv4, ipv6 } = this.status.published;
        return [ipv4, ipv6].filter((address) => address !== null);
    }

    /** The real host's ports that this computer reaches, in order. */
    get openPorts(): number[] {
        return Object.keys(this.status.ports).map(Number);
    }

    /** Whether this computer reaches the host's addresses themselves, with every port. */
    get reachesEveryPort(): boolean {
        return this.status.machine === "container";
    }

    /** Where a port answers over each family that this computer has to the host. */
    endpoints(port: number): Endpoint[] {
        const here = this.status.ports[String(port)];
        const { ipv4, ipv6 } = this.status.address;
        if (here === undefined) return [];
        return [
            ...(ipv4 === null ? [] : [{ family: "IPv4" as const, host: ipv4, port: here }]),
            ...(ipv6 === null ? [] : [{ family: "IPv6" as const, host: ipv6, port: here }]),
        ];
    }

    /** @throws Error when the port is not let through. */
    endpoint(port: number): Endpoint {
        const [first] = this.endpoints(port);
        if (!first)
            throw new Error(`Port ${port} of the host is not let through to this computer.`);
        return first;
    }

    /** A connection over TLS, or turned to TLS by STARTTLS; its certificate is of the authority and for that name. */
    async connect(
        port: number,
        name: string,
        options: { starttls?: boolean; endpoint?: Endpoint } = {},
    ): Promise<tls.TLSSocket> {
        const { host, port: here } = options.endpoint ?? this.endpoint(port);
        const socket = net.connect({ host, port: here });
        try {
            if (options.starttls) await startTls(socket);
            return await secured(socket, { servername: name, ca: this.roots });
        } catch (error) {
            socket.destroy();
            const reason = error instanceof Error ? error.message : String(error);
            throw new Error(`${name} port ${port} (${host}): ${reason}`, { cause: error });
        }
    }
}

function secured(socket: net.Socket, options: tls.ConnectionOptions): Promise<tls.TLSSocket> {
    return new Promise((resolve, reject) => {
        const secure = tls.connect({ ...options, socket });
        const fail = (error: Error) => {
            secure.destroy();
            reject(error);
        };
        secure.setTimeout(timeoutMilliseconds, () => fail(new Error("no answer in time")));
        secure.once("error", fail);
        secure.once("close", () => fail(new Error("the connection was closed")));
        secure.once("secureConnect", () => {
            secure.removeAllListeners("close").removeListener("error", fail);
            resolve(secure);
        });
    });
}

/** SMTP up to where TLS begins (RFC 3207 §4). */
async function startTls(socket: net.Socket): Promise<void> {
    const lines = new LineReader(socket);
    await lines.reply(220);
    socket.write(`EHLO ${sinkHost}\r\n`);
    const offered = await lines.reply(250);
    if (!offered.some((line) => /^250[ -]STARTTLS$/i.test(line))) {
        throw new Error("the server offers no STARTTLS");
    }
    socket.write("STARTTLS\r\n");
    await lines.reply(220);
    lines.release();
}

/** Lines of a protocol that is made of lines. */
export class LineReader {
    private waiting:
        { resolve: (line: string) => void; reject: (error: Error) => void } | undefined;
    private rest = "";
    private readonly lines: string[] = [];
    private failure: Error | undefined;

    constructor(private readonly socket: net.Socket) {
        socket.setTimeout(timeoutMilliseconds, () => this.fail(new Error("no answer in time")));
        socket.on("data", this.take).on("error", this.fail).on("close", this.closed);
    }

    /** The next line, without its end. */
    next(): Promise<string> {
        const line = this.lines.shift();
        if (line !== undefined) return Promise.resolve(line);
        if (this.failure) return Promise.reject(this.failure);
        return new Promise((resolve, reject) => (this.waiting = { resolve, reject }));
    }

    /** The lines of a reply of SMTP, which has to have that code. */
    async reply(code: number): Promise<string[]> {
        const lines: string[] = [];
        do lines.push(await this.next());
        while (lines.at(-1)?.[3] === "-");
        if (!lines[0]?.startsWith(String(code))) throw new Error(`it answers ${lines.join(" ")}`);
        return lines;
    }

    /** Lets others read from here on. */
    release(): void {
        this.socket.off("data", this.take).off("error", this.fail).off("close", this.closed);
        this.socket.setTimeout(0);
        this.socket.removeAllListeners("timeout");
    }

    private readonly take = (data: Buffer): void => {
        // A character stands for a byte, whatever the message's own characters are.
        const parts = (this.rest + data.toString("latin1")).split("\r\n");
        this.rest = parts.pop() ?? "";
        this.lines.push(...parts);
        if (this.waiting && this.lines.length > 0) {
            const { resolve } = this.waiting;
            this.waiting = undefined;
            resolve(this.lines.shift() ?? "");
        }
    };

    private readonly fail = (error: Error): void => {
        this.failure ??= error;
        this.waiting?.reject(this.failure);
        this.waiting = undefined;
    };

    private readonly closed = (): void => this.fail(new Error("the connection was closed"));
}

/** Whether anything answers a connection to that port. */
export function isOpen(host: string, port: number, timeoutSeconds = 2): Promise<boolean> {
    return new Promise((resolve) => {
        const socket = net.connect({ host, port });
        const end = (open: boolean) => {
            socket.destroy();
            resolve(open);
        };
        socket.setTimeout(timeoutSeconds * 1000, () => end(false));
        socket.once("connect", () => end(true)).once("error", () => end(false));
    });
}
