import { z } from "zod";
import { nearestName } from "../components/names";
import type { Problem } from "../components/problem";
import { groups, mailHostKeys, readForm } from "./config-keys";

/** Where the keys stand, whatever the project is called. */
export const namespace = "mailhost";

export type Shape = Record<string, z.ZodType>;
export type Read<S extends Shape> = Partial<{ [K in keyof S]: z.output<S[K]> }>;

type Path = readonly PropertyKey[];

/**
 * Reads each value on its own, so that one of the wrong form hides none of the others; of a list or group, what is
 * wrong within is left out.
 *
 * @param secrets keys whose values no problem may show.
 */
export function readShape<S extends Shape>(
    prefix: string,
    shape: S,
    raw: Record<string, unknown>,
    secrets: readonly string[] = [],
): { values: Read<S>; failed: string[]; problems: Problem[] } {
    const values: Record<string, unknown> = {};
    const failed: string[] = [];
    const problems: Problem[] = [];
    for (const [key, value] of Object.entries(raw)) {
        const schema = Object.hasOwn(shape, key) ? shape[key] : undefined;
        if (schema === undefined) {
            problems.push(unknownKey(prefix, key));
            continue;
        }
        const result = schema.safeParse(value);
        if (result.success) {
            values[key] = result.data;
            continue;
        }
        for (const issue of result.error.issues) {
            const at = pathText(prefix + key, issue.path);
            if (issue.code === "unrecognized_keys") {
                const known = keysAt(schema, issue.path);
                problems.push(...issue.keys.map((unknown) => unknownSetting(at, unknown, known)));
            } else {
                failed.push(at, pathText(prefix + key, settingPath(issue.path)));
                const shown = secrets.includes(key)
                    ? "The value (not shown)"
                    : JSON.stringify(valueAt(value, issue.path));
                problems.push(wrongForm(at, shown, issue.message));
            }
        }
        const rest = schema.safeParse(withoutFaults(value, result.error.issues));
        if (rest.success) values[key] = rest.data;
        else failed.push(prefix + key);
    }
    return { values: values as Read<S>, failed, problems };
}

/** `key[1].spf.all` */
function pathText(key: string, path: Path): string {
    return path.reduce<string>(
        (before, step) =>
            typeof step === "number" ? `${before}[${step}]` : `${before}.${String(step)}`,
        key,
    );
}

function valueAt(value: unknown, path: Path): unknown {
    return path.reduce((inner, step) => (inner as Record<PropertyKey, unknown>)[step], value);
}

function wrongForm(path: string, shown: string, message: string): Problem {
    const { wanted, example } = readForm(message);
    return { path, reason: `${shown} is not ${wanted}.`, remedy: example };
}

/** The value without the settings that have a wrong form, and without unknown ones. */
function withoutFaults(value: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
    const rest: unknown = structuredClone(value);
    for (const issue of issues) {
        if (issue.code === "unrecognized_keys") {
            for (const key of issue.keys) remove(rest, [...issue.path, key]);
        } else {
            remove(rest, issue.path);
        }
    }
    return rest;
}

/** Up to the setting that holds a value: a list of texts with a wrong one is left out as a whole. */
function settingPath(path: Path): Path {
    const setting = path.findLastIndex((step) => typeof step === "string");
    return path.slice(0, setting === -1 ? 1 : setting + 1);
}

function remove(value: unknown, path: Path): void {
    const before = settingPath(path);
    const step = before.at(-1);
    const parent = before
        .slice(0, -1)
        .reduce(
            (inner: unknown, at) => (inner as Record<PropertyKey, unknown> | undefined)?.[at],
            value,
        );
    if (typeof parent !== "object" || parent === null || step === undefined) return;
    // An entry of the list itself keeps its place, or the others' paths would be wrong.
    if (typeof step === "number") Object.assign(parent, { [step]: {} });
    else Reflect.deleteProperty(parent, step);
}

/** The settings that a schema knows at that place. */
function keysAt(schema: unknown, path: Path): string[] {
    if (schema instanceof z.ZodOptional) return keysAt(schema.unwrap(), path);
    const [step, ...further] = path;
    if (schema instanceof z.ZodArray) return keysAt(schema.element, further);
    if (!(schema instanceof z.ZodObject)) return [];
    const shape = schema.shape;
    return step === undefined ? Object.keys(shape) : keysAt(shape[String(step)], further);
}

function unknownSetting(group: string, key: string, known: readonly string[]): Problem {
    const near = nearestName(key, known);
    return {
        path: `${group}.${key}`,
        reason: "There is no such key.",
        remedy:
            near === undefined
                ? `Remove it. Known here: ${known.join(", ")}.`
                : `Did you mean ${near}? Rename or remove it.`,
    };
}

/** Every key that stands for a value of its own. */
export const everyKey = [
    ...Object.keys(mailHostKeys),
    ...Object.entries(groups).flatMap(([group, keys]) =>
        Object.keys(keys).map((key) => `${group}.${key}`),
    ),
];

/** The key that a wrong one stands for: the nearest of its group, else of all, whatever group they stand in. */
function meantKey(name: string): string | undefined {
    const split = (key: string) => {
        const start = key.lastIndexOf(".") + 1;
        return { group: key.slice(0, start), last: key.slice(start) };
    };
    const { group, last } = split(name);
    const nearest = (keys: readonly string[]) => {
        const meant = nearestName(
            last,
            keys.map((key) => split(key).last),
        );
        const candidates = keys.filter((key) => split(key).last === meant);
        return nearestName(name, candidates) ?? candidates[0];
    };
    return nearest(everyKey.filter((key) => split(key).group === group)) ?? nearest(everyKey);
}

function unknownKey(prefix: string, key: string): Problem {
    const path = prefix + key;
    const within = path.slice(namespace.length + 1);
    const group = Object.entries(groups).find(([name]) => within === `${name}.${key}`);
    const known = Object.keys(group ? group[1] : mailHostKeys);
    if (!group && everyKey.includes(key)) {
        return {
            path,
            reason: "This is one key with a dot in its name, not a setting within another.",
            remedy: `Remove it (pulumi config rm '${path}'), and set it with: pulumi config set --path '${path}' VALUE.`,
        };
    }
    const meant = meantKey(within);
    return {
        path,
        reason: "There is no such key.",
        remedy:
            meant === undefined
                ? `Remove it. Known here: ${known.join(", ")}.`
                : `Did you mean ${namespace}:${meant}? Rename or remove it.`,
    };
}
