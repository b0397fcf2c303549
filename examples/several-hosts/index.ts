import * as pulumi from "@pulumi/pulumi";
import { cloudflare, hetzner, MailHost, type StackOptions } from "pulumi-mailhost";

const config = new pulumi.Config("mailhost");
const email = config.require("email");
const sshAllowedCidrs = config.requireObject<string[]>("sshAllowedCidrs");
const stack = config.getObject<StackOptions>("stack");

// Each has its own server, addresses, keys and records: nothing is shared but the zones' account.
const hosts = config.requireObject<Record<string, string>>("hosts");
const mails = Object.entries(hosts).map(
    ([name, domain], index) =>
        new MailHost(name, {
            domain,
            email,
            server: hetzner({ sshAllowedCidrs, location: index % 2 === 0 ? "fsn1" : "hel1" }),
            dns: cloudflare(),
            stack,
        }),
);

export const webUrls = mails.map(({ webUrl }) => webUrl);
export const nextSteps = mails.map((mail) => mail.nextSteps);
