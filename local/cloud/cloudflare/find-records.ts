import { unsupported } from "./api-error";
import type { StoredRecord } from "./store";
import { txtText } from "./txt-content";

type Test = (record: StoredRecord) => boolean;

/** Ways of comparing a text with what is asked for; a plain filter, without one of them, is exact. */
const comparisons: Record<string, (text: string, wanted: string) => boolean> = {
    "": (text, wanted) => text === wanted,
    ".exact": (text, wanted) => text === wanted,
    ".contains": (text, wanted) => text.includes(wanted),
    ".startswith": (text, wanted) => text.startsWith(wanted),
    ".endswith": (text, wanted) => text.endsWith(wanted),
};

const orders = ["type", "name", "content", "ttl", "proxied"] as const;

/** The records that a query asks for, in its order. All filters ignore case, and those for content the quotes of TXT. */
export function findRecords(
    records: readonly StoredRecord[],
    query: URLSearchParams,
): StoredRecord[] {
    const tests = filtersOf(query);
    const search = query.get("search")?.toLowerCase() ?? "";
    const found = records.filter(
        (record) =>
            searched(record).includes(search) &&
            (query.get("match") === "any" && tests.length > 0
                ? tests.some((matches) => matches(record))
                : tests.every((matches) => matches(record))),
    );
    return inOrder(found, query);
}

function filtersOf(query: URLSearchParams): Test[] {
    const tests: Test[] = [];
    for (const [filter, asked] of query) {
        const wanted = asked.toLowerCase();
        const [field = "", how] = filter.split(/(?=\.)/);
        if (filter === "type") {
            tests.push(({ type }) => type.toLowerCase() === wanted);
        } else if (filter === "proxied") {
            tests.push(({ proxied }) => String(proxied) === wanted);
        } else if (filter === "comment.present" || filter === "comment.absent") {
            const present = filter === "comment.present";
            tests.push(({ comment }) => (comment !== null) === present);
        } else if (["name", "content", "comment"].includes(field)) {
            const compare = comparisons[how ?? ""];
            if (!compare) throw unsupported(`the filter ${filter}`);
            tests.push((record) => {
                if (field === "content" && record.type === "TXT") {
                    return compare(txtText(record.content).toLowerCase(), txtText(wanted));
                }
                const text = record[field as "name" | "content" | "comment"];
                return text !== null && compare(text.toLowerCase(), wanted);
            });
        } else if (["tag", "shadowed_by_name", "shadowing_name"].includes(field)) {
            throw unsupported(`the filter ${filter}`);
        }
    }
    return tests;
}

function searched({ name, type, content, comment }: StoredRecord): string {
    return [name, type, content, comment ?? ""].join("\n").toLowerCase();
}

function inOrder(records: StoredRecord[], query: URLSearchParams): StoredRecord[] {
    const field = orders.find((order) => order === query.get("order")) ?? "type";
    const sign = query.get("direction") === "desc" ? -1 : 1;
    const compare = <T>(a: T, b: T) => (a < b ? -1 : a > b ? 1 : 0);
    return records.sort((a, b) => sign * compare(a[field], b[field]) || compare(a.name, b.name));
}
