import assert from "node:assert/strict";
import { it } from "node:test";
import { dnsProblems, planDnsRecords, type DnsPlanArgs } from "../../../components/dns/plan";
import { formatProblems } from "../../../components/problem";

/** What is wrong → the description's arguments, of whatever types a JavaScript caller gives → every problem. */
export type ProblemCase = [what: string, args: object, problems: string[]];

function described(args: object): DnsPlanArgs {
    return { domain: "example.com", email: "you@example.net", issuer: "letsencrypt.org", ...args };
}

/** One further domain with these options. */
export function further(options: object): object {
    return { domains: [{ name: "example.org", ...options }] };
}

/** That many letters. */
export function a(length: number): string {
    return "a".repeat(length);
}

/** Every problem of a description, a line each. */
export function problemLines(args: object): string[] {
    return dnsProblems(described(args)).map((problem) => formatProblems([problem]).trim());
}

/** Each case has exactly its problems, and the planner throws all of them at once. */
export function checkProblems(cases: readonly ProblemCase[]): void {
    for (const [what, args, problems] of cases) {
        it(what, () => {
            assert.deepEqual(problemLines(args), problems);
            assert.throws(
                () => planDnsRecords(described(args)),
                (error: Error) => {
                    const count =
                        problems.length === 1 ? "1 problem" : `${problems.length} problems`;
                    const lines = problems.map((problem) => `  ${problem}`);
                    assert.equal(
                        error.message,
                        [`The DNS records: ${count}, nothing was changed:`, ...lines].join("\n"),
                    );
                    return true;
                },
            );
        });
    }
}
