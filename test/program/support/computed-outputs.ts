import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { unwrapSecrets } from "./secret-values";

const privateKey = (name: string) =>
    `-----BEGIN OPENSSH PRIVATE KEY-----\n${name}\n-----END OPENSSH PRIVATE KEY-----\n`;

const pem = (label: string, content: string) =>
    `-----BEGIN ${label}-----\n${Buffer.from(content).toString("base64")}\n-----END ${label}-----\n`;

/** What stands for something random: another for each resource, the same in every run. */
export function generated(name: string, length: number): string {
    return createHash("sha256").update(name).digest("hex").slice(0, length);
}

/** The digest of a certificate's key, as a mail host's `mail-certificate` is told it. */
export function keyDigest(lineage: string): string {
    return generated(`key of ${lineage}`, 64);
}

/** The account at the authority, as a mail host's `mail-certificate` is told it. */
export const accountUri = "https://acme-v02.api.letsencrypt.org/acme/acct/1";

/** What a host prints that has obtained the certificates which its script describes. */
function certificatesSaid(stdin: unknown): string {
    const lineages = [...String(stdin).matchAll(/^lineage (\S+)/gm)].map(([, name = ""]) => name);
    const keyDigests = Object.fromEntries(lineages.map((name) => [name, keyDigest(name)]));
    return `mailhost: facts ${JSON.stringify({ keyDigests, accountUri })}\n`;
}

/** What the simulated provider of a resource adds to its inputs. Ids are numbers in text, as hcloud's are. */
export function computedOutputs(
    type: string,
    name: string,
    inputs: Record<string, unknown>,
    count: number,
): { id: string; outputs: Record<string, unknown> } {
    const id = String(100 + count);
    switch (type) {
        case "tls:index/privateKey:PrivateKey":
            return {
                id,
                outputs: {
                    privateKeyOpenssh: pulumi.secret(privateKey(name)),
                    publicKeyOpenssh: `ssh-ed25519 ${Buffer.from(name).toString("base64")}\n`,
                    privateKeyPem: pulumi.secret(pem("RSA PRIVATE KEY", `private ${name}`)),
                    publicKeyPem: pem("PUBLIC KEY", name),
                },
            };
        case "cloudflare:index/zoneDnssec:ZoneDnssec":
            return {
                id: String(inputs["zoneId"]),
                outputs: { ds: `${String(inputs["zoneId"])} 3600 IN DS 2371 13 2 E0F0` },
            };
        case "random:index/randomPassword:RandomPassword":
            return {
                id: "none",
                outputs: { result: pulumi.secret(generated(name, Number(inputs["length"]))) },
            };
        case "random:index/randomBytes:RandomBytes":
            return {
                id,
                outputs: { hex: pulumi.secret(generated(name, 2 * Number(inputs["length"]))) },
            };
        case "hcloud:index/primaryIp:PrimaryIp":
            return {
                id,
                outputs:
                    inputs["type"] === "ipv4"
                        ? { ipAddress: "192.0.2.25" }
                        : { ipAddress: "2001:db8:25::", ipNetwork: "2001:db8:25::/64" },
            };
        case "hcloud:index/volume:Volume":
            return { id, outputs: { linuxDevice: `/dev/disk/by-id/scsi-0HC_Volume_${id}` } };
        case "digitalocean:index/droplet:Droplet":
            return {
                id,
                outputs: {
                    ipv4Address: "192.0.2.26",
                    ipv6Address: "2001:db8:26::1",
                    dropletUrn: `do:droplet:${id}`,
                },
            };
        case "digitalocean:index/volume:Volume":
            return { id: `volume-${id}`, outputs: { volumeUrn: `do:volume:volume-${id}` } };
        case "command:remote:Command": {
            const obtains = name.endsWith("-certificate-issue");
            const stdout = obtains ? certificatesSaid(unwrapSecrets(inputs["stdin"])) : "";
            return { id, outputs: { stdout, stderr: "" } };
        }
        case "command:local:Command":
            return { id, outputs: { stdout: "", stderr: "" } };
        default:
            return { id, outputs: {} };
    }
}
