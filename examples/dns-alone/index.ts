import * as pulumi from "@pulumi/pulumi";
import { cloudflare, planDnsRecords, SystemDkim } from "pulumi-mailhost/dns";

const config = new pulumi.Config("mailhost");

// For a mail host that stands already: what its domain needs, in the phases in which it is safe to publish.
const plan = planDnsRecords({
    domain: config.require("domain"),
    email: config.require("email"),
    issuer: "letsencrypt.org",
});
const dkim = new SystemDkim("dkim");
const ipv4 = config.require("ipv4");
const ipv6 = config.require("ipv6");
const values = {
    ipv4,
    ipv6,
    "outbound-ipv4": ipv4,
    "outbound-ipv6": ipv6,
    "system-dkim:default": dkim.publicKeys["default"] ?? "",
};

const zones = cloudflare().open("dns", plan, {});
zones.write("base", values, {});
// MX and its like lead the domain's mail to the host: once it takes it.
if (config.requireBoolean("serving")) zones.write("serving", values, {});

export const { nextSteps } = zones;
export const missing = plan.missing;
