import { invalidField } from "./api-error";

export type Labels = Record<string, string>;

const word = "[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?";
const prefix = "[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/";
const keyPattern = new RegExp(`^(?:${prefix})?${word}$`);
const valuePattern = new RegExp(`^(?:${word})?$`);

/**
 * Checks label keys and values against docs.hetzner.cloud, "Labels".
 *
 * @throws ApiError `invalid_input` that names the first wrong one.
 */
export function checkLabels(labels: Labels): void {
    for (const [key, value] of Object.entries(labels)) {
        if (!keyPattern.test(key)) throw invalidField("labels", `label key '${key}' is not valid`);
        if (!valuePattern.test(value)) {
            throw invalidField("labels", `label value '${value}' (key: ${key}) is not valid`);
        }
    }
}

type Requirement = (labels: Labels) => boolean;

/**
 * Compiles a label selector: `k`, `!k`, `k=v`, `k==v`, `k!=v`, `k in (a,b)`, `k notin (a,b)`, joined by commas.
 *
 * @throws ApiError `invalid_input` when it can't be read.
 */
export function labelSelector(selector: string): Requirement {
    const requirements = splitOutsideParentheses(selector).map((text) => requirement(text.trim()));
    return (labels) => requirements.every((holds) => holds(labels));
}

function requirement(text: string): Requirement {
    const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
    if (set) {
        const [, key = "", operator, list = ""] = set;
        const values = new Set(list.split(",").map((value) => value.trim()));
        const wanted = operator === "in";
        return (labels) => (key in labels && values.has(labels[key]!)) === wanted;
    }
    const equality = /^([^\s=!]+)\s*(==|=|!=)\s*(\S*)$/.exec(text);
    if (equality) {
        const [, key = "", operator, value] = equality;
        return (labels) => (labels[key] === value) === (operator !== "!=");
    }
    const existence = /^(!?)([^\s=!(),]+)$/.exec(text);
    if (existence) {
        const [, not, key = ""] = existence;
        return (labels) => key in labels === (not === "");
    }
    throw invalidField("label_selector", `can't read '${text}'`);
}

function splitOutsideParentheses(text: string): string[] {
    const parts: string[] = [""];
    let depth = 0;
    for (const character of text) {
        if (character === "(") depth++;
        if (character === ")") depth--;
        if (character === "," && depth === 0) parts.push("");
        else parts[parts.length - 1] += character;
    }
    return parts;
}
