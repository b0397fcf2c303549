import assert from "node:assert/strict";
import { it } from "node:test";
import { lookForDrift, whyUnsettled } from "../../../pipeline/drift";

const state = (second: number, pending: number) =>
    JSON.stringify({
        version: 3,
        deployment: {
            manifest: { time: `2026-01-01T00:00:0${second}Z` },
            ...(pending > 0 && { pending_operations: Array.from({ length: pending }, () => ({})) }),
        },
    });

it("a stack that nobody works on is looked at as it is", () => {
    assert.equal(whyUnsettled("prod", state(1, 0), state(1, 0)), undefined);
    const none = '{"version":3,"deployment":null}';
    assert.equal(whyUnsettled("prod", none, none), undefined);
});

it("beside a deployment no drift is told: its steps stand in the state", () => {
    const meanwhile = /^A deployment worked on the stack meanwhile\. Run this again/;
    assert.match(whyUnsettled("prod", state(1, 0), state(2, 0))!, meanwhile);
    assert.match(whyUnsettled("prod", state(1, 1), state(2, 0))!, meanwhile);
    assert.match(whyUnsettled("prod", '{"deployment":null}', state(2, 0))!, meanwhile);
});

it("a step that takes longer, or whose engine was killed, is told as such", () => {
    assert.match(
        whyUnsettled("prod", state(1, 2), state(1, 2))!,
        /^Unfinished operations in the state: 2\. [^]* -- recover --stack prod$/,
    );
});

it("the state is read before and after the preview, and must be", async () => {
    const look = async (codes: number[]) => {
        const ran: string[] = [];
        const told = await lookForDrift("prod", (args) => {
            ran.push(args.join(" "));
            const stdout = args[0] === "preview" ? '{"seen":1}' : state(ran.length, 0);
            return Promise.resolve({ code: codes[ran.length - 1]!, stdout, stderr: "told-why" });
        });
        return { ran, told };
    };
    const { ran, told } = await look([0, 255, 0]);
    const exported = "stack export --stack prod";
    assert.deepEqual(ran, [exported, "preview --json --stack prod --refresh", exported]);
    assert.deepEqual([told.code, told.printed], [255, '{"seen":1}']);
    assert.match(told.unsettled!, /meanwhile/);
    await assert.rejects(look([1]), /Reading the state failed[^]*told-why/);
    await assert.rejects(look([0, 0, 1]), /Reading the state failed[^]*told-why/);
});
