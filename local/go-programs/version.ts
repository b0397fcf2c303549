/** Whether `version` is `minimum` or newer. A pre-release counts as older than its release. */
export function isAtLeast(version: string, minimum: string): boolean {
    const parse = (v: string) =>
        v
            .split(/[-+]/)[0]!
            .split(".")
            .map((n) => Number.parseInt(n, 10) || 0);
    const have = parse(version);
    const need = parse(minimum);
    for (let i = 0; i < 3; i++) {
        if ((have[i] ?? 0) !== (need[i] ?? 0)) return (have[i] ?? 0) > (need[i] ?? 0);
    }
    return !version.includes("-");
}
