import { shellQuote } from "./shell-quote";

/** A delimiter that is no line of the text. */
function delimiterFor(content: string): string {
    const lines = new Set(content.split("\n"));
    for (let n = 0; ; n++) {
        const delimiter = n === 0 ? "END_OF_FILE" : `END_OF_FILE_${n}`;
        if (!lines.has(delimiter)) return delimiter;
    }
}

/**
 * A shell command that gets a text on its standard input: no process list shows it, and `set -x` does not print it.
 *
 * @param words the command; each is quoted where it has to be, an empty one too.
 * @param content whole lines, or nothing; an end of line that is missing is added.
 * @returns one command, without an end of line.
 */
export function withInput(words: readonly (string | number)[], content: string): string {
    const whole = content === "" || content.endsWith("\n") ? content : `${content}\n`;
    const delimiter = delimiterFor(whole);
    return `${commandLine(words)} <<'${delimiter}'\n${whole}${delimiter}`;
}

/** Words as one line of shell. */
export function commandLine(words: readonly (string | number)[]): string {
    return words.map((word) => shellQuote(String(word))).join(" ");
}

/** Variables of shell, a line each. */
export function assignments(values: Readonly<Record<string, string | number>>): string {
    return Object.entries(values)
        .map(([name, value]) => `${name}=${shellQuote(String(value))}\n`)
        .join("");
}
