import { parseDocument, type Document, type Tags } from "yaml";

/**
 * A stack's file (`Pulumi.<stack>.yaml`), with the values that the engine reads in it.
 *
 * @throws YAMLParseError when it is no YAML, with the line.
 */
export function parseStackFile(text: string): Document {
    const document = parseDocument(text, { customTags: asTheEngine });
    const [error] = document.errors;
    if (error) throw error;
    return document;
}

/**
 * Digits with an exponent that no number has, e.g. `12345e6789`, are text to the engine, which writes them without
 * quotes where it changes a list; YAML's own rule makes infinity of them.
 */
function asTheEngine(tags: Tags): Tags {
    return tags.map((tag) =>
        typeof tag === "object" && !tag.collection && tag.format === "EXP"
            ? { ...tag, resolve: numberOrText }
            : tag,
    );
}

function numberOrText(text: string): number | string {
    const number = Number(text);
    return Number.isFinite(number) ? number : text;
}
