import { randomBytes } from "node:crypto";
import type { Difference } from "./diff";
import type { Change, Context } from "./handler";
import type { Properties } from "./schema";

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
