import assert from "node:assert/strict";
import { it } from "node:test";
import { gate, gateProblems } from "../../../pipeline/gate";

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

it("the gate tells why a preview failed, as text and without secrets, beside what else there is", async () => {
    const secret = "geheim-7351";
    const document = {
        steps: [{ op: "update", urn: "urn:pulumi:s::p::a:b:C::mail" }],
        diagnostics: [
            { severity: "info", message: "noise" },
            { severity: "error", message: `error: the token ${secret} is none\nof yours` },
            { severity: "error", message: "no domain" },
        ],
    };
    const open = (code: number, preview: object) =>
        gate({
            stack: "staging",
            commit,
            secrets: [secret],
            pulumi: ([command, what]) => {
                const [stdout, ended] =
                    command === "preview"
                        ? [JSON.stringify(preview, undefined, 2), code]
                        : what === "history"
                          ? ["[]", 0]
                          : ['{"deployment":null}', 0];
                return Promise.resolve({ code: ended, stdout, stderr: "" });
            },
        });
    const [unknown, why, ...more] = await open(255, document);
    assert.match(unknown!, /^No deployment of staging is known/);
    assert.equal(
        why,
        "The preview of staging failed:\n  error: the token [secret] is none\n  of yours\n  error: no domain",
    );
    assert.deepEqual(more, []);
    assert.deepEqual((await open(255, {})).slice(1), [
        "The preview of staging failed:\n  It does not say why. Run it by hand.",
    ]);
    const [, differs, ...rest] = await open(0, { steps: document.steps });
    assert.match(differs!, /^staging is not what the program describes: update mail\./);
    assert.deepEqual(rest, []);
});

it("the gate says what the engine says where there is no document", async () => {
    const pulumi = ([command, what]: string[]) =>
        Promise.resolve(
            command === "preview"
                ? { code: 255, stdout: "", stderr: "error: no stack named" }
                : { code: 0, stdout: what === "history" ? "[]" : "{}", stderr: "" },
        );
    await assert.rejects(gate({ stack: "staging", commit, pulumi }), {
        message: "The preview failed (exit code 255):\nerror: no stack named",
    });
});
