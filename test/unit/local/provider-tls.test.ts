import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, test } from "node:test";
import { utils } from "ssh2";
import { tlsProvider } from "../../../local/providers/tls/provider";
import {
    describeKey,
    makeKey,
    type Key,
    type KeyKind,
} from "../../../local/providers/tls/private-key";
import { checkProperties } from "../../../local/providers/schema";
import { testContext } from "./test-context";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-keys-"));
after(() => fs.rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
    const at = path.join(folder, name);
    fs.writeFileSync(at, content, { mode: 0o600 });
    return at;
}

const run = (program: string, ...words: string[]) =>
    execFileSync(program, words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

const kinds: [KeyKind, bits: number, sshType: string, pemLabel: string][] = [
    [{ algorithm: "RSA", rsaBits: 2048, ecdsaCurve: "P224" }, 2048, "ssh-rsa", "RSA PRIVATE KEY"],
    [
        { algorithm: "ED25519", rsaBits: 2048, ecdsaCurve: "P224" },
        256,
        "ssh-ed25519",
        "PRIVATE KEY",
    ],
    ...([256, 384, 521] as const).map((bits): [KeyKind, number, string, string] => [
        { algorithm: "ECDSA", rsaBits: 2048, ecdsaCurve: `P${bits}` },
        bits,
        `ecdsa-sha2-nistp${bits}`,
        "EC PRIVATE KEY",
    ]),
];

for (const [kind, bits, sshType, label] of kinds) {
    const name = kind.algorithm === "ECDSA" ? kind.ecdsaCurve : kind.algorithm;
    test(`${name}: OpenSSH and OpenSSL read every form of one key`, () => {
        const key = makeKey(kind);
        const openssh = file(`${name}.openssh`, key.privateKeyOpenssh);
        const publicLine = key.publicKeyOpenssh;
        assert.match(publicLine, new RegExp(`^${sshType} [A-Za-z0-9+/=]+\n$`));
        assert.equal(run("ssh-keygen", "-y", "-f", openssh), publicLine);

        const publicFile = file(`${name}.pub`, publicLine);
        const fingerprint = (hash: string) =>
            run("ssh-keygen", "-l", "-E", hash, "-f", publicFile).split(" ");
        assert.deepEqual(fingerprint("sha256").slice(0, 2), [
            String(bits),
            key.publicKeyFingerprintSha256,
        ]);
        assert.equal(fingerprint("md5")[1], `MD5:${key.publicKeyFingerprintMd5}`);

        assert.ok(key.privateKeyPem.startsWith(`-----BEGIN ${label}-----\n`));
        assert.ok(key.privateKeyPemPkcs8.startsWith("-----BEGIN PRIVATE KEY-----\n"));
        for (const pem of [key.privateKeyPem, key.privateKeyPemPkcs8]) {
            const at = file(`${name}.pem`, pem);
            assert.equal(run("openssl", "pkey", "-in", at, "-pubout"), key.publicKeyPem);
        }
        assert.match(key.id, /^[0-9a-f]{40}$/);
    });
}

test("a public key that begins with a zero keeps it", () => {
    // Found by trying seeds: one in 256 has such a public key.
    const key = ed25519Of("24".padStart(64, "0"));
    const point = Buffer.from(key.publicKeyOpenssh.split(" ")[1]!, "base64").subarray(-32);
    assert.equal(point[0], 0);
    const at = file("zero", key.privateKeyOpenssh);
    assert.equal(run("ssh-keygen", "-y", "-f", at), key.publicKeyOpenssh);
});

/** The key of a seed given in hexadecimal. */
function ed25519Of(seed: string): Key {
    const der = Buffer.from(`302e020100300506032b657004220420${seed}`, "hex");
    return describeKey(createPrivateKey({ key: der, format: "der", type: "pkcs8" }), "ED25519");
}

test("OpenSSH and the SSH client that is used here read each of many keys", () => {
    for (let i = 0; i < 30; i++) {
        for (const algorithm of ["ED25519", "ECDSA"] as const) {
            const key = makeKey({ algorithm, rsaBits: 2048, ecdsaCurve: "P256" });
            const at = file("many", key.privateKeyOpenssh);
            assert.equal(run("ssh-keygen", "-y", "-f", at), key.publicKeyOpenssh);
            assert.ok(!(utils.parseKey(key.privateKeyOpenssh) instanceof Error));
        }
    }
});

test("P224 has no OpenSSH forms", () => {
    const key = makeKey({ algorithm: "ECDSA", rsaBits: 2048, ecdsaCurve: "P224" });
    assert.equal(key.privateKeyOpenssh + key.publicKeyOpenssh, "");
    assert.equal(key.publicKeyFingerprintMd5 + key.publicKeyFingerprintSha256, "");
    const at = file("p224", key.privateKeyPem);
    assert.equal(run("openssl", "pkey", "-in", at, "-pubout"), key.publicKeyPem);
});

describe("PrivateKey", () => {
    const handler = tlsProvider.resources["tls:index/privateKey:PrivateKey"]!;

    test("refuses what is no algorithm, curve or safe length", () => {
        const { failures } = checkProperties(handler.inputs, {
            algorithm: "DSA",
            ecdsaCurve: "P128",
        });
        assert.deepEqual(failures, [
            {
                path: "algorithm",
                reason: 'expected one of "RSA", "ECDSA", "ED25519", got string ("DSA")',
            },
            {
                path: "ecdsaCurve",
                reason: 'expected one of "P224", "P256", "P384", "P521", got string ("P128")',
            },
        ]);
        assert.deepEqual(
            handler.check?.({ algorithm: "RSA", rsaBits: 512 }, undefined, testContext()).failures,
            [{ path: "rsaBits", reason: "512-bit keys are insecure: at least 1024" }],
        );
    });

    test("can't be imported, and is only ever replaced", () => {
        assert.equal("read" in handler || "update" in handler, false);
    });
});
