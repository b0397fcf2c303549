/** The longest string of a TXT record, in bytes (RFC 1035 §3.3). */
const longestString = 255;

/** A byte as it stands between quotes in a zone file (RFC 1035 §5.1). */
function quotedByte(byte: number): string {
    const character = String.fromCharCode(byte);
    if (character === '"' || character === "\\") return `\\${character}`;
    return byte >= 0x20 && byte < 0x7f ? character : `\\${String(byte).padStart(3, "0")}`;
}

/** The text in quotes, escaped as in a zone file. */
export function quotedString(text: string | Uint8Array): string {
    return `"${Array.from(Buffer.from(text), quotedByte).join("")}"`;
}

/**
 * The text as a TXT record's strings of at most 255 bytes, each in quotes and escaped, separated by spaces: the form
 * of zone files and of Cloudflare's API.
 */
export function quotedStrings(text: string): string {
    const bytes = Buffer.from(text);
    const strings: string[] = [];
    for (let start = 0; start === 0 || start < bytes.length; start += longestString) {
        strings.push(quotedString(bytes.subarray(start, start + longestString)));
    }
    return strings.join(" ");
}
