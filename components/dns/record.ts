/** When a record may be published: always; once the certificate is there; once the host answers for mail. */
export const phases = ["base", "certified", "serving"] as const;
export type Phase = (typeof phases)[number];

/** `host`: once, in the primary domain's zone. `domain`: for each mail domain. */
export type Scope = "host" | "domain";

/** A part of a record that is known only after something else was made. */
export type Reference =
    /** The address at which the host receives. */
    | { ref: "ipv4" | "ipv6" }
    /** The address from which it sends, where that is another one. */
    | { ref: "outbound-ipv4" | "outbound-ipv6" }
    /** Public key of the system's DKIM key of this selector: base64 of a SubjectPublicKeyInfo (RFC 6376 §3.6.1). */
    | { ref: "system-dkim"; selector: string }
    /** SHA-256 of the host's public SSH key, 64 hexadecimal digits in lower case (RFC 4255 §3.1.3, RFC 6594). */
    | { ref: "ssh-host-key" }
    /** SHA-256 of the certificate's SubjectPublicKeyInfo, 64 hexadecimal digits in lower case (RFC 6698 §2.1). */
    | { ref: "certificate-key"; key: CertificateKey }
    /** URI of the host's account at the certificate authority (RFC 8657 §3). */
    | { ref: "acme-account" };

/** `next` stands beside `current` while the certificate changes its key, so that either is accepted (RFC 7671 §8.1). */
export type CertificateKey = "current" | "next";

/** A literal, or what will stand there. */
export type Value = string | Reference;

/**
 * The content of a record, by its type. Names are fully qualified, in lower case, without a trailing dot; `.` is the
 * root. `V` is `string` once every reference is replaced.
 */
export type RecordData<V = Value> =
    | { type: "A" | "AAAA"; address: V }
    | { type: "CNAME"; target: string }
    | { type: "MX"; preference: number; exchange: string }
    /** The parts make one text, in this order; how it is cut into strings of 255 bytes is the writer's affair. */
    | { type: "TXT"; text: readonly V[] }
    | { type: "SRV"; priority: number; weight: number; port: number; target: string }
    /** As in TXT, the parts make one value. RFC 8659. */
    | { type: "CAA"; flags: 0 | 128; tag: "issue" | "issuewild" | "iodef"; value: readonly V[] }
    | { type: "TLSA"; usage: 3; selector: 1; matchingType: 1; digest: V }
    | { type: "SSHFP"; algorithm: 4; digestType: 2; digest: V }
    /** `parameters` in presentation form: `alpn="h2"`. RFC 9460. */
    | { type: "HTTPS"; priority: number; target: string; parameters: string };

export type RecordType = RecordData["type"];

/** One record of the plan. Type, name and role together identify it: they never depend on its content. */
export interface PlannedRecord<V = Value> {
    /** Owner name: fully qualified, lower-case ASCII, without a trailing dot. */
    name: string;
    /** Which of the records of this name and type it is, e.g. `spf`, `site-verification`. Lower case with hyphens. */
    role: string;
    scope: Scope;
    /** The mail domain that it serves. */
    domain: string;
    /** The zone that holds it. */
    zone: string;
    phase: Phase;
    /** Time to live in seconds. */
    ttl: number;
    data: RecordData<V>;
}

/** A PTR record: made by the server at its provider, in the plan for the whole picture. */
export interface PlannedPointer {
    role: "ipv4" | "ipv6";
    address: Reference;
    /** The host's name. */
    target: string;
}

/** A record of the full set that is not published, and why. */
export interface OmittedRecord {
    type: RecordType;
    name: string;
    role: string;
    domain: string;
    /** One sentence: what it depends on that is not there. */
    why: string;
}

/** A value that only the running host can give, for a record that is published once it is known. */
export interface MissingValue {
    domain: string;
    /** The setting of the domain that is missing. */
    setting: "dkim" | "siteVerification";
    /** How to get it, a sentence. */
    how: string;
}

/** Every record of a mail host, decided before anything is made. */
export interface DnsPlan {
    /** The zones that hold the records, sorted; `signed` by DNSSEC. */
    zones: readonly { name: string; signed: boolean }[];
    /** Sorted by zone, name, type and role. */
    records: readonly PlannedRecord[];
    pointers: readonly PlannedPointer[];
    omitted: readonly OmittedRecord[];
    missing: readonly MissingValue[];
    /** What is published as asked for, though something will object, a sentence each. */
    warnings: readonly string[];
}

/** Zone → its records, in the plan's order. */
export function recordsByZone({ records }: Pick<DnsPlan, "records">): Map<string, PlannedRecord[]> {
    const zones = new Map<string, PlannedRecord[]>();
    for (const record of records) {
        const others = zones.get(record.zone);
        if (others) others.push(record);
        else zones.set(record.zone, [record]);
    }
    return zones;
}

/**
 * The phases that a record may stand in, of which a setting chooses one: CAA records wait for the account that they are
 * bound to, and without a binding for nothing.
 */
export function phasesOf({ data, phase }: PlannedRecord): readonly Phase[] {
    return data.type === "CAA" ? ["base", "certified"] : [phase];
}

/** Identifies a record within a plan, and names its resource. A contract: a change makes another record. */
export function recordKey({ data, name, role }: Pick<PlannedRecord, "data" | "name" | "role">) {
    return `${data.type}-${name}-${role}`;
}

/** Identifies a reference: the key of its value in {@link DnsValues}. */
export function referenceKey(reference: Reference): string {
    switch (reference.ref) {
        case "system-dkim":
            return `system-dkim:${reference.selector}`;
        case "certificate-key":
            return `certificate-key:${reference.key}`;
        case "ipv4":
        case "ipv6":
        case "outbound-ipv4":
        case "outbound-ipv6":
        case "ssh-host-key":
        case "acme-account":
            return reference.ref;
    }
}

/** Reference key → its value, in the form that {@link Reference} says. */
export type DnsValues<V = string> = Readonly<Record<string, V>>;

/** What stands for the references that only the certificate gives. */
export function certificateValues<V>(keyDigest: V, accountUri: V): DnsValues<V> {
    return {
        [referenceKey({ ref: "certificate-key", key: "current" })]: keyDigest,
        [referenceKey({ ref: "acme-account" })]: accountUri,
    };
}
