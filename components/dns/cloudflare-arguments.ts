import type * as pulumi from "@pulumi/pulumi";
import type { Problem } from "../problem";
import { recordsByZone, type DnsPlan } from "./record";
import { fault, isList, numberProblems } from "./value-problems";

/** Arguments of `cloudflare(…)`. */
export interface CloudflareArgs {
    /**
     * API token of the zones with the permissions Zone:Read and DNS:Edit
     * (https://developers.cloudflare.com/fundamentals/api/get-started/create-token/).
     *
     * @default the configuration `cloudflare:apiToken`, else the variable CLOUDFLARE_API_TOKEN
     */
    apiToken?: pulumi.Input<string>;
    /**
     * Signs the zones by DNSSEC. The DS record of each then has to be published at the domain's registrar: the output
     * `dnssec` has it. Turning it off again leaves the zones signed: with the DS record at the registrar, an unsigned
     * zone is gone for every resolver that validates. Remove that first, wait a day, then disable DNSSEC at Cloudflare.
     *
     * @default false
     */
    dnssec?: boolean;
    /**
     * How many records Cloudflare takes in a zone: 200 on the free plan, 3500 on the paid ones
     * (https://developers.cloudflare.com/dns/manage-dns-records/).
     *
     * @default 200
     */
    recordsPerZone?: number;
    /**
     * Ids of existing records that are let stand: those that were imported into the stack, until the `up` that marks
     * them as its own, and foreign ones that are wanted beside the planned ones. After a project or stack was renamed:
     * the comment of its records, `pulumi-mailhost/<project>/<stack>` with the former names, for one `up`.
     *
     * @default none
     */
    adopt?: readonly string[];
}

/** The value of every argument that is left out. */
export const cloudflareDefaults = { dnssec: false, recordsPerZone: 200 } as const;

/** Permissions that the token needs, as Cloudflare's page calls them. */
export const tokenPermissions = "Zone:Read and DNS:Edit";

/** What the comments of all records begin with that any stack has published. */
export const commentPrefix = "pulumi-mailhost/";

/** The mark of the records that a stack publishes. */
export function recordComment(project: string, stack: string): string {
    return `${commentPrefix}${project}/${stack}`;
}

/** https://developers.cloudflare.com/dns/manage-dns-records/reference/record-attributes/ */
const longestComment = 100;
/** All TXT records of one name together, in characters. */
const longestTxtSet = 8192;

/**
 * Everything that is wrong with the arguments, and what Cloudflare would refuse of the plan.
 *
 * @param path stands before the name of each argument.
 * @param comment the mark of the records.
 */
export function cloudflareProblems(
    path: string,
    args: CloudflareArgs,
    plan: Pick<DnsPlan, "records">,
    comment: string,
): Problem[] {
    const limit = args.recordsPerZone ?? cloudflareDefaults.recordsPerZone;
    return [
        ...tokenProblems(`${path}.apiToken`, args.apiToken),
        ...numberProblems(`${path}.recordsPerZone`, limit, {
            from: 1,
            to: 1_000_000,
            remedy: "Give the limit of your plan: 200 for the free one.",
        }),
        ...adoptProblems(`${path}.adopt`, args.adopt),
        ...commentProblems(path, comment),
        ...countProblems(path, limit, plan),
        ...txtSetProblems(path, plan),
    ];
}

/**
 * What is wrong with a token of the zones.
 *
 * @param origin see {@link tokenFormProblems}.
 */
export function tokenProblems(
    path: string,
    token: CloudflareArgs["apiToken"],
    origin?: string,
): Problem[] {
    // What is only known later is Cloudflare's to check.
    if (typeof token !== "string") return [];
    return tokenFormProblems(path, token, {
        remedy: `Make one with ${tokenPermissions} at https://dash.cloudflare.com/profile/api-tokens.`,
        origin,
    });
}

/**
 * What is wrong with the form of a token. Its value is never shown.
 *
 * @param origin where it was found, as in `of the variable CLOUDFLARE_API_TOKEN`. @default where the path says
 */
export function tokenFormProblems(
    path: string,
    token: string,
    { remedy, origin }: { remedy: string; origin?: string },
): Problem[] {
    if (/^[A-Za-z0-9_-]{40,}$/.test(token)) return [];
    const value = origin === undefined ? "The value" : `The value ${origin}`;
    return [
        {
            path,
            reason: `${value} (not shown, ${token.length} characters) is not a token of Cloudflare: those have 40 or more of A-Z, a-z, 0-9, "_" and "-".`,
            remedy,
        },
    ];
}

function adoptProblems(path: string, adopt: CloudflareArgs["adopt"]): Problem[] {
    if (adopt === undefined) return [];
    const remedy =
        "Give the ids that the message about the records names, 32 hexadecimal digits, or the comment pulumi-mailhost/<project>/<stack> of this stack's former name.";
    if (!isList(adopt)) return [fault(path, adopt, "is not a list", remedy)];
    return adopt.flatMap((id, index) =>
        typeof id === "string" && /^([0-9a-f]{32}|pulumi-mailhost\/[^/]+\/[^/]+)$/.test(id)
            ? []
            : [fault(`${path}[${index}]`, id, "is not the id of a record", remedy)],
    );
}

function commentProblems(path: string, comment: string): Problem[] {
    if (comment.length <= longestComment) return [];
    return [
        {
            path,
            reason: `The records' comment ${JSON.stringify(comment)} has ${comment.length} characters, and Cloudflare takes ${longestComment}.`,
            remedy: "Give the project or the stack a shorter name.",
        },
    ];
}

function countProblems(
    path: string,
    limit: number,
    { records }: Pick<DnsPlan, "records">,
): Problem[] {
    return [...recordsByZone({ records })].flatMap(([zone, { length: count }]) =>
        count <= limit
            ? []
            : [
                  {
                      path: `${path}.recordsPerZone`,
                      reason: `The zone ${zone} would hold ${count} records of this host alone, and ${limit} is the most.`,
                      remedy: `Give fewer mail domains in ${zone}, or the limit of its plan if that is a higher one.`,
                  },
              ],
    );
}

function txtSetProblems(path: string, { records }: Pick<DnsPlan, "records">): Problem[] {
    const lengths = new Map<string, number>();
    for (const { name, data } of records) {
        if (data.type !== "TXT") continue;
        const known = data.text.filter((part) => typeof part === "string");
        lengths.set(name, (lengths.get(name) ?? 0) + known.join("").length);
    }
    return [...lengths].flatMap(([name, length]) =>
        length <= longestTxtSet
            ? []
            : [
                  {
                      path,
                      reason: `The TXT records of ${name} have ${length} characters together, and Cloudflare takes ${longestTxtSet}.`,
                      remedy: "Give them fewer addresses.",
                  },
              ],
    );
}
