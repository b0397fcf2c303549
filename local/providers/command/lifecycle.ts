import type { Context } from "../handler";
import { newId } from "./output";

/** What a command printed; unknown before its first run. */
export interface Printed {
    stdout?: string;
    stderr?: string;
}

interface Commands {
    create?: string;
    update?: string;
    delete?: string;
}

/**
 * When a command runs, the same on this computer and on another: `create` at first, `update` or else `create` at a
 * change, `delete` at the end; without one of them nothing runs, and what was printed before stays.
 */
export function lifecycle<Inputs extends Commands>(
    run: (
        command: string,
        given: Inputs,
        previous: Printed,
        context: Context,
    ) => Promise<{ stdout: string; stderr: string }>,
) {
    return {
        async create(given: Inputs, context: Context) {
            const printed =
                given.create === undefined
                    ? { stdout: "", stderr: "" }
                    : await run(given.create, given, {}, context);
            return { id: newId(context.name), outputs: { ...given, ...printed } };
        },
        async update(old: { outputs: Printed }, given: Inputs, context: Context) {
            const { stdout, stderr } = old.outputs;
            const command = given.update ?? given.create;
            const printed =
                command === undefined
                    ? { stdout, stderr }
                    : await run(command, given, { stdout, stderr }, context);
            return { outputs: { ...given, ...printed } };
        },
        async delete(
            { inputs: given, outputs }: { inputs: Inputs; outputs: Printed },
            context: Context,
        ) {
            if (given.delete === undefined) return;
            await run(given.delete, given, outputs, context);
        },
    };
}
