import * as pulumi from "@pulumi/pulumi";
import { cloudflare, existing, MailHost, type StackOptions } from "pulumi-mailhost";

const config = new pulumi.Config("mailhost");

const mail = new MailHost("mail", {
    domain: config.require("domain"),
    email: config.require("email"),
    server: existing({
        ipv4: config.require("ipv4"),
        system: "debian-13",
        // `cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub` on the machine.
        sshHostKey: config.require("sshHostKey"),
        // `pulumi config set --secret mailhost:sshPrivateKey <FILE`
        sshPrivateKey: config.requireSecret("sshPrivateKey"),
    }),
    dns: cloudflare(),
    // `npx mailhost pin --mail-tag v1.2.3` writes it.
    stack: config.getObject<StackOptions>("stack"),
});

// `nextSteps` says which PTR records to set where the machine is rented.
export const { webUrl, clientSettings, nextSteps, authBasicUsername, authBasicPassword } = mail;
export const { dns, sshCommand, sshPrivateKey } = mail;
