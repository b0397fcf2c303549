import { changesOf, parsePreview } from "./report";
import { expectSuccess, type RunPulumi } from "./run-pulumi";
import { deployMessage } from "./ssh-access";

/** An entry of `pulumi stack history --json`, newest first, as far as it is read. */
export interface HistoryEntry {
    kind: string;
    message: string;
    result: string;
}

/** What speaks against taking this commit further, a sentence each; nothing when nothing does. */
export function gateProblems(seen: {
    stack: string;
    commit: string;
    history: readonly HistoryEntry[];
    /** Operations that a killed engine left in the state. */
    pendingOperations: number;
    /** What a preview with a refresh finds to do, e.g. `update mail-firewall`. */
    differences: readonly string[];
}): string[] {
    const { stack, commit, pendingOperations, differences } = seen;
    const problems: string[] = [];
    const last = seen.history.find(({ message }) => message.startsWith(deployMessage("")));
    const first = `Deploy it first: npm run pipeline -- deploy --stack ${stack}.`;
    if (!last) problems.push(`No deployment of ${stack} is known. ${first}`);
    else if (last.message !== deployMessage(commit)) {
        const other = last.message.slice(deployMessage("").length);
        problems.push(`${stack} runs ${other}, not ${commit}. ${first}`);
    } else if (last.result !== "succeeded") {
        problems.push(`The last deployment of ${stack} has the result ${last.result}. ${first}`);
    }
    if (pendingOperations > 0) {
        problems.push(
            `The state of ${stack} has ${pendingOperations} unfinished operations. ` +
                `Run: npm run mailhost -- recover --stack ${stack}`,
        );
    }
    if (differences.length > 0) {
        const named = differences.slice(0, 10).join(", ");
        const more = differences.length > 10 ? ` and ${differences.length - 10} more` : "";
        problems.push(`${stack} is not what the program describes: ${named}${more}. ${first}`);
    }
    return problems;
}

/** Looks at a stack and tells what speaks against taking its commit further. */
export async function gate(options: {
    stack: string;
    commit: string;
    pulumi: RunPulumi;
}): Promise<string[]> {
    const { stack, commit, pulumi } = options;
    const told = async (what: string, ...args: string[]) =>
        expectSuccess(what, await pulumi([...args, "--stack", stack]));
    const history = await told("Reading the history", "stack", "history", "--json");
    const state = await told("Reading the state", "stack", "export");
    const preview = await told("The preview", "preview", "--refresh", "--json");
    const { deployment } = JSON.parse(state) as { deployment?: { pending_operations?: unknown[] } };
    return gateProblems({
        stack,
        commit,
        history: JSON.parse(history) as HistoryEntry[],
        pendingOperations: deployment?.pending_operations?.length ?? 0,
        differences: changesOf(parsePreview(preview)).map(
            ({ action, name }) => `${action} ${name}`,
        ),
    });
}
