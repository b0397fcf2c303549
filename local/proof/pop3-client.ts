import { LineReader, type Outside } from "./outside";

/**
 * Reads messages by POP3 over TLS (RFC 1939), newest first, and leaves all of them where they are.
 *
 * @param wanted ends the reading.
 * @returns the message that was wanted; undefined when none is.
 */
export async function readByPop3(
    outside: Outside,
    login: { address: string; password: string },
    wanted: (message: string) => boolean,
): Promise<string | undefined> {
    const socket = await outside.connect(995, outside.hostName);
    const lines = new LineReader(socket);
    const expectOk = async (what: string): Promise<string> => {
        const line = await lines.next();
        if (!line.startsWith("+OK")) throw new Error(`POP3: ${what} is refused: ${line}`);
        return line;
    };
    const command = async (text: string): Promise<string> => {
        socket.write(`${text}\r\n`);
        return expectOk(text.split(" ")[0] ?? "");
    };
    try {
        await expectOk("the connection");
        await command(`USER ${login.address}`);
        await command(`PASS ${login.password}`);
        const count = Number((await command("STAT")).split(" ")[1]);
        for (let number = count; number > 0; number--) {
            await command(`RETR ${number}`);
            const message = await readMessage(lines);
            if (wanted(message)) return message;
        }
        await command("QUIT");
        return undefined;
    } finally {
        socket.destroy();
    }
}

/** Up to the line with a dot alone; a line's first dot was doubled (RFC 1939 §3). */
async function readMessage(lines: LineReader): Promise<string> {
    const message: string[] = [];
    for (;;) {
        const line = await lines.next();
        if (line === ".") return message.map((one) => `${one}\r\n`).join("");
        message.push(line.startsWith(".") ? line.slice(1) : line);
    }
}
