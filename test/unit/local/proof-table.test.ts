import assert from "node:assert/strict";
import { test } from "node:test";
import { runProofs, type ProofStep } from "../../../local/proof/proof";
import { renderProofTable } from "../../../local/proof/proof-table";

test("the table shows what was made, what was proven and what was not, with times", () => {
    const proofs = [
        { name: "mail in", ok: true, detail: "from a to b", seconds: 1.25 },
        { name: "mail read", ok: false, detail: `it is gone ${"word ".repeat(20)}`, seconds: 100 },
    ];
    const table = renderProofTable({ "Laptop cloud": 0.51 }, proofs, 101.5);
    assert.deepEqual(table.split("\n"), [
        "        Laptop cloud      0.5 s",
        "proven  mail in           1.3 s  from a to b",
        `FAILED  mail read       100.0 s  it is gone ${"word ".repeat(13).trim()}`,
        `                                 ${"word ".repeat(7).trim()}`,
        "        in all          101.5 s  1 of 2 FAILED",
    ]);
});

test("a table of proofs that all hold says so", () => {
    const table = renderProofTable({}, [{ name: "a", ok: true, detail: "", seconds: 0 }], 0);
    assert.match(table, /1 of 1 proven$/);
});

const step = (name: string, prove: ProofStep["prove"], needs?: string[]): ProofStep => ({
    ...{ name, prove, needs, services: name === "fails" ? ["mx", "web"] : undefined },
});

test("a proof that fails keeps only those from running that need it", async () => {
    const run: string[] = [];
    const proofs = await runProofs([
        step("holds", () => (run.push("holds"), Promise.resolve("seen"))),
        step("fails", () => Promise.reject(new Error("It is broken."))),
        step("needs it", () => (run.push("needs it"), Promise.resolve("")), ["holds", "fails"]),
        step("needs that", () => (run.push("needs that"), Promise.resolve("")), ["needs it"]),
        step("stands alone", () => (run.push("stands alone"), Promise.resolve("too")), ["holds"]),
    ]);
    assert.deepEqual(run, ["holds", "stands alone"]);
    assert.deepEqual(
        proofs.map(({ name, ok, detail }) => [name, ok, detail]),
        [
            ["holds", true, "seen"],
            [
                "fails",
                false,
                "It is broken. Look at: npm run local -- ssh 'docker logs --tail 30 mx; docker logs --tail 30 web'",
            ],
            ["needs it", false, "not tried, because this failed: fails"],
            ["needs that", false, "not tried, because this failed: needs it"],
            ["stands alone", true, "too"],
        ],
    );
});

test("what there is nothing to prove of is in no table, and what failed before counts", async () => {
    const before = [{ name: "earlier", ok: false, detail: "", seconds: 0 }];
    const proofs = await runProofs(
        [
            step("not this time", () => Promise.resolve(undefined)),
            step("needs the earlier", () => Promise.resolve(""), ["earlier"]),
        ],
        before,
    );
    assert.deepEqual(
        proofs.map(({ name, ok }) => [name, ok]),
        [["needs the earlier", false]],
    );
});
