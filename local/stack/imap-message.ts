import * as fs from "node:fs";
import addressparser from "nodemailer/lib/addressparser";
import type { StoredMessage } from "./mail-store";

/** A message as IMAP shows it. Text has a character for each byte. */
export class ImapMessage {
    private content: string | undefined;

    constructor(readonly stored: StoredMessage) {}

    get text(): string {
        this.content ??= fs.readFileSync(this.stored.file, "latin1");
        return this.content;
    }

    /** With the empty line after it. */
    get header(): string {
        const end = this.text.indexOf("\r\n\r\n");
        return end < 0 ? this.text : this.text.slice(0, end + 4);
    }

    get body(): string {
        return this.text.slice(this.header.length);
    }

    /** The values of a header's fields of that name. */
    fields(name: string): string[] {
        return this.fieldLines()
            .filter((line) => nameOf(line) === name.toLowerCase())
            .map((line) =>
                line
                    .slice(line.indexOf(":") + 1)
                    .replace(/\r\n(?=[ \t])/g, "")
                    .trim(),
            );
    }

    /**
     * What one item of a FETCH is answered with, e.g. `UID 7`.
     *
     * @param flags what is set on the message.
     * @throws SyntaxError for what this server doesn't have.
     */
    item(item: string, flags: readonly string[]): string {
        switch (item.toUpperCase()) {
            case "UID":
                return `UID ${this.stored.uid}`;
            case "FLAGS":
                return `FLAGS (${flags.join(" ")})`;
            case "RFC822.SIZE":
                return `RFC822.SIZE ${this.stored.bytes}`;
            case "INTERNALDATE":
                return `INTERNALDATE "${internalDate(this.stored.received)}"`;
            case "ENVELOPE":
                return `ENVELOPE ${this.envelope()}`;
            case "BODY":
            case "BODYSTRUCTURE":
                return `${item.toUpperCase()} ${this.structure()}`;
            case "RFC822":
                return `RFC822 ${literal(this.text)}`;
            case "RFC822.HEADER":
                return `RFC822.HEADER ${literal(this.header)}`;
            case "RFC822.TEXT":
                return `RFC822.TEXT ${literal(this.body)}`;
            default:
                return this.section(item);
        }
    }

    /** `BODY[…]<…>` */
    private section(item: string): string {
        const match = /^BODY(?:\.PEEK)?\[([^\]]*)\](?:<(\d+)\.(\d+)>)?$/i.exec(item);
        if (!match) throw new SyntaxError(`${item} is not known`);
        const [, section = "", from, length] = match;
        let text = this.sectionText(section);
        if (from !== undefined) text = text.slice(Number(from), Number(from) + Number(length));
        const origin = from === undefined ? "" : `<${from}>`;
        return `BODY[${section}]${origin} ${literal(text)}`;
    }

    private sectionText(section: string): string {
        const fields = /^HEADER\.FIELDS(\.NOT)? \(([^)]*)\)$/i.exec(section);
        if (fields) {
            const names = fields[2]!.toLowerCase().replaceAll('"', "").split(" ");
            const wanted = (line: string) =>
                names.includes(nameOf(line)) === (fields[1] === undefined);
            return [...this.fieldLines().filter(wanted), "", ""].join("\r\n");
        }
        switch (section.toUpperCase()) {
            case "":
                return this.text;
            case "HEADER":
                return this.header;
            case "TEXT":
            case "1":
                return this.body;
            case "1.MIME": {
                const wanted = (line: string) => nameOf(line).startsWith("content-");
                return [...this.fieldLines().filter(wanted), "", ""].join("\r\n");
            }
            default:
                throw new SyntaxError(`section ${section} is not known`);
        }
    }

    /** Each with the lines that continue it. */
    private fieldLines(): string[] {
        return this.header.split(/\r\n(?![ \t])/).filter((line) => line !== "");
    }

    private envelope(): string {
        const first = (name: string) => quote(this.fields(name)[0]);
        const people = (...names: string[]) => {
            const given = names.map((name) => this.fields(name)[0]).find(Boolean) ?? "";
            const list = addressparser(given, { flatten: true });
            return list.length === 0 ? "NIL" : `(${list.map(person).join("")})`;
        };
        return `(${[
            ...[first("date"), first("subject"), people("from"), people("sender", "from")],
            ...[people("reply-to", "from"), people("to"), people("cc"), people("bcc")],
            ...[first("in-reply-to"), first("message-id")],
        ].join(" ")})`;
    }

    /** Every message counts as one part, whatever it is made of. */
    private structure(): string {
        const [type, subtype] = /^([\w-]+)\/([\w.+-]+)/
            .exec(this.fields("content-type")[0] ?? "")
            ?.slice(1) ?? ["text", "plain"];
        const charset = /charset="?([\w-]+)/i.exec(this.fields("content-type")[0] ?? "")?.[1];
        const encoding = this.fields("content-transfer-encoding")[0] ?? "7bit";
        const single = type?.toLowerCase() !== "multipart";
        const [shown, kind] = single ? [type, subtype] : ["text", "plain"];
        const lines = shown?.toLowerCase() === "text" ? ` ${this.body.split("\n").length - 1}` : "";
        return `(${quote(shown)} ${quote(kind)} ("charset" ${quote(charset ?? "us-ascii")}) NIL NIL ${quote(encoding)} ${this.body.length}${lines})`;
    }
}

function nameOf(line: string): string {
    return line.slice(0, line.indexOf(":")).trim().toLowerCase();
}

function person({ name, address }: { name: string; address: string }): string {
    const at = address.lastIndexOf("@");
    return `(${quote(name || undefined)} NIL ${quote(address.slice(0, at))} ${quote(address.slice(at + 1))})`;
}

function quote(text: string | undefined): string {
    return text === undefined ? "NIL" : `"${text.replace(/["\\]/g, "\\$&")}"`;
}

function literal(text: string): string {
    return `{${text.length}}\r\n${text}`;
}

/** `17-Jul-2026 02:44:25 +0000` */
function internalDate(date: Date): string {
    const [, day, month, year, time] = date.toUTCString().split(" ");
    return `${day}-${month}-${year} ${time} +0000`;
}
