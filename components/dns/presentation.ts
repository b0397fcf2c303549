import {
    referenceKey,
    type DnsValues,
    type PlannedRecord,
    type RecordData,
    type Reference,
    type Value,
} from "./record";
import { quotedString, quotedStrings } from "./txt-strings";

/** A name as a zone file has it: a dot ends a fully qualified one. */
export function absoluteName(name: string): string {
    return name === "." ? name : `${name}.`;
}

/** The content of a record as a zone file has it (RFC 1035 §5.1). */
export function presentation(data: RecordData<string>): string {
    switch (data.type) {
        case "A":
        case "AAAA":
            return data.address;
        case "CNAME":
            return absoluteName(data.target);
        case "MX":
            return `${data.preference} ${absoluteName(data.exchange)}`;
        case "TXT":
            return quotedStrings(data.text.join(""));
        case "SRV":
            return `${data.priority} ${data.weight} ${data.port} ${absoluteName(data.target)}`;
        case "CAA":
            return `${data.flags} ${data.tag} ${quotedString(data.value.join(""))}`;
        case "TLSA":
            return `${data.usage} ${data.selector} ${data.matchingType} ${data.digest}`;
        case "SSHFP":
            return `${data.algorithm} ${data.digestType} ${data.digest}`;
        case "HTTPS":
            return `${data.priority} ${absoluteName(data.target)} ${data.parameters}`;
    }
}

/** The content with every reference replaced by what `valueOf` gives for it. */
export function filledIn<V>(
    data: RecordData,
    valueOf: (reference: Reference) => V,
): RecordData<string | V> {
    const fill = (value: Value) => (typeof value === "string" ? value : valueOf(value));
    switch (data.type) {
        case "A":
        case "AAAA":
            return { ...data, address: fill(data.address) };
        case "TXT":
            return { ...data, text: data.text.map(fill) };
        case "CAA":
            return { ...data, value: data.value.map(fill) };
        case "TLSA":
            return { ...data, digest: fill(data.digest) };
        case "SSHFP":
            return { ...data, digest: fill(data.digest) };
        case "CNAME":
        case "MX":
        case "SRV":
        case "HTTPS":
            return data;
    }
}

/** The references that a record's content holds, in their order. */
export function referencesOf(data: RecordData): Reference[] {
    const references: Reference[] = [];
    filledIn(data, (reference) => references.push(reference));
    return references;
}

/** The record with every reference replaced by its value; undefined when one of the values is not known. */
export function resolveRecord(
    record: PlannedRecord,
    values: Partial<DnsValues>,
): PlannedRecord<string> | undefined {
    const isKnown = referencesOf(record.data).every(
        (reference) => values[referenceKey(reference)] !== undefined,
    );
    if (!isKnown) return undefined;
    return {
        ...record,
        data: filledIn(record.data, (reference) => values[referenceKey(reference)] ?? ""),
    };
}

/** The content as a zone file has it, with `<key>` for each value that is not known. */
export function presentationSoFar(data: RecordData, values: Partial<DnsValues>): string {
    return presentation(
        filledIn(data, (reference) => {
            const key = referenceKey(reference);
            return values[key] ?? `<${key}>`;
        }),
    );
}
