import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { quotedStrings } from "../../../components/dns/txt-strings";

/** What a reader of the presentation form gets back (RFC 1035 §5.1): the bytes of each string. */
function read(text: string): Buffer[] {
    const strings: Buffer[] = [];
    for (const [, content = ""] of text.matchAll(/"((?:[^"\\]|\\.)*)"(?: |$)/g)) {
        const bytes: number[] = [];
        for (const [, digits, escaped, plain] of content.matchAll(/\\(\d{3})|\\(.)|(.)/g)) {
            const character = escaped ?? plain;
            bytes.push(character === undefined ? Number(digits) : character.charCodeAt(0));
        }
        strings.push(Buffer.from(bytes));
    }
    return strings;
}

describe("quotedStrings", () => {
    const cases: [text: string, expected: string][] = [
        ["", '""'],
        ["v=spf1 -all", '"v=spf1 -all"'],
        ['say "a\\b"', '"say \\"a\\\\b\\""'],
        ["tab\tü", '"tab\\009\\195\\188"'],
        ["a".repeat(255), `"${"a".repeat(255)}"`],
        ["a".repeat(256), `"${"a".repeat(255)}" "a"`],
        ["ü".repeat(128), `"${"\\195\\188".repeat(127)}\\195" "\\188"`],
    ];
    for (const [text, expected] of cases) {
        it(JSON.stringify(text.slice(0, 20)), () => assert.equal(quotedStrings(text), expected));
    }

    it("is read back as the same text, in strings of at most 255 bytes", () =>
        fc.assert(
            fc.property(
                fc.oneof(
                    fc.string({ unit: "grapheme", maxLength: 900 }),
                    fc.string({ unit: fc.constantFrom('"', "\\", "a", ";", " "), maxLength: 900 }),
                ),
                (text) => {
                    const written = quotedStrings(text);
                    const strings = read(written);
                    assert.equal(Buffer.concat(strings).toString(), text);
                    for (const string of strings) assert.ok(string.length <= 255);
                    assert.match(written, /^[\x20-\x7e]*$/);
                },
            ),
        ));
});
