/** Bytes of one string (RFC 1035 §3.3). */
const longestString = 255;

/**
 * The strings of a TXT record's content: of quoted strings (RFC 1035 §5.1), or as a whole when it isn't quoted. As the
 * real API does, longer ones than a record can have are split.
 *
 * @returns undefined when the quotes or escapes don't add up, or a control character is in it.
 */
export function txtStrings(content: string): Buffer[] | undefined {
    if (/\p{Cc}/u.test(content)) return undefined;
    const strings = content.trimStart().startsWith('"')
        ? quotedStrings(content)
        : [Buffer.from(content)];
    return strings?.flatMap(split);
}

function quotedStrings(content: string): Buffer[] | undefined {
    const strings = [...content.matchAll(/"((?:[^"\\]|\\[0-9]{3}|\\[^0-9])*)"|(\S)/g)];
    if (strings.some((match) => match[2] !== undefined)) return undefined;
    return strings.map((match) => unescaped(match[1] ?? ""));
}

function unescaped(text: string): Buffer {
    return Buffer.concat(
        [...text.matchAll(/\\([0-9]{3})|\\?([\s\S])/gu)].map(([, decimal, character]) =>
            decimal === undefined ? Buffer.from(character ?? "") : Buffer.from([Number(decimal)]),
        ),
    );
}

function split(string: Buffer): Buffer[] {
    if (string.length <= longestString) return [string];
    return [string.subarray(0, longestString), ...split(string.subarray(longestString))];
}

/** A string in the form of zone files. */
export function quoted(string: Buffer): string {
    const escaped = [...string].map((byte) => {
        const character = String.fromCharCode(byte);
        if (byte < 0x20 || byte > 0x7e) return `\\${String(byte).padStart(3, "0")}`;
        return character === '"' || character === "\\" ? `\\${character}` : character;
    });
    return `"${escaped.join("")}"`;
}

/** What a TXT record says, whether its content is quoted or not. */
export function txtText(content: string): string {
    return Buffer.concat(txtStrings(content) ?? [Buffer.from(content)]).toString();
}
