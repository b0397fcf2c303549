import type { Phase, RecordData, RecordType } from "./record";
import type { Role } from "./roles";

/** A row of the record set: a record that is published, or one that is left out, and why. */
export type Row = PublishedRow | OmittedRow;

export interface PublishedRow {
    name: string;
    role: Role;
    phase: Phase;
    data: RecordData;
    /** @default that of the domain */
    zone?: string;
}

export interface OmittedRow {
    name: string;
    role: Role;
    type: RecordType;
    why: string;
}

/** The row, or that it is left out when there is a reason to. */
export function unless(why: string | undefined, row: PublishedRow): Row {
    return why === undefined ? row : { name: row.name, role: row.role, type: row.data.type, why };
}

/** A TXT record of one literal text. */
export function txt(name: string, role: Role, text: string, phase: Phase = "base"): PublishedRow {
    return { name, role, phase, data: { type: "TXT", text: [text] } };
}

export function cname(name: string, role: Role, target: string): PublishedRow {
    return { name, role, phase: "base", data: { type: "CNAME", target } };
}
