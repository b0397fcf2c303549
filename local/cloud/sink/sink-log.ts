import * as fs from "node:fs";

/** Name of the log in a cloud's folder. */
export const sinkLogName = "mail-sink.jsonl";

/** What the mail sink found of one message: a line of its log. */
export interface SinkLine {
    /** When it was taken, ISO 8601. */
    time: string;
    /** Envelope sender; empty for a bounce. */
    from: string;
    /** Envelope recipients. */
    to: string[];
    subject: string | null;
    /** With its angle brackets. */
    messageId: string | null;
    /** Null: it came in plain text. */
    tls: { protocol: string; cipher: string } | null;
    /** The name that the client greeted with. */
    ehlo: string;
    /** The client's own address: what SPF and the reverse look-up are about. */
    clientAddress: string;
    /** The address that the connection came from; differs where it passes a user network on its way. */
    connectedFrom: string;
    /** The names that the client's address has. */
    ptr: string[];
    /** Whether the name of the greeting is the only one of the address, and has that address itself. */
    ehloConfirmed: boolean;
    spf: { result: string; domain: string };
    /** One of each signature. */
    dkim: { domain: string; selector: string; result: string; aligned: boolean }[];
    dmarc: {
        result: string;
        /** Of the sender's domain: `none`, `quarantine`, `reject`. */
        policy: string;
        /** The domain that each way is aligned with; null where it is not. */
        alignedSpf: string | null;
        alignedDkim: string | null;
    } | null;
}

/** Everything that the sink has taken, oldest first. */
export function readSinkLog(file: string): SinkLine[] {
    if (!fs.existsSync(file)) return [];
    return (
        fs
            .readFileSync(file, "utf8")
            .split("\n")
            // A line that is being written has no end yet.
            .slice(0, -1)
            .map((line) => JSON.parse(line) as SinkLine)
    );
}
