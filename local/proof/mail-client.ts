import { randomBytes } from "node:crypto";
import { ImapFlow } from "imapflow";
import { createTransport } from "nodemailer";
import { sinkDomain, sinkHost } from "../cloud/sink/sink-zone";
import type { Outside } from "./outside";

export interface Mailbox {
    address: string;
    password: string;
}

/** A message as it is handed to a server. */
export interface Letter {
    from: string;
    to: string;
    /** With its angle brackets. */
    messageId: string;
    /** The whole message, lines ended by CR LF. */
    raw: string;
}

/** A mailbox keeps the letters of every run before; one that was just taken is among its last. */
const newestMessages = 20;
const timeoutMilliseconds = 60_000;

/** A new message, with everything that a careless server spoils: dots at the start of a line, blanks at its end. */
export function writeLetter(from: string, to: string): Letter {
    const mark = randomBytes(8).toString("hex");
    const messageId = `<${mark}@${from.split("@")[1] ?? sinkDomain}>`;
    const lines = [
        `From: <${from}>`,
        `To: <${to}>`,
        `Subject: Proof ${mark}`,
        // RFC 5322 §3.3; `toUTCString` would end it with a name of the zone that is obsolete.
        `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
        `Message-ID: ${messageId}`,
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        `Gr=C3=BC=C3=9Fe ${mark}`,
        ".",
        "..two dots",
        "",
        "x".repeat(76),
        "the end",
        "",
    ];
    return { from, to, messageId, raw: lines.join("\r\n") };
}

/** Whether a message is that letter as it was sent: each of its header's lines, and the same body. */
export function isWhole(received: string, { raw }: Letter): boolean {
    const [header, body] = splitMessage(raw);
    const [gotHeader, gotBody] = splitMessage(received);
    const got = new Set(gotHeader.split("\r\n"));
    return body === gotBody && header.split("\r\n").every((line) => got.has(line));
}

function splitMessage(message: string): [header: string, body: string] {
    const end = message.indexOf("\r\n\r\n");
    return end === -1 ? [message, ""] : [message.slice(0, end), message.slice(end + 4)];
}

/** Hands a letter to port 25, as another mail server does: only over TLS, and only to the host that it is meant for. */
export async function deliver(outside: Outside, letter: Letter): Promise<string> {
    const { host, port } = outside.endpoint(25);
    return send(letter, {
        ...{ host, port, name: sinkHost, requireTLS: true },
        tls: { servername: outside.hostName, ca: outside.roots },
    });
}

/** Hands a letter to port 465, as a mail program does. */
export async function submit(outside: Outside, letter: Letter, mailbox?: Mailbox): Promise<string> {
    const { host, port } = outside.endpoint(465);
    return send(letter, {
        ...{ host, port, name: "mail-program.laptop.test", secure: true },
        tls: { servername: outside.hostName, ca: outside.roots },
        ...(mailbox && { auth: { user: mailbox.address, pass: mailbox.password } }),
    });
}

async function send(
    { from, to, raw }: Letter,
    options: Record<string, unknown> & { host: string; port: number },
): Promise<string> {
    const transport = createTransport({
        ...options,
        connectionTimeout: timeoutMilliseconds,
        greetingTimeout: timeoutMilliseconds,
        socketTimeout: timeoutMilliseconds,
        // An address is what it connects to; nothing is to be looked up.
        disableFileAccess: true,
        disableUrlAccess: true,
    });
    try {
        const { response } = await transport.sendMail({ envelope: { from, to: [to] }, raw });
        return response;
    } finally {
        transport.close();
    }
}

/**
 * What a server answered when it refused.
 *
 * @throws Error when it took the letter, or failed in another way.
 */
export async function refusalOf(sending: Promise<string>): Promise<string> {
    let taken: string;
    try {
        taken = await sending;
    } catch (error) {
        const { responseCode, response } = error as { responseCode?: number; response?: string };
        if (responseCode !== undefined && responseCode >= 500) return response ?? "";
        throw error;
    }
    throw new Error(`it was taken: ${taken}`);
}

/**
 * Reads the newest messages by IMAP over TLS and returns the one that is wanted; undefined when none is.
 *
 * @param options.newest how many. @default 20
 */
export async function readByImap(
    outside: Outside,
    mailbox: Mailbox,
    wanted: (message: string) => boolean,
    { newest = newestMessages }: { newest?: number } = {},
): Promise<string | undefined> {
    const { host, port } = outside.endpoint(993);
    const client = new ImapFlow({
        ...{ host, port, secure: true, servername: outside.hostName, logger: false },
        tls: { servername: outside.hostName, ca: outside.roots },
        auth: { user: mailbox.address, pass: mailbox.password },
        connectionTimeout: timeoutMilliseconds,
        greetingTimeout: timeoutMilliseconds,
        socketTimeout: timeoutMilliseconds,
    });
    // What breaks a connection shows where it is waited for.
    client.on("error", () => undefined);
    await client.connect();
    try {
        const { exists } = await client.mailboxOpen("INBOX", { readOnly: true });
        if (exists === 0) return undefined;
        const range = `${Math.max(1, exists - newest + 1)}:${exists}`;
        for await (const { source } of client.fetch(range, { source: true })) {
            const message = source?.toString("latin1") ?? "";
            if (wanted(message)) return message;
        }
        return undefined;
    } finally {
        client.close();
    }
}
