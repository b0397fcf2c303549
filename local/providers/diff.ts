import { isPlainObject, type Properties, type Property, type PropertyTable } from "./schema";
import { unknownValue, type PropertyValue } from "./schema";

/** One difference between old and new inputs. */
export interface Difference {
    /** As `connection.port` or `rules[2].protocol`. */
    path: string;
    kind: "add" | "delete" | "update";
    /** Whether this one makes another resource. */
    replaces: boolean;
}

/**
 * Compares inputs deeply, each property by the rules of its table. An unknown new value counts as a change: what it
 * will be can't be told.
 *
 * @param ignoreChanges property paths as in the resource option, `*` for any key or index.
 */
export function diffProperties(
    table: PropertyTable,
    olds: Properties,
    news: Properties,
    ignoreChanges: readonly string[] = [],
): Difference[] {
    const found: Difference[] = [];
    diffTable(table, olds, news, "", false, found);
    const ignored = ignoreChanges.map(segments);
    return found.filter((d) => !ignored.some((pattern) => covers(pattern, segments(d.path))));
}

function diffTable(
    table: PropertyTable,
    olds: Properties,
    news: Properties,
    path: string,
    replaces: boolean,
    into: Difference[],
): void {
    for (const name of new Set([...Object.keys(olds), ...Object.keys(news)])) {
        const property: Property = Object.hasOwn(table, name) ? table[name]! : { type: "any" };
        const at = path === "" ? name : `${path}.${name}`;
        diffValue(property, olds[name], news[name], at, replaces, into);
    }
}

function diffValue(
    property: Property,
    old: PropertyValue | undefined,
    now: PropertyValue | undefined,
    path: string,
    within: boolean,
    into: Difference[],
): void {
    const replaces = within || property.replaces === true;
    const oldGone = old === undefined || old === null;
    const nowGone = now === undefined || now === null;
    if (oldGone && nowGone) return;
    if (oldGone || nowGone) {
        into.push({ path, kind: oldGone ? "add" : "delete", replaces });
        return;
    }
    if (Array.isArray(old) && Array.isArray(now)) {
        const items: Property = property.type === "array" ? property.items : { type: "any" };
        const unordered = property.type === "array" && property.unordered === true;
        const [before, after] = unordered ? [sorted(old), sorted(now)] : [old, now];
        for (let i = 0; i < Math.max(before.length, after.length); i++) {
            diffValue(items, before[i], after[i], `${path}[${i}]`, replaces, into);
        }
        return;
    }
    if (isPlainObject(old) && isPlainObject(now)) {
        const table: PropertyTable =
            property.type === "object"
                ? property.properties
                : property.type === "map"
                  ? mapTable(property.items, old, now)
                  : {};
        diffTable(table, old, now, path, replaces, into);
        return;
    }
    if (now === unknownValue || JSON.stringify(old) !== JSON.stringify(now)) {
        if (sameAsset(old, now)) return;
        into.push({ path, kind: "update", replaces });
    }
}

function mapTable(items: Property, old: Properties, now: Properties): PropertyTable {
    return Object.fromEntries(
        [...Object.keys(old), ...Object.keys(now)].map((key) => [key, items]),
    );
}

/** Assets and archives are the same when their content is, wherever it comes from. */
function sameAsset(old: PropertyValue, now: PropertyValue): boolean {
    return (
        typeof old === "object" &&
        typeof now === "object" &&
        !Array.isArray(old) &&
        !Array.isArray(now) &&
        typeof old?.hash === "string" &&
        old.hash === now?.hash
    );
}

function sorted(values: PropertyValue[]): PropertyValue[] {
    return values
        .map((value) => ({ value, key: JSON.stringify(value) }))
        .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
        .map(({ value }) => value);
}

function segments(path: string): string[] {
    return path
        .replace(/\[["']?([^\]"']*)["']?\]/g, ".$1")
        .split(".")
        .filter((s) => s !== "");
}

function covers(pattern: string[], path: string[]): boolean {
    return (
        pattern.length <= path.length &&
        pattern.every((segment, i) => segment === "*" || segment === path[i])
    );
}
