/** What a command of IMAP is made of: a word or a string, or a list of these in parentheses. */
export type Token = string | Token[];

/**
 * The length of the literal (`{12}` or `{12+}`) that a line ends with.
 *
 * @returns undefined when the command is whole.
 */
export function literalLength(line: string): { bytes: number; waits: boolean } | undefined {
    const match = /\{(\d+)(\+?)\}$/.exec(line);
    return match ? { bytes: Number(match[1]), waits: match[2] === "" } : undefined;
}

/**
 * Takes a command apart. Literals stand in it as they were sent, `{length}`, line break and bytes.
 *
 * @throws SyntaxError
 */
export function parseCommand(text: string): Token[] {
    let at = 0;
    const fail = (): never => {
        throw new SyntaxError(`not understood at character ${at + 1}`);
    };

    const list = (end: string): Token[] => {
        const tokens: Token[] = [];
        for (;;) {
            while (text[at] === " ") at++;
            if (at >= text.length || text[at] === ")") break;
            tokens.push(token());
        }
        if ((text[at] ?? "") !== end) fail();
        at++;
        return tokens;
    };
    const token = (): Token => {
        if (text[at] === '"') return quoted();
        if (text[at] === "{") return literal();
        if (text[at] !== "(") return word();
        at++;
        return list(")");
    };
    const quoted = (): string => {
        const match = /"((?:[^"\\]|\\.)*)"/y;
        match.lastIndex = at;
        const found = match.exec(text) ?? fail();
        at = match.lastIndex;
        return found[1]!.replace(/\\(.)/g, "$1");
    };
    const literal = (): string => {
        const match = /\{(\d+)\+?\}\r\n/y;
        match.lastIndex = at;
        const found = match.exec(text) ?? fail();
        const start = match.lastIndex;
        at = start + Number(found[1]);
        if (at > text.length) fail();
        return text.slice(start, at);
    };
    /** A section (`BODY[HEADER.FIELDS (FROM)]<0.10>`) is part of its word. */
    const word = (): string => {
        const match = /(?:[^\s()[\]{"]|\[[^\]]*\])+/y;
        match.lastIndex = at;
        const found = match.exec(text) ?? fail();
        at = match.lastIndex;
        return found[0];
    };
    return list("");
}

/**
 * The numbers of a set (`1:3,7,9:*`), of those that there are.
 *
 * @throws SyntaxError
 */
export function numbersOf(set: string, there: readonly number[]): Set<number> {
    const last = there.at(-1) ?? 0;
    const chosen = new Set<number>();
    for (const range of set.split(",")) {
        const match = /^(\d+|\*)(?::(\d+|\*))?$/.exec(range);
        if (!match) throw new SyntaxError(`${set} is no set of messages`);
        const [from, to] = [match[1], match[2] ?? match[1]]
            .map((end) => (end === "*" ? last : Number(end)))
            .sort((a, b) => a - b) as [number, number];
        for (const number of there) if (number >= from && number <= to) chosen.add(number);
    }
    return chosen;
}
