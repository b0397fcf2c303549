import * as net from "node:net";
import type { Environment } from "./environment";

const replySeconds = 5;

/**
 * Asks Redis one thing over a connection of its own: few are asked, and a client library would double what a service
 * loads. Takes simple replies, numbers and strings.
 */
export function askRedis(environment: Environment, ...command: string[]): Promise<string | null> {
    const socket = net.connect(environment.number("REDIS_PORT"), environment.text("REDIS_HOST"));
    const words = command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    socket.write(`*${command.length}\r\n${words.join("")}`);
    socket.setTimeout(replySeconds * 1000, () =>
        socket.destroy(new Error(`Redis did not answer within ${replySeconds} s`)),
    );
    return new Promise((resolve, reject) => {
        let received = Buffer.alloc(0);
        socket.on("data", (chunk) => {
            received = Buffer.concat([received, chunk]);
            const reply = parseReply(received);
            if (reply === undefined) return;
            if (reply instanceof Error) reject(reply);
            else resolve(reply);
            socket.destroy();
        });
        socket.on("error", reject);
        socket.on("close", () => reject(new Error("Redis closed the connection")));
    });
}

/** Undefined while it isn't whole. */
function parseReply(received: Buffer): string | null | undefined | Error {
    const end = received.indexOf("\r\n");
    if (end < 0) return undefined;
    const line = received.toString("utf8", 1, end);
    switch (String.fromCharCode(received[0]!)) {
        case "+":
        case ":":
            return line;
        case "$": {
            const length = Number(line);
            if (length < 0) return null;
            const start = end + 2;
            return received.length < start + length + 2
                ? undefined
                : received.toString("utf8", start, start + length);
        }
        default:
            return new Error(`Redis: ${line}`);
    }
}
