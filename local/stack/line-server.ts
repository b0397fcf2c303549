import * as net from "node:net";
import * as tls from "node:tls";
import { setTimeout as sleep } from "node:timers/promises";
import { listen, type Service, type Stop } from "./service";
import type { TlsFiles } from "./tls-files";

const idleMinutes = 30;
const longestLine = 64 * 1024;
const finishMilliseconds = 1000;

/** A client of a protocol of lines. */
export class LineClient {
    private received = Buffer.alloc(0);
    private ended = false;
    private wake: () => void = () => undefined;

    constructor(private readonly socket: net.Socket) {
        socket.on("data", (chunk) => {
            this.received = Buffer.concat([this.received, chunk]);
            this.wake();
        });
        const end = () => {
            this.ended = true;
            this.wake();
        };
        socket.on("error", end).on("end", end).on("close", end);
        socket.setTimeout(idleMinutes * 60_000, () => socket.destroy());
    }

    /** Without its end, each byte a character; undefined when the client is gone. */
    async line(): Promise<string | undefined> {
        for (;;) {
            const end = this.received.indexOf("\n");
            if (end >= 0) return this.take(end + 1).replace(/\r?\n$/, "");
            if (this.received.length > longestLine) this.socket.destroy();
            if (this.ended) return undefined;
            await this.more();
        }
    }

    /** That many bytes, each a character; undefined when the client is gone. */
    async bytes(length: number): Promise<string | undefined> {
        while (this.received.length < length) {
            if (this.ended) return undefined;
            await this.more();
        }
        return this.take(length);
    }

    /** Each character is a byte. */
    write(text: string): void {
        if (this.socket.writable) this.socket.write(text, "latin1");
    }

    private take(length: number): string {
        const text = this.received.toString("latin1", 0, length);
        this.received = this.received.subarray(length);
        return text;
    }

    private more(): Promise<void> {
        return new Promise((resolve) => (this.wake = resolve));
    }
}

/** Serves a protocol of lines over TLS. `goodbye` is what clients are told that are connected when it stops. */
export async function serveLines(
    service: Service,
    options: {
        port: number;
        tls: TlsFiles | undefined;
        goodbye: string;
        converse(client: LineClient): Promise<void>;
    },
): Promise<Stop> {
    const sockets = new Set<net.Socket>();
    const accept = (socket: net.Socket) => {
        sockets.add(socket);
        socket.on("close", () => sockets.delete(socket));
        void options
            .converse(new LineClient(socket))
            .catch((error: unknown) => service.log(`error: ${String(error)}`))
            .finally(() => socket.end());
    };
    const server = options.tls ? tls.createServer(options.tls, accept) : net.createServer(accept);
    await listen(service, server, options.port);
    return async () => {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        for (const socket of sockets) socket.end(options.goodbye);
        await Promise.race([closed, sleep(finishMilliseconds)]);
    };
}
