// The readers of `.env`, each by its documented rules, for names and values of one line.

const lines = (text: string) => text.split("\n").filter((line) => line !== "");

/** dotenv before version 15 (https://github.com/motdotla/dotenv, CHANGELOG): it knows no comments behind a value. */
export function oldDotenv(text: string): Record<string, string> {
    return Object.fromEntries(
        lines(text).map((line) => {
            const [, name = "", given = ""] = /^\s*([\w.-]+)\s*=\s*(.*)?\s*$/.exec(line) ?? [];
            const value = given.trim();
            if (/^'.*'$/.test(value)) return [name, value.slice(1, -1)];
            if (/^".*"$/.test(value)) return [name, value.slice(1, -1).replaceAll("\\n", "\n")];
            return [name, value];
        }),
    );
}

/** dotenv from version 15 on: `#` begins a comment outside of quotes, backticks quote as well. */
export function dotenv(text: string): Record<string, string> {
    return Object.fromEntries(
        lines(text).map((line) => {
            const [, name = "", value = ""] =
                /^\s*(?:export\s+)?([\w.-]+)\s*=\s*(.*)$/.exec(line) ?? [];
            const quote = /^(['"`])((?:\\.|[^\\])*?)\1\s*(?:#.*)?$/.exec(value);
            if (quote === null) return [name, value.replace(/#.*$/, "").trim()];
            const [, mark, inner = ""] = quote;
            return [name, mark === '"' ? inner.replaceAll("\\n", "\n") : inner];
        }),
    );
}

/**
 * Docker Compose (https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/): `$` is replaced
 * but in single quotes, a comment needs a blank before it, backslashes are escapes in double quotes, and hide the quote
 * in single ones.
 */
export function compose(text: string): Record<string, string> {
    const interpolated = (value: string) => {
        if (value.includes("$")) throw new Error(`${value}: would be replaced`);
        return value;
    };
    return Object.fromEntries(
        lines(text).map((line) => {
            const [, name = "", value = ""] = /^([A-Za-z_]\w*)=(.*)$/.exec(line) ?? [];
            if (value.startsWith("'")) {
                const end = /^'((?:[^'\\]|\\.)*)'$/.exec(value);
                if (end === null) throw new Error(`${line}: the quote has no end`);
                return [name, (end[1] ?? "").replaceAll("\\'", "'")];
            }
            if (value.startsWith('"')) {
                const end = /^"([^"\\]*)"$/.exec(value);
                if (end === null) throw new Error(`${line}: holds an escape or has no end`);
                return [name, interpolated(end[1] ?? "")];
            }
            return [name, interpolated(value.replace(/\s+#.*$/, "").trim())];
        }),
    );
}

/** What the stack makes of a value that dotenv has read (https://www.npmjs.com/package/dotenv-parse-variables). */
export function typed(value: string): unknown {
    if (value.startsWith("`") && value.endsWith("`")) return value.slice(1, -1);
    if (value.endsWith("*") && !value.includes(",")) return value.slice(0, -1);
    if (/^(true|false)$/i.test(value)) return value.toLowerCase() === "true";
    if (value.trim() !== "" && !Number.isNaN(Number(value))) return Number(value);
    if (!value.includes(",")) return value;
    return value
        .split(",")
        .filter((entry) => entry !== "")
        .map(typed);
}
