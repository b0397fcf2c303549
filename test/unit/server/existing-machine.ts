import type { ExistingArgs } from "../../../components";

function lengthAndBytes(bytes: Buffer): Buffer {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
}

/** What begins as a private key in OpenSSH's form does. */
export function openSshKey(cipher = "none"): string {
    const bytes = Buffer.concat([
        Buffer.from("openssh-key-v1\0"),
        lengthAndBytes(Buffer.from(cipher)),
        Buffer.alloc(80, 7),
    ]);
    return `-----BEGIN OPENSSH PRIVATE KEY-----\n${bytes.toString("base64")}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

const keyBlob = Buffer.concat([
    lengthAndBytes(Buffer.from("ssh-ed25519")),
    lengthAndBytes(Buffer.alloc(32, 9)),
]);

/** A description without a problem. */
export const fineMachine: ExistingArgs = {
    ipv4: "203.0.113.7",
    system: "debian-13",
    sshHostKey: `ssh-ed25519 ${keyBlob.toString("base64")}`,
    sshPrivateKey: openSshKey(),
};
