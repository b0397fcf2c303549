import * as pulumi from "@pulumi/pulumi";
import { cloudflare, hetzner, MailHost, type StackOptions } from "pulumi-mailhost";

const config = new pulumi.Config("mailhost");

const mail = new MailHost("mail", {
    domain: config.require("domain"),
    email: config.require("email"),
    server: hetzner({ sshAllowedCidrs: config.requireObject<string[]>("sshAllowedCidrs") }),
    dns: cloudflare(),
    // `npx mailhost pin --mail-tag v1.2.3` writes it.
    stack: config.getObject<StackOptions>("stack"),
});

export const { webUrl, clientSettings, nextSteps, authBasicUsername, authBasicPassword } = mail;
export const { dns, sshCommand, sshPrivateKey } = mail;
