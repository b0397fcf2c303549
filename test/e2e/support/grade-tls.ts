import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { runQuietly } from "../../../cli/run-program";

/** One finding of testssl.sh. */
interface Finding {
    id: string;
    severity: string;
    finding: string;
}

/** A port as testssl.sh is told of it. */
export interface GradedPort {
    /** The name that is asked for, and that the certificate has to have. */
    name: string;
    address: string;
    port: number;
    /** SMTP begins without TLS. */
    startTls?: "smtp";
}

/** What only the rehearsal's authority causes: it answers no question about revocation, and is no public one. */
const ofTestAuthority =
    /^cert_(revocation|crlDistributionPoints|ocspURL|CRL|OCSP|expirationStatus|validityPeriod|extlifeSpan|caIssuers|chain_of_trust_note)|^DNS_CAArecord/;

/**
 * What testssl.sh, which knows nothing of this project, finds at a port: protocols, ciphers, forward secrecy, server
 * defaults and the known vulnerabilities.
 *
 * @param roots file of the certificate authority's own certificates (PEM).
 * @returns findings of severity high or worse, and apart from them those that the authority alone causes.
 */
export async function gradeTls(
    { name, address, port, startTls }: GradedPort,
    roots: string,
): Promise<{ severe: string[]; ofTestAuthority: string[]; protocols: string[] }> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-tls-"));
    const report = path.join(folder, "report.json");
    try {
        const { code, stdout, stderr } = await runQuietly(
            "testssl",
            [
                ...["--quiet", "--warnings", "off", "--color", "0", "--nodns", "none"],
                ...["--add-ca", roots, "--ip", address, "--jsonfile", report],
                ...["--protocols", "--std", "--pfs", "--server-defaults", "--vulnerable"],
                ...(startTls ? ["--starttls", startTls] : []),
                `${name}:${port}`,
            ],
            { timeoutSeconds: 1200 },
        );
        assert.ok(fs.existsSync(report), `testssl ended with ${code}: ${stdout}${stderr}`);
        const findings = JSON.parse(fs.readFileSync(report, "utf8")) as Finding[];
        const severe = findings.filter(({ severity }) => /^(HIGH|CRITICAL|FATAL)$/.test(severity));
        const text = ({ id, severity, finding }: Finding) => `${severity} ${id}: ${finding}`;
        return {
            severe: severe.filter(({ id }) => !ofTestAuthority.test(id)).map(text),
            ofTestAuthority: severe.filter(({ id }) => ofTestAuthority.test(id)).map(text),
            protocols: findings
                .filter(({ id, finding }) => /^(SSLv|TLS1)/.test(id) && /^offered/.test(finding))
                .map(({ id }) => id),
        };
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}
