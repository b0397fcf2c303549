/** One certificate that is issued and renewed on its own (a lineage, in certbot's words). */
export interface CertificateLineage {
    /** The mail domain that it is for; also the lineage's name. */
    name: string;
    /** The names that it covers, wildcards included. */
    names: readonly string[];
}

/** The labels below a further mail domain under which the host answers over HTTPS. */
const servedLabels = ["mta-sts", "autoconfig", "autodiscover"] as const;

/**
 * The certificates of a mail host: its own with apex and wildcard of the primary domain, and one for each further mail
 * domain, so that a domain that is added or lapses never touches the certificate that mail depends on.
 */
export function certificateLineages(
    domain: string,
    furtherDomains: readonly string[],
): CertificateLineage[] {
    return [
        // A wildcard stands for one label: it covers mta-sts.<domain> and its like too.
        { name: domain, names: [domain, `*.${domain}`] },
        ...furtherDomains.map((name) => ({
            name,
            names: servedLabels.map((label) => `${label}.${name}`),
        })),
    ];
}

/** Every name that the host's certificates cover, wildcards included. */
export function certificateNames(domain: string, furtherDomains: readonly string[]): string[] {
    return certificateLineages(domain, furtherDomains).flatMap(({ names }) => names);
}

/**
 * Whether certificates of these names are valid for a host name. A wildcard stands for exactly one label, the leftmost
 * (RFC 6125 §6.4.3).
 *
 * @param names in lower case; a set, because a host of many domains asks often.
 */
export function covers(names: ReadonlySet<string>, name: string): boolean {
    const dot = name.indexOf(".");
    return names.has(name) || (dot > 0 && names.has(`*${name.slice(dot)}`));
}
