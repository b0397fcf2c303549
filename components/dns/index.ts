// The DNS records of mail domains: planned purely, written at Cloudflare, or printed.
export {
    cloudflare,
    CloudflareZone,
    type CloudflareArgs,
    type CloudflareZoneArgs,
} from "./cloudflare";
export { mailServices, type MailService } from "../client-settings/mail-service";
export type { DnsAdapter, DnsWriter } from "./dns";
export type {
    CaaOptions,
    DmarcOptions,
    MailDomain,
    MtaStsOptions,
    MxOptions,
    SpfOptions,
} from "./domain-options";
export { domainSettings, type DomainSettings } from "./domain-settings";
export { manualDns, type ManualDnsArgs } from "./manual";
export { dnsProblems, planDnsRecords, type DnsPlanArgs } from "./plan";
export { filledIn, presentation, resolveRecord } from "./presentation";
export {
    phases,
    recordKey,
    referenceKey,
    type CertificateKey,
    type DnsPlan,
    type DnsValues,
    type MissingValue,
    type OmittedRecord,
    type Phase,
    type PlannedPointer,
    type PlannedRecord,
    type RecordData,
    type RecordType,
    type Reference,
    type Scope,
    type Value,
} from "./record";
export { renderRecordsTable } from "./records-table";
export { SystemDkim, type SystemDkimArgs } from "./system-dkim";
export { quotedStrings } from "./txt-strings";
export { renderZoneFile } from "./zone-file";
