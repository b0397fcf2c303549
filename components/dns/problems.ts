import { issuerProblem } from "../certificate/authorities";
import { domainNameProblem, domainProblem, emailProblem, hostNameOf, isHostName } from "../names";
import type { Problem } from "../problem";
import { clashes } from "./clashes";
import { selectorProblems } from "./dkim";
import type { MailDomain } from "./domain-options";
import { optionProblems, zoneProblems, type DomainSurroundings } from "./domain-problems";
import type { DnsPlanArgs } from "./plan";
import { planContext } from "./plan-context";
import type { DnsPlan } from "./record";
import { layOut } from "./record-set";
import { choiceProblems, fault, isList, listProblems, textProblems } from "./value-problems";

const families = ["ipv4", "ipv6"] as const;
const defaultSelectors = ["default"];

/** Everything that is wrong with the description of a mail host's records, and the plan, if it got that far. */
export function examine(args: DnsPlanArgs): { problems: Problem[]; plan?: DnsPlan } {
    const domains = args.domains ?? [];
    if (!isList(domains)) {
        return {
            problems: [
                fault("domains", domains, "is not a list", 'Write [{ name: "example.org" }].'),
            ],
        };
    }
    const around: DomainSurroundings = {
        primary: args.domain,
        host: hostNameOf(args.domain),
        issuer: args.issuer,
        systemDkimSelectors: args.systemDkimSelectors ?? defaultSelectors,
    };
    const primary = domainProblem("domain", args.domain);
    const hostProblems = [
        primary,
        emailProblem("email", args.email),
        issuerProblem("issuer", args.issuer ?? ""),
    ].filter((problem) => problem !== undefined);
    hostProblems.push(
        ...addressProblems(args),
        ...certificateProblems(args),
        ...selectorListProblems(args),
    );

    // What is right so far is laid out, so that the records' own faults are found with all others at once.
    const sound: MailDomain[] = [];
    const seen = new Set<string>();
    const domainProblems = domains.flatMap((domain: MailDomain, index) => {
        const path = `domains[${index}]`;
        if (typeof domain !== "object" || domain === null) {
            return [fault(path, domain, "is not a mail domain", 'Write { name: "example.org" }.')];
        }
        const ofPlace = placeProblems(path, domain, seen, args.domain);
        const ofOptions = optionProblems(path, domain, around);
        if (ofPlace.length === 0) sound.push(withoutFaults(path, domain, ofOptions));
        return [...ofPlace, ...ofOptions];
    });
    const problems = [...hostProblems, ...domainProblems];
    if (primary !== undefined) return { problems };
    const plan = layOut(
        planContext(
            hostProblems.length === 0
                ? { ...args, domains: sound }
                : { domain: args.domain, email: "", issuer: "", domains: sound },
        ),
    );
    problems.push(...clashes(args, plan.records));
    return { problems, plan };
}

/** The domain without the options that have a fault. */
function withoutFaults(path: string, domain: MailDomain, problems: readonly Problem[]): MailDomain {
    if (problems.length === 0) return domain;
    const faulty = new Set(
        problems.map((problem) => /^\w+/.exec(problem.path.slice(path.length + 1))?.[0]),
    );
    const sound = Object.entries(domain).filter(([option]) => !faulty.has(option));
    return { ...Object.fromEntries(sound), name: domain.name };
}

/** What is wrong with a domain's name and zone. */
function placeProblems(
    path: string,
    domain: MailDomain,
    seen: Set<string>,
    primary: string,
): Problem[] {
    const { name } = domain;
    if (name !== undefined && typeof name !== "string") return textProblems(`${path}.name`, name);
    // The primary domain's own name is checked where it is given.
    const problem = name === primary ? undefined : domainNameProblem(`${path}.name`, name);
    if (problem !== undefined) return [problem];
    if (seen.has(name)) {
        return [fault(`${path}.name`, name, "is there twice", "Join its entries to one.")];
    }
    seen.add(name);
    return zoneProblems(`${path}.zone`, domain);
}

function addressProblems({ addresses, pointers }: DnsPlanArgs): Problem[] {
    const familyProblems = (path: string, value: string) => choiceProblems(path, value, families);
    const problems = [
        ...listProblems("addresses", addresses, familyProblems),
        ...listProblems("pointers", pointers, familyProblems),
    ];
    if (problems.length > 0) return problems;
    if (addresses?.length === 0) {
        problems.push({
            path: "addresses",
            reason: "The list is empty, and a mail host needs an address.",
            remedy: "List ipv4, ipv6 or both.",
        });
    }
    if (pointers === undefined) return problems;
    const published = addresses ?? families;
    for (const family of families) {
        if (published.includes(family) === pointers.includes(family)) continue;
        const name = family === "ipv4" ? "IPv4" : "IPv6";
        problems.push(
            published.includes(family)
                ? {
                      path: "pointers",
                      reason: `The host's ${name} address has no PTR record, and mail from such an address is refused.`,
                      remedy: `Have the server set it, or leave ${family} out of addresses.`,
                  }
                : {
                      path: "pointers",
                      reason: `A PTR record is wanted for ${name}, in which the host has no address.`,
                      remedy: `Leave ${family} out, or add it to addresses.`,
                  },
        );
    }
    return problems;
}

function selectorListProblems({ systemDkimSelectors }: DnsPlanArgs): Problem[] {
    const path = "systemDkimSelectors";
    if (systemDkimSelectors?.length === 0) {
        return [
            {
                path,
                reason: "The list is empty, and the system signs its own mail.",
                remedy: 'Leave it out for ["default"].',
            },
        ];
    }
    return listProblems(path, systemDkimSelectors, selectorProblems);
}

function certificateProblems({ certificateNames, certificateKeys }: DnsPlanArgs): Problem[] {
    const problems = [
        ...listProblems("certificateNames", certificateNames, (path, name) =>
            isHostName(name.replace(/^\*\./, ""))
                ? []
                : [
                      fault(
                          path,
                          name,
                          "is not a name that a certificate covers",
                          "Give a host name in lower case, or a wildcard such as *.example.com.",
                      ),
                  ],
        ),
        ...listProblems("certificateKeys", certificateKeys, (path, key) =>
            choiceProblems(path, key, ["current", "next"]),
        ),
    ];
    if (certificateKeys?.length === 0) {
        problems.push({
            path: "certificateKeys",
            reason: "The list is empty, and TLSA records name a key.",
            remedy: 'Leave it out for ["current"].',
        });
    }
    return problems;
}
