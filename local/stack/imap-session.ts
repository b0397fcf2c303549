import { setTimeout as sleep } from "node:timers/promises";
import { literalLength, numbersOf, parseCommand, type Token } from "./imap-command";
import { ImapMessage } from "./imap-message";
import type { LineClient } from "./line-server";
import { openMailbox } from "./mailbox-login";
import { listMessages } from "./mail-store";
import type { Service } from "./service";

const capabilities = "IMAP4rev1 AUTH=PLAIN SASL-IR LITERAL+ ID IDLE NAMESPACE UNSELECT";
const longestLiteral = 64 * 1024;
const idleMilliseconds = 500;
const neverSeen: readonly string[] = [];

/** One client's session of IMAP4rev1 (RFC 3501). There is one mailbox, INBOX, and it is read only. */
export async function converseInImap(service: Service, client: LineClient): Promise<void> {
    client.write(`* OK [CAPABILITY ${capabilities}] ready\r\n`);
    const session = new ImapSession(service, client);
    for (;;) {
        const text = await readCommand(client);
        if (text === undefined || (await session.run(text)) === "bye") return;
    }
}

/** A whole command, with its literals. */
async function readCommand(client: LineClient): Promise<string | undefined> {
    let text = "";
    for (;;) {
        const line = await client.line();
        if (line === undefined) return undefined;
        text += line;
        const literal = literalLength(line);
        if (!literal) return text;
        if (literal.bytes > longestLiteral) return undefined;
        if (literal.waits) client.write("+ go on\r\n");
        const bytes = await client.bytes(literal.bytes);
        if (bytes === undefined) return undefined;
        text += `\r\n${bytes}`;
    }
}

/** A command that can't be done, and the word that says so. */
class Failure extends Error {
    constructor(
        readonly status: "NO" | "BAD",
        message: string,
    ) {
        super(message);
    }
}

class ImapSession {
    private address: string | undefined;
    private messages: ImapMessage[] | undefined;

    constructor(
        private readonly service: Service,
        private readonly client: LineClient,
    ) {}

    async run(text: string): Promise<"bye" | undefined> {
        const tag = /^[^\s()[\]{"*%\\+]+/.exec(text)?.[0] ?? "*";
        try {
            const [, name, ...parameters] = parseCommand(text);
            const command = String(name ?? "").toUpperCase();
            const said = await this.execute(command, parameters);
            this.client.write(`${tag} OK ${said ?? `${command} completed`}\r\n`);
            if (command === "LOGOUT") return "bye";
        } catch (error) {
            if (error instanceof Failure) {
                this.client.write(`${tag} ${error.status} ${error.message}\r\n`);
            } else if (error instanceof SyntaxError) {
                this.client.write(`${tag} BAD ${error.message}\r\n`);
            } else {
                this.service.log(`error: ${String(error)}`);
                this.client.write(`${tag} NO [UNAVAILABLE] the server has a problem\r\n`);
            }
        }
        return undefined;
    }

    private say(line: string): void {
        this.client.write(`* ${line}\r\n`);
    }

    /** @returns what the command is concluded with, if it is something special. */
    private async execute(command: string, given: Token[]): Promise<string | undefined> {
        switch (command) {
            case "CAPABILITY":
                this.say(`CAPABILITY ${capabilities}`);
                return undefined;
            case "ID":
                this.say('ID ("name" "stand-in of Forward Email")');
                return undefined;
            case "NOOP":
            case "CHECK":
                if (this.messages) await this.sayWhatIsNew();
                return undefined;
            case "LOGOUT":
                this.say("BYE");
                return undefined;
            case "LOGIN":
                return this.logIn(word(given, 0), word(given, 1));
            case "AUTHENTICATE":
                return this.authenticate(word(given, 0), given[1]);
        }
        const address = this.address;
        if (address === undefined) throw new Failure("BAD", "not known, or not before LOGIN");
        switch (command) {
            case "NAMESPACE":
                this.say('NAMESPACE (("" "/")) NIL NIL');
                return undefined;
            case "LIST":
            case "LSUB":
                this.list(command, word(given, 1));
                return undefined;
            case "STATUS":
                return this.status(address, word(given, 0), given[1] ?? []);
            case "SELECT":
            case "EXAMINE":
                return this.select(address, word(given, 0), command);
        }
        if (!this.messages) throw new Failure("BAD", "not known, or not before SELECT");
        switch (command) {
            case "CLOSE":
            case "UNSELECT":
                this.messages = undefined;
                return undefined;
            case "IDLE":
                return this.idle();
            case "FETCH":
                return this.fetch(given, false);
            case "SEARCH":
                return this.search(given, false);
            case "UID": {
                const [of, ...parameters] = given;
                if (String(of).toUpperCase() === "FETCH") return this.fetch(parameters, true);
                if (String(of).toUpperCase() === "SEARCH") return this.search(parameters, true);
            }
        }
        throw new Failure("NO", "[CANNOT] not known, or not possible: the mailbox is read only");
    }

    private async logIn(username: string, password: string): Promise<string> {
        this.address = await openMailbox(this.service, username, password);
        if (!this.address) throw new Failure("NO", "[AUTHENTICATIONFAILED] wrong user or password");
        return `[CAPABILITY ${capabilities}] welcome`;
    }

    private async authenticate(mechanism: string, initial: Token | undefined): Promise<string> {
        if (mechanism.toUpperCase() !== "PLAIN") throw new Failure("NO", "only PLAIN is known");
        if (initial === undefined) this.client.write("+ \r\n");
        const response = initial === undefined ? await this.client.line() : String(initial);
        const decoded = Buffer.from(response ?? "", "base64").toString("latin1");
        const [, username = "", password = ""] = decoded.split("\0");
        return this.logIn(username, password);
    }

    private list(command: string, pattern: string): void {
        const expression = pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/[*%]/g, ".*");
        if (pattern === "") this.say(`${command} (\\Noselect) "/" ""`);
        else if (new RegExp(`^${expression}$`, "i").test("INBOX")) {
            this.say(`${command} (\\HasNoChildren) "/" INBOX`);
        }
    }

    private async status(address: string, mailbox: string, items: Token): Promise<undefined> {
        const messages = await this.load(address, mailbox);
        const values: Record<string, number> = {
            MESSAGES: messages.length,
            RECENT: 0,
            UIDNEXT: (messages.at(-1)?.stored.uid ?? 0) + 1,
            UIDVALIDITY: 1,
            UNSEEN: messages.length,
        };
        const told = [items].flat().map((item) => {
            const value = values[String(item).toUpperCase()];
            if (value === undefined) throw new SyntaxError(`${String(item)} is not known`);
            return `${String(item).toUpperCase()} ${value}`;
        });
        this.say(`STATUS INBOX (${told.join(" ")})`);
        return undefined;
    }

    private async select(address: string, mailbox: string, command: string): Promise<string> {
        this.messages = undefined;
        this.messages = await this.load(address, mailbox);
        this.say("FLAGS (\\Seen)");
        this.say(`${this.messages.length} EXISTS`);
        this.say("0 RECENT");
        this.say("OK [PERMANENTFLAGS ()] none can be set");
        this.say("OK [UIDVALIDITY 1] always");
        this.say(`OK [UIDNEXT ${(this.messages.at(-1)?.stored.uid ?? 0) + 1}] next`);
        // Many clients take a mailbox for broken that they did not ask to be read only.
        return command === "SELECT" ? "[READ-WRITE] selected" : "[READ-ONLY] examined";
    }

    private async load(address: string, mailbox: string): Promise<ImapMessage[]> {
        if (mailbox.toUpperCase() !== "INBOX") {
            throw new Failure("NO", "[NONEXISTENT] there is no such mailbox");
        }
        const stored = await listMessages(this.service.environment, address);
        return stored.map((message) => new ImapMessage(message));
    }

    private async sayWhatIsNew(): Promise<void> {
        const known = this.messages?.length ?? 0;
        this.messages = await this.load(this.address!, "INBOX");
        if (this.messages.length > known) this.say(`${this.messages.length} EXISTS`);
    }

    private async idle(): Promise<undefined> {
        this.client.write("+ idling\r\n");
        let done = false;
        const end = this.client.line().then(() => (done = true));
        while (!done) {
            await this.sayWhatIsNew();
            await Promise.race([end, sleep(idleMilliseconds)]);
        }
        return undefined;
    }

    private fetch(given: Token[], byUid: boolean): undefined {
        const wanted = itemsOf(given[1] ?? []);
        if (byUid && !wanted.some((item) => item.toUpperCase() === "UID")) wanted.unshift("UID");
        const chosen = this.chosen(word(given, 0), byUid);
        for (const [index, message] of this.messages!.entries()) {
            if (!chosen.has(message)) continue;
            const told = wanted.map((item) => message.item(item, neverSeen));
            this.say(`${index + 1} FETCH (${told.join(" ")})`);
        }
        return undefined;
    }

    private chosen(set: string, byUid: boolean): Set<ImapMessage> {
        const numberOf = (message: ImapMessage, index: number) =>
            byUid ? message.stored.uid : index + 1;
        const numbers = numbersOf(set, this.messages!.map(numberOf));
        return new Set(
            this.messages!.filter((message, index) => numbers.has(numberOf(message, index))),
        );
    }

    private search(given: Token[], byUid: boolean): undefined {
        const keys = String(given[0]).toUpperCase() === "CHARSET" ? given.slice(2) : [...given];
        const meets = this.condition(keys);
        const found = this.messages!.flatMap((message, index) =>
            meets(message) ? [byUid ? message.stored.uid : index + 1] : [],
        );
        this.say(["SEARCH", ...found].join(" "));
        return undefined;
    }

    /** All of the keys together. Takes them from the list. */
    private condition(keys: Token[]): (message: ImapMessage) => boolean {
        const conditions: ((message: ImapMessage) => boolean)[] = [];
        while (keys.length > 0) conditions.push(this.key(keys));
        return (message) => conditions.every((meets) => meets(message));
    }

    private key(keys: Token[]): (message: ImapMessage) => boolean {
        const key = keys.shift();
        if (Array.isArray(key)) return this.condition([...key]);
        const contains = (text: string, part: string) =>
            text.toLowerCase().includes(part.toLowerCase());
        const next = () => {
            const value = keys.shift();
            if (typeof value !== "string") throw new SyntaxError(`${key} wants a value`);
            return value;
        };
        const field = (name: string) => {
            const part = next();
            return (message: ImapMessage) =>
                message.fields(name).some((value) => contains(value, part));
        };
        const day = (date: Date) => Math.floor(date.getTime() / 86_400_000);
        if (key === undefined) throw new SyntaxError("SEARCH wants a key");
        switch (key.toUpperCase()) {
            case "ALL":
            case "UNSEEN":
            case "UNDELETED":
            case "UNFLAGGED":
            case "UNANSWERED":
            case "UNDRAFT":
            case "OLD":
                return () => true;
            case "SEEN":
            case "DELETED":
            case "FLAGGED":
            case "ANSWERED":
            case "DRAFT":
            case "NEW":
            case "RECENT":
                return () => false;
            case "FROM":
            case "TO":
            case "CC":
            case "BCC":
            case "SUBJECT":
                return field(key);
            case "HEADER":
                return field(next());
            case "TEXT": {
                const part = next();
                return (message) => contains(message.text, part);
            }
            case "BODY": {
                const part = next();
                return (message) => contains(message.body, part);
            }
            case "SINCE": {
                const since = day(new Date(`${next()} UTC`));
                return (message) => day(message.stored.received) >= since;
            }
            case "BEFORE": {
                const before = day(new Date(`${next()} UTC`));
                return (message) => day(message.stored.received) < before;
            }
            case "UID": {
                const chosen = this.chosen(next(), true);
                return (message) => chosen.has(message);
            }
            case "NOT": {
                const meets = this.key(keys);
                return (message) => !meets(message);
            }
            case "OR": {
                const [one, other] = [this.key(keys), this.key(keys)];
                return (message) => one(message) || other(message);
            }
            default: {
                if (!/^[\d*]/.test(key)) throw new SyntaxError(`SEARCH ${key} is not known`);
                const chosen = this.chosen(key, false);
                return (message) => chosen.has(message);
            }
        }
    }
}

/** The items of a FETCH, its short forms written out. */
function itemsOf(given: Token): string[] {
    return [given].flat().flatMap((item) => {
        const fast = ["FLAGS", "INTERNALDATE", "RFC822.SIZE"];
        switch (String(item).toUpperCase()) {
            case "FAST":
                return fast;
            case "ALL":
                return [...fast, "ENVELOPE"];
            case "FULL":
                return [...fast, "ENVELOPE", "BODY"];
            default:
                return [String(item)];
        }
    });
}

function word(tokens: readonly Token[], index: number): string {
    const token = tokens[index];
    if (typeof token !== "string") throw new SyntaxError("a parameter is missing");
    return token;
}
