// The host without its mail services, put together from the parts of the library: what the tests of the host look at
// needs none of them, and each `up` is shorter for it. It reads the configuration of the real program.
import * as pulumi from "@pulumi/pulumi";
import { cloudflare, HostSetup, planHost, SystemDkim } from "../../../components";
import { hostDnsValues } from "../../../components/dns/values";
import { describeDns, mailHostDefaults } from "../../../components/mail-host-arguments";
import { hostNameOf } from "../../../components/names";
import { formatProblems } from "../../../components/problem";
import { readConfig } from "../../../program/config";
import { serverOf } from "../../../program/server-choice";

const { config, problems } = readConfig({
    entries: pulumi.runtime.allConfig(),
    secretKeys: JSON.parse(process.env["PULUMI_CONFIG_SECRET_KEYS"] || "[]") as string[],
    project: pulumi.getProject(),
    stack: pulumi.getStack(),
    environment: process.env,
});
if (!config) throw new pulumi.RunError(formatProblems(problems));

const openTcpPorts = [25, 80, 443, 465, 993, 995];
const { domain, email, protect, authBasicUsername, rebootTime, debug, secretDelivery } = {
    ...mailHostDefaults,
    ...config,
};
const fqdn = hostNameOf(domain);
const adapter = serverOf(config.server, config.sshPrivateKey);
const host = planHost({
    ...{ system: adapter.system, fqdn, domain, email, authBasicUsername, openTcpPorts },
    ...{ authorizedKeys: adapter.authorizedKeys, rebootTime, debug, secretDelivery },
    existing: adapter.existing,
});
const server = adapter.create("mail", { fqdn, host, openTcpPorts, protect }, {});
const dkim = new SystemDkim("mail-dkim", { ...config.systemDkim, protect });
const values = hostDnsValues(server, dkim);
const zones = cloudflare(config.dns);
const { plan, description } = describeDns(config, zones.signed, adapter.addresses);
const records = zones.open("mail-dns", plan, {});
records.write("base", values, { dependsOn: server.accepted });
const setup = new HostSetup("mail-host", { server, plan: host });
records.write("serving", values, { dependsOn: [setup] });

export const hostName = fqdn;
export const dns = pulumi.output(values).apply((known) => ({ description, values: known }));
export const sshPrivateKey = pulumi.secret(server.ssh.privateKey);
export const sshHostKey = server.ssh.hostKey;
