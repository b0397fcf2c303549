import { randomBytes } from "node:crypto";
import type { Difference } from "../diff";
import type { Change, Context } from "../handler";
import type { Properties } from "../schema";

/** Where the real provider notes which inputs it made up itself. */
const madeUp = "__defaults";

/** Fills in a name where the program gives none, and keeps it from then on: the logical name and 7 random digits. */
export function withName(
    inputs: Properties,
    olds: Properties | undefined,
    context: Pick<Context, "name">,
): Properties {
    if (inputs["name"] !== undefined) return inputs;
    const before = olds && isMadeUp(olds) ? olds["name"] : undefined;
    const name = before ?? `${context.name}-${randomBytes(4).toString("hex").slice(0, 7)}`;
    return { ...inputs, name, [madeUp]: ["name"] };
}

function isMadeUp(inputs: Properties): boolean {
    const names = inputs[madeUp];
    return Array.isArray(names) && names.includes("name");
}

/**
 * Names are unique in a project, so a replacement that keeps its name can be made only when the old one is gone.
 */
export function nameForcesDeletion(differences: Difference[], change: Change): boolean {
    return (
        differences.some((difference) => difference.replaces) &&
        !isMadeUp(change.news) &&
        change.news["name"] === change.olds["name"]
    );
}

/**
 * Inputs as a refresh gives them back: what the program gave, with the values that the API has now.
 *
 * @param known undefined at import, where everything that the API tells becomes input; what is empty there is left
 * out, as a program would.
 */
export function refreshedInputs<T extends object>(
    known: T | undefined,
    live: { [K in keyof T]?: T[K] },
): Properties {
    const result: Record<string, unknown> = { ...known };
    for (const [key, value] of Object.entries(live)) {
        if (known ? key in known : !isEmpty(value)) result[key] = value;
    }
    return Object.fromEntries(
        Object.entries(result).filter(([, value]) => value !== undefined),
    ) as Properties;
}

function isEmpty(value: unknown): boolean {
    return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
