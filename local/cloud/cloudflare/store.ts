import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import type { RecordType } from "./record-types";

/** A record as it is kept: what is the same for every record of its type, or follows from it, is added in answers. */
export interface StoredRecord {
    id: string;
    /** Full, in lower-case ASCII, without a trailing dot. */
    name: string;
    type: RecordType;
    content: string;
    data?: Record<string, string | number>;
    priority?: number;
    ttl: number;
    proxied: boolean;
    comment: string | null;
    tags: string[];
    settings: Record<string, boolean>;
    created_on: string;
    modified_on: string;
    comment_modified_on?: string;
    tags_modified_on?: string;
}

export type PlanName = "free" | "pro";

export interface StoredZone {
    id: string;
    name: string;
    plan: PlanName;
    created_on: string;
    modified_on: string;
    dnssec: { enabled: boolean; modified_on: string | null };
    records: readonly StoredRecord[];
}

interface Contents {
    account: { id: string; created_on: string };
    zones: StoredZone[];
}

/** The zones in a file, which is whole at every time. */
export class ZoneStore {
    readonly account: Contents["account"];
    private readonly zones: Map<string, StoredZone>;
    private writing: Promise<void> = Promise.resolve();
    private next: Promise<void> | undefined;

    constructor(private readonly file: string) {
        const contents = fs.existsSync(file)
            ? (JSON.parse(fs.readFileSync(file, "utf8")) as Contents)
            : { account: { id: newId(), created_on: timestamp() }, zones: [] };
        this.account = contents.account;
        this.zones = new Map(contents.zones.map((zone) => [zone.id, zone]));
        fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    }

    all(): StoredZone[] {
        return [...this.zones.values()];
    }

    find(id: string): StoredZone | undefined {
        return this.zones.get(id);
    }

    named(name: string): StoredZone | undefined {
        return this.all().find((zone) => zone.name === name);
    }

    /** Resolves once the zone stands in the file. */
    put(zone: StoredZone): Promise<void> {
        this.zones.set(zone.id, zone);
        return this.save();
    }

    remove(id: string): Promise<void> {
        this.zones.delete(id);
        return this.save();
    }

    /** One write of the file covers every change that was made before it began. */
    private save(): Promise<void> {
        this.next ??= this.writing
            .catch(() => undefined)
            .then(async () => {
                this.next = undefined;
                const contents: Contents = { account: this.account, zones: this.all() };
                this.writing = this.write(JSON.stringify(contents));
                await this.writing;
            });
        return this.next;
    }

    private async write(text: string): Promise<void> {
        await fs.promises.writeFile(`${this.file}.next`, text, { mode: 0o600 });
        await fs.promises.rename(`${this.file}.next`, this.file);
    }
}

/** An identifier as the API has them. */
export function newId(): string {
    return randomBytes(16).toString("hex");
}

/** Now, in the API's form (microseconds). */
export function timestamp(): string {
    return new Date().toISOString().replace("Z", "000Z");
}
