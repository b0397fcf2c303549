import { createHash } from "node:crypto";
import { utils } from "ssh2";

/** MD5 in colons, as the APIs give it; undefined for what is no line of authorized_keys. */
export function sshFingerprint(publicKey: string): string | undefined {
    const parsed = utils.parseKey(publicKey);
    if (parsed instanceof Error || Array.isArray(parsed) || parsed.isPrivateKey()) return undefined;
    const hash = createHash("md5").update(parsed.getPublicSSH()).digest("hex");
    return hash.match(/../g)!.join(":");
}
