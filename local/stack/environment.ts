import * as fs from "node:fs";
import * as path from "node:path";
import { parseEnv } from "node:util";
import type { VariableName } from "./variables";

type Value = string | number | boolean | Value[];

/** The variables of a service, each of the type that its text looks like. */
export class Environment {
    constructor(private readonly values: ReadonlyMap<string, Value>) {}

    /** @throws TypeError for what looks like a number, a list, … */
    text(name: VariableName): string {
        const value = this.get(name);
        if (typeof value === "string") return value;
        throw new TypeError(`${name} has to be a text; it was read as ${describe(value)}`);
    }

    number(name: VariableName): number {
        const value = this.get(name);
        if (typeof value === "number") return value;
        throw new TypeError(`${name} has to be a number; it was read as ${describe(value)}`);
    }

    /** Undefined for what is not written as a list. */
    list(name: VariableName): string[] | undefined {
        const value = this.get(name);
        return Array.isArray(value) ? value.map(String) : undefined;
    }

    is(name: VariableName): boolean {
        return this.get(name) === true;
    }

    private get(name: VariableName): Value {
        return this.values.get(name) ?? "";
    }
}

/**
 * Reads `.env` over `.env.defaults` as dotenv-extended does: a file that can't be read counts as empty, what the process
 * was started with wins, and every variable of `.env.schema` has to be there in the end.
 *
 * @throws Error with the names of those that are missing.
 */
export function readEnvironment(
    folder: string,
    started: Readonly<Record<string, string | undefined>>,
): Environment {
    const required = Object.keys(readVariables(path.join(folder, ".env.schema")));
    const texts: Record<string, string> = {
        ...readVariables(path.join(folder, ".env.defaults")),
        ...readVariables(path.join(folder, ".env")),
    };
    for (const name of new Set([...required, ...Object.keys(texts)])) {
        const value = started[name];
        if (value !== undefined) texts[name] = value;
    }
    const missing = required.filter((name) => !(name in texts));
    if (missing.length > 0) throw new Error(`MISSING CONFIG VALUES: ${missing.join(", ")}`);
    return new Environment(
        new Map(Object.keys(texts).map((name) => [name, typed(fillIn(texts, name))])),
    );
}

function readVariables(file: string): Record<string, string> {
    let text: string;
    try {
        text = fs.readFileSync(file, "utf8");
    } catch {
        return {};
    }
    return parseEnv(text) as Record<string, string>;
}

/** `{{NAME}}` is Mustache: the value of another variable, escaped for HTML. */
function fillIn(texts: Readonly<Record<string, string>>, name: string, depth = 0): string {
    return (texts[name] ?? "").replace(/\{\{\s*(\w+)\s*\}\}/g, (_, other: string) =>
        depth < 8 ? escapeHtml(fillIn(texts, other, depth + 1)) : "",
    );
}

function escapeHtml(text: string): string {
    return text.replace(/[&<>"'`=/]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** As dotenv-parse-variables does it. */
function typed(text: string): Value {
    if (/^(true|false)$/i.test(text)) return text.toLowerCase() === "true";
    if (/^`.*`$/.test(text)) return text.slice(1, -1);
    if (text.endsWith("*") && !text.includes(",")) return text.slice(0, -1);
    if (text.includes(",")) {
        return text
            .split(",")
            .map((item) => item.trim())
            .filter((item) => item !== "")
            .map(typed);
    }
    return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function describe(value: Value): string {
    return Array.isArray(value) ? "a list" : `a ${typeof value}`;
}
