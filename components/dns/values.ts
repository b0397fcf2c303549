import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { Server } from "../server/server";
import { referenceKey, type DnsValues } from "./record";
import type { SystemDkim } from "./system-dkim";

/** What stands for the references of a plan, as far as server and keys give it. All of it is public. */
export function hostDnsValues(server: Server, dkim: SystemDkim): DnsValues<pulumi.Output<string>> {
    return {
        [referenceKey({ ref: "ipv4" })]: server.inbound.ipv4,
        [referenceKey({ ref: "ipv6" })]: server.inbound.ipv6,
        [referenceKey({ ref: "ssh-host-key" })]: pulumi
            .output(server.ssh.hostKey)
            .apply(sshKeyDigest),
        ...Object.fromEntries(
            Object.entries(dkim.publicKeys).map(([selector, key]) => [
                referenceKey({ ref: "system-dkim", selector }),
                key,
            ]),
        ),
    };
}

/** SHA-256 of a public key in authorized_keys form, in hexadecimal: what an SSHFP record of type 2 has (RFC 6594). */
export function sshKeyDigest(publicKey: string): string {
    const [, blob = ""] = publicKey.split(" ");
    return createHash("sha256").update(Buffer.from(blob, "base64")).digest("hex");
}
