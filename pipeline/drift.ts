import { previewDocument, readState, type RunPulumi } from "./run-pulumi";

/** What a look at a stack found, and why it may say nothing about drift. */
export interface DriftLook {
    /** Exit code of the preview. */
    code: number;
    /** What `pulumi preview --refresh --json` printed. */
    printed: string;
    /** Sentences; undefined when nobody worked on the stack. */
    unsettled: string | undefined;
}

/**
 * Compares a stack with its provider. A preview takes no lock, in Pulumi Cloud as elsewhere
 * (https://github.com/pulumi/pulumi/pull/8642), and beside a deployment it would show as drift what that one is about to
 * do. So the state is read before and after: each step of an update stands in it, when it begins and when it ends.
 *
 * @throws Error when the state can't be read.
 */
export async function lookForDrift(stack: string, pulumi: RunPulumi): Promise<DriftLook> {
    const before = await readState(stack, pulumi);
    const preview = ["preview", "--json", "--stack", stack, "--refresh"];
    const finished = await pulumi(preview);
    return {
        code: finished.code,
        printed: previewDocument(finished),
        unsettled: whyUnsettled(stack, before, await readState(stack, pulumi)),
    };
}

/** Why what was seen between two exports of the state is no drift; undefined when nobody worked on the stack. */
export function whyUnsettled(stack: string, before: string, after: string): string | undefined {
    const [first, last] = [stateOf(before), stateOf(after)];
    if (first.time !== last.time) {
        return "A deployment worked on the stack meanwhile. Run this again when it is done.";
    }
    if (last.pending === 0) return undefined;
    return (
        `Unfinished operations in the state: ${last.pending}. Where a deployment is under way, run this again when it ` +
        `is done; where none is, its engine was killed: npm run mailhost -- recover --stack ${stack}`
    );
}

function stateOf(exported: string): { time: string | undefined; pending: number } {
    const { deployment } = JSON.parse(exported) as {
        deployment?: { manifest?: { time?: string }; pending_operations?: unknown[] } | null;
    };
    return {
        time: deployment?.manifest?.time,
        pending: deployment?.pending_operations?.length ?? 0,
    };
}
