import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from "smtp-server";
import { listen, type Service, type Stop } from "./service";
import type { TlsFiles } from "./tls-files";

/** Below the time after which a service that is stopping ends whatever it does. */
const finishSeconds = 4;

/** For the last answers to leave. */
const flushMilliseconds = 200;

/** An answer of the SMTP service other than 250. */
export class SmtpRefusal extends Error {
    constructor(
        readonly responseCode: number,
        message: string,
    ) {
        super(message);
    }
}

export interface SmtpHandlers {
    port: number;
    /** Undefined: a certificate of its library's for localhost, as with the real one. */
    tls: TlsFiles | undefined;
    /** Whether a connection begins with TLS. */
    implicitTls: boolean;
    maximumBytes: number;
    /** @returns the user; without this there is no authentication. */
    authenticate?(username: string, password: string): Promise<string>;
    /** Throws {@link SmtpRefusal} for who may not send. */
    sender?(address: string, user: string): Promise<void> | void;
    /** Throws {@link SmtpRefusal} for whom nothing is taken. */
    recipient?(address: string): Promise<void>;
    /** @returns what is said after 250. The message counts as taken from then on. */
    message(message: Buffer, session: SMTPServerSession, user: string): Promise<string>;
}

/** `50mb` → bytes. */
export function bytesOf(size: string): number {
    const [, number, unit = "b"] = /^([\d.]+)\s*([kmg]?b)?$/i.exec(size) ?? [];
    const exponent = ["b", "kb", "mb", "gb"].indexOf(unit.toLowerCase());
    if (number === undefined) throw new TypeError(`${size} is no size, such as 50mb`);
    return Number(number) * 1024 ** exponent;
}

/** Speaks SMTP until it is stopped: a message that is being received then is still taken. */
export async function serveSmtp(service: Service, handlers: SmtpHandlers): Promise<Stop> {
    const underWay = new Set<string>();
    const options: SMTPServerOptions = {
        ...handlers.tls,
        secure: handlers.implicitTls,
        size: handlers.maximumBytes,
        authOptional: !handlers.authenticate,
        disableReverseLookup: true,
        disabledCommands: handlers.authenticate ? [] : ["AUTH"],
        onAuth: ({ username = "", password }, _session, done) => {
            const user = async () => handlers.authenticate?.(username, password ?? "");
            settle(service, async () => ({ user: await user() }), done);
        },
        onMailFrom: ({ address }, session, done) => {
            settle(service, async () => handlers.sender?.(address, userOf(session)), done);
        },
        onRcptTo: ({ address }, _session, done) => {
            settle(service, async () => handlers.recipient?.(address), done);
        },
        onData: (stream, session, done) => {
            underWay.add(session.id);
            const taken = async () => {
                const message = await readAll(stream);
                if (stream.sizeExceeded) {
                    throw new SmtpRefusal(552, "5.3.4 Error: message exceeds the maximum size");
                }
                return handlers.message(message, session, userOf(session));
            };
            settle(service, taken, (error, text) => {
                underWay.delete(session.id);
                done(error, text);
            });
        },
    };
    const server = new SMTPServer(options);
    await listen(service, server.server, handlers.port);
    // A client that goes away or doesn't speak TLS, such as a health check, is nothing to tell of.
    server.on("error", () => undefined);
    return async () => {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        const deadline = Date.now() + finishSeconds * 1000;
        for (;;) {
            for (const connection of server.connections) {
                if (underWay.has(connection.id) && Date.now() < deadline) continue;
                connection.send(421, "4.3.2 Service shutting down");
                connection.close();
            }
            if (underWay.size === 0 || Date.now() >= deadline) break;
            await sleep(20);
        }
        // Clients that don't end their side hold nothing up.
        await Promise.race([closed, sleep(flushMilliseconds)]);
    };
}

/** Who has authenticated; empty for nobody. */
function userOf({ user }: SMTPServerSession): string {
    return typeof user === "string" ? user : "";
}

function settle<T>(
    service: Service,
    work: () => Promise<T>,
    done: (error: Error | null, value?: T) => void,
): void {
    work().then(
        (value) => done(null, value),
        (error: unknown) => {
            if (error instanceof SmtpRefusal) return done(error);
            service.log(`error: ${String(error)}`);
            done(new SmtpRefusal(451, "4.3.0 Error: try again later"));
        },
    );
}

async function readAll(stream: Readable & { sizeExceeded: boolean }): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream as AsyncIterable<Buffer>) {
        // What is too long is read to its end, since the answer can't be given before, but not kept.
        if (!stream.sizeExceeded) chunks.push(chunk);
    }
    return Buffer.concat(chunks);
}
