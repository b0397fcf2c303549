import * as pulumi from "@pulumi/pulumi";
import { cloudflare, type CloudflareArgs, type DnsPlanArgs } from "../../../components";
import { planDnsRecords } from "../../../components/dns/plan";
import { presentation, resolveRecord } from "../../../components/dns/presentation";
import { phases, recordKey, type DnsPlan, type Phase } from "../../../components/dns/record";

/** What a test wants published. */
export interface Wanted {
    args?: Partial<DnsPlanArgs>;
    values?: Record<string, string>;
    cloudflare?: CloudflareArgs;
    phases?: readonly Phase[];
    /** Whether the zones are signed by DNSSEC at Cloudflare. @default false */
    signs?: boolean;
}

/** Two mail domains in a zone each, with the records that need a signed zone. */
export const describedArgs: DnsPlanArgs = {
    domain: "example.com",
    email: "postmaster@example.net",
    issuer: "letsencrypt.org",
    signed: true,
    domains: [{ name: "example.org" }],
};

export const describedValues: Record<string, string> = {
    ipv4: "192.0.2.1",
    ipv6: "2001:db8::1",
    "system-dkim:default": "M".repeat(392),
    "ssh-host-key": "0a1b".repeat(16),
    "certificate-key:current": "2c3d".repeat(16),
};

export function planOf({ args }: Wanted): DnsPlan {
    return planDnsRecords({ ...describedArgs, ...args });
}

/** Publishes the records of a host, as `MailHost` does, with given values. */
export function publish(wanted: Wanted) {
    const plan = planOf(wanted);
    const host = new pulumi.ComponentResource("mailhost:index:MailHost", "mail");
    const zones = plan.zones.map(({ name }) => ({ name, signed: wanted.signs ?? false }));
    const adapter = cloudflare(wanted.cloudflare);
    const writer = adapter.open("mail-dns", { ...plan, zones }, { parent: host });
    for (const phase of wanted.phases ?? phases) {
        writer.write(phase, { ...describedValues, ...wanted.values }, { parent: host });
    }
    return { ds: writer.ds, nextSteps: writer.nextSteps };
}

/** The names of the resources of a plan's records. */
export function resourceNames(wanted: Wanted): string[] {
    const published = wanted.phases ?? phases;
    return planOf(wanted)
        .records.filter(({ phase }) => published.includes(phase))
        .map((record) => `mail-dns-${recordKey(record)}`);
}

/** What a zone holds by the plan, a line a record, sorted. */
export function plannedLines(zone: string, wanted: Wanted = {}): string[] {
    const published = wanted.phases ?? phases;
    return planOf(wanted)
        .records.filter((record) => record.zone === zone && published.includes(record.phase))
        .map((record) => {
            const resolved = resolveRecord(record, { ...describedValues, ...wanted.values });
            if (!resolved) throw new Error(`${recordKey(record)} lacks a value.`);
            return recordLine({
                name: record.name,
                ttl: record.ttl,
                type: record.data.type,
                rdata: presentation(resolved.data),
            });
        })
        .sort();
}

/** Hexadecimal digits are the same in either case. */
export function recordLine(record: { name: string; ttl: number; type: string; rdata: string }) {
    const { name, ttl, type, rdata } = record;
    const isHexadecimal = type === "TLSA" || type === "SSHFP";
    return `${name} ${ttl} ${type} ${isHexadecimal ? rdata.toLowerCase() : rdata}`;
}
