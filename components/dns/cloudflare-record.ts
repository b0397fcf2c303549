import type * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { filledIn } from "./presentation";
import {
    recordKey,
    referenceKey,
    type DnsValues,
    type PlannedRecord,
    type RecordData,
} from "./record";
import { quotedStrings } from "./txt-strings";

type Text = pulumi.Input<string>;

/** What surrounds a record's content at Cloudflare. */
export interface CloudflareRecordSettings {
    zoneId: pulumi.Input<string>;
    comment: string;
    values: DnsValues<pulumi.Input<string>>;
}

/**
 * The arguments of a planned record's resource. Everything that is known is a plain value: thousands of records cost
 * thousands of outputs otherwise.
 *
 * @throws Error when a value is missing.
 */
export function cloudflareRecordArgs(
    record: PlannedRecord,
    { zoneId, comment, values }: CloudflareRecordSettings,
): cloudflare.DnsRecordArgs {
    const { name, ttl } = record;
    const data = filledIn<Text>(record.data, (reference) => {
        const value = values[referenceKey(reference)];
        if (value === undefined) {
            throw new Error(
                `${recordKey(record)} needs the value ${referenceKey(reference)}, which is not given.`,
            );
        }
        return value;
    });
    return { zoneId, name, type: data.type, ttl, comment, ...content(data) };
}

/**
 * The content in the form that the API gives back, or every preview would show a change: `data` with numbers as
 * numbers for all types that have fields, the priority of an SRV record beside it as well, digests in upper case, names
 * without a trailing dot, TXT in quotes. The types that Cloudflare could proxy say that they are not: that would break
 * every port of mail.
 */
function content(data: RecordData<Text>): Partial<cloudflare.DnsRecordArgs> {
    switch (data.type) {
        case "A":
        case "AAAA":
            return { content: data.address, proxied: false };
        case "CNAME":
            return { content: data.target, proxied: false };
        case "MX":
            return { content: data.exchange, priority: data.preference };
        case "TXT":
            return { content: mapped(joined(data.text), quotedStrings) };
        case "SRV": {
            const { priority, weight, port, target } = data;
            return { priority, data: { priority, weight, port, target } };
        }
        case "CAA":
            return { data: { flags: data.flags, tag: data.tag, value: joined(data.value) } };
        case "TLSA": {
            const { usage, selector, matchingType, digest } = data;
            return { data: { usage, selector, matchingType, certificate: mapped(digest, upper) } };
        }
        case "SSHFP": {
            const { algorithm, digestType, digest } = data;
            return { data: { algorithm, type: digestType, fingerprint: mapped(digest, upper) } };
        }
        case "HTTPS": {
            const { priority, target, parameters } = data;
            return { data: { priority, target, value: parameters } };
        }
    }
}

function upper(digest: string): string {
    return digest.toUpperCase();
}

function isPlain(value: Text): value is string {
    return typeof value === "string";
}

function joined(parts: readonly Text[]): Text {
    if (parts.every(isPlain)) return parts.join("");
    return pulumi.output([...parts]).apply((known) => known.join(""));
}

function mapped(value: Text, change: (text: string) => string): Text {
    return isPlain(value) ? change(value) : pulumi.output(value).apply(change);
}
