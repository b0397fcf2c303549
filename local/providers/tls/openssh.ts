import { createPublicKey, randomBytes, type KeyObject } from "node:crypto";

/** A key in OpenSSH's forms. */
export interface OpensshKey {
    type: string;
    /** The public key as it goes over the wire; its base64 stands in authorized_keys. */
    publicWire: Buffer;
    /** PEM `OPENSSH PRIVATE KEY`, without a passphrase. */
    privatePem: string;
}

/**
 * Writes a private key in OpenSSH's forms (its PROTOCOL.key, RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4). ssh2 has a
 * generator too, but drops a leading zero of an ed25519 public key: every 256th of its keys is malformed.
 *
 * @returns undefined for a key that OpenSSH has no form for (curve P-224).
 */
export function toOpenssh(key: KeyObject): OpensshKey | undefined {
    const fields = fieldsOf(key);
    if (fields === undefined) return undefined;
    const { type } = fields;
    const publicWire = Buffer.concat([string(type), ...fields.publicFields]);
    // Twice the same: whoever decrypts with a wrong passphrase sees that they differ.
    const check = randomBytes(4);
    const secret = Buffer.concat([
        check,
        check,
        string(type),
        ...fields.privateFields,
        string(""), // comment
    ]);
    const padding = Buffer.from(
        Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, i) => i + 1),
    );
    const whole = Buffer.concat([
        Buffer.from("openssh-key-v1\0"),
        string("none"), // cipher
        string("none"), // key derivation
        string(""),
        uint32(1),
        string(publicWire),
        string(Buffer.concat([secret, padding])),
    ]);
    const lines = whole.toString("base64").match(/.{1,64}/g)!;
    return {
        type,
        publicWire,
        privatePem: `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join("\n")}\n-----END OPENSSH PRIVATE KEY-----\n`,
    };
}

/** Reads the numbers from DER and not from JWK, whose export of a new EC key can hang Node 20 for ever. */
function fieldsOf(
    key: KeyObject,
): { type: string; publicFields: Buffer[]; privateFields: Buffer[] } | undefined {
    const spki = createPublicKey(key).export({ type: "spki", format: "der" });
    if (key.asymmetricKeyType === "ed25519") {
        // RFC 8410: both forms end in their 32 bytes.
        const point = spki.subarray(-32);
        const secret = key.export({ type: "pkcs8", format: "der" }).subarray(-32);
        const publicFields = [string(point)];
        return {
            type: "ssh-ed25519",
            publicFields,
            privateFields: [...publicFields, string(Buffer.concat([secret, point]))],
        };
    }
    if (key.asymmetricKeyType === "rsa") {
        // RFC 8017 §A.1.2: version, n, e, d, p, q, d mod p-1, d mod q-1, 1/q mod p.
        const numbers = elements(key.export({ type: "pkcs1", format: "der" })).map(mpint);
        const [, n, e, d, p, q, , , coefficient] = numbers as [Buffer, ...Buffer[]];
        return {
            type: "ssh-rsa",
            publicFields: [e!, n!],
            privateFields: [n!, e!, d!, coefficient!, p!, q!],
        };
    }
    const curve = curves[key.asymmetricKeyDetails?.namedCurve ?? ""];
    if (curve === undefined) return undefined;
    // RFC 5915 §3: version, private key. RFC 5480 §2.2: the point, uncompressed, is all of the bit string.
    const [, secret] = elements(key.export({ type: "sec1", format: "der" }));
    const [, point] = elements(spki);
    const publicFields = [string(curve), string(point!.subarray(1))];
    return {
        type: `ecdsa-sha2-${curve}`,
        publicFields,
        privateFields: [...publicFields, mpint(secret!)],
    };
}

/** The contents of a DER sequence's elements. */
function elements(der: Buffer): Buffer[] {
    const found: Buffer[] = [];
    const outer = element(der);
    for (let rest = outer.content; rest.length > 0;) {
        const { content, length } = element(rest);
        found.push(content);
        rest = rest.subarray(length);
    }
    return found;
}

function element(der: Buffer): { content: Buffer; length: number } {
    const first = der[1]!;
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    const size = lengthBytes === 0 ? first : der.readUIntBE(2, lengthBytes);
    const start = 2 + lengthBytes;
    return { content: der.subarray(start, start + size), length: start + size };
}

/** OpenSSL's names of curves, and SSH's. */
const curves: Record<string, string> = {
    prime256v1: "nistp256",
    secp384r1: "nistp384",
    secp521r1: "nistp521",
};

function uint32(value: number): Buffer {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
}

function string(value: string | Buffer): Buffer {
    const bytes = Buffer.from(value);
    return Buffer.concat([uint32(bytes.length), bytes]);
}

/** A positive number: without leading zeros, but with one where the first bit would make it negative. */
function mpint(value: Buffer): Buffer {
    const start = value.findIndex((byte) => byte !== 0);
    const digits = value.subarray(start === -1 ? value.length : start);
    return string((digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), digits]) : digits);
}
