import { X509Certificate } from "node:crypto";
import { isHostName, nearestName } from "../names";
import type { Problem } from "../problem";

/** A certificate authority: where it is asked for a certificate, and who it is in CAA records. */
export interface Authority {
    /** URL of its ACME directory (RFC 8555 §7.1.1). */
    directoryUrl: string;
    /** Its issuer domain (RFC 8659 §4.2). */
    issuer: string;
}

/** https://letsencrypt.org/docs/acme-protocol-updates/ and https://letsencrypt.org/docs/caa/ */
const known = {
    letsencrypt: {
        directoryUrl: "https://acme-v02.api.letsencrypt.org/directory",
        issuer: "letsencrypt.org",
    },
    "letsencrypt-staging": {
        directoryUrl: "https://acme-staging-v02.api.letsencrypt.org/directory",
        issuer: "letsencrypt.org",
    },
} as const satisfies Record<string, Authority>;

export type AuthorityName = keyof typeof known;
export const authorityNames = Object.keys(known) as AuthorityName[];

/** The choice of a certificate authority. */
export interface AuthorityArgs {
    /**
     * `letsencrypt`, `letsencrypt-staging` (no browser trusts it, its limits are wide), or the `https:` URL of another
     * authority's ACME directory.
     *
     * @default "letsencrypt"
     */
    authority?: string;
    /**
     * Issuer domain of the authority in CAA records, e.g. `pki.goog`: needed with the URL of a directory, since the
     * CAA records would otherwise shut that authority out. Its documentation has it.
     *
     * @default that of the named authority
     */
    issuer?: string;
    /**
     * Certificates in PEM form by which the connection to the ACME directory is trusted, for an authority whose own
     * certificate is not among those that systems trust. Only with the URL of a directory.
     *
     * @default what the host's system trusts
     */
    ca?: string;
}

function isKnown(name: string): name is AuthorityName {
    return Object.hasOwn(known, name);
}

/** What is wrong with an issuer domain as CAA records name it (RFC 8659 §4.2); undefined when nothing is. */
export function issuerProblem(path: string, issuer: string): Problem | undefined {
    if (isHostName(issuer)) return undefined;
    return {
        path,
        reason: `${JSON.stringify(issuer)} is not the issuer domain of a certificate authority.`,
        remedy: "Give the bare domain in lower case that the authority's documentation has for CAA records, e.g. letsencrypt.org.",
    };
}

/**
 * Everything that is wrong with the choice.
 *
 * @param path stands before each argument, e.g. `certificate`.
 */
export function authorityProblems(path: string, args: AuthorityArgs): Problem[] {
    const authority = args.authority ?? "letsencrypt";
    if (isKnown(authority)) {
        const { issuer } = known[authority];
        const problems: Problem[] = [];
        if (args.issuer !== undefined && args.issuer !== issuer) {
            problems.push({
                path: `${path}.issuer`,
                reason: `${JSON.stringify(args.issuer)} is not the issuer domain of ${authority}: that is ${issuer}.`,
                remedy: `Leave ${path}.issuer out.`,
            });
        }
        if (args.ca !== undefined) {
            problems.push({
                path: `${path}.ca`,
                reason: `It is given, but every system trusts the directory of ${authority} already.`,
                remedy: `Leave ${path}.ca out, or give the https: URL of another authority's directory as ${path}.authority.`,
            });
        }
        return problems;
    }
    const problems: Problem[] = args.ca === undefined ? [] : caProblems(`${path}.ca`, args.ca);
    if (!isHttpsUrl(authority)) {
        const near = nearestName(authority, authorityNames);
        problems.push({
            path: `${path}.authority`,
            reason: `${JSON.stringify(authority)} is neither an authority that this version knows nor the https: URL of an ACME directory.`,
            remedy: `${near ? `Did you mean ${near}? ` : ""}Choose ${authorityNames.join(" or ")}, or give a URL such as https://ca.example.net/directory.`,
        });
    }
    if (args.issuer === undefined || args.issuer === "") {
        problems.push({
            path: `${path}.issuer`,
            reason: "The issuer domain of the authority is missing: the CAA records would shut it out.",
            remedy: "Give the domain that the authority's documentation has for CAA records, e.g. pki.goog.",
        });
        return problems;
    }
    const problem = issuerProblem(`${path}.issuer`, args.issuer);
    return problem ? [...problems, problem] : problems;
}

function isHttpsUrl(text: string): boolean {
    // The parser of URLs overlooks spaces and line ends, certbot doesn't.
    return /^[!-~]+$/.test(text) && URL.canParse(text) && new URL(text).protocol === "https:";
}

/** The certificates of a text in PEM form, one after the other, without anything between them. */
export function pemCertificates(text: string): string[] {
    const blocks = /-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----/g;
    return [...text.matchAll(blocks)].map(([block]) => `${block.replace(/\s*\n\s*/g, "\n")}\n`);
}

/** What is wrong with the certificates of an authority. They are public, but a private key may stand beside them. */
export function caProblems(path: string, ca: string): Problem[] {
    const remedy =
        "Give the text of the file that the authority has for it, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----.";
    if (typeof ca !== "string") return [{ path, reason: "It is not a text.", remedy }];
    if (ca.includes("PRIVATE KEY-----")) {
        return [{ path, reason: "It holds a private key.", remedy: "Give the certificate alone." }];
    }
    const certificates = pemCertificates(ca);
    if (certificates.length === 0) {
        return [{ path, reason: "It holds no certificate in PEM form.", remedy }];
    }
    return certificates.flatMap((pem, index) => {
        try {
            new X509Certificate(pem);
            return [];
        } catch {
            return [{ path, reason: `Its certificate ${index + 1} can't be read.`, remedy }];
        }
    });
}

/** The authority that was chosen. Only meaningful for arguments without problems. */
export function chosenAuthority(args: AuthorityArgs): Authority {
    const authority = args.authority ?? "letsencrypt";
    if (isKnown(authority)) return known[authority];
    return { directoryUrl: authority, issuer: args.issuer ?? "" };
}
