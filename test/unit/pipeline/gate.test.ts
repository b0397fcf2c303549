import assert from "node:assert/strict";
import { it } from "node:test";
import { gateProblems } from "../../../pipeline/gate";

const commit = "a".repeat(40);
const good = {
    stack: "staging",
    commit,
    history: [
        { kind: "update", message: "by hand", result: "failed" },
        { kind: "update", message: `Deploy ${commit}`, result: "succeeded" },
        { kind: "update", message: `Deploy ${"b".repeat(40)}`, result: "failed" },
    ],
    pendingOperations: 0,
    differences: [],
};

it("the gate opens when the commit was deployed last and nothing differs", () => {
    assert.deepEqual(gateProblems(good), []);
});

it("the gate tells everything that speaks against it", () => {
    const [, , other] = good.history;
    assert.match(
        gateProblems({ ...good, history: [] }).join(),
        /^No deployment of staging is known/,
    );
    assert.match(
        gateProblems({ ...good, history: [other!] }).join(),
        /^staging runs b{40}, not a{40}\./,
    );
    const failed = [{ ...good.history[1]!, result: "failed" }];
    const problems = gateProblems({
        ...good,
        history: failed,
        pendingOperations: 2,
        differences: Array.from({ length: 12 }, (_, n) => `update r${n}`),
    });
    assert.equal(problems.length, 3);
    assert.match(problems[0]!, /has the result failed/);
    assert.match(problems[1]!, /2 unfinished operations.*recover --stack staging/);
    assert.match(problems[2]!, /update r0, .*update r9 and 2 more\./);
});
