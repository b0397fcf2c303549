import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { Environment } from "./environment";

const algorithm = "aes-256-gcm";

/**
 * Encrypts what the databases hold with HELPER_ENCRYPTION_KEY.
 *
 * @throws RangeError when the key isn't 32 bytes long.
 */
export function encrypt(environment: Environment, text: string): string {
    const iv = randomBytes(12);
    const cipher = createCipheriv(algorithm, environment.text("HELPER_ENCRYPTION_KEY"), iv);
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString("base64");
}

/** @throws Error for what another key has encrypted. */
export function decrypt(environment: Environment, sealed: string): string {
    const bytes = Buffer.from(sealed, "base64");
    const key = environment.text("HELPER_ENCRYPTION_KEY");
    try {
        const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, 12));
        decipher.setAuthTag(bytes.subarray(12, 28));
        return decipher.update(bytes.subarray(28), undefined, "utf8") + decipher.final("utf8");
    } catch (error) {
        // Node's own words first: they are what the real services say.
        const reason = error instanceof Error ? error.message : String(error);
        throw new Error(`${reason}: encrypted with another HELPER_ENCRYPTION_KEY`, {
            cause: error,
        });
    }
}
