import * as pulumi from "@pulumi/pulumi";
import { cloudflare, hetzner, MailHost, type MailDomain, type StackOptions } from "pulumi-mailhost";

const config = new pulumi.Config("mailhost");

/** A domain that never sends: what claims to be from it is to be refused. */
const parked = (name: string): MailDomain => ({
    name,
    dmarc: { policy: "reject" },
    mtaSts: { mode: "off" },
});

const mail = new MailHost("mail", {
    domain: config.require("domain"),
    email: config.require("email"),
    server: hetzner({ sshAllowedCidrs: config.requireObject<string[]>("sshAllowedCidrs") }),
    dns: cloudflare({ dnssec: true }),
    stack: config.getObject<StackOptions>("stack"),
    domains: [
        // Newsletters go out through somebody else.
        { name: config.require("shop"), spf: { includes: ["spf.example.net"] } },
        parked(config.require("parked")),
    ],
});

export const { webUrl, missingDomainValues, dnssec, nextSteps } = mail;
export const { dns, sshCommand, sshPrivateKey } = mail;
