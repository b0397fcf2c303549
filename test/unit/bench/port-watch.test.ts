import assert from "node:assert/strict";
import { test } from "node:test";
import { longestGap } from "../../../bench/port-watch";

const cases: [string, number[], number][] = [
    ["the longest of all", [0, 20, 40, 1040, 1060], 1000],
    ["also the first", [0, 900, 920], 900],
    ["also the last", [0, 20, 1020], 1000],
];
for (const [name, moments, expected] of cases) {
    test(`a gap: ${name}`, () => assert.equal(longestGap(moments), expected));
}

test("fewer than two connections have no gap between them", () => {
    assert.equal(longestGap([]), NaN);
    assert.equal(longestGap([5]), NaN);
});
