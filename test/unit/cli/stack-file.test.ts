import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseStackFile } from "../../../cli/stack-file";

const read = (text: string): unknown =>
    (parseStackFile(`config:\n  p:key: ${text}\n`).toJS() as { config: object }).config;

test("digits with an exponent that no number has are text, plain as the engine writes them", () => {
    const digits = (maxLength: number) =>
        fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength });
    fc.assert(
        fc.property(digits(6), digits(6), (before, exponent) => {
            const text = `${before}e${exponent}`;
            const number = Number(text);
            assert.deepEqual(read(text), { "p:key": Number.isFinite(number) ? number : text });
            assert.deepEqual(read(`"${text}"`), { "p:key": text });
        }),
    );
    assert.deepEqual(read("12345e6789"), { "p:key": "12345e6789" });
    assert.deepEqual(read("-1.5e999"), { "p:key": "-1.5e999" });
});

test("everything else is what YAML says", () => {
    for (const [text, value] of [
        ["1.5e3", 1500],
        ["12", 12],
        ["true", true],
        ["null", null],
        ["a1b2c3d4e5", "a1b2c3d4e5"],
    ] as const) {
        assert.deepEqual(read(text), { "p:key": value });
    }
});

test("such a text is kept when the file is written again", () => {
    const document = parseStackFile("config:\n  p:key: 12345e6789\n");
    document.setIn(["config", "p:other"], "12345e6789");
    assert.equal(document.toString(), 'config:\n  p:key: "12345e6789"\n  p:other: "12345e6789"\n');
});

test("a file that the engine can't read either is refused, and where", () => {
    assert.throws(() => parseStackFile("config:\n  p:key: [1\n"), {
        name: "YAMLParseError",
        message: /line 3, column 1/,
    });
    assert.throws(() => parseStackFile("config:\n  p:key: 1\n  p:key: 2\n"), {
        name: "YAMLParseError",
        message: /^Map keys must be unique at line 3, column 3/,
    });
});
