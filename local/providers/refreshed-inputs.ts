import type { Properties } from "./schema";

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
