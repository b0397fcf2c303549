export {
    MailHost,
    type CertificateArgs,
    type MailHostArgs,
    type SecretDelivery,
} from "./mail-host";
export { CloudflareZone, type CloudflareZoneArgs } from "./dns/cloudflare";
export { planDnsRecords, type DnsPlanArgs } from "./dns/plan";
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
