import { changesOf, messagesOf, parsePreview } from "./report";
import { expectSuccess, previewDocument, readState, type RunPulumi } from "./run-pulumi";
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
    /** Why that preview failed. @default it did not */
    failures?: readonly string[];
}): string[] {
    const { stack, commit, pendingOperations, differences, failures = [] } = seen;
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
    if (failures.length > 0) {
        const told = failures.join("\n").replaceAll("\n", "\n  ");
        problems.push(`The preview of ${stack} failed:\n  ${told}`);
    } else if (differences.length > 0) {
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
    /** Texts that are masked wherever they stand. */
    secrets?: readonly string[];
}): Promise<string[]> {
    const { stack, commit, pulumi, secrets } = options;
    const run = (...args: string[]) => pulumi([...args, "--stack", stack]);
    const history = expectSuccess("Reading the history", await run("stack", "history", "--json"));
    const state = await readState(stack, pulumi);
    const finished = await run("preview", "--refresh", "--json");
    const preview = parsePreview(previewDocument(finished));
    const why = messagesOf(preview, "error", secrets);
    const { deployment } = JSON.parse(state) as { deployment?: { pending_operations?: unknown[] } };
    return gateProblems({
        stack,
        commit,
        history: JSON.parse(history) as HistoryEntry[],
        pendingOperations: deployment?.pending_operations?.length ?? 0,
        differences: changesOf(preview).map(({ action, name }) => `${action} ${name}`),
        ...(finished.code !== 0 && {
            failures: why.length > 0 ? why : ["It does not say why. Run it by hand."],
        }),
    });
}
