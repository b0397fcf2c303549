import { randomBytes } from "node:crypto";
import type { Collection } from "mongodb";
import type { Environment } from "./environment";
import { database } from "./mongo";

/** A message on its way out. */
export interface Email {
    _id: string;
    domain: string;
    owner: string;
    status: "queued" | "deferred" | "sent" | "bounced" | "rejected";
    envelope: { from: string; to: string[] };
    /** Base64: what the database stores in any case. */
    message: string;
    attempts: number;
    /** Milliseconds since 1970. */
    next_attempt: number;
    /** Recipients whose servers have taken it. */
    accepted: string[];
    error: { code: string; message: string } | null;
}

/** MongoDB's limit of 16 MB for a document, in base64 and with room for the rest. */
export const maximumQueuedBytes = 11_000_000;

export async function emails(environment: Environment): Promise<Collection<Email>> {
    return (await database(environment)).collection<Email>("emails");
}

/** @returns its id. */
export async function queueEmail(
    environment: Environment,
    email: Pick<Email, "domain" | "owner" | "envelope"> & { message: Buffer },
): Promise<string> {
    const _id = randomBytes(12).toString("hex");
    await (
        await emails(environment)
    ).insertOne({
        ...email,
        _id,
        message: email.message.toString("base64"),
        status: "queued",
        attempts: 0,
        next_attempt: Date.now(),
        accepted: [],
        error: null,
    });
    return _id;
}
