import { randomInt } from "node:crypto";
import * as net from "node:net";

const typeTlsa = 52;
const classIn = 1;
const timeoutMilliseconds = 5000;

/** Content of a TLSA record (RFC 6698 §2.1). */
export interface TlsaRecord {
    usage: number;
    selector: number;
    matchingType: number;
    /** Hexadecimal, lower case. */
    data: string;
}

/**
 * The TLSA records of a name, asked of one name server over TCP: `dns` of the oldest Node that this project takes does
 * not know the type.
 */
export async function queryTlsa(
    server: { host: string; port: number },
    name: string,
): Promise<TlsaRecord[]> {
    const id = randomInt(0x10000);
    return readTlsaAnswer(await ask(server, renderTlsaQuery(id, name)), id);
}

/** One question (RFC 1035 §4.1), without its length. */
export function renderTlsaQuery(id: number, name: string): Buffer {
    const header = Buffer.alloc(12);
    header.writeUInt16BE(id, 0);
    header.writeUInt16BE(1, 4);
    const labels = name.split(".").map((label) => {
        const bytes = Buffer.from(label, "ascii");
        return Buffer.concat([Buffer.from([bytes.length]), bytes]);
    });
    const end = Buffer.from([0, 0, typeTlsa, 0, classIn]);
    return Buffer.concat([header, ...labels, end]);
}

/** @throws Error when it is no answer to that question, or one that says that it failed. */
export function readTlsaAnswer(message: Buffer, id: number): TlsaRecord[] {
    if (message.readUInt16BE(0) !== id)
        throw new Error("The name server answers another question.");
    const code = message.readUInt8(3) & 0x0f;
    const noSuchName = 3;
    if (code === noSuchName) return [];
    if (code !== 0) throw new Error(`The name server answers with code ${code}.`);
    let at = 12;
    for (let question = message.readUInt16BE(4); question > 0; question--) {
        at = afterName(message, at) + 4;
    }
    const records: TlsaRecord[] = [];
    for (let answer = message.readUInt16BE(6); answer > 0; answer--) {
        at = afterName(message, at);
        const type = message.readUInt16BE(at);
        const length = message.readUInt16BE(at + 8);
        const data = message.subarray(at + 10, at + 10 + length);
        at += 10 + length;
        if (type !== typeTlsa) continue;
        records.push({
            usage: data.readUInt8(0),
            selector: data.readUInt8(1),
            matchingType: data.readUInt8(2),
            data: data.subarray(3).toString("hex"),
        });
    }
    return records;
}

/** Past a name, which ends with an empty label or a pointer (RFC 1035 §4.1.4). */
function afterName(message: Buffer, start: number): number {
    let at = start;
    for (;;) {
        const length = message.readUInt8(at);
        if (length === 0) return at + 1;
        if (length >= 0xc0) return at + 2;
        at += 1 + length;
    }
}

function ask(server: { host: string; port: number }, query: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
        const socket = net.connect(server);
        let answer = Buffer.alloc(0);
        socket.setTimeout(timeoutMilliseconds, () =>
            socket.destroy(new Error("The name server does not answer.")),
        );
        socket.on("data", (part: Buffer) => {
            answer = Buffer.concat([answer, part]);
            if (answer.length < 2 || answer.length < 2 + answer.readUInt16BE(0)) return;
            socket.destroy();
            resolve(answer.subarray(2, 2 + answer.readUInt16BE(0)));
        });
        socket.on("error", reject);
        socket.on("close", () => reject(new Error("The name server closed the connection.")));
        const length = Buffer.alloc(2);
        length.writeUInt16BE(query.length);
        socket.write(Buffer.concat([length, query]));
    });
}
