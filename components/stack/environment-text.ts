import type { VariableType } from "./variables";

/** How the text of a value may stand in the file so that every reader of it gets the same. */
type Quoting = "none" | "single" | "double";

/**
 * The readers of `.env` are dotenv, whose old versions know no comments, Docker Compose, which replaces `$` and reads
 * escapes, and shells. They agree on plain words, on single quotes around anything but themselves, and on double
 * quotes around what has no meaning within.
 */
function quotingOf(text: string): Quoting | undefined {
    if (/\p{Cc}/u.test(text)) return undefined;
    if (/^[A-Za-z0-9._/:@,+%-]*$/.test(text)) return "none";
    if (!text.includes("'")) return text.endsWith("\\") ? undefined : "single";
    return /["$\\`]/.test(text) ? undefined : "double";
}

/** What the stack's own reader makes of a text, once dotenv has read it (dotenv-parse-variables). */
function readAs(text: string): Exclude<VariableType, "size"> | "altered" {
    // A trailing asterisk and enclosing backticks are taken for marks, and dropped.
    if (text.endsWith("*") && !text.includes(",")) return "altered";
    if (text.startsWith("`") && text.endsWith("`")) return "altered";
    if (/^(?:true|false)$/i.test(text)) return "flag";
    if (text.trim() !== "" && !Number.isNaN(Number(text))) return "number";
    return text.includes(",") ? "list" : "text";
}

/** The text that stands for a value in the file. */
export function valueText(type: VariableType, value: string | number | boolean): string {
    const text = String(value);
    // The comma behind makes a list of a single entry.
    return type === "list" && text !== "" && !text.includes(",") ? `${text},` : text;
}

/** What is wrong with a value, and what to do about it. It never holds the value. */
export interface ValueFault {
    /** Goes behind the value. */
    wrong: string;
    remedy: string;
}

const article = { text: "a text", number: "a number", flag: "true or false", list: "a list" };

/** What would become of a value in the file; undefined when it arrives as it is. */
export function valueFault(
    type: VariableType | undefined,
    value: string | number | boolean,
): ValueFault | undefined {
    const text = valueText(type ?? "text", value);
    if (/\p{Cc}/u.test(text)) {
        return {
            wrong: "has a line break or another control character, which the file can't hold",
            remedy: "Write it in one line.",
        };
    }
    if (text.includes("{{")) {
        return {
            wrong: "has {{ in it, which the stack takes for a reference to another variable",
            remedy: "Write the value itself.",
        };
    }
    if (quotingOf(text) === undefined) {
        return {
            wrong: "can't be quoted in a way that dotenv and Docker Compose read alike",
            remedy: "Use no backslash at the end, and no single quote together with a double one, $, a backslash or a backtick.",
        };
    }
    if (type === undefined || text === "") return undefined;
    if (type === "size" && !/^\d+(?:\.\d+)? *(?:[kmgt]b)$/i.test(text)) {
        return { wrong: "is not a size", remedy: "Write a number with its unit, e.g. 50mb." };
    }
    // Each entry of a list is read for itself.
    const entries = type === "list" && readAs(text) === "list" ? text.split(",") : [text];
    const read = entries.map(readAs).includes("altered") ? "altered" : readAs(text);
    if (read === type || type === "size") return undefined;
    if (type === "number")
        return { wrong: "is not a number", remedy: "Write digits alone, e.g. 50." };
    if (type === "flag")
        return { wrong: "is neither true nor false", remedy: "Write one of them." };
    return read === "altered"
        ? {
              wrong: "would lose its asterisk at the end or its backticks",
              remedy: "Choose a value without them.",
          }
        : {
              wrong: `would be read as ${article[read]} instead of a text`,
              remedy:
                  read === "list"
                      ? "Use no comma."
                      : "Choose a value that has other characters too, e.g. letters.",
          };
}

/** One line of the file. Only for values without fault. */
export function environmentLine(name: string, text: string): string {
    switch (quotingOf(text)) {
        case "none":
            return `${name}=${text}\n`;
        case "single":
            return `${name}='${text}'\n`;
        case "double":
            return `${name}="${text}"\n`;
        case undefined:
            throw new Error(`${name}: its value can't stand in the file .env.`);
    }
}
