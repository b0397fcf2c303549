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
export type { DnsAdapter, DnsWriter } from "./dns/dns";
export type { MailDomain } from "./dns/domain-options";
export { manualDns, type ManualDnsArgs } from "./dns/manual";
export { planDnsRecords, type DnsPlanArgs } from "./dns/plan";
export type { DnsPlan, DnsValues, PlannedRecord } from "./dns/record";
export { SystemDkim, type SystemDkimArgs } from "./dns/system-dkim";
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
