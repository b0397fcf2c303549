import { makeKey } from "../../../local/providers/tls/private-key";

/** A fresh ed25519 public key, one line of authorized_keys form. (ssh2's own generator makes a bad one now and then.) */
export function publicKey(): string {
    const key = makeKey({ algorithm: "ED25519", rsaBits: 2048, ecdsaCurve: "P224" });
    return key.publicKeyOpenssh.trimEnd();
}
