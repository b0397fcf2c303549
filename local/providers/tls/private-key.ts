import {
    createHash,
    createPrivateKey,
    createPublicKey,
    generateKeyPairSync,
    type KeyObject,
} from "node:crypto";
import { utils, type ParsedKey } from "ssh2";

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
    if (kind.algorithm === "ECDSA" && kind.ecdsaCurve === "P224") {
        const { privateKey } = generateKeyPairSync("ec", { namedCurve: "secp224r1" });
        return forms(privateKey, kind.algorithm, undefined);
    }
    const text = makeOpenssh(kind);
    const parsed = utils.parseKey(text);
    if (parsed instanceof Error) throw parsed;
    const key = createPrivateKey(parsed.getPrivatePEM());
    return forms(key, kind.algorithm, { text: `${text.trimEnd()}\n`, parsed });
}

function makeOpenssh({ algorithm, rsaBits, ecdsaCurve }: KeyKind): string {
    switch (algorithm) {
        case "RSA":
            return utils.generateKeyPairSync("rsa", { bits: rsaBits }).private;
        case "ECDSA": {
            const bits = ecdsaBits[ecdsaCurve];
            if (bits === undefined) throw new Error(`There is no ECDSA curve "${ecdsaCurve}".`);
            return utils.generateKeyPairSync("ecdsa", { bits }).private;
        }
        default:
            return utils.generateKeyPairSync("ed25519").private;
    }
}

const ecdsaBits = { P224: undefined, P256: 256, P384: 384, P521: 521 } as const;

function forms(
    key: KeyObject,
    algorithm: KeyKind["algorithm"],
    openssh: { text: string; parsed: ParsedKey } | undefined,
): Key {
    const publicKey = createPublicKey(key);
    const pkcs8 = key.export({ type: "pkcs8", format: "pem" }).toString();
    const wire = openssh?.parsed.getPublicSSH();
    return {
        id: createHash("sha1")
            .update(publicKey.export({ type: "spki", format: "der" }))
            .digest("hex"),
        privateKeyOpenssh: openssh?.text ?? "",
        privateKeyPem:
            algorithm === "RSA"
                ? key.export({ type: "pkcs1", format: "pem" }).toString()
                : algorithm === "ECDSA"
                  ? key.export({ type: "sec1", format: "pem" }).toString()
                  : pkcs8,
        privateKeyPemPkcs8: pkcs8,
        publicKeyFingerprintMd5: wire
            ? createHash("md5")
                  .update(wire)
                  .digest("hex")
                  .replace(/..(?!$)/g, "$&:")
            : "",
        publicKeyFingerprintSha256: wire
            ? `SHA256:${createHash("sha256").update(wire).digest("base64").replace(/=+$/, "")}`
            : "",
        publicKeyOpenssh:
            openssh && wire ? `${openssh.parsed.type} ${wire.toString("base64")}\n` : "",
        publicKeyPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    };
}
