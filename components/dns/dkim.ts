import { createPublicKey, type KeyObject } from "node:crypto";
import { isLabel } from "../names";
import type { Problem } from "../problem";
import { fault } from "./value-problems";

/** The sizes of an RSA key that every verifier takes (RFC 8301 §3.2). */
const smallestKeyBits = 1024;
const largestKeyBits = 4096;

/** What is wrong with a DKIM selector (RFC 6376 §3.1). */
export function selectorProblems(path: string, selector: string | undefined): Problem[] {
    if (selector === undefined || selector === "") {
        return [
            {
                path,
                reason: "The selector is missing.",
                remedy: "Give what stands before ._domainkey, e.g. fe-1a2b3c4d5e.",
            },
        ];
    }
    if (typeof selector === "string" && isLabel(selector)) return [];
    const first = /^[^.]*/.exec(String(selector).toLowerCase())?.[0] ?? "";
    const proposal =
        isLabel(first) && /^[^.]*(\._domainkey(\..*)?)?$/i.test(String(selector)) ? first : "";
    return [
        fault(
            path,
            selector,
            "is not a DKIM selector: one label in lower case, of letters, digits and hyphens",
            proposal === ""
                ? "Give what stands before ._domainkey, e.g. fe-1a2b3c4d5e."
                : `Write ${proposal}.`,
        ),
    ];
}

/** The value is never shown: it might be a private key, given by mistake. */
function keyFault(path: string, key: string, wrong: string, remedy: string): Problem[] {
    return [{ path, reason: `The value (not shown, ${key.length} characters) ${wrong}.`, remedy }];
}

/** What is wrong with the public key of a domain's DKIM record (RFC 6376 §3.6.1). */
export function publicKeyProblems(path: string, key: string | undefined): Problem[] {
    const remedy = "Give what stands between p= and the semicolon of the record, without spaces.";
    if (typeof key !== "string" || key === "") {
        return [{ path, reason: "The public key is missing.", remedy }];
    }
    if (key.includes("PRIVATE KEY")) {
        return keyFault(path, key, "is a private key, which no one else may see", remedy);
    }
    if (/\bp\s*=|v\s*=\s*DKIM1/i.test(key)) {
        return keyFault(path, key, "is a whole DKIM record, not the key alone", remedy);
    }
    if (key.includes("-----BEGIN")) {
        return keyFault(
            path,
            key,
            "is a PEM file",
            "Give the lines between BEGIN and END, joined to one without spaces.",
        );
    }
    if (Buffer.from(key, "base64").toString("base64") !== key) {
        return keyFault(path, key, "is not base64", remedy);
    }
    const parsed = parsePublicKey(key);
    if (parsed?.asymmetricKeyType !== "rsa") {
        const kind = parsed?.asymmetricKeyType;
        return keyFault(
            path,
            key,
            kind === undefined
                ? "is not a public key in the form of a SubjectPublicKeyInfo"
                : `is a key of type ${kind}, and the host signs with RSA`,
            remedy,
        );
    }
    const bits = parsed.asymmetricKeyDetails?.modulusLength ?? 0;
    if (bits >= smallestKeyBits && bits <= largestKeyBits) return [];
    return keyFault(
        path,
        key,
        `is an RSA key of ${bits} bits; verifiers take ${smallestKeyBits} to ${largestKeyBits} (RFC 8301 §3.2)`,
        "Have the host make the domain's key anew.",
    );
}

function parsePublicKey(base64: string): KeyObject | undefined {
    const der = Buffer.from(base64, "base64");
    try {
        return createPublicKey({ key: der, format: "der", type: "spki" });
    } catch {
        return undefined;
    }
}
