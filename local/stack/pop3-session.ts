import * as fs from "node:fs";
import type { LineClient } from "./line-server";
import { openMailbox } from "./mailbox-login";
import { listMessages, type StoredMessage } from "./mail-store";
import type { Service } from "./service";

/** One client's session of POP3 (RFC 1939), read only. */
export async function converseInPop3(service: Service, client: LineClient): Promise<void> {
    const say = (line: string) => client.write(`${line}\r\n`);
    const list = (lines: readonly string[]) => say(["+OK", ...lines, "."].join("\r\n"));
    let username = "";
    let messages: StoredMessage[] | undefined;
    say("+OK ready");
    for (;;) {
        const line = await client.line();
        if (line === undefined) return;
        const [, word = "", rest = ""] = /^(\S+) ?(.*)$/.exec(line) ?? [];
        const command = word.toUpperCase();
        if (command === "QUIT") return say("+OK");
        if (command === "CAPA") list(["USER", "UIDL", "TOP"]);
        else if (!messages && command === "USER") {
            username = rest;
            say("+OK");
        } else if (!messages && command === "PASS") {
            try {
                const address = await openMailbox(service, username, rest);
                if (address) messages = await listMessages(service.environment, address);
                say(messages ? "+OK" : "-ERR [AUTH] wrong user or password");
            } catch (error) {
                service.log(`error: ${String(error)}`);
                say("-ERR [SYS/TEMP] the mailbox is not available");
            }
        } else if (!messages) say("-ERR log in first");
        else if (command === "NOOP" || command === "RSET") say("+OK");
        else if (command === "STAT") {
            say(`+OK ${messages.length} ${messages.reduce((sum, { bytes }) => sum + bytes, 0)}`);
        } else if (["LIST", "UIDL", "RETR", "TOP"].includes(command)) {
            const [number, lines] = rest.split(" ").filter(Boolean).map(Number);
            const describe = ({ bytes, uid }: StoredMessage, index: number) =>
                `${index + 1} ${command === "LIST" ? bytes : uid}`;
            const message = number === undefined ? undefined : messages[number - 1];
            if (number === undefined && (command === "LIST" || command === "UIDL")) {
                list(messages.map(describe));
            } else if (number === undefined || !message) say("-ERR no such message");
            else if (command === "LIST" || command === "UIDL") {
                say(`+OK ${describe(message, number - 1)}`);
            } else list([contentOf(message, command === "TOP" ? (lines ?? 0) : undefined)]);
        } else say("-ERR not known, or not possible: the mailbox is read only");
    }
}

/** A message, or its header and some lines, as POP3 sends it: lines that begin with a dot get another. */
function contentOf(message: StoredMessage, bodyLines: number | undefined): string {
    const text = fs.readFileSync(message.file, "latin1").replace(/\r?\n$/, "");
    const lines = text.split(/\r?\n/);
    const header = lines.indexOf("");
    const sent =
        bodyLines === undefined || header < 0 ? lines : lines.slice(0, header + 1 + bodyLines);
    return sent.map((line) => (line.startsWith(".") ? `.${line}` : line)).join("\r\n");
}
