import { isIP } from "node:net";
import { emailProblem, isHostName, nearestName } from "../names";
import type { Problem } from "../problem";

/** A fault of one value: what is wrong goes behind the value. */
export function fault(path: string, value: unknown, wrong: string, remedy: string): Problem {
    return { path, reason: `${JSON.stringify(value) ?? String(value)} ${wrong}.`, remedy };
}

/** What is wrong with a number that has to be whole and within a range. */
export function numberProblems(
    path: string,
    value: number | undefined,
    { from, to, remedy }: { from: number; to: number; remedy: string },
): Problem[] {
    if (value !== undefined && Number.isInteger(value) && value >= from && value <= to) return [];
    const shown = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "It");
    return [{ path, reason: `${shown} is not a whole number from ${from} to ${to}.`, remedy }];
}

/** What is wrong with a value that has to be one of a few; a value left out is right. */
export function choiceProblems(
    path: string,
    value: string | undefined,
    choices: readonly string[],
): Problem[] {
    if (value === undefined || choices.includes(value)) return [];
    const near = nearestName(String(value), choices);
    return [
        fault(
            path,
            value,
            "is not one of the choices",
            `${near === undefined ? "" : `Did you mean ${near}? `}Choose ${choices.join(", ")}.`,
        ),
    ];
}

/** Whether a JavaScript caller gave a list where the type asks for one. */
export function isList(value: unknown): boolean {
    return Array.isArray(value);
}

/** What is wrong with the entries of a list; one that stands there twice counts as wrong. */
export function listProblems(
    path: string,
    values: readonly string[] | undefined,
    problemsOf: (path: string, value: string) => Problem[],
): Problem[] {
    if (values === undefined) return [];
    if (!isList(values)) {
        return [fault(path, values, "is not a list", `Write ["…"], also for a single entry.`)];
    }
    const seen = new Set<string>();
    return values.flatMap((value, index) => {
        const entry = `${path}[${index}]`;
        if (typeof value !== "string") return textProblems(entry, value);
        const repeated = seen.has(value);
        seen.add(value);
        return repeated
            ? [fault(entry, value, "stands in the list twice", "Remove one of the two.")]
            : problemsOf(entry, value);
    });
}

/** That a JavaScript caller gave no text where the type asks for one. */
export function textProblems(path: string, value: unknown): Problem[] {
    if (typeof value === "string") return [];
    return [fault(path, value, "is not a text", "Write it in quotes.")];
}

export function emailProblems(path: string, value: string): Problem[] {
    if (typeof value !== "string") return textProblems(path, value);
    const problem = emailProblem(path, value);
    return problem === undefined ? [] : [problem];
}

/** What is wrong with where reports are sent: an e-mail address, or an `https:` URL. */
export function addressOrUrlProblems(path: string, value: string): Problem[] {
    if (value.includes("://")) return httpsUrlProblems(path, value);
    return emailProblem(path, value) === undefined
        ? []
        : [
              fault(
                  path,
                  value,
                  "is neither an e-mail address nor an https: URL",
                  "Give one such as you@example.com or https://example.com/reports.",
              ),
          ];
}

export function httpsUrlProblems(path: string, value: unknown): Problem[] {
    const url =
        typeof value === "string" && URL.canParse(value) && !/\s/.test(value)
            ? new URL(value)
            : undefined;
    const plain = url?.protocol === "https:" && url.username === "" && url.password === "";
    if (plain && isHostName(url.hostname) && isIP(url.hostname) === 0) return [];
    return [
        fault(
            path,
            value,
            "is not an https: URL that everyone can read",
            "Write it as https://host.example/path, without user name and password.",
        ),
    ];
}
