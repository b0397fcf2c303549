import type { StateResource } from "../cli/deployment";

/** A step and what has to be done before it. */
export interface ChainStep {
    seconds: number;
    /** Names of steps. Those that are not there are passed over. */
    after: readonly string[];
}

/**
 * The chain of steps, each waiting for the one before, that takes longest: no number of hands is faster.
 *
 * @throws Error when steps wait for each other in a circle.
 */
export function longestChain(steps: ReadonlyMap<string, ChainStep>): string[] {
    /** Name → seconds up to its end, and the step before it on the longest way there. */
    const found = new Map<string, { seconds: number; before?: string }>();
    const open = new Set<string>();
    const reach = (name: string): number => {
        const known = found.get(name);
        if (known) return known.seconds;
        const step = steps.get(name);
        if (!step) return 0;
        if (open.has(name)) throw new Error(`${name} waits for itself.`);
        open.add(name);
        let longest = 0;
        let before: string | undefined;
        for (const earlier of step.after) {
            const seconds = reach(earlier);
            if (!steps.has(earlier) || (before !== undefined && seconds <= longest)) continue;
            longest = seconds;
            before = earlier;
        }
        open.delete(name);
        found.set(name, { seconds: longest + step.seconds, before });
        return longest + step.seconds;
    };
    let last: string | undefined;
    for (const name of steps.keys()) {
        if (reach(name) > (last === undefined ? -1 : reach(last))) last = name;
    }
    const chain: string[] = [];
    while (last !== undefined) {
        chain.unshift(last);
        last = found.get(last)?.before;
    }
    return chain;
}

/** What a resource of the state waited for when it was made: its dependencies, its parent and its provider. */
export function waitsFor({ dependencies, parent, provider }: StateResource): string[] {
    const text = (value: unknown) => (typeof value === "string" ? [value] : []);
    return [
        ...(Array.isArray(dependencies) ? dependencies.flatMap(text) : []),
        ...text(parent),
        // `URN::ID`
        ...text(provider).map((reference) => reference.slice(0, reference.lastIndexOf("::"))),
    ];
}
