import * as pulumi from "@pulumi/pulumi";

const privateKey = (name: string) =>
    `-----BEGIN OPENSSH PRIVATE KEY-----\n${name}\n-----END OPENSSH PRIVATE KEY-----\n`;

const pem = (label: string, content: string) =>
    `-----BEGIN ${label}-----\n${Buffer.from(content).toString("base64")}\n-----END ${label}-----\n`;

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
                outputs: { result: pulumi.secret("p".repeat(Number(inputs["length"]))) },
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
        case "command:remote:Command":
        case "command:local:Command":
            return { id, outputs: { stdout: "", stderr: "" } };
        default:
            return { id, outputs: {} };
    }
}
