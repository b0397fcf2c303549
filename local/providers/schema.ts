/** A value as the engine sends it. An unknown value stands in it as {@link unknownValue}. */
export type PropertyValue =
    string | number | boolean | null | PropertyValue[] | { [key: string]: PropertyValue };

export type Properties = { [key: string]: PropertyValue };

/** What stands for a value that is known only after another resource was made; in previews alone. */
export const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

interface Common {
    /** @default false */
    readonly required?: boolean;
    /** Filled in by Check where the program gives no value. */
    readonly default?: string | number | boolean;
    /** Encrypted in state, never shown in messages. @default false */
    readonly secret?: boolean;
    /** A change makes another resource. @default false */
    readonly replaces?: boolean;
    /** Still taken, with this warning. */
    readonly deprecated?: string;
    /** Known to the program's SDK but refused, with this reason. */
    readonly refused?: string;
    /** Of outputs: every update gives a new value, so that a preview can't know it. @default false */
    readonly changesOnUpdate?: boolean;
}

/** One property of a resource, function or provider configuration. */
export type Property = Common &
    (
        | { readonly type: "string"; readonly values?: readonly string[] }
        | { readonly type: "number" | "integer" | "boolean" | "asset" | "archive" | "any" }
        | { readonly type: "assetOrArchive" }
        /** `unordered`: a set, whose order is no difference. */
        | { readonly type: "array"; readonly items: Property; readonly unordered?: boolean }
        | { readonly type: "map"; readonly items: Property }
        | { readonly type: "object"; readonly properties: PropertyTable }
    );

export type PropertyTable = { readonly [name: string]: Property };

/** An asset or archive as the engine sends it: exactly one of `text`, `path`, `uri`, `assets`. */
export interface Asset {
    hash: string;
    text?: string;
    path?: string;
    uri?: string;
    assets?: Properties;
}

/** The TypeScript type of a property's value. */
export type Value<P> = P extends { type: "string"; values: readonly (infer V)[] }
    ? V
    : P extends { type: "string" }
      ? string
      : P extends { type: "number" | "integer" }
        ? number
        : P extends { type: "boolean" }
          ? boolean
          : P extends { type: "asset" | "archive" | "assetOrArchive" }
            ? Asset
            : P extends { type: "array"; items: infer I }
              ? Value<I>[]
              : P extends { type: "map"; items: infer I }
                ? Record<string, Value<I>>
                : P extends { type: "object"; properties: infer T }
                  ? Values<T>
                  : PropertyValue;

type Given<P> = P extends { required: true } | { default: string | number | boolean }
    ? true
    : false;

/** The TypeScript type of the checked values of a table: required and defaulted ones are there. */
export type Values<T> = {
    -readonly [K in keyof T as Given<T[K]> extends true ? K : never]: Value<T[K]>;
} & { -readonly [K in keyof T as Given<T[K]> extends true ? never : K]?: Value<T[K]> };

/** One thing that is wrong with a property; `path` as `connection.port` or `rules[2].protocol`. */
export interface CheckFailure {
    path: string;
    reason: string;
}

/** A deprecated property that was given. */
export interface CheckWarning {
    path: string;
    message: string;
}

export interface Checked {
    /** With defaults filled in, without nulls. */
    values: Properties;
    failures: CheckFailure[];
    warnings: CheckWarning[];
}

/** Judges values by a table: every unknown, missing, refused and wrongly typed property at once. */
export function checkProperties(table: PropertyTable, given: Properties): Checked {
    const checked: Checked = { values: {}, failures: [], warnings: [] };
    checked.values = checkTable(table, given, "", checked, false);
    return checked;
}

function checkTable(
    table: PropertyTable,
    given: Properties,
    path: string,
    into: Checked,
    secret: boolean,
): Properties {
    const values: Properties = {};
    const at = (name: string) => (path === "" ? name : `${path}.${name}`);
    for (const name of Object.keys(given)) {
        if (given[name] === null || Object.hasOwn(table, name)) continue;
        const known = Object.keys(table).sort().join(", ");
        into.failures.push({
            path: at(name),
            reason: `Invalid or unknown key. Known here: ${known || "none"}.`,
        });
    }
    for (const [name, property] of Object.entries(table)) {
        const value = given[name] ?? property.default;
        if (value === undefined) {
            if (property.required) {
                into.failures.push({
                    path: at(name),
                    reason: `Missing required argument. The argument "${name}" is required, but no definition was found.`,
                });
            }
            continue;
        }
        if (property.refused !== undefined) {
            into.failures.push({ path: at(name), reason: property.refused });
            continue;
        }
        if (property.deprecated !== undefined && given[name] !== undefined) {
            into.warnings.push({ path: at(name), message: property.deprecated });
        }
        const within = secret || property.secret === true;
        values[name] = checkValue(property, value, at(name), into, within);
    }
    return values;
}

function checkValue(
    property: Property,
    value: PropertyValue,
    path: string,
    into: Checked,
    secret: boolean,
): PropertyValue {
    if (value === unknownValue) return value;
    const refuse = (expected: string) => {
        const shown = secret || typeof value === "object" ? "" : ` (${JSON.stringify(value)})`;
        into.failures.push({
            path,
            reason: `expected ${expected}, got ${typeName(value)}${shown}`,
        });
        return value;
    };
    switch (property.type) {
        case "string":
            if (typeof value !== "string") return refuse("string");
            if (property.values && !property.values.includes(value)) {
                return refuse(`one of ${property.values.map((v) => `"${v}"`).join(", ")}`);
            }
            return value;
        case "integer":
            return Number.isInteger(value) ? value : refuse("integer");
        case "number":
            return typeof value === "number" ? value : refuse("number");
        case "boolean":
            return typeof value === "boolean" ? value : refuse("boolean");
        case "asset":
            return typeName(value) === "asset" ? value : refuse("asset");
        case "archive":
            return typeName(value) === "archive" ? value : refuse("archive");
        case "assetOrArchive":
            return ["asset", "archive"].includes(typeName(value))
                ? value
                : refuse("asset or archive");
        case "array":
            if (!Array.isArray(value)) return refuse("array");
            return value.map((item, i) =>
                checkValue(property.items, item, `${path}[${i}]`, into, secret),
            );
        case "map":
            if (!isPlainObject(value)) return refuse("map");
            return Object.fromEntries(
                Object.entries(value)
                    .filter(([, item]) => item !== null)
                    .map(([key, item]) => [
                        key,
                        checkValue(property.items, item, `${path}.${key}`, into, secret),
                    ]),
            );
        case "object":
            if (!isPlainObject(value)) return refuse("object");
            return checkTable(property.properties, value, path, into, secret);
        case "any":
            return value;
    }
}

const signatureKey = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";
const assetSignature = "c44067f5952c0a294b673a41bacd8c17";
const archiveSignature = "0def7320c3a5731c473e5ecbe6d01bc7";

function typeName(value: PropertyValue): string {
    if (value === null) return "null";
    if (Array.isArray(value)) return "array";
    if (typeof value !== "object") return typeof value;
    if (value[signatureKey] === assetSignature) return "asset";
    if (value[signatureKey] === archiveSignature) return "archive";
    return "object";
}

export function isPlainObject(value: PropertyValue | undefined): value is Properties {
    return value !== undefined && typeName(value) === "object";
}

export function isArchive(value: Asset): boolean {
    return typeName(value as unknown as Properties) === "archive";
}

/** The value with every secret in it laid open. */
export function withoutSecrets(value: Properties): Properties;
export function withoutSecrets(value: PropertyValue): PropertyValue;
export function withoutSecrets(value: PropertyValue): PropertyValue {
    if (Array.isArray(value)) return value.map((item) => withoutSecrets(item));
    if (value === null || typeof value !== "object") return value;
    if (value[signatureKey] === secretSignature) return withoutSecrets(value.value ?? null);
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withoutSecrets(v)]));
}

/** The values with those marked that the table calls secret, so that the engine encrypts them. */
export function withSecrets(table: PropertyTable, values: Properties): Properties {
    return Object.fromEntries(
        Object.entries(values).map(([name, value]) => {
            const property = Object.hasOwn(table, name) ? table[name] : undefined;
            return [name, property ? markSecret(property, value) : value];
        }),
    );
}

function markSecret(property: Property, value: PropertyValue): PropertyValue {
    if (value === null || value === unknownValue) return value;
    if (property.secret) return { [signatureKey]: secretSignature, value };
    if (property.type === "object" && isPlainObject(value)) {
        return withSecrets(property.properties, value);
    }
    if (property.type === "array" && Array.isArray(value)) {
        return value.map((item) => markSecret(property.items, item));
    }
    return value;
}
