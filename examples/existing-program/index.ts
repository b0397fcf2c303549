import * as cloudflareSdk from "@pulumi/cloudflare";
import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import { cloudflare, hetzner, MailHost, type StackOptions } from "pulumi-mailhost";

const config = new pulumi.Config("mailhost");
const domain = config.require("domain");

/** What this company runs: its mail is one part of it. */
class Company extends pulumi.ComponentResource {
    readonly mail: MailHost;

    constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
        super("example:index:Company", name, {}, opts);
        this.mail = new MailHost(
            `${name}-mail`,
            {
                domain,
                email: config.require("email"),
                server: hetzner({
                    sshAllowedCidrs: config.requireObject<string[]>("sshAllowedCidrs"),
                }),
                dns: cloudflare(),
                stack: config.getObject<StackOptions>("stack"),
            },
            { parent: this },
        );
        // The apex is the mail host's, for its web site; everything else in the zone stays yours.
        const { zoneId } = cloudflareSdk.getZoneOutput({ filter: { name: domain } });
        new cloudflareSdk.DnsRecord(
            `${name}-shop`,
            {
                zoneId,
                name: `shop.${domain}`,
                type: "CNAME",
                content: "shop.example.net",
                ttl: 300,
            },
            { parent: this },
        );
        this.registerOutputs({ webUrl: this.mail.webUrl });
    }
}

// Mail in a Hetzner project of its own, with a token of its own.
const token = config.requireSecret("hcloudToken");
const mailProject = new hcloud.Provider("mail-project", {
    token,
    endpoint: config.get("hcloudEndpoint"),
});
const company = new Company("acme", { providers: [mailProject] });

export const { webUrl, nextSteps, dns, sshCommand, sshPrivateKey } = company.mail;
