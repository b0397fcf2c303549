import { Listr, PRESET_TIMER, type ListrTask } from "listr2";

/** A step that a person waits for. */
export interface Step {
    title: string;
    /**
     * Does the work; `report` shows a line below the title while it runs.
     *
     * @returns why there was nothing to do, where that is to be shown.
     */
    run(report: (line: string) => void): Promise<string | void>;
    /** Steps with the same group run side by side. */
    group?: string;
}

/** Seconds by step. */
export type Timings = Record<string, number>;

/**
 * Runs steps one after the other (a group side by side), shows each with its elapsed time on standard error, and
 * returns how long each took.
 *
 * @param options.goOn a step that fails is shown as failed, and the next one runs. @default false: its error is thrown
 */
export async function runSteps(steps: Step[], options: { goOn?: boolean } = {}): Promise<Timings> {
    const timings: Timings = {};
    const task = (step: Step): ListrTask => ({
        title: step.title,
        task: async (_context, listrTask) => {
            const start = Date.now();
            const skipped = await step.run((line) => (listrTask.output = line));
            if (typeof skipped === "string") {
                // On a terminal the reason takes the title's place, elsewhere it stands behind it.
                listrTask.skip(process.stdout.isTTY ? `${step.title}: ${skipped}` : skipped);
            }
            timings[step.title] = (Date.now() - start) / 1000;
        },
    });
    const tasks: ListrTask[] = [];
    for (let i = 0; i < steps.length; i++) {
        const group = steps[i]!.group;
        const members = [steps[i]!];
        while (group !== undefined && steps[i + 1]?.group === group) members.push(steps[++i]!);
        tasks.push(
            members.length === 1
                ? task(members[0]!)
                : {
                      task: (_context, parent) =>
                          parent.newListr(members.map(task), { concurrent: true }),
                  },
        );
    }
    const timer = { condition: (duration: number) => duration > 2000, ...PRESET_TIMER };
    await new Listr(tasks, {
        exitOnError: !options.goOn,
        fallbackRenderer: "simple",
        rendererOptions: { timer, collapseSubtasks: false, showSubtasks: true },
        fallbackRendererOptions: { timer },
    }).run();
    return timings;
}
