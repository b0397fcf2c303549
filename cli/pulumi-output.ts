/** Runs `pulumi` without a terminal and returns what it printed. */
export type RunPulumi = (
    args: string[],
    options?: { input?: string },
) => Promise<{ code: number; stdout: string; stderr: string }>;

/** A stack, and what runs `pulumi` on it. */
export interface OnStack {
    /** @default the selected one */
    stack?: string;
    pulumi: RunPulumi;
    /** How a person types a command of `pulumi` on it. @default `pulumi` and the command, `--stack` where one is named */
    typed?: (command: string) => string;
}

/** `--stack NAME`, where a stack is named. */
export function stackArguments(stack: string | undefined): string[] {
    return stack === undefined ? [] : ["--stack", stack];
}

/** What to do about what `pulumi` says where it is run for the first time. */
const remedies: readonly [said: string, remedy: string][] = [
    ["no Pulumi.yaml project file found", "Run this in the folder of your Pulumi program."],
    ["no stack selected", "Name it with --stack, or choose it: `pulumi stack select`."],
    ["no stack named", "`pulumi stack ls` lists those that there are."],
    ["must be set for login", "Log in to where the state of your stacks is: `pulumi login`."],
];

/** How a person types a command of `pulumi` on the stack. */
export function typedOn({ stack, typed }: Omit<OnStack, "pulumi">, command: string): string {
    return typed?.(command) ?? ["pulumi", command, ...stackArguments(stack)].join(" ");
}

/**
 * Runs `pulumi` on a stack to its end.
 *
 * @param input what it reads from standard input. @default nothing
 * @returns what it printed.
 * @throws Error with what it said, and what to do.
 */
export async function pulumiOutput(
    { stack, pulumi }: OnStack,
    args: readonly string[],
    input?: string,
): Promise<string> {
    const all = [...args, ...stackArguments(stack)];
    const { code, stdout, stderr } = await pulumi(all, ...(input === undefined ? [] : [{ input }]));
    if (code === 0) return stdout;
    if (code === 127) {
        throw new Error(
            "There is no `pulumi` on PATH. Install it: https://www.pulumi.com/docs/install/",
        );
    }
    const said = stderr.trim() || stdout.trim();
    const command = args.slice(0, 2).filter((word) => !word.startsWith("-"));
    const remedy = remedies.find(([part]) => said.includes(part))?.[1];
    throw new Error(
        [`pulumi ${command.join(" ")} failed:`, said, ...(remedy ? [remedy] : [])].join("\n"),
    );
}
