import ipaddr from "ipaddr.js";
import * as z from "zod";
import { ApiError, invalidBody, unsupported, type CloudflareError } from "./api-error";
import { fullName } from "./names";
import { plans } from "./plans";
import { isRecordType, otherTypes, recordKinds, type RecordContent } from "./record-types";
import { newId, timestamp, type StoredRecord, type StoredZone } from "./store";
import { txtStrings, txtText } from "./txt-content";

/** Source: developers.cloudflare.com/dns, "DNS record types". */
const limits = { recordBytes: 4096, nameAndTypeCharacters: 8192 };

const sameNameHelp =
    "For more details, refer to <https://developers.cloudflare.com/dns/manage-dns-records/troubleshooting/records-with-same-name/>.";

const recordBody = z.object({
    name: z.string(),
    type: z.string(),
    content: z.string().nullish(),
    data: z.record(z.string(), z.unknown()).nullish(),
    priority: z.number().nullish(),
    ttl: z.unknown().optional(),
    proxied: z.boolean().nullish(),
    comment: z.string().nullish(),
    tags: z.array(z.string()).nullish(),
    settings: z.record(z.string(), z.boolean().nullish()).nullish(),
});

/**
 * The record that a body describes, new or in place of another one, checked against those that the zone has.
 * The codes are quoted by clients' issues, unless a comment says otherwise.
 *
 * @throws ApiError with everything that is wrong.
 */
export function makeRecord(zone: StoredZone, body: unknown, before?: StoredRecord): StoredRecord {
    const parsed = recordBody.safeParse(body);
    if (!parsed.success) {
        const [issue] = parsed.error.issues;
        const where = issue?.path.join(".") || "body";
        throw invalidBody(`Request body is invalid: ${where}: ${issue?.message ?? "invalid"}.`);
    }
    const given = parsed.data;
    const type = given.type.toUpperCase();
    if (otherTypes.includes(type)) throw unsupported(`${type} records`);
    // The code is not verified.
    if (!isRecordType(type)) throw invalidBody(`Request body is invalid: type: ${given.type}.`);

    const problems: CloudflareError[] = [];
    const name = fullName(given.name, zone.name);
    const content = recordKinds[type].normalise(
        {
            content: given.content ?? undefined,
            data: given.data ?? undefined,
            priority: given.priority ?? undefined,
        },
        zone.name,
        problems,
    );
    const proxied = given.proxied ?? false;
    const ttl = proxied ? 1 : (given.ttl ?? 1);
    if (!isTtl(ttl)) {
        problems.push({
            code: 9021,
            message: "TTL must be between 60 and 86400 seconds, or 1 for Automatic.",
        });
    }
    const comment = given.comment || null;
    const tags = given.tags ?? [];
    const now = timestamp();
    const record: StoredRecord = {
        id: before?.id ?? newId(),
        name,
        type,
        ...content,
        ttl: isTtl(ttl) ? ttl : 1,
        proxied,
        comment,
        tags,
        settings: Object.fromEntries(
            Object.entries(given.settings ?? {}).flatMap(([key, on]) => (on ? [[key, on]] : [])),
        ),
        created_on: before?.created_on ?? now,
        modified_on: now,
        ...stampOf("comment_modified_on", before, comment === (before?.comment ?? null), now),
        ...stampOf("tags_modified_on", before, tags.join() === (before?.tags ?? []).join(), now),
    };
    problems.push(...attributeProblems(zone, record));
    if (problems.length > 0) throw new ApiError(400, ...problems);
    checkBeside(zone, record);
    return record;
}

function isTtl(ttl: unknown): ttl is number {
    return (
        Number.isInteger(ttl) && (ttl === 1 || ((ttl as number) >= 60 && (ttl as number) <= 86400))
    );
}

function stampOf(
    name: "comment_modified_on" | "tags_modified_on",
    before: StoredRecord | undefined,
    same: boolean,
    now: string,
): Partial<StoredRecord> {
    const stamp = same ? before?.[name] : now;
    return stamp === undefined ? {} : { [name]: stamp };
}

/** Whether Cloudflare's proxy could stand in front of it. */
export function isProxiable({ type, content }: Pick<StoredRecord, "type" | "content">): boolean {
    if (type === "CNAME") return true;
    return (
        (type === "A" || type === "AAAA") &&
        ipaddr.isValid(content) &&
        ipaddr.parse(content).range() === "unicast"
    );
}

function attributeProblems(zone: StoredZone, record: StoredRecord): CloudflareError[] {
    const { type, content, proxied, comment, tags } = record;
    const plan = plans[zone.plan];
    const problems: CloudflareError[] = [];
    if (proxied && !["A", "AAAA", "CNAME"].includes(type)) {
        problems.push({ code: 9004, message: "This record type cannot be proxied." });
    } else if (proxied && !isProxiable(record)) {
        const message = `Target ${content} is not allowed for a proxied record.`;
        problems.push({ code: 9003, message });
    }
    if (tags.length > plan.tags) {
        const message = `DNS record has ${tags.length} tags, exceeding the quota of ${plan.tags}.`;
        problems.push({ code: 9300, message });
    }
    if ([...(comment ?? "")].length > plan.commentCharacters) {
        const message = `DNS record comment exceeds the maximum length of ${plan.commentCharacters} characters.`;
        problems.push({ code: 9313, message });
    }
    if (wireLength(record) > limits.recordBytes) {
        problems.push({
            code: 9015,
            message: `Record content exceeds the allowed length of ${limits.recordBytes} wire format bytes.`,
        });
    }
    return problems;
}

function wireLength({ type, content }: StoredRecord): number {
    if (type !== "TXT") return Buffer.byteLength(content);
    return (txtStrings(content) ?? []).reduce((sum, string) => sum + string.length + 1, 0);
}

/** What tells a record from others of its name and type. */
function identity(record: RecordContent & Pick<StoredRecord, "type">): string {
    const { type, content, priority, data } = record;
    if (type === "TXT") return txtText(content);
    return JSON.stringify([priority, data ?? content]);
}

/** @throws ApiError when the record can't stand beside those that the zone has. */
function checkBeside(zone: StoredZone, record: StoredRecord): void {
    const { name, type } = record;
    const others = zone.records.filter(({ id }) => id !== record.id);
    const here = others.filter((other) => other.name === name);
    const alias = here.find((other) => other.type === "CNAME");
    const isAddress = type === "A" || type === "AAAA";
    // At the apex the real API takes them beside others, and ignores them.
    if (name !== zone.name && here.some((other) => (other.type === "NS") !== (type === "NS"))) {
        throw new ApiError(
            400,
            type === "NS"
                ? { code: 81055, message: "Non-NS records with that host already exist." }
                : { code: 81056, message: "NS records with that host already exist." },
        );
    }
    if (isAddress && alias) {
        const message = `A CNAME record with that host already exists. ${sameNameHelp}`;
        throw new ApiError(400, { code: 81054, message });
    }
    if (type === "CNAME" && here.some((other) => ["A", "AAAA", "CNAME"].includes(other.type))) {
        const message = `An A, AAAA, or CNAME record with that host already exists. ${sameNameHelp}`;
        throw new ApiError(400, { code: 81053, message });
    }
    // The real API takes these: it answers with the target's records in place of the CNAME.
    if (type === "CNAME" && name === zone.name) {
        throw unsupported("a CNAME at the apex, by flattening");
    }
    if (type === "CNAME" ? here.length > 0 : alias) {
        throw unsupported("a CNAME beside other records");
    }
    const alike = here.filter((other) => other.type === type);
    if (alike.some((other) => identity(other) === identity(record))) {
        const message = "An identical record already exists.";
        throw new ApiError(400, { code: 81058, message });
    }
    const characters = [...alike, record].reduce((sum, { content }) => sum + content.length, 0);
    if (characters > limits.nameAndTypeCharacters) {
        // The end of the message is not verified.
        const message = `Combined content length of records with this name and type exceeds the allowed length of ${limits.nameAndTypeCharacters} characters.`;
        throw new ApiError(400, { code: 83011, message });
    }
    if (others.length >= plans[zone.plan].records) {
        throw new ApiError(400, { code: 81045, message: "Record quota exceeded." });
    }
}
