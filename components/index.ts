export {
    MailHost,
    type CertificateArgs,
    type MailHostArgs,
    type SecretDelivery,
} from "./mail-host";
export {
    cloudflare,
    CloudflareZone,
    type CloudflareArgs,
    type CloudflareZoneArgs,
} from "./dns/cloudflare";
export { chosenAuthority, type Authority, type AuthorityArgs } from "./certificate/authorities";
export {
    Certificate,
    type CertificateArgs as HostCertificateArgs,
} from "./certificate/certificate";
export { certificateLineages, type CertificateLineage } from "./certificate/names";
export { mailServices, type MailService } from "./client-settings/mail-service";
export type { DnsAdapter, DnsWriter } from "./dns/dns";
export type {
    CaaOptions,
    DmarcOptions,
    MailDomain,
    MtaStsOptions,
    MxOptions,
    SpfOptions,
} from "./dns/domain-options";
export { domainSettings, type DomainSettings } from "./dns/domain-settings";
export { manualDns, type ManualDnsArgs } from "./dns/manual";
export { dnsProblems, planDnsRecords, type DnsPlanArgs } from "./dns/plan";
export { filledIn, presentation, resolveRecord } from "./dns/presentation";
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
} from "./dns/record";
export { renderRecordsTable } from "./dns/records-table";
export { SystemDkim, type SystemDkimArgs } from "./dns/system-dkim";
export { quotedStrings } from "./dns/txt-strings";
export { renderZoneFile } from "./dns/zone-file";
export { planHost, type HostPlan, type HostPlanArgs, type System } from "./host/plan";
export { HostSetup } from "./host/host-setup";
export { DataGuard } from "./host/data-guard";
export { formatProblems, type Problem } from "./problem";
export { hetzner, HetznerServer, type HetznerArgs, type HetznerServerArgs } from "./server/hetzner";
export type {
    HostSecrets,
    Server,
    ServerAdapter,
    ServerPlan,
    SshConnection,
} from "./server/server";
export { defaultImages } from "./stack/images";
export { lookUpImages } from "./stack/image-lookup";
export type {
    FileOwner,
    ImageName,
    Profile,
    Release,
    ReleaseFile,
    StackSecrets,
    VerifiedPort,
} from "./stack/model";
export {
    boundPorts,
    furtherImages,
    planStack,
    renderRelease,
    stackProblems,
    type StackContext,
    type StackOptions,
    type StackPlan,
    type StackSurroundings,
} from "./stack/plan";
export type {
    HealthCheckOverride,
    ServiceOverride,
    ServiceOverrides,
} from "./stack/service-overrides";
export { Stack, type StackArgs, type StackFacts } from "./stack/stack";
export { StackKeys, type DataKeys, type StackKeysArgs } from "./stack/stack-secrets";
