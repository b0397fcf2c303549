import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { Server } from "../server/server";
import { certificateValues, referenceKey, type DnsValues } from "./record";
import type { Certificate } from "../certificate/certificate";
import type { SystemDkim } from "./system-dkim";

/** What stands for the references of a plan, as far as server and keys give it. All of it is public. */
export function hostDnsValues(
    server: Server,
    dkim: Pick<SystemDkim, "publicKeys">,
): DnsValues<pulumi.Output<string>> {
    return {
        [referenceKey({ ref: "ipv4" })]: server.inbound.ipv4,
        [referenceKey({ ref: "ipv6" })]: server.inbound.ipv6,
        [referenceKey({ ref: "outbound-ipv4" })]: server.outbound.ipv4,
        [referenceKey({ ref: "outbound-ipv6" })]: server.outbound.ipv6,
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

/** What stands for the references that only the certificate gives. All of it is public. */
export function certificateDnsValues(
    primary: string,
    certificate: Pick<Certificate, "keyDigests" | "accountUri">,
): DnsValues<pulumi.Output<string>> {
    return certificateValues(
        certificate.keyDigests.apply((digests) => digests[primary] ?? ""),
        certificate.accountUri,
    );
}

/**
 * SHA-256 of a public key in authorized_keys form, in hexadecimal: what an SSHFP record of type 2 has (RFC 6594).
 *
 * @throws Error when it is no such key: the record would name a host that there isn't.
 */
export function sshKeyDigest(publicKey: string): string {
    const blob = /^ssh-\S+ (\S+)/.exec(publicKey)?.[1];
    if (blob === undefined) throw new Error("The host key is not in authorized_keys form.");
    return createHash("sha256").update(Buffer.from(blob, "base64")).digest("hex");
}
