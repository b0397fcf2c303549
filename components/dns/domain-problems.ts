import { isIP } from "node:net";
import { issuerProblem } from "../certificate/authorities";
import { domainNameProblem, isHostName, longestDnsName } from "../names";
import type { Problem } from "../problem";
import { publicKeyProblems, selectorProblems } from "./dkim";
import type { MailDomain } from "./domain-options";
import { defaultZone } from "./domain-settings";
import { mostSpfLookups, spfLookups } from "./spf";
import {
    addressOrUrlProblems,
    choiceProblems,
    emailProblems,
    fault,
    httpsUrlProblems,
    isList,
    listProblems,
    numberProblems,
    textProblems,
} from "./value-problems";

/** The host that a mail domain belongs to, as far as its options have to agree with it. */
export interface DomainSurroundings {
    primary: string;
    /** Name of the host. */
    host: string;
    systemDkimSelectors: readonly string[];
    /** Issuer domain of the host's own authority. */
    issuer: string;
}

const policies = ["none", "quarantine", "reject"];
const alignments = ["relaxed", "strict"];

const groups = ["spf", "dmarc", "mtaSts", "tlsReports", "caa", "mx", "bimi", "dkim"] as const;

/** What is wrong with the options of a mail domain, its name and zone left out. */
export function optionProblems(
    path: string,
    given: MailDomain,
    around: DomainSurroundings,
): Problem[] {
    const shapeless = groups.filter(
        (group) => given[group] !== undefined && !isGroup(given[group]),
    );
    const domain = { ...given };
    for (const group of shapeless) delete domain[group];
    return [
        ...shapeless.map((group) =>
            fault(
                `${path}.${group}`,
                given[group],
                "is not a group of settings",
                "Write { setting: value }.",
            ),
        ),
        ...ttlProblems(`${path}.ttlSeconds`, domain.ttlSeconds),
        ...spfProblems(`${path}.spf`, domain, around),
        ...dmarcProblems(`${path}.dmarc`, domain),
        ...mtaStsProblems(`${path}.mtaSts`, domain),
        ...listProblems(
            `${path}.tlsReports.addresses`,
            domain.tlsReports?.addresses,
            addressOrUrlProblems,
        ),
        ...caaProblems(`${path}.caa`, domain, around),
        ...mxProblems(`${path}.mx`, domain, around),
        ...bimiProblems(path, domain),
        ...dkimProblems(`${path}.dkim`, domain, around),
        ...siteVerificationProblems(`${path}.siteVerification`, domain.siteVerification),
    ];
}

/** What is wrong with the zone of a mail domain whose name is right. */
export function zoneProblems(path: string, { name, zone }: MailDomain): Problem[] {
    if (zone === undefined) return [];
    if (typeof zone !== "string") return textProblems(path, zone);
    const problem = domainNameProblem(path, zone);
    if (problem !== undefined) {
        return [{ ...problem, remedy: `Give the zone's name, e.g. ${defaultZone(name)}.` }];
    }
    if (name === zone || name.endsWith(`.${zone}`)) return [];
    return [
        fault(
            path,
            zone,
            `does not hold ${name}: a zone holds the names that end in its own`,
            `Give ${defaultZone(name)}, or leave it out.`,
        ),
    ];
}

function ttlProblems(path: string, ttlSeconds: number | undefined): Problem[] {
    if (ttlSeconds === undefined) return [];
    const remedy = "Give the time in seconds, e.g. 300.";
    return numberProblems(path, ttlSeconds, { from: 60, to: 86_400, remedy });
}

function spfProblems(path: string, domain: MailDomain, { primary }: DomainSurroundings): Problem[] {
    const includes = domain.spf?.includes;
    const problems = [
        ...choiceProblems(`${path}.all`, domain.spf?.all, ["fail", "softfail", "neutral"]),
        ...listProblems(`${path}.includes`, includes, (entry, value) => {
            if (value === domain.name) {
                return [
                    fault(
                        entry,
                        value,
                        "is the domain itself: the check would not end",
                        "Remove it.",
                    ),
                ];
            }
            if (isSpfDomain(value)) return [];
            return [
                fault(
                    entry,
                    value,
                    "is not a domain whose SPF record can be included",
                    "Give the bare domain in lower case, without include:, e.g. _spf.example.net.",
                ),
            ];
        }),
    ];
    if (includes === undefined || !isList(includes)) return problems;
    const lookups = spfLookups(domain.name === primary, includes);
    if (lookups > mostSpfLookups) {
        problems.push({
            path: `${path}.includes`,
            reason: `The record would cost ${lookups} DNS look-ups: one for each entry, ${lookups - includes.length} for the host itself.`,
            remedy: `Receivers stop at ${mostSpfLookups} (RFC 7208 §4.6.4), and count those within the included records too. Include fewer.`,
        });
    }
    return problems;
}

/** Whether a JavaScript caller gave settings where the type asks for them. */
function isGroup(value: unknown): boolean {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Names of SPF records often have labels with underscores, which host names may not. */
function isSpfDomain(name: string): boolean {
    return (
        name.length <= longestDnsName &&
        /^(?:(?!-)[a-z0-9_-]{1,63}(?<!-)\.)+(?!-)[a-z0-9-]{1,63}(?<!-)$/.test(name) &&
        isIP(name) === 0
    );
}

function dmarcProblems(path: string, { dmarc }: MailDomain): Problem[] {
    return [
        ...choiceProblems(`${path}.policy`, dmarc?.policy, policies),
        ...choiceProblems(`${path}.subdomainPolicy`, dmarc?.subdomainPolicy, policies),
        ...choiceProblems(`${path}.dkimAlignment`, dmarc?.dkimAlignment, alignments),
        ...choiceProblems(`${path}.spfAlignment`, dmarc?.spfAlignment, alignments),
        ...listProblems(`${path}.reportAddresses`, dmarc?.reportAddresses, emailProblems),
        ...listProblems(
            `${path}.failureReportAddresses`,
            dmarc?.failureReportAddresses,
            emailProblems,
        ),
    ];
}

function mtaStsProblems(path: string, { mtaSts }: MailDomain): Problem[] {
    const modes = ["enforce", "testing", "none", "off"];
    const problems = choiceProblems(`${path}.mode`, mtaSts?.mode, modes);
    const maxAge = mtaSts?.maxAgeSeconds;
    if (maxAge !== undefined) {
        const remedy = "Give the time in seconds, e.g. 604800 for a week.";
        const range = { from: 86_400, to: 31_557_600, remedy };
        problems.push(...numberProblems(`${path}.maxAgeSeconds`, maxAge, range));
    }
    return problems;
}

function caaProblems(path: string, { caa }: MailDomain, { issuer }: DomainSurroundings): Problem[] {
    const problems = listProblems(`${path}.issuers`, caa?.issuers, (entry, value) => {
        if (value === issuer) {
            return [
                fault(
                    entry,
                    value,
                    "is the host's own authority, which may issue anyway",
                    "Remove it.",
                ),
            ];
        }
        const problem = issuerProblem(entry, value);
        return problem === undefined ? [] : [problem];
    });
    if (caa?.reportAddress !== undefined) {
        problems.push(...emailProblems(`${path}.reportAddress`, caa.reportAddress));
    }
    const binding: unknown = caa?.accountBinding;
    if (binding !== undefined && typeof binding !== "boolean") {
        problems.push(
            fault(
                `${path}.accountBinding`,
                binding,
                "is neither true nor false",
                "Choose one of the two.",
            ),
        );
    }
    return problems;
}

const mostMxHosts = 10;

function mxProblems(path: string, { mx }: MailDomain, { host }: DomainSurroundings): Problem[] {
    const range = { from: 0, to: 65_535, remedy: "Give the preference, e.g. 10." };
    const problems =
        mx?.preference === undefined
            ? []
            : numberProblems(`${path}.preference`, mx.preference, range);
    const further = mx?.further;
    if (further === undefined) return problems;
    if (!isList(further)) {
        return [
            ...problems,
            fault(`${path}.further`, further, "is not a list", "Write [{ host, preference }]."),
        ];
    }
    if (further.length > mostMxHosts - 1) {
        problems.push({
            path: `${path}.further`,
            reason: `The domain would have ${further.length + 1} MX records; the "mx" of its SPF record fails with more than ${mostMxHosts} (RFC 7208 §4.6.4).`,
            remedy: `Give ${mostMxHosts - 1} at most.`,
        });
    }
    problems.push(
        ...listProblems(
            `${path}.further`,
            further.map((entry) => entry?.host),
            (entry, name) => mxHostProblems(entry, name, host),
        ).map((problem) => ({ ...problem, path: `${problem.path}.host` })),
        ...further.flatMap((entry, index) =>
            numberProblems(`${path}.further[${index}].preference`, entry?.preference, range),
        ),
    );
    return problems;
}

function mxHostProblems(path: string, name: string, host: string): Problem[] {
    if (name === host) {
        return [fault(path, name, "is this host, which has its MX record already", "Remove it.")];
    }
    if (isHostName(name) && isIP(name) === 0) return [];
    return [
        fault(
            path,
            name,
            "is not the name of a mail host (an address can't be one)",
            "Give a host name in lower-case ASCII, e.g. mx.example.net.",
        ),
    ];
}

function bimiProblems(path: string, { bimi, dmarc }: MailDomain): Problem[] {
    if (bimi === undefined) return [];
    const problems = httpsUrlProblems(`${path}.bimi.logoUrl`, bimi.logoUrl);
    if (bimi.certificateUrl !== undefined) {
        problems.push(...httpsUrlProblems(`${path}.bimi.certificateUrl`, bimi.certificateUrl));
    }
    for (const policy of ["policy", "subdomainPolicy"] as const) {
        if (dmarc?.[policy] !== "none") continue;
        problems.push({
            path: `${path}.bimi`,
            reason: `The logo is shown for no mail while dmarc.${policy} is none.`,
            remedy: `Choose quarantine or reject for ${path}.dmarc.${policy}, or leave ${path}.bimi out.`,
        });
    }
    return problems;
}

function dkimProblems(
    path: string,
    { name, dkim }: MailDomain,
    { primary, systemDkimSelectors }: DomainSurroundings,
): Problem[] {
    if (dkim === undefined) return [];
    const problems = [
        ...selectorProblems(`${path}.selector`, dkim.selector),
        ...publicKeyProblems(`${path}.publicKey`, dkim.publicKey),
    ];
    if (name === primary && systemDkimSelectors.includes(dkim.selector)) {
        problems.push(
            fault(
                `${path}.selector`,
                dkim.selector,
                "is the selector of the host's system key, which signs no mail of the domain",
                "Give the one that the host's web site shows for the domain, e.g. fe-1a2b3c4d5e.",
            ),
        );
    }
    return problems;
}

const verificationPrefix = "forward-email-site-verification=";

function siteVerificationProblems(path: string, value: string | undefined): Problem[] {
    if (value === undefined || /^[A-Za-z0-9_-]{6,64}$/.test(value)) return [];
    const rest = String(value).replace(/^"|"$/g, "").replace(verificationPrefix, "");
    return [
        fault(
            path,
            value,
            "is not a verification that the host makes",
            rest !== value && /^[A-Za-z0-9_-]{6,64}$/.test(rest)
                ? `Write ${rest}, without what stands before.`
                : `Give what follows ${verificationPrefix} in the record that the host's web site shows: 6 to 64 letters and digits.`,
        ),
    ];
}
