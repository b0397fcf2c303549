import { generateKeyPairSync } from "node:crypto";

const made = new Map<number, string>();

/** A public RSA key as a DKIM record has it, the same for each size within a run: making one takes its time. */
export function publicKey(bits: number): string {
    const known = made.get(bits);
    if (known !== undefined) return known;
    const { publicKey: key } = generateKeyPairSync("rsa", { modulusLength: bits });
    const base64 = key.export({ type: "spki", format: "der" }).toString("base64");
    made.set(bits, base64);
    return base64;
}
