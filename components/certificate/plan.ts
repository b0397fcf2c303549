import { tokenFormProblems } from "../dns/cloudflare-arguments";
import { numberProblems } from "../dns/value-problems";
import { emailProblem, isHostName } from "../names";
import type { Problem } from "../problem";
import { caProblems, type Authority } from "./authorities";
import type { CertificateLineage } from "./names";

/** Which certificates a host has, and of whom: plain values. */
export interface CertificatePlan {
    authority: Authority;
    /** Certificates in PEM form by which the authority's directory is trusted. @default what the host's system trusts */
    ca?: string;
    /** Contact of the host's account at the authority, told when the account is made. */
    email: string;
    /** The host's own comes first: the services read it, the others are the router's alone. */
    lineages: readonly CertificateLineage[];
    /** Seconds from the publication of a challenge to the question whether it is seen. */
    propagationSeconds: number;
}

/** Cloudflare's servers answer with a new record within a few seconds; a question too early is a failed attempt. */
export const defaultPropagationSeconds = 20;

/** What the account's user reads about a token that is wrong. */
const tokenRemedy =
    "Make one with the permissions Zone: Read and DNS: Edit for the mail domains' zones at https://dash.cloudflare.com/profile/api-tokens.";

/**
 * Everything that is wrong with the certificates of a host.
 *
 * @param token the Cloudflare token where it is known already; what is known later is Cloudflare's to check.
 */
export function certificateProblems(plan: CertificatePlan, token?: string): Problem[] {
    const { authority, ca, email, lineages, propagationSeconds } = plan;
    const ofEmail = emailProblem("email", email);
    return [
        ...directoryProblems(authority),
        ...(ca === undefined ? [] : caProblems("ca", ca)),
        ...(ofEmail ? [ofEmail] : []),
        ...lineageProblems(lineages),
        ...propagationProblems("propagationSeconds", propagationSeconds),
        ...(token === undefined
            ? []
            : tokenFormProblems("cloudflareApiToken", token, { remedy: tokenRemedy })),
    ];
}

/** What is wrong with the wait for a challenge's answer. `path` is that of the argument. */
export function propagationProblems(path: string, seconds: number): Problem[] {
    return numberProblems(path, seconds, {
        from: 0,
        to: 900,
        remedy: `Leave it out for ${defaultPropagationSeconds}, or give the seconds that your name servers take.`,
    });
}

function directoryProblems({ directoryUrl }: Authority): Problem[] {
    if (/^https:\/\/[!-~]+$/.test(directoryUrl) && URL.canParse(directoryUrl)) return [];
    return [
        {
            path: "authority.directoryUrl",
            reason: `${JSON.stringify(directoryUrl)} is not the https: URL of an ACME directory.`,
            remedy: "Take what chosenAuthority makes of a choice, or give a URL such as https://ca.example.net/directory.",
        },
    ];
}

function lineageProblems(lineages: readonly CertificateLineage[]): Problem[] {
    if (lineages.length === 0) {
        return [
            {
                path: "lineages",
                reason: "There is none: the host would have no certificate.",
                remedy: "Take what certificateLineages makes of the mail domains.",
            },
        ];
    }
    const seen = new Set<string>();
    return lineages.flatMap(({ name, names }, index) => {
        const path = `lineages[${index}]`;
        const problems: Problem[] = [];
        if (!isHostName(name)) {
            problems.push({
                path: `${path}.name`,
                reason: `${JSON.stringify(name)} is not a domain in lower-case ASCII.`,
                remedy: "Name the lineage after its mail domain, e.g. example.com.",
            });
        } else if (seen.has(name)) {
            problems.push({
                path: `${path}.name`,
                reason: `There are two lineages ${JSON.stringify(name)}.`,
                remedy: "Put all names of a mail domain into one.",
            });
        }
        seen.add(name);
        if (names.length === 0 || names.length > largestCertificate) {
            problems.push({
                path: `${path}.names`,
                reason: `${names.length} names are not what one certificate can have.`,
                remedy: `Give 1 to ${largestCertificate}.`,
            });
        }
        for (const [position, covered] of names.entries()) {
            if (isHostName(covered.replace(/^\*\./, ""))) continue;
            problems.push({
                path: `${path}.names[${position}]`,
                reason: `${JSON.stringify(covered)} is not a host name in lower-case ASCII.`,
                remedy: "Give one such as mail.example.com, or *.example.com for all names of one more label.",
            });
        }
        return problems;
    });
}

/** Names in one certificate of Let's Encrypt: https://letsencrypt.org/docs/rate-limits/ */
const largestCertificate = 100;
