import { generateKeyPairSync } from "node:crypto";
import type { HostPlanArgs } from "../../../components/host/plan";

/** Valid arguments of a plan, to vary from. */
export const planArguments: HostPlanArgs = {
    system: "debian-13",
    fqdn: "mx.example.com",
    domain: "example.com",
    email: "postmaster@example.com",
    authBasicUsername: "admin",
    authorizedKeys: [],
    openTcpPorts: [25, 80, 443, 465, 993, 995],
    rebootTime: "03:30",
    debug: false,
    secretDelivery: "ssh",
};

export const dataDevice = "/dev/disk/by-id/scsi-0HC_Volume_101";

/** As long as the real ones; cloud-init's schema does not look inside. */
export const sshKeys = {
    hostKey: {
        privateKey: generateKeyPairSync("ed25519")
            .privateKey.export({ type: "pkcs8", format: "pem" })
            .toString()
            .repeat(3),
        publicKey: `ssh-ed25519 ${"A".repeat(68)}\n`,
    },
    authorizedKeys: [`ssh-ed25519 ${"B".repeat(68)} program`, `ssh-rsa ${"C".repeat(540)} person`],
};

export const secrets = {
    authBasicPassword: "p'a\"s$s `w` \\o rd",
    cloudflareApiToken: "cf-token-0123456789-0123456789-012345678",
};
