import { setTimeout as sleep } from "node:timers/promises";
import { LineReader, type Outside } from "../local/proof/outside";

/** The ports that serve the certificate, and whether the server speaks first once TLS stands. */
const watched = new Map([
    [25, { starttls: true, greets: false }],
    [443, { starttls: false, greets: false }],
    [465, { starttls: false, greets: true }],
    [993, { starttls: false, greets: true }],
    [995, { starttls: false, greets: true }],
]);
export const watchedPorts = [...watched.keys()];

/** A new connection is begun this often at each port. */
const everyMilliseconds = 20;
/** So many that are not through yet are let stand at a port before the next is begun. */
const mostOpen = 10;

/** When a new connection was through at a port, in milliseconds of `performance.now()`. */
export type Successes = readonly number[];

/**
 * Connects to every port again and again, whole: TCP, TLS under a verified certificate, and the server's greeting, on
 * port 25 the greeting and STARTTLS. Port 443 is the web site behind the router.
 */
export class PortWatch {
    private readonly through = new Map<number, number[]>(watchedPorts.map((port) => [port, []]));
    private readonly watching: Promise<unknown>;
    private stopped = false;

    constructor(private readonly outside: Outside) {
        this.watching = Promise.all(watchedPorts.map((port) => this.watch(port)));
    }

    /** Waits until each port was reached after now. @throws Error when one is not. */
    async reachesAll(seconds: number): Promise<void> {
        const now = performance.now();
        const missing = () => watchedPorts.filter((port) => !(this.last(port) > now));
        while (missing().length > 0) {
            if (performance.now() > now + seconds * 1000) {
                throw new Error(`Not reached within ${seconds} s: ${missing().join(", ")}.`);
            }
            await sleep(50);
        }
    }

    /** Ends; port → successes, in order. */
    async stop(): Promise<ReadonlyMap<number, Successes>> {
        this.stopped = true;
        await this.watching;
        return this.through;
    }

    private last(port: number): number {
        return this.through.get(port)?.at(-1) ?? 0;
    }

    private async watch(port: number): Promise<void> {
        const open = new Set<Promise<void>>();
        while (!this.stopped) {
            if (open.size < mostOpen) {
                const attempt = this.connect(port)
                    .then(() => void this.through.get(port)?.push(performance.now()))
                    // Refused or cut: what is measured.
                    .catch(() => undefined)
                    .finally(() => open.delete(attempt));
                open.add(attempt);
            }
            await sleep(everyMilliseconds);
        }
        await Promise.all(open);
    }

    private async connect(port: number): Promise<void> {
        const { starttls, greets } = watched.get(port)!;
        const name = port === 443 ? this.outside.domain : this.outside.hostName;
        const socket = await this.outside.connect(port, name, { starttls });
        try {
            if (greets) await new LineReader(socket).next();
        } finally {
            socket.destroy();
        }
    }
}

/** The longest time from one of the moments to the next. NaN when there are not two. */
export function longestGap(moments: Successes): number {
    const gaps = moments.slice(1).map((moment, i) => moment - moments[i]!);
    return gaps.length === 0 ? NaN : Math.max(...gaps);
}
