import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { longestChain, waitsFor, type ChainStep } from "../../../bench/longest-chain";

const steps = (given: Record<string, [seconds: number, ...after: string[]]>) =>
    new Map(Object.entries(given).map(([name, [seconds, ...after]]) => [name, { seconds, after }]));

describe("the longest chain", () => {
    const cases: [string, ReturnType<typeof steps>, string[]][] = [
        ["of nothing", steps({}), []],
        ["of one step that takes no time", steps({ a: [0] }), ["a"]],
        [
            "goes by seconds, not by the number of steps",
            steps({ a: [1], b: [1, "a"], c: [1, "b"], slow: [5], end: [1, "c", "slow"] }),
            ["slow", "end"],
        ],
        [
            "leads through steps that take no time, as components",
            steps({ parent: [0, "server"], server: [2], child: [3, "parent"] }),
            ["server", "parent", "child"],
        ],
        [
            "passes over what is not there",
            steps({ a: [1, "gone"], b: [1, "gone", "a"] }),
            ["a", "b"],
        ],
    ];
    for (const [name, given, expected] of cases) {
        test(name, () => assert.deepEqual(longestChain(given), expected));
    }

    test("is refused where steps wait for each other", () => {
        assert.throws(() => longestChain(steps({ a: [1, "b"], b: [1, "a"] })), {
            message: "a waits for itself.",
        });
    });

    /** Each waits only for steps before it. */
    const graph = fc
        .array(
            fc.record({
                seconds: fc.integer({ min: 0, max: 100 }),
                after: fc.array(fc.nat(30), { maxLength: 4 }),
            }),
            { maxLength: 30 },
        )
        .map(
            (all) =>
                new Map<string, ChainStep>(
                    all.map(({ seconds, after }, i) => [
                        String(i),
                        { seconds, after: after.filter((one) => one < i).map(String) },
                    ]),
                ),
        );
    const length = (of: readonly string[], all: ReadonlyMap<string, ChainStep>) =>
        of.reduce((sum, name) => sum + all.get(name)!.seconds, 0);

    test("is a chain, and none that is walked at random is longer", () => {
        fc.assert(
            fc.property(graph, fc.infiniteStream(fc.nat(3)), (all, choices) => {
                const longest = longestChain(all);
                longest
                    .slice(1)
                    .forEach((name, i) => assert.ok(all.get(name)!.after.includes(longest[i]!)));
                const next = () => choices.next().value as number;
                for (const start of all.keys()) {
                    const walked = [start];
                    for (;;) {
                        const { after } = all.get(walked.at(-1)!)!;
                        if (after.length === 0) break;
                        walked.push(after[next() % after.length]!);
                    }
                    assert.ok(length(walked, all) <= length(longest, all));
                }
            }),
        );
    });
});

describe("what a resource waited for", () => {
    test("are its dependencies, its parent and its provider without the id", () => {
        assert.deepEqual(
            waitsFor({
                ...{ urn: "urn:child", type: "t" },
                dependencies: ["urn:a", "urn:b"],
                parent: "urn:parent",
                provider: "urn:pulumi:s::p::pulumi:providers:hcloud::default_1_2_3::4b6f-id",
            }),
            [
                ...["urn:a", "urn:b", "urn:parent"],
                "urn:pulumi:s::p::pulumi:providers:hcloud::default_1_2_3",
            ],
        );
    });

    test("is nothing where the state names nothing", () => {
        assert.deepEqual(waitsFor({ urn: "urn:stack", type: "pulumi:pulumi:Stack" }), []);
    });
});
