import * as fs from "node:fs";
import * as path from "node:path";
import { cloudPaths } from "../paths";
import { runSteps } from "../progress";

/** One thing that was proven of the host, or was not. */
export interface Proof {
    name: string;
    ok: boolean;
    /** What was seen; where it failed, what is wrong and what to do. */
    detail: string;
    seconds: number;
}

/** How something is proven. */
export interface ProofStep {
    name: string;
    /** Names of those without which it can't be tried. */
    needs?: readonly string[];
    /** Services of the host whose logs tell more when it fails. */
    services?: readonly string[];
    /**
     * @returns what was seen; undefined when there is nothing to prove this time.
     * @throws Error with what is wrong.
     */
    prove(report: (line: string) => void): Promise<string | undefined>;
}

/**
 * Runs proofs one after the other. One that fails does not keep those from running that don't need it.
 *
 * @param before what was proven earlier, which these may need.
 * @returns the new ones alone.
 */
export async function runProofs(
    steps: readonly ProofStep[],
    before: readonly Proof[] = [],
): Promise<Proof[]> {
    const proofs: Proof[] = [];
    const failed = (name: string) =>
        [...before, ...proofs].some((proof) => proof.name === name && !proof.ok);
    await runSteps(
        steps.map((step) => ({
            title: step.name,
            run: async (report) => {
                const began = Date.now();
                const note = (ok: boolean, detail: string) =>
                    proofs.push({
                        ...{ name: step.name, ok, detail },
                        seconds: Math.round((Date.now() - began) / 100) / 10,
                    });
                const missing = step.needs?.find(failed);
                if (missing !== undefined) {
                    note(false, `not tried, because this failed: ${missing}`);
                    throw new Error(proofs.at(-1)?.detail);
                }
                try {
                    const detail = await step.prove(report);
                    if (detail === undefined) return "nothing to prove this time";
                    note(true, detail);
                    return;
                } catch (error) {
                    note(false, explain(error, step.services ?? []));
                    throw error;
                }
            },
        })),
        { goOn: true },
    );
    return proofs;
}

function explain(error: unknown, services: readonly string[]): string {
    const reason = error instanceof Error ? error.message : String(error);
    if (services.length === 0) return reason;
    const logs = services.map((name) => `docker logs --tail 30 ${name}`).join("; ");
    return `${reason} Look at: npm run local -- ssh '${logs}'`;
}

const proofsFile = (cloud: string) => path.join(cloudPaths(cloud).root, "proofs.json");

/** The proofs of the last `npm run local`; none before there was one. */
export function readProofs(cloud: string): Proof[] {
    try {
        return JSON.parse(fs.readFileSync(proofsFile(cloud), "utf8")) as Proof[];
    } catch {
        return [];
    }
}

export function writeProofs(cloud: string, proofs: readonly Proof[]): void {
    const file = proofsFile(cloud);
    fs.writeFileSync(`${file}.next`, JSON.stringify(proofs, undefined, 2), { mode: 0o600 });
    fs.renameSync(`${file}.next`, file);
}
