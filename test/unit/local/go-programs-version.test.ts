import assert from "node:assert/strict";
import { test } from "node:test";
import { isAtLeast } from "../../../local/go-programs/version";

for (const [version, minimum, expected] of [
    ["3.248.0", "3.248.0", true],
    ["3.248.1", "3.248.0", true],
    ["3.249.0", "3.248.9", true],
    ["4.0.0", "3.248.0", true],
    ["3.247.9", "3.248.0", false],
    ["2.999.0", "3.248.0", false],
    ["3.248.0-alpha.1", "3.248.0", false],
    ["1.26", "1.26", true],
    ["1.9", "1.26", false],
] as const) {
    test(`${version} is ${expected ? "" : "not "}at least ${minimum}`, () => {
        assert.equal(isAtLeast(version, minimum), expected);
    });
}
