/**
 * A copy in which what is not known in a preview is undefined: reading such a value throws, and would end the whole
 * rule, for every other resource as well. A property that was not given is not there at all.
 */
export function known<T>(value: T): T {
    if (Array.isArray(value)) return (value as unknown[]).map((_, at) => read(value, at)) as T;
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.keys(value).map((key) => [key, read(value, key)])) as T;
}

function read(holder: object, key: PropertyKey): unknown {
    try {
        return known((holder as Record<PropertyKey, unknown>)[key]);
    } catch {
        return undefined;
    }
}
