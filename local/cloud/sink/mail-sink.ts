import * as fs from "node:fs";
import type { Readable } from "node:stream";
import type * as tls from "node:tls";
import ipaddr from "ipaddr.js";
import { authenticate } from "mailauth";
import { SMTPServer, type SMTPServerSession } from "smtp-server";
import { reverseName } from "../dns/reverse-zones";
import {
    authenticationResolver,
    nameServerClient,
    namesOf,
    type Lookup,
} from "./name-server-client";
import type { SinkLine } from "./sink-log";
import { sinkDomain, sinkHost } from "./sink-zone";

/** As large as the host's own messages may be. */
const largestMessageBytes = 64 * 1024 * 1024;

export interface MailSinkOptions {
    host: string;
    /** 0: any. */
    port: number;
    /** The one that knows every domain; no other is asked. */
    nameServer: { host: string; port: number };
    /** Of `mx.sink.test`, PEM. */
    certificate: { key: string; cert: string };
    /** One line of JSON is added for each message, see {@link SinkLine}. */
    log: string;
    /** The own address of the machine whose connections come from that one: a VM's come from loopback. */
    addressOf(remote: string): string;
}

export interface MailSink {
    readonly port: number;
    stop(): Promise<void>;
}

/**
 * The rest of the world, as a mail server that sends: takes every message to `sink.test` and writes down what a
 * careful receiver finds of it. It refuses nothing for what it finds, so that the finding can be read.
 *
 * @throws Error when it can't listen there.
 */
export async function startMailSink(options: MailSinkOptions): Promise<MailSink> {
    const lookup = nameServerClient(options.nameServer);
    const protocols = new WeakMap<SMTPServerSession, string>();
    const server = new SMTPServer({
        name: sinkHost,
        banner: "the laptop cloud's mail sink",
        ...options.certificate,
        minVersion: "TLSv1.2",
        size: largestMessageBytes,
        disabledCommands: ["AUTH"],
        // It would ask this computer's own name servers.
        disableReverseLookup: true,
        closeTimeout: 1000,
        onSecure(socket, session, callback) {
            protocols.set(session, (socket as tls.TLSSocket).getProtocol?.() ?? "");
            callback();
        },
        onRcptTo({ address }, _session, callback) {
            if (address.toLowerCase().endsWith(`@${sinkDomain}`)) return callback();
            callback(refusal(550, `5.7.1 This server takes mail for ${sinkDomain} alone`));
        },
        onData(stream, session, callback) {
            void read(stream)
                .then(async (message) => {
                    if (stream.sizeExceeded) throw refusal(552, "5.3.4 The message is too large");
                    const tls = tlsOf(session, protocols.get(session));
                    const clientAddress = options.addressOf(plainAddress(session.remoteAddress));
                    const line = await examine(message, { session, tls, clientAddress, lookup });
                    fs.appendFileSync(options.log, `${JSON.stringify(line)}\n`, { mode: 0o600 });
                })
                .then(
                    () => callback(null, "2.0.0 Taken"),
                    (error: unknown) => callback(asRefusal(error)),
                );
        },
    });
    await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(options.port, options.host, () => resolve());
    });
    server.removeAllListeners("error");
    // A client that breaks off is its own affair, and never the end of the laptop cloud.
    server.on("error", () => undefined);
    const address = server.server.address();
    return {
        port: typeof address === "object" && address ? address.port : options.port,
        stop: () => new Promise((resolve) => server.close(() => resolve())),
    };
}

async function examine(
    message: Buffer,
    client: {
        session: SMTPServerSession;
        tls: SinkLine["tls"];
        clientAddress: string;
        lookup: Lookup;
    },
): Promise<SinkLine> {
    const { session, tls, clientAddress, lookup } = client;
    const sender = session.envelope.mailFrom ? session.envelope.mailFrom.address : "";
    const ehlo = session.hostNameAppearsAs;
    const { dkim, spf, dmarc } = await authenticate(message, {
        ...{ ip: clientAddress, helo: ehlo, sender, mta: sinkHost },
        resolver: authenticationResolver(lookup),
        disableArc: true,
        disableBimi: true,
    });
    const ptr = await namesOf(lookup, reverseName(clientAddress), "PTR");
    const header = headersOf(message);
    return {
        time: new Date().toISOString(),
        from: sender,
        to: session.envelope.rcptTo.map(({ address }) => address),
        subject: header("subject"),
        messageId: header("message-id"),
        tls,
        ehlo,
        clientAddress,
        connectedFrom: plainAddress(session.remoteAddress),
        ptr,
        ehloConfirmed:
            ptr.length === 1 && ptr[0] === ehlo && (await has(ehlo, clientAddress, lookup)),
        spf: { result: spf ? spf.status.result : "none", domain: spf ? spf.domain : "" },
        dkim: dkim.results
            .filter(({ signingDomain }) => signingDomain)
            .map(({ signingDomain, selector, status }) => ({
                domain: signingDomain,
                selector: selector ?? "",
                result: status.result,
                aligned: Boolean(status.aligned),
            })),
        dmarc: dmarc
            ? {
                  result: dmarc.status.result,
                  policy: dmarc.policy,
                  alignedSpf: dmarc.alignment?.spf.result || null,
                  alignedDkim: dmarc.alignment?.dkim.result || null,
              }
            : null,
    };
}

async function has(name: string, address: string, lookup: Lookup): Promise<boolean> {
    const wanted = ipaddr.parse(address);
    const found = await namesOf(lookup, name, wanted.kind() === "ipv4" ? "A" : "AAAA");
    return found.some((one) => ipaddr.parse(one).toString() === wanted.toString());
}

/** Unfolded values of the header (RFC 5322 §2.2.3), by name in lower case. */
function headersOf(message: Buffer): (name: string) => string | null {
    const text = message.toString("latin1");
    const end = text.search(/\r?\n\r?\n/);
    const lines = (end === -1 ? text : text.slice(0, end))
        .replace(/\r?\n[ \t]+/g, " ")
        .split(/\r?\n/);
    return (name) => {
        const line = lines.find((one) => one.toLowerCase().startsWith(`${name}:`));
        return line === undefined ? null : line.slice(name.length + 1).trim();
    };
}

async function read(stream: Readable): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part as Buffer);
    return Buffer.concat(parts);
}

function tlsOf(session: SMTPServerSession, protocol: string | undefined): SinkLine["tls"] {
    if (!session.secure) return null;
    const cipher = session.tlsOptions as { standardName?: string; name?: string } | false;
    return {
        protocol: protocol ?? "",
        cipher: (cipher && (cipher.standardName ?? cipher.name)) || "",
    };
}

/** An IPv4 address may come as `::ffff:198.18.1.10`. */
function plainAddress(address: string): string {
    return ipaddr.process(address).toString();
}

interface Refusal extends Error {
    responseCode: number;
}

function refusal(responseCode: number, text: string): Refusal {
    return Object.assign(new Error(text), { responseCode });
}

/** What goes wrong here is the sink's own fault: the client tries again. */
function asRefusal(error: unknown): Refusal {
    if (error instanceof Error && "responseCode" in error) return error as Refusal;
    const reason = error instanceof Error ? error.message : String(error);
    return refusal(451, `4.3.0 The sink could not look at the message: ${reason}`);
}
