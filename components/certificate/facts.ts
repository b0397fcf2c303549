/** What only the issued certificates can tell, for DNS records. Public. */
export interface CertificateFacts {
    /**
     * Lineage → SHA-256 of its certificate's SubjectPublicKeyInfo, 64 hexadecimal digits in lower case: what a TLSA record
     * `3 1 1` holds (RFC 6698 §2.1).
     */
    keyDigests: Readonly<Record<string, string>>;
    /** URI of the host's account at the authority, for CAA records (RFC 8657 §3). */
    accountUri: string;
}

const marker = "mailhost: facts ";

/**
 * Finds the facts in what the host said.
 *
 * @param lineages whose digests have to be there.
 * @throws Error when they are not, or not whole: the host has another version of the script.
 */
export function readFacts(printed: string, lineages: readonly string[]): CertificateFacts {
    const line = printed
        .split("\n")
        .reverse()
        .find((each) => each.startsWith(marker));
    const facts = line === undefined ? undefined : parseFacts(line.slice(marker.length));
    const missing = lineages.filter((name) => facts?.keyDigests[name] === undefined);
    if (facts === undefined || missing.length > 0) {
        throw new Error(
            `The host did not say what its certificates are${facts ? `: ${missing.join(", ")} missing` : ""}. Its set-up may be of another version of pulumi-mailhost: bring it up to date (HostSetup), then replace the certificate's command: pulumi up --replace URN.`,
        );
    }
    return facts;
}

function parseFacts(text: string): CertificateFacts | undefined {
    let parsed: unknown;
    try {
        parsed = JSON.parse(text);
    } catch {
        return undefined;
    }
    const { keyDigests, accountUri } = (parsed ?? {}) as Partial<CertificateFacts>;
    const whole =
        typeof accountUri === "string" &&
        /^https:\/\/[!-~]+$/.test(accountUri) &&
        typeof keyDigests === "object" &&
        Object.values(keyDigests).every((digest) => /^[0-9a-f]{64}$/.test(digest));
    return whole ? { keyDigests, accountUri } : undefined;
}
