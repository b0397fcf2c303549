import { nearestName } from "../names";
import type { Problem } from "../problem";
import type { StackSecrets } from "./model";
import { environmentLine, valueFault, valueText } from "./environment-text";
import {
    variableOf,
    variables,
    type StackSecretName,
    type VariableContext,
    type VariableType,
} from "./variables";

/** A variable as it is planned: with its text, or with the secret that is known when the file is rendered. */
export type PlannedVariable = {
    name: string;
    /** Undefined for those that only a newer version of the stack knows. */
    type?: VariableType;
    /** The services that read it; undefined: every service of the mail image. */
    readers?: readonly string[];
} & ({ text: string } | { secret: StackSecretName } | { givenSecret: true });

/** The variables that the user sets. */
export interface EnvironmentArgs<Secret = unknown> {
    /** Variables of the mail services: name → value. */
    environment?: Readonly<Record<string, string | number | boolean>>;
    /** Those whose values are secret. */
    secretEnvironment?: Readonly<Record<string, Secret>>;
}

/** The variables of the file, in its order: ours first, then those that only the user knows, by name. */
export function planEnvironment(
    context: VariableContext,
    { environment = {}, secretEnvironment = {} }: EnvironmentArgs,
): PlannedVariable[] {
    const given = (name: string): PlannedVariable | undefined => {
        const known = variableOf(name);
        const planned = { name, ...(known && { type: known.type, readers: known.readers }) };
        if (Object.hasOwn(secretEnvironment, name)) return { ...planned, givenSecret: true };
        const value = environment[name];
        if (value === undefined) return undefined;
        return { ...planned, text: valueText(known?.type ?? "text", value) };
    };
    const ours = Object.entries(variables).flatMap(([name, variable]): PlannedVariable[] => {
        const { type, readers, value, secretValue } = variable;
        const set = given(name);
        if (set !== undefined) return [set];
        if (secretValue !== undefined) return [{ name, type, readers, secret: secretValue }];
        return value ? [{ name, type, readers, text: valueText(type, value(context)) }] : [];
    });
    const others = [...new Set([...Object.keys(environment), ...Object.keys(secretEnvironment)])]
        .filter((name) => !Object.hasOwn(variables, name))
        .sort();
    return [...ours, ...others.flatMap((name) => given(name) ?? [])];
}

/**
 * The value of every variable, secrets filled in.
 *
 * @throws Error when a secret can't stand in the file; it names the variable, never the value.
 */
export function environmentValues(
    planned: readonly PlannedVariable[],
    secrets: StackSecrets,
): Map<string, string> {
    return new Map(
        planned.map((variable) => {
            if ("text" in variable) return [variable.name, variable.text];
            const { name, type } = variable;
            const secret =
                "secret" in variable ? secrets[variable.secret] : secrets.environment[name];
            if (secret === undefined) throw new Error(`${name}: its secret value is missing.`);
            const fault = valueFault(type, secret);
            if (fault)
                throw new Error(`${name}: its value (not shown) ${fault.wrong}. ${fault.remedy}`);
            return [name, valueText(type ?? "text", secret)];
        }),
    );
}

/** The text of the file. */
export function renderEnvironment(values: ReadonlyMap<string, string>): string {
    return [...values].map(([name, text]) => environmentLine(name, text)).join("");
}

const variableName = /^[A-Z_][A-Z0-9_]*$/;

/** What is wrong with the name of a variable, wherever it is set. */
function nameProblem(path: string, name: string): Problem | undefined {
    if (!variableName.test(name)) {
        const upper = name.toUpperCase().replaceAll(/[^A-Z0-9_]+/g, "_");
        return {
            path,
            reason: `${JSON.stringify(name)} is not the name of a variable.`,
            remedy: variableName.test(upper)
                ? `Write ${upper}.`
                : "Use upper-case letters, digits and underscores.",
        };
    }
    const known = variableOf(name);
    if (known?.decidedBy !== "host") return undefined;
    return {
        path,
        reason: known.why ?? "It is set by the host, whose other parts agree with it.",
        remedy: `Remove it.${known.instead === undefined ? "" : ` ${known.instead}`}`,
    };
}

function plainProblems(path: string, name: string, value: unknown): Problem[] {
    const wrongName = nameProblem(path, name);
    if (wrongName) return [wrongName];
    const known = variableOf(name);
    if (known?.secret) {
        return [
            {
                path,
                reason: "Its value (not shown) is a secret, and would stand in plain text.",
                remedy: "Revoke it if it was ever shared, and give it in secretEnvironment instead.",
            },
        ];
    }
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
        return [
            {
                path,
                reason: `${JSON.stringify(value) ?? String(value)} is not a text, a number, true or false.`,
                remedy: "Write one value; the entries of a list are one text, with commas between them.",
            },
        ];
    }
    const fault = valueFault(known?.type, value);
    return fault
        ? [{ path, reason: `${JSON.stringify(value)} ${fault.wrong}.`, remedy: fault.remedy }]
        : [];
}

function secretProblems(path: string, name: string, value: unknown): Problem[] {
    const wrongName = nameProblem(path, name);
    if (wrongName) return [wrongName];
    // What is only known later is checked when the file is rendered.
    if (typeof value !== "string") return [];
    const fault = valueFault(variableOf(name)?.type, value);
    return fault
        ? [{ path, reason: `The value (not shown) ${fault.wrong}.`, remedy: fault.remedy }]
        : [];
}

/**
 * Everything that is wrong with the variables that the user sets.
 *
 * @param path stands before each argument, e.g. `stack`.
 */
export function environmentProblems(path: string, args: EnvironmentArgs): Problem[] {
    const { environment = {}, secretEnvironment = {} } = args;
    return [
        ...Object.entries(environment).flatMap(([name, value]) =>
            plainProblems(`${path}.environment.${name}`, name, value),
        ),
        ...Object.entries(secretEnvironment).flatMap(([name, value]) =>
            secretProblems(`${path}.secretEnvironment.${name}`, name, value),
        ),
        ...Object.keys(secretEnvironment)
            .filter((name) => Object.hasOwn(environment, name))
            .map((name) => ({
                path: `${path}.secretEnvironment.${name}`,
                reason: "It is set in environment as well.",
                remedy: "Remove one of the two.",
            })),
    ];
}

/**
 * Variables that no known version of the stack reads, a sentence each. They are set all the same: a newer version may.
 *
 * @param path stands before each argument, e.g. `stack`.
 */
export function environmentWarnings(path: string, args: EnvironmentArgs): string[] {
    return (["environment", "secretEnvironment"] as const).flatMap((group) =>
        Object.keys(args[group] ?? {})
            .filter((name) => variableOf(name) === undefined)
            .map((name) => {
                const near = nearestName(name, Object.keys(variables));
                const meant = near === undefined ? "" : ` Did you mean ${near}?`;
                return `${path}.${group}.${name}: no version of the stack that is known here reads it.${meant}`;
            }),
    );
}
