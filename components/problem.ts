import { InputPropertiesError } from "@pulumi/pulumi";

/** One thing that is wrong with what the user gave. */
export interface Problem {
    /** Where: the argument's path, e.g. `server.sshAllowedCidrs[0]`. In config it stands behind `mailhost:`. */
    path: string;
    /** What is wrong, in a sentence, with the value that was got unless it is a secret. */
    reason: string;
    /** What to do about it, in a sentence. */
    remedy: string;
}

/**
 * One line a problem: `path: reason Remedy`.
 *
 * @param prefix stands before every path; `mailhost:` turns argument paths into config keys.
 */
export function formatProblems(problems: readonly Problem[], prefix = ""): string {
    return problems.map((p) => `  ${prefix}${p.path}: ${p.reason} ${p.remedy}`).join("\n");
}

/**
 * Throws all problems at once, or returns when there are none.
 *
 * @throws InputPropertiesError with one entry a problem; its message repeats them with their paths, since Node
 * prints the message alone.
 */
export function throwProblems(subject: string, problems: readonly Problem[], prefix = ""): void {
    if (problems.length === 0) return;
    throw new InputPropertiesError({
        message: `${subject}: ${problems.length === 1 ? "1 problem" : `${problems.length} problems`}, nothing was changed:\n${formatProblems(problems, prefix)}`,
        errors: problems.map((p) => ({
            propertyPath: prefix + p.path,
            reason: `${p.reason} ${p.remedy}`,
        })),
    });
}

/**
 * Throws what is wrong with values that are known only while the program runs: what needs them is not deployed.
 *
 * @param name of the resource.
 * @throws Error with all problems.
 */
export function throwLateProblems(name: string, problems: readonly Problem[]): void {
    if (problems.length === 0) return;
    throw new Error(`${name}: nothing was deployed:\n${formatProblems(problems)}`);
}
