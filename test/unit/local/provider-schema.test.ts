import * as assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { diffProperties } from "../../../local/providers/diff";
import {
    checkProperties,
    unknownValue,
    withoutSecrets,
    withSecrets,
    type Properties,
    type PropertyTable,
    type PropertyValue,
} from "../../../local/providers/schema";

const table: PropertyTable = {
    name: { type: "string", required: true },
    size: { type: "integer", default: 1 },
    zone: { type: "string", replaces: true, values: ["a", "b"] },
    old: { type: "boolean", deprecated: "use size" },
    gone: { type: "string", refused: "gone since v2" },
    tags: { type: "map", items: { type: "string" } },
    ids: { type: "array", items: { type: "integer" }, unordered: true },
    rules: {
        type: "array",
        items: {
            type: "object",
            properties: {
                port: { type: "number", required: true },
                from: { type: "string", replaces: true },
            },
        },
    },
    login: {
        type: "object",
        secret: true,
        properties: { user: { type: "string", default: "root" }, pin: { type: "integer" } },
    },
};

describe("checkProperties", () => {
    const cases: [string, Properties, [string, string][]][] = [
        ["nothing wrong", { name: "x" }, []],
        [
            "missing",
            {},
            [
                [
                    "name",
                    'Missing required argument. The argument "name" is required, but no definition was found.',
                ],
            ],
        ],
        [
            "unknown, at the top and nested",
            { name: "x", nmae: 1, login: { pni: 7 } },
            [
                [
                    "nmae",
                    "Invalid or unknown key. Known here: gone, ids, login, name, old, rules, size, tags, zone.",
                ],
                ["login.pni", "Invalid or unknown key. Known here: pin, user."],
            ],
        ],
        [
            "wrong types, all at once",
            { name: 5, size: 1.5, zone: "c", tags: { a: 1 }, ids: [1, "2"], rules: [{}] },
            [
                ["name", "expected string, got number (5)"],
                ["size", "expected integer, got number (1.5)"],
                ["zone", 'expected one of "a", "b", got string ("c")'],
                ["tags.a", "expected string, got number (1)"],
                ["ids[1]", 'expected integer, got string ("2")'],
                [
                    "rules[0].port",
                    'Missing required argument. The argument "port" is required, but no definition was found.',
                ],
            ],
        ],
        [
            "a secret's value stays untold",
            { name: "x", login: { pin: "hunter2" } },
            [["login.pin", "expected integer, got string"]],
        ],
        ["refused", { name: "x", gone: "y" }, [["gone", "gone since v2"]]],
        [
            "names of Object's own are no properties",
            { name: "x", constructor: "y" },
            [
                [
                    "constructor",
                    "Invalid or unknown key. Known here: gone, ids, login, name, old, rules, size, tags, zone.",
                ],
            ],
        ],
        ["null is absence", { name: "x", nmae: null, gone: null }, []],
        [
            "unknown values pass",
            { name: unknownValue, ids: [unknownValue], login: unknownValue },
            [],
        ],
    ];
    for (const [name, given, failures] of cases) {
        test(name, () => {
            const checked = checkProperties(table, given);
            assert.deepEqual(
                checked.failures.map((f) => [f.path, f.reason]),
                failures,
            );
        });
    }

    test("defaults are filled in, also nested, and deprecated properties warned of", () => {
        const checked = checkProperties(table, { name: "x", old: true, login: {} });
        assert.deepEqual(checked.values, {
            name: "x",
            size: 1,
            old: true,
            login: { user: "root" },
        });
        assert.deepEqual(checked.warnings, [{ path: "old", message: "use size" }]);
    });
});

describe("diffProperties", () => {
    const assetMark = { "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17" };
    const cases: [string, Properties, Properties, string[]][] = [
        ["the same", { size: 1, ids: [1, 2] }, { ids: [1, 2], size: 1 }, []],
        ["update", { size: 1 }, { size: 2 }, ["update size"]],
        ["add and delete", { size: 1 }, { name: "x" }, ["delete size", "add name"]],
        ["replacement", { zone: "a" }, { zone: "b" }, ["update zone replaces"]],
        ["a set's order is no difference", { ids: [1, 2] }, { ids: [2, 1] }, []],
        ["a map's key", { tags: { a: "1", b: "2" } }, { tags: { a: "1" } }, ["delete tags.b"]],
        [
            "nested replacement",
            { rules: [{ port: 1, from: "x" }] },
            { rules: [{ port: 2, from: "y" }, { port: 3 }] },
            ["update rules[0].port", "update rules[0].from replaces", "add rules[1]"],
        ],
        [
            "unknown counts as changed",
            { zone: "a" },
            { zone: unknownValue },
            ["update zone replaces"],
        ],
        [
            "an asset is its content",
            { name: { ...assetMark, hash: "1", path: "a" } },
            { name: { ...assetMark, hash: "1", path: "b" } },
            [],
        ],
    ];
    const assets: PropertyTable = { ...table, name: { type: "asset" } };
    for (const [name, olds, news, expected] of cases) {
        test(name, () => {
            const found = diffProperties(name.startsWith("an asset") ? assets : table, olds, news);
            assert.deepEqual(
                found.map((d) => `${d.kind} ${d.path}${d.replaces ? " replaces" : ""}`),
                expected,
            );
        });
    }

    test("ignoreChanges covers a property, a key, an index and what is below", () => {
        const olds = { size: 1, tags: { a: "1", b: "1" }, rules: [{ port: 1 }, { port: 1 }] };
        const news = { size: 2, tags: { a: "2", b: "2" }, rules: [{ port: 2 }, { port: 2 }] };
        const paths = (ignored: string[]) =>
            diffProperties(table, olds, news, ignored).map((d) => d.path);
        assert.deepEqual(paths(["size", "tags", "rules"]), []);
        assert.deepEqual(paths(["tags.a", "rules[0]"]), ["size", "tags.b", "rules[1].port"]);
        assert.deepEqual(paths(['tags["b"]', "rules[*].port", "siz"]), ["size", "tags.a"]);
    });

    test("equal values never differ, whatever they are", () => {
        fc.assert(
            fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (values) => {
                const copy = JSON.parse(JSON.stringify(values)) as Properties;
                assert.deepEqual(diffProperties(table, values as Properties, copy), []);
            }),
        );
    });
});

describe("secrets", () => {
    const secret = (value: PropertyValue) => ({
        "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
        value,
    });

    test("are marked by the table and laid open again", () => {
        const values = { name: "x", login: { pin: 7 } };
        const marked = withSecrets(table, values);
        assert.deepEqual(marked, { name: "x", login: secret({ pin: 7 }) });
        assert.deepEqual(withoutSecrets(marked), values);
    });

    test("an unknown secret stays unknown", () => {
        assert.deepEqual(withSecrets(table, { login: unknownValue }), { login: unknownValue });
    });

    test("nested ones are laid open", () => {
        assert.deepEqual(withoutSecrets([secret({ a: secret("b") })]), [{ a: "b" }]);
    });
});
