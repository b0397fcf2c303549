import { commentPrefix } from "./cloudflare-arguments";
import { presentation } from "./presentation";
import { recordKey, type PlannedRecord, type RecordData, type Value } from "./record";

/** A record that a zone already has. */
export interface ExistingRecord {
    id: string;
    name: string;
    type: string;
    /** As Cloudflare shows it. */
    content: string;
    comment?: string;
    /** Made by Cloudflare's Email Routing, which keeps it as it is. */
    emailRouting?: boolean;
}

/** A foreign record beside which a planned one must not, or can't, be published. */
export interface Conflict {
    zone: string;
    existing: ExistingRecord;
    planned: PlannedRecord;
    /** Half a sentence that follows the existing record: what is wrong. */
    why: string;
    /** Whether the existing record can become the planned one by an import and an update. */
    importable: boolean;
}

/** What tells this stack's records from others. */
export interface Ownership {
    /** The comment of this stack's records. */
    comment: string;
    /** Ids of records that the operator has imported, or lets stand; comments of this stack's under a former name. */
    adopt: readonly string[];
}

/** Types of which no second record of a name may stand beside ours: it would take a share of what is ours. */
const exclusiveTypes = new Map<string, string>([
    ["A", "a part of the connections would go there"],
    ["AAAA", "a part of the connections would go there"],
    ["MX", "a part of the mail would go there"],
    ["SRV", "a part of the mail programs would go there"],
    ["HTTPS", "browsers would take either"],
]);

/** TXT records that are read by their first tag, one a name (RFC 7208 §4.5, 7489 §6.6.3, 8461 §3.1, 8460 §3). */
const tags = ["v=spf1", "v=DMARC1", "v=STSv1", "v=TLSRPTv1", "v=BIMI1", "path="];

/**
 * The records of a zone that clash with what is planned for it, whatever the planned content is: at a first preview
 * it is not known. A record without the stack's comment is foreign. A pure function.
 */
export function conflictsOf(
    zone: string,
    planned: readonly PlannedRecord[],
    existing: readonly ExistingRecord[],
    ownership: Ownership,
): Conflict[] {
    const byName = new Map<string, PlannedRecord[]>();
    for (const record of planned) {
        const others = byName.get(record.name);
        if (others) others.push(record);
        else byName.set(record.name, [record]);
    }
    const isOwn = (record: ExistingRecord) => isOfThisStack(record, ownership);
    // What a resource of this stack holds already can't be given another record.
    const taken = new Set(
        existing.filter(isOwn).flatMap((own) => {
            const planned = byName.get(own.name.toLowerCase()) ?? [];
            return planned.filter(({ data }) => data.type === own.type && isOfKind(own, data));
        }),
    );
    return existing
        .filter((record) => isForeign(record, ownership))
        .flatMap((found) => {
            const name = found.name.toLowerCase();
            const clash =
                found.type === "NS" && name !== zone
                    ? delegation(name, planned)
                    : clashAt(found, byName.get(name) ?? [], name === zone);
            if (clash === undefined) return [];
            const importable =
                clash.importable &&
                // Email Routing's can't be changed; another stack's is in its state.
                !found.emailRouting &&
                !isOfStack(found) &&
                !taken.has(clash.planned);
            if (importable) taken.add(clash.planned);
            return [{ zone, existing: found, ...clash, importable }];
        });
}

function isOfThisStack({ comment = "" }: ExistingRecord, ownership: Ownership): boolean {
    return comment === ownership.comment || ownership.adopt.includes(comment);
}

/** Whether a record is neither this stack's nor adopted. */
export function isForeign(record: ExistingRecord, ownership: Ownership): boolean {
    return !isOfThisStack(record, ownership) && !ownership.adopt.includes(record.id);
}

type Clash = Pick<Conflict, "planned" | "why" | "importable">;

/** Below a delegation, and at it, another server answers (RFC 1034 §4.2.1). */
function delegation(name: string, planned: readonly PlannedRecord[]): Clash | undefined {
    const hidden = planned.find(
        (record) => record.name === name || record.name.endsWith(`.${name}`),
    );
    if (!hidden) return undefined;
    const why = `gives ${name} to other name servers, which then answer for ${hidden.name}`;
    return { planned: hidden, why, importable: false };
}

function clashAt(
    found: ExistingRecord,
    planned: readonly PlannedRecord[],
    atApex: boolean,
): Clash | undefined {
    // Cloudflare answers for the apex itself, with the addresses that the alias leads to:
    // https://developers.cloudflare.com/dns/cname-flattening/
    const flattened = atApex && found.type === "CNAME";
    const [first] = flattened
        ? planned.filter(({ data }) => ["A", "AAAA", "CNAME"].includes(data.type))
        : planned;
    if (!first) return undefined;
    const alias = planned.find(({ data }) => data.type === "CNAME");
    if (alias !== undefined || found.type === "CNAME") {
        const same = alias !== undefined && found.type === "CNAME";
        const why = same
            ? `is the CNAME record of a name that leads to ${targetOf(alias.data)} from now on`
            : `can't stand beside the ${(alias ?? first).data.type} record that is planned: a CNAME record stands alone (RFC 2181 §10.1)`;
        return { planned: alias ?? first, why, importable: same };
    }
    const rivals = planned.filter(({ data }) => data.type === found.type);
    const identical = rivals.find(({ data }) => isSame(found, data));
    const rival = identical ?? rivals[0];
    if (!rival) return undefined;
    const shared = exclusiveTypes.get(found.type);
    if (shared !== undefined) {
        return {
            planned: rival,
            why: `stands beside the one planned: ${shared}`,
            importable: true,
        };
    }
    const kind = found.type === "TXT" ? kindOf(found.name, plain(found.content)) : undefined;
    const same = rivals.find(
        ({ name, data }) =>
            kind !== undefined && data.type === "TXT" && kindOf(name, textOf(data.text)) === kind,
    );
    if (same) {
        const why = `is a second ${kind} record of the name, and with two of them neither counts`;
        return { planned: same, why, importable: true };
    }
    if (!identical) return undefined;
    const why = "is the planned one already, which Cloudflare refuses to make twice";
    return { planned: identical, why, importable: true };
}

function targetOf(data: RecordData): string {
    return data.type === "CNAME" ? data.target : "";
}

/** Whether the record is one that a planned one of its name and type would be, as far as that can be told. */
function isOfKind(own: ExistingRecord, data: RecordData): boolean {
    if (data.type === "CAA") return plain(own.content).startsWith(`${data.flags} ${data.tag} `);
    if (data.type !== "TXT") return true;
    return kindOf(own.name, plain(own.content)) === kindOf(own.name, textOf(data.text));
}

function isOfStack({ comment }: ExistingRecord): boolean {
    return comment?.startsWith(commentPrefix) ?? false;
}

/** What a TXT record is for, where one name has at most one of the kind. Every one below `_domainkey` is a key. */
function kindOf(name: string, text: string): string | undefined {
    if (name.includes("._domainkey.")) return "DKIM key";
    // White space may stand around the sign (RFC 7489 §6.4).
    const start = text.toLowerCase().replace(/\s*=\s*/, "=");
    return tags.find((tag) => start.startsWith(tag.toLowerCase()));
}

/** The text up to the first part that is not known yet: tags are always known. */
function textOf(parts: readonly Value[]): string {
    let text = "";
    for (const part of parts) {
        if (typeof part !== "string") break;
        text += part;
    }
    return text;
}

function isSame(found: ExistingRecord, data: RecordData): boolean {
    if (!isKnown(data)) return false;
    return plain(found.content) === plain(presentation(data));
}

function isKnown(data: RecordData): data is RecordData<string> {
    const values: readonly unknown[] =
        data.type === "TXT" ? data.text : data.type === "CAA" ? data.value : Object.values(data);
    return values.every((value) => typeof value !== "object");
}

/** The content of a record without what makes no difference to Cloudflare: quotes, case and a name's last dot. */
export function plain(content: string): string {
    return content.replace(/"\s+"/g, "").replaceAll('"', "").toLowerCase().replace(/\.$/, "");
}

/**
 * Everything that clashes, and the way out, as one message.
 *
 * @param name what stands before the records' keys in the names of their resources.
 * @param zoneIds zone → its id.
 */
export function conflictMessage(
    conflicts: readonly Conflict[],
    name: string,
    zoneIds: Readonly<Record<string, string>>,
): string {
    const count = conflicts.length === 1 ? "1 record" : `${conflicts.length} records`;
    const imports = conflicts
        .filter(({ importable }) => importable)
        .map(
            ({ zone, existing, planned }) =>
                `  pulumi import --yes --protect=false --generate-code=false cloudflare:index/dnsRecord:DnsRecord ` +
                `'${name}-${recordKey(planned)}' '${zoneIds[zone] ?? zone}/${existing.id}'`,
        );
    return [
        `${count} at Cloudflare can't stay as they are beside the planned ones; none was changed:`,
        ...conflicts.map((conflict) => `  ${describe(conflict)}`),
        "Remove what is not needed any more (https://dash.cloudflare.com: zone, DNS, Records). What is wanted beside ours " +
            "is let stand: add its id to the DNS setting `adopt` (mailhost:dns.adopt in the configuration).",
        ...(imports.length === 0
            ? []
            : [
                  "To take a record over instead, so that it is changed in place and never gone, import it with the " +
                      "line below, add its id to `adopt`, and run `pulumi up`:",
                  ...imports,
              ]),
    ].join("\n");
}

function describe({ zone, existing, why, importable }: Conflict): string {
    const { type, name, content, id, comment, emailRouting } = existing;
    const mark = comment ? `, comment ${JSON.stringify(comment)}` : "";
    return `${zone}: ${type} ${name} ${content} (id ${id}${mark}) ${why}. ${wayOut()}`;

    function wayOut(): string {
        if (emailRouting) {
            return "It belongs to Cloudflare's Email Routing: disable that (zone, Email, Email Routing, Settings).";
        }
        if (isOfStack(existing)) {
            return "Another stack made it; if that is this one under a former name, add the comment to `adopt`.";
        }
        return importable ? "Remove or import it." : "Remove it.";
    }
}
