import * as fs from "node:fs";
import * as path from "node:path";

/** `cloud-init/host`, found upwards, so that it is found from the source and from a built package alike. */
function templateFolder(): string {
    for (let folder = __dirname; ; folder = path.dirname(folder)) {
        const candidate = path.join(folder, "cloud-init", "host");
        if (fs.existsSync(candidate)) return candidate;
        if (folder === path.dirname(folder)) {
            throw new Error(
                `pulumi-mailhost: the folder cloud-init/host is missing above ${__dirname}. Install the package again.`,
            );
        }
    }
}

/** Replaces `@NAME@`; refuses when text and values are out of step. */
function fill(file: string, values: Record<string, string>): string {
    const used = new Set<string>();
    const text = fs.readFileSync(file, "utf8").replace(/@([A-Z][A-Z_]*)@/g, (_, key: string) => {
        const value = values[key];
        if (value === undefined) throw new Error(`${file}: no value for @${key}@`);
        used.add(key);
        return value;
    });
    for (const key of Object.keys(values)) {
        if (!used.has(key)) throw new Error(`${file}: has no placeholder @${key}@`);
    }
    return text;
}

/** A part of a script, from `cloud-init/host`, without the lines that are for its linter. */
export function hostFragment(name: string, values: Record<string, string> = {}): string {
    return hostTemplate(name, values)
        .replace(/^(# shellcheck .*\n+)+/, "")
        .trimEnd();
}

/**
 * A file that lands on the host, from `cloud-init/host`.
 *
 * @param values replace `@NAME@`.
 * @throws Error when a placeholder has no value or a value no placeholder: the two files are out of step.
 */
export function hostTemplate(name: string, values: Record<string, string> = {}): string {
    return fill(path.join(templateFolder(), name), values);
}
