import * as fs from "node:fs";

/** When the engine worked on a resource, in seconds since it was told to. */
export interface StepTime {
    begun: number;
    ended: number;
}

/** Of a line of the engine's event log, what is looked at. */
interface EngineEvent {
    resourcePreEvent?: { metadata: { urn: string } };
    resOutputsEvent?: { metadata: { urn: string } };
}

/**
 * Follows the event log of `pulumi up --event-log FILE` while it is written, because the engine stamps events with whole
 * seconds only.
 */
export class EngineEvents {
    /** URN → when; of resources that were done. */
    readonly steps = new Map<string, StepTime>();
    private readonly begun = new Map<string, number>();
    private readonly start = performance.now();
    private readonly timer: NodeJS.Timeout;
    private readonly log: number;
    private rest = "";

    /** @param file is made anew. */
    constructor(file: string) {
        this.log = fs.openSync(file, "w+");
        this.timer = setInterval(() => this.read(), 20);
    }

    /** Reads what is left; after the engine has ended. */
    close(): void {
        clearInterval(this.timer);
        this.read();
        fs.closeSync(this.log);
    }

    private read(): void {
        const buffer = Buffer.alloc(1 << 16);
        let bytes: number;
        while ((bytes = fs.readSync(this.log, buffer)) > 0) {
            // Only names are read of it, which are ASCII; other characters may be cut.
            this.take(buffer.toString("latin1", 0, bytes), (performance.now() - this.start) / 1000);
        }
    }

    /** @param seconds when it was read. */
    private take(text: string, seconds: number): void {
        const lines = (this.rest + text).split("\n");
        this.rest = lines.pop() ?? "";
        for (const line of lines) {
            const { resourcePreEvent: pre, resOutputsEvent: done } = JSON.parse(
                line,
            ) as EngineEvent;
            if (pre) this.begun.set(pre.metadata.urn, seconds);
            const begun = done && this.begun.get(done.metadata.urn);
            if (begun !== undefined) this.steps.set(done!.metadata.urn, { begun, ended: seconds });
        }
    }
}
