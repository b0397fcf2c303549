import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { toOpenssh } from "./openssh";

/** Everything that the tls provider tells of a key. */
export interface Key {
    /** SHA-1 of the public key. */
    id: string;
    privateKeyOpenssh: string;
    privateKeyPem: string;
    privateKeyPemPkcs8: string;
    publicKeyFingerprintMd5: string;
    publicKeyFingerprintSha256: string;
    publicKeyOpenssh: string;
    publicKeyPem: string;
}

/** `rsaBits` counts for RSA, `ecdsaCurve` for ECDSA. */
export interface KeyKind {
    algorithm: "RSA" | "ECDSA" | "ED25519";
    rsaBits: number;
    ecdsaCurve: "P224" | "P256" | "P384" | "P521";
}

/** Makes a key. OpenSSH knows no P224: its forms are empty then. */
export function makeKey(kind: KeyKind): Key {
    return describeKey(generate(kind), kind.algorithm);
}

function generate({ algorithm, rsaBits, ecdsaCurve }: KeyKind): KeyObject {
    switch (algorithm) {
        case "RSA":
            return generateKeyPairSync("rsa", { modulusLength: rsaBits }).privateKey;
        case "ECDSA":
            return generateKeyPairSync("ec", { namedCurve: curves[ecdsaCurve] }).privateKey;
        case "ED25519":
            return generateKeyPairSync("ed25519").privateKey;
    }
}

const curves = { P224: "secp224r1", P256: "prime256v1", P384: "secp384r1", P521: "secp521r1" };

/** The forms of a private key. */
export function describeKey(key: KeyObject, algorithm: KeyKind["algorithm"]): Key {
    const pem = (type: "pkcs1" | "sec1" | "pkcs8") =>
        key.export({ type, format: "pem" }).toString();
    const publicKey = createPublicKey(key);
    const openssh = toOpenssh(key);
    const digest = (hash: string) => createHash(hash).update(openssh?.publicWire ?? "");
    return {
        id: createHash("sha1")
            .update(publicKey.export({ type: "spki", format: "der" }))
            .digest("hex"),
        privateKeyOpenssh: openssh?.privatePem ?? "",
        privateKeyPem: pem(({ RSA: "pkcs1", ECDSA: "sec1", ED25519: "pkcs8" } as const)[algorithm]),
        privateKeyPemPkcs8: pem("pkcs8"),
        publicKeyFingerprintMd5: openssh
            ? digest("md5")
                  .digest("hex")
                  .replace(/..(?!$)/g, "$&:")
            : "",
        publicKeyFingerprintSha256: openssh
            ? `SHA256:${digest("sha256").digest("base64").replace(/=+$/, "")}`
            : "",
        publicKeyOpenssh: openssh
            ? `${openssh.type} ${openssh.publicWire.toString("base64")}\n`
            : "",
        publicKeyPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    };
}
