import * as assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { checkCharacters, randomCharacters } from "../../../local/providers/random/characters";
import { randomProvider } from "../../../local/providers/random/provider";
import { checkProperties, unknownValue, type Properties } from "../../../local/providers/schema";
import { handlersOf } from "./provider-handlers";
import { testContext } from "./test-context";

const { handlerOf, checked } = handlersOf(randomProvider);

describe("checks", () => {
    const cases: [string, Properties, string[]][] = [
        ["RandomPassword", { length: 1 }, []],
        ["RandomPassword", { length: 0 }, ["length: value must be at least 1, got: 0"]],
        [
            "RandomString",
            { length: 3, minLower: 2, minNumeric: 2 },
            [
                "length: value must be at least sum of minUpper + minLower + minNumeric + minSpecial (4), got: 3",
            ],
        ],
        ["RandomPassword", { length: unknownValue, minLower: 2 }, []],
        [
            "RandomPassword",
            { length: 9, upper: false, lower: false, special: false, numeric: false },
            ["numeric: at least one of special, upper, lower and numeric must be true"],
        ],
        [
            "RandomPassword",
            { length: 9, number: true, numeric: false },
            [
                'number: "number" (true) and "numeric" (false) must not differ; give "numeric" alone.',
            ],
        ],
        ["RandomId", { byteLength: 0 }, ["byteLength: value must be at least 1, got: 0"]],
        ["RandomBytes", { length: -1 }, ["length: value must be at least 1, got: -1"]],
    ];
    for (const [name, given, expected] of cases) {
        test(`${name} ${JSON.stringify(given)}`, () => {
            const { failures } = checked(name, given);
            assert.deepEqual(
                failures.map((f) => `${f.path}: ${f.reason}`),
                expected,
            );
        });
    }

    test("every kind of character is on by default; the old name decides when alone", () => {
        assert.deepEqual(checked("RandomPassword", { length: 9, number: false }).inputs, {
            length: 9,
            special: true,
            upper: true,
            lower: true,
            number: false,
            numeric: false,
            minSpecial: 0,
            minUpper: 0,
            minLower: 0,
            minNumeric: 0,
        });
    });
});

test("characters are of the wanted kinds, number and length", () => {
    const count = fc.integer({ min: 0, max: 5 });
    fc.assert(
        fc.property(
            fc.integer({ min: 20, max: 60 }),
            fc.record({ minUpper: count, minLower: count, minNumeric: count, minSpecial: count }),
            fc.boolean(),
            (length, minimums, special) => {
                const { inputs } = checkCharacters({
                    ...checkProperties(handlerOf("RandomString").inputs, {
                        length,
                        special,
                        ...minimums,
                    }).values,
                });
                const made = randomCharacters(inputs as never);
                const found = (kind: RegExp) => made.match(kind)?.length ?? 0;
                assert.equal(made.length, length);
                assert.ok(found(/[A-Z]/g) >= minimums.minUpper);
                assert.ok(found(/[a-z]/g) >= minimums.minLower);
                assert.ok(found(/[0-9]/g) >= minimums.minNumeric);
                assert.ok(found(/[!@#$%&*()\-_=+[\]{}<>:?]/g) >= minimums.minSpecial);
                if (!special) assert.equal(found(/[^A-Za-z0-9]/g), minimums.minSpecial);
            },
        ),
    );
});

test("all characters of a set are used, and none other", () => {
    const { inputs } = checked("RandomString", {
        length: 4000,
        overrideSpecial: "äß",
        upper: false,
        lower: false,
        numeric: false,
    });
    const made = randomCharacters(inputs as never);
    assert.deepEqual([...new Set(made)].sort(), ["ß", "ä"]);
});

test("an id has its prefix in every form but its id", async () => {
    const { id, outputs } = await handlerOf("RandomId").create(
        { byteLength: 8, prefix: "x-" },
        testContext(),
    );
    const bytes = Buffer.from(id, "base64url");
    assert.equal(bytes.length, 8);
    assert.deepEqual(outputs, {
        byteLength: 8,
        prefix: "x-",
        b64Url: `x-${id}`,
        b64Std: `x-${bytes.toString("base64")}`,
        hex: `x-${bytes.toString("hex")}`,
        dec: `x-${bytes.readBigUInt64BE()}`,
    });
});

describe("import", () => {
    const read = (name: string, id: string) => handlerOf(name).read?.(id, undefined, testContext());

    test("of a password takes the value, and the defaults for the rest", async () => {
        const found = await read("RandomPassword", "geheim!");
        assert.equal(found?.id, "none");
        assert.deepEqual(found?.inputs, checked("RandomPassword", { length: 7 }).inputs);
        assert.equal(found?.outputs.result, "geheim!");
    });

    test("of an id takes its unpadded URL form, with a prefix before a comma", async () => {
        const found = await read("RandomId", "p,_w8");
        assert.deepEqual(found, {
            id: "_w8",
            inputs: { byteLength: 2, prefix: "p" },
            outputs: {
                byteLength: 2,
                prefix: "p",
                b64Url: "p_w8",
                b64Std: "p/w8=",
                hex: "pff0f",
                dec: "p65295",
            },
        });
    });

    test("of bytes takes base64", async () => {
        const found = await read("RandomBytes", "/w8=");
        assert.deepEqual(found?.outputs, { length: 2, base64: "/w8=", hex: "ff0f" });
    });
});
