import { randomInt } from "node:crypto";
import type { CheckFailure, Properties, PropertyTable, Values } from "../schema";

const flag = { type: "boolean", default: true, replaces: true } as const;
const minimum = { type: "integer", default: 0, replaces: true } as const;

/** What RandomPassword and RandomString have in common. */
export const characterInputs = {
    length: { type: "integer", required: true, replaces: true },
    special: flag,
    upper: flag,
    lower: flag,
    numeric: { type: "boolean", replaces: true },
    number: {
        type: "boolean",
        replaces: true,
        deprecated: "**NOTE**: This is deprecated, use `numeric` instead.",
    },
    minSpecial: minimum,
    minUpper: minimum,
    minLower: minimum,
    minNumeric: minimum,
    overrideSpecial: { type: "string", replaces: true },
} as const satisfies PropertyTable;

/** `numeric` and `number` are two names of one thing: what is given of them decides, and both come out. */
export function checkCharacters(inputs: Properties): {
    inputs: Properties;
    failures: CheckFailure[];
} {
    const failures: CheckFailure[] = [];
    const { length, number, numeric } = inputs;
    if (typeof number === "boolean" && typeof numeric === "boolean" && number !== numeric) {
        failures.push({
            path: "number",
            reason: `"number" (${number}) and "numeric" (${numeric}) must not differ; give "numeric" alone.`,
        });
    }
    const merged: Properties = { ...inputs, numeric: numeric ?? number ?? true };
    if (typeof length === "number") {
        const minimums = [inputs.minUpper, inputs.minLower, inputs.minNumeric, inputs.minSpecial];
        const sum = minimums.reduce<number>(
            (total, n) => total + (typeof n === "number" ? n : 0),
            0,
        );
        if (length < 1) {
            failures.push({ path: "length", reason: `value must be at least 1, got: ${length}` });
        }
        if (length < sum) {
            failures.push({
                path: "length",
                reason: `value must be at least sum of minUpper + minLower + minNumeric + minSpecial (${sum}), got: ${length}`,
            });
        }
    }
    const { special, upper, lower } = merged;
    if (![special, upper, lower, merged.numeric].some((kind) => kind !== false)) {
        failures.push({
            path: "numeric",
            reason: "at least one of special, upper, lower and numeric must be true",
        });
    }
    return { inputs: merged, failures };
}

/** Characters of the wanted kinds, at least the wanted number of each, in random order. */
export function randomCharacters(inputs: Values<typeof characterInputs>): string {
    const special = inputs.overrideSpecial || "!@#$%&*()-_=+[]{}<>:?";
    const kinds = [
        { characters: "abcdefghijklmnopqrstuvwxyz", wanted: inputs.lower, least: inputs.minLower },
        { characters: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", wanted: inputs.upper, least: inputs.minUpper },
        { characters: "0123456789", wanted: inputs.numeric, least: inputs.minNumeric },
        { characters: special, wanted: inputs.special, least: inputs.minSpecial },
    ];
    const all = kinds
        .filter(({ wanted }) => wanted)
        .map((kind) => kind.characters)
        .join("");
    const chosen = kinds.flatMap(({ characters, least }) => pick(characters, least));
    chosen.push(...pick(all, inputs.length - chosen.length));
    // Fisher and Yates: without it, the first characters would tell their kind.
    for (let i = chosen.length - 1; i > 0; i--) {
        const j = randomInt(i + 1);
        [chosen[i], chosen[j]] = [chosen[j]!, chosen[i]!];
    }
    return chosen.join("");
}

function pick(characters: string, count: number): string[] {
    const set = [...characters];
    return Array.from({ length: count }, () => set[randomInt(set.length)]!);
}
