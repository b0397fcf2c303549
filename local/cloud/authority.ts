import * as fs from "node:fs";
import * as path from "node:path";
import ipaddr from "ipaddr.js";
import { run } from "../../cli/run-program";

/** Longer than any laptop cloud is kept. */
const authorityDays = 3650;
/** The longest that clients accept (CA/Browser Forum until 2026); a new one is made at every start. */
const certificateDays = 398;

/** A certificate and key as servers read them, PEM. */
export interface ServerCertificate {
    certificateFile: string;
    /** 0600. */
    keyFile: string;
    /** What clients trust it by. */
    caFile: string;
}

/**
 * Makes the certificate of the laptop cloud's own services, signed by a certificate authority of this cloud's own. The
 * authority is made once, since machines are told of it when they first boot; nothing else trusts it.
 *
 * @param directory holds keys and certificates; only its owner reads it.
 * @param names DNS names and addresses at which the services answer.
 * @throws Error with what `openssl` said.
 */
export async function issueServicesCertificate(
    directory: string,
    names: readonly string[],
): Promise<ServerCertificate> {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    const file = (name: string) => path.join(directory, name);
    const [caFile, caKey] = [file("ca.pem"), file("ca.key")];
    if (!fs.existsSync(caFile)) {
        await issue(directory, "ca", {
            subject: "/O=pulumi-mailhost/CN=Laptop cloud",
            days: authorityDays,
            extensions: {
                basicConstraints: "critical,CA:TRUE,pathlen:0",
                keyUsage: "critical,keyCertSign,cRLSign",
                subjectKeyIdentifier: "hash",
            },
        });
    }
    await issue(directory, "services", {
        subject: "/O=pulumi-mailhost/CN=Laptop cloud services",
        days: certificateDays,
        signer: ["-CA", caFile, "-CAkey", caKey],
        extensions: {
            basicConstraints: "critical,CA:FALSE",
            keyUsage: "critical,digitalSignature",
            extendedKeyUsage: "serverAuth",
            subjectKeyIdentifier: "hash",
            authorityKeyIdentifier: "keyid:always",
            subjectAltName: names
                .map((name) => `${ipaddr.isValid(name) ? "IP" : "DNS"}:${name}`)
                .join(","),
        },
    });
    return { certificateFile: file("services.pem"), keyFile: file("services.key"), caFile };
}

/** Makes NAME.pem and NAME.key: the certificate last, so that it never stands without its key. */
async function issue(
    directory: string,
    name: string,
    certificate: {
        subject: string;
        days: number;
        signer?: string[];
        extensions: Record<string, string>;
    },
): Promise<void> {
    const file = (ending: string) => path.join(directory, `${name}.${ending}`);
    // The system's own configuration would add extensions of its own.
    const configuration = [
        "[req]",
        "distinguished_name = none",
        "x509_extensions = extensions",
        "[none]",
        "[extensions]",
        ...Object.entries(certificate.extensions).map(([key, value]) => `${key} = ${value}`),
        "",
    ].join("\n");
    fs.writeFileSync(file("conf"), configuration, { mode: 0o600 });
    for (const made of ["key.next", "pem.next"]) {
        fs.writeFileSync(file(made), "", { mode: 0o600 });
    }
    await run("openssl", [
        ...["req", "-x509", "-config", file("conf"), "-subj", certificate.subject],
        ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256"],
        ...["-days", String(certificate.days), ...(certificate.signer ?? [])],
        ...["-keyout", file("key.next"), "-out", file("pem.next")],
    ]);
    for (const made of ["key", "pem"]) fs.renameSync(file(`${made}.next`), file(made));
}
