/** The middle of some measurements, and how far they lie apart. */
export interface Figure {
    median: number;
    least: number;
    most: number;
}

export function figure(measurements: readonly number[]): Figure {
    const sorted = [...measurements].sort((a, b) => a - b);
    const middle = Math.floor(sorted.length / 2);
    const upper = sorted[middle] ?? NaN;
    const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? NaN;
    return { median: (lower + upper) / 2, least: sorted[0] ?? NaN, most: sorted.at(-1) ?? NaN };
}

/** Rows of text in columns, right-aligned. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
    const all = [heads, ...rows];
    const widths = heads.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
    return all
        .map((row) => row.map((cell, column) => cell.padStart(widths[column]!)).join("  "))
        .join("\n");
}
