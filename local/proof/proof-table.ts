import type { Timings } from "../progress";
import type { Proof } from "./proof";

const width = 110;

/**
 * One table: what was made and how long it took, then what was proven and what was seen of it.
 *
 * @param seconds of the whole; steps that ran side by side count once in it.
 */
export function renderProofTable(
    timings: Timings,
    proofs: readonly Proof[],
    seconds: number,
): string {
    const steps = Object.entries(timings);
    const names = [...steps.map(([name]) => name), ...proofs.map(({ name }) => name), "in all"];
    const nameWidth = Math.max(...names.map((name) => name.length));
    const row = (mark: string, name: string, taken: number, detail = ""): string[] => {
        const start = `${mark.padEnd(6)}  ${name.padEnd(nameWidth)}  ${time(taken)}  `;
        const [first = "", ...further] = wrap(detail, Math.max(40, width - start.length));
        const indent = " ".repeat(start.length);
        return [start + first, ...further.map((line) => indent + line)].map((line) =>
            line.trimEnd(),
        );
    };
    return [
        ...steps.flatMap(([name, taken]) => row("", name, taken)),
        ...proofs.flatMap(({ name, ok, detail, seconds: taken }) =>
            row(ok ? "proven" : "FAILED", name, taken, detail),
        ),
        ...row("", "in all", seconds, verdict(proofs)),
    ].join("\n");
}

function verdict(proofs: readonly Proof[]): string {
    const failed = proofs.filter(({ ok }) => !ok).length;
    return failed === 0
        ? `${proofs.length} of ${proofs.length} proven`
        : `${failed} of ${proofs.length} FAILED`;
}

function time(seconds: number): string {
    return `${seconds.toFixed(1).padStart(7)} s`;
}

/** Cuts a text at blanks, where it can. */
function wrap(text: string, columns: number): string[] {
    const lines: string[] = [];
    for (const word of text.split(/\s+/)) {
        const last = lines.at(-1);
        if (last !== undefined && last.length + 1 + word.length <= columns) {
            lines[lines.length - 1] = `${last} ${word}`;
        } else {
            lines.push(word);
        }
    }
    return lines;
}
