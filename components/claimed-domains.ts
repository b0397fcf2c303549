import * as pulumi from "@pulumi/pulumi";
import type { Problem } from "./problem";

/**
 * Mail domain, or what a machine is known by (which no domain looks like) → the host that has it, of each program that runs: one process may run several, one after the other or at
 * once (Pulumi's Automation API), and each has an engine connection of its own.
 */
const claims = new WeakMap<object, Map<string, string>>();

function claimsOfProgram(): Map<string, string> {
    const program: unknown = pulumi.runtime.getMonitor();
    if (typeof program !== "object" || program === null) return new Map();
    const known = claims.get(program) ?? new Map<string, string>();
    claims.set(program, known);
    return known;
}

/** What a mail host is asked to have; may be wrong in ways that others report. */
interface Domains {
    domain?: string;
    domains?: readonly { name: string }[];
}

/** Mail domain → the path of its argument. */
function pathsOf({ domain, domains }: Domains): [name: string, path: string][] {
    const further = Array.isArray(domains) ? (domains as ({ name?: unknown } | undefined)[]) : [];
    return [
        [domain, "domain"],
        ...further.map((one, index) => [one?.name, `domains[${index}].name`]),
    ].filter((one): one is [string, string] => typeof one[0] === "string");
}

/** The mail domains, and what of the machine, another host of this program has. */
export function claimProblems(args: Domains, identities: readonly string[] = []): Problem[] {
    const claimed = claimsOfProgram();
    const taken = identities.find((identity) => claimed.has(identity));
    const ofMachine: Problem[] =
        taken === undefined
            ? []
            : [
                  {
                      path: "server",
                      reason: `The machine with the ${taken} is that of the mail host ${JSON.stringify(claimed.get(taken))} in this program.`,
                      remedy: "Give each host a machine of its own; one host takes any number of domains.",
                  },
              ];
    const ofDomains = pathsOf(args).flatMap(([name, path]) => {
        const host = claimed.get(name);
        if (host === undefined) return [];
        return [
            {
                path,
                reason: `${JSON.stringify(name)} is a mail domain of the mail host ${JSON.stringify(host)} in this program, and their records would clash.`,
                remedy: "Give each domain to one host alone.",
            },
        ];
    });
    return [...ofDomains, ...ofMachine];
}

/** Notes the mail domains and the machine of a host whose arguments have no problem. */
export function claimDomains(
    host: string,
    args: Domains,
    identities: readonly string[] = [],
): void {
    const claimed = claimsOfProgram();
    for (const [name] of pathsOf(args)) claimed.set(name, host);
    for (const identity of identities) claimed.set(identity, host);
}
