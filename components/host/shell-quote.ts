/** One word of a POSIX shell that is exactly this text, whatever it holds. */
export function shellQuote(text: string): string {
    return /^[A-Za-z0-9_@%+:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
