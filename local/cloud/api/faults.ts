import * as z from "zod";

/** A fault to inject, so that tests can see what clients make of it. */
export const faultBody = z.object({
    method: z.string(),
    /** A regular expression over the path, e.g. `^/v1/servers$`. */
    path: z.string(),
    /** `hang-after-commit`: the change is made, the answer never comes. `status`: refused before anything is done. */
    kind: z.enum(["hang-after-commit", "status"]),
    status: z.int().min(400).max(599).optional(),
    times: z.int().min(1).optional(),
    /** How many such requests are let through first. */
    after: z.int().min(0).optional(),
});
export type Fault = z.output<typeof faultBody>;

export class Faults {
    private pending: { fault: Fault; skip: number; left: number }[] = [];

    inject(fault: Fault): void {
        this.pending.push({ fault, skip: fault.after ?? 0, left: fault.times ?? 1 });
    }

    clear(): void {
        this.pending = [];
    }

    /** The fault that this request meets; it is then used up once. */
    take(method: string, path: string): Fault | undefined {
        const entry = this.pending.find(
            ({ fault }) => fault.method === method && new RegExp(fault.path).test(path),
        );
        if (!entry) return undefined;
        if (entry.skip > 0) {
            entry.skip--;
            return undefined;
        }
        entry.left--;
        if (entry.left === 0) this.pending = this.pending.filter((other) => other !== entry);
        return entry.fault;
    }
}
