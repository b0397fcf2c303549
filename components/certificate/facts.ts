/** What only the issued certificates can tell, for DNS records. Public. */
export interface CertificateFacts {
    /**
     * Lineage → SHA-256 of its certificate's SubjectPublicKeyInfo, 64 hexadecimal digits in lower case: what a TLSA record
     * `3 1 1` holds (RFC 6698 §2.1). A further domain's lineage is missing as long as it has no certificate.
     */
    keyDigests: Readonly<Record<string, string>>;
    /** URI of the host's account at the authority, for CAA records (RFC 8657 §3). */
    accountUri: string;
}

const marker = "mailhost: facts ";

/**
 * Finds the facts in what the host said.
 *
 * @param own the host's own lineage, whose digest has to be there: what is wrong with another one stops nothing.
 * @throws Error when it is not, or not whole: the host has another version of the script.
 */
export function readFacts(printed: string, own: string): CertificateFacts {
    const line = printed
        .split("\n")
        .reverse()
        .find((each) => each.startsWith(marker));
    const facts = line === undefined ? undefined : parseFacts(line.slice(marker.length));
    if (facts?.keyDigests[own] === undefined) {
        throw new Error(
            `The host did not say what its certificates are${facts ? `: ${own} is missing` : ""}. Its set-up may be of another version of pulumi-mailhost: bring it up to date (HostSetup), then replace the certificate's command: pulumi up --replace URN.`,
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
