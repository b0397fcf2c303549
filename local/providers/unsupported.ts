import { unknownValue, type CheckFailure, type Properties } from "./schema";

/** What is wrong with inputs that ask for what the real provider does and the laptop cloud can't. */
export function unsupportedFailures(inputs: Properties, names: readonly string[]): CheckFailure[] {
    return names
        .filter((name) => {
            const value = inputs[name];
            const empty = value === undefined || value === false || JSON.stringify(value) === "[]";
            return !empty && value !== unknownValue;
        })
        .map((path) => ({ path, reason: `the laptop cloud does not simulate ${path}` }));
}
