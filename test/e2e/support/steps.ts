import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

/**
 * Tests that build on each other: after one has failed the others fail at once and say why, instead of each waiting for
 * something that can't come.
 */
export function orderedSteps(): (name: string, run: (t: TestContext) => Promise<void>) => void {
    let failed: string | undefined;
    return (name, run) => {
        test(name, async (t) => {
            assert.equal(failed, undefined, `not run: it builds on "${failed}", which failed`);
            try {
                await run(t);
            } catch (error) {
                failed = name;
                throw error;
            }
        });
    };
}
