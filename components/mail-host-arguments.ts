import type * as pulumi from "@pulumi/pulumi";
import { authorityProblems, chosenAuthority, type AuthorityArgs } from "./certificate/authorities";
import { propagationProblems } from "./certificate/plan";
import { tokenFormProblems } from "./dns/cloudflare-arguments";
import type { DnsAdapter } from "./dns/dns";
import type { MailDomain } from "./dns/domain-options";
import type { DnsPlanArgs } from "./dns/plan";
import { examine } from "./dns/problems";
import type { DnsPlan } from "./dns/record";
import { planContext } from "./dns/plan-context";
import {
    systemDkimDefaults,
    systemDkimProblems,
    type SystemDkimSelectors,
} from "./dns/system-dkim";
import type { Problem } from "./problem";
import type { ServerAdapter } from "./server/server";
import type { HostMemory } from "./stack/memory";
import { planStack, stackProblems, type StackOptions, type StackPlan } from "./stack/plan";
import { dataKeyProblems, type DataKeys } from "./stack/stack-secrets";

/** Ways in which the host's first secrets reach it. */
export const secretDeliveries = ["ssh", "user-data"] as const;
export type SecretDelivery = (typeof secretDeliveries)[number];

/** Which authority issues the certificates, and how the host proves to it that the domain is its own. */
export interface CertificateArgs extends AuthorityArgs {
    /**
     * Token of Cloudflare that may edit the mail domains' zones (Zone:Read, DNS:Edit): the host answers the authority's
     * DNS challenge with it, and keeps it. One of its own lets the program's stay off the host.
     *
     * @default that of `dns`
     */
    cloudflareApiToken?: pulumi.Input<string>;
    /**
     * Seconds from the publication of the challenge's answer until the authority is told to look for it, 0 to 900.
     *
     * @default 20
     */
    propagationSeconds?: number;
}

/** A mail host: what it is called, who runs it and where it stands. */
export interface MailHostArgs extends DataKeys {
    /** The domain that gets mail, e.g. `example.com`. The host is `mx.<domain>`, of at most 63 characters. */
    domain: string;
    /**
     * The operator's e-mail address, e.g. `you@example.net`: the certificate authority's account and the host's own
     * reports go there, and it stands in the domains' CAA records (`caa.reportAddress`). Preview warns of one at a mail
     * domain of this host: when the host fails, its mail doesn't come.
     */
    email: string;
    /** Where the host stands: `hetzner({…})`, `digitalOcean({…})`, or `existing({…})` for a machine that is there. */
    server: ServerAdapter;
    /** Who holds the zones: `cloudflare({…})`, or `manualDns()` to publish the records by hand. */
    dns: DnsAdapter;
    /**
     * Further mail domains; an entry of the primary domain's own name holds its options.
     *
     * @default none
     */
    domains?: readonly MailDomain[];
    /**
     * The system's DKIM keys, see `SystemDkim` for how one is replaced.
     *
     * @default one key, with the selector `default`
     */
    systemDkim?: SystemDkimSelectors;
    /**
     * Protects data volume, addresses and keys from deletion, in Pulumi and at the provider. The server itself never
     * is: it can be replaced at any time.
     *
     * @default true
     */
    protect?: boolean;
    /**
     * User name of the HTTP Basic authentication that guards the web site at first set-up. Letters, digits, `.`, `_`
     * and `-`, at most 64.
     *
     * @default "admin"
     */
    authBasicUsername?: string;
    /**
     * When the host may restart for a security update that needs it, `HH:MM` in UTC. Nothing restarts on other days.
     *
     * @default "04:30"
     */
    rebootTime?: string;
    /**
     * Makes every step on the host verbose and keeps the logs. No secret is written to them.
     *
     * @default false
     */
    debug?: boolean;
    /**
     * `ssh`: secrets reach the host over the pinned SSH connection. `user-data`: they stand in the server's user data
     * as well, which the provider keeps and the host can read back from its metadata service; needs a
     * `cloudflareApiToken` for the host.
     *
     * @default "ssh"
     */
    secretDelivery?: SecretDelivery;
    /**
     * @default Let's Encrypt. `cloudflareApiToken` is needed with `secretDelivery: "user-data"`, and where `dns` has no
     * token that it could stand for.
     */
    certificate?: CertificateArgs;
    /** The mail services. `images` has to say which releases run: `mailhost pin` writes it, and preview asks for it. */
    stack: StackOptions<pulumi.Input<string>> | undefined;
}

/** The value of every argument that is left out. */
export const mailHostDefaults = {
    protect: true,
    authBasicUsername: "admin",
    rebootTime: "04:30",
    debug: false,
    secretDelivery: "ssh",
} as const;

/** What the records follow from. */
export type DnsDescription = Partial<
    Pick<MailHostArgs, "domain" | "email" | "domains" | "systemDkim" | "certificate" | "stack">
>;

const noRecords: DnsPlan = {
    zones: [],
    records: [],
    pointers: [],
    omitted: [],
    missing: [],
    warnings: [],
};

/** The records that follow from the arguments, or from what is right in them, and everything that is wrong. */
export function describeDns(
    { domain = "", email = "", domains, systemDkim = {}, certificate = {}, stack }: DnsDescription,
    signed: boolean,
    addresses?: DnsPlanArgs["addresses"],
): { problems: Problem[]; plan: DnsPlan; description: DnsPlanArgs } {
    const ofDkim = systemDkimProblems("systemDkim", systemDkim);
    const ofAuthority = authorityProblems("certificate", certificate);
    const description = {
        domain,
        email,
        domains,
        signed,
        addresses,
        // What is reported here is not reported once more by the planner.
        systemDkimSelectors: ofDkim.length === 0 ? systemDkim.selectors : undefined,
        issuer: chosenAuthority(ofAuthority.length === 0 ? certificate : {}).issuer,
        ...servicesOf(stack),
    };
    const { problems, plan = noRecords } = examine(description);
    return { problems: [...problems, ...ofDkim, ...ofAuthority], plan, description };
}

/** What the records follow from, of the stack; what is wrong with it is the stack's own to report. */
function servicesOf(
    stack: StackOptions<unknown> | undefined,
): Pick<DnsPlanArgs, "profile" | "startTlsSubmission"> {
    return {
        profile: stack?.profile === "forwarding" ? "forwarding" : undefined,
        startTlsSubmission: stack?.startTlsSubmission === true ? true : undefined,
    };
}

/** What arguments are judged by that stand with the adapters. */
export interface AdapterFacts extends HostMemory {
    /** Whether the server is made with user data. @default true */
    hasUserData?: boolean;
    /** The token for the authority's challenge that the DNS adapter has. */
    challengeToken?: pulumi.Input<string>;
}

/** Everything that is wrong with the arguments, but for the adapters' and what the records follow from. */
export function mailHostProblems(
    args: Partial<Omit<MailHostArgs, "server" | "dns">>,
    { memoryMb, memoryFrom, challengeToken, hasUserData = true }: AdapterFacts,
): Problem[] {
    const problems: Problem[] = [];
    const userName = args.authBasicUsername ?? mailHostDefaults.authBasicUsername;
    const fits = /^[A-Za-z0-9._-]{1,64}$/.test(userName);
    if (!fits) {
        problems.push({
            path: "authBasicUsername",
            reason: `${JSON.stringify(userName)} is not a user name that every service takes.`,
            remedy: "Use 1 to 64 letters, digits, dots, underscores or hyphens.",
        });
    }
    const rebootTime = args.rebootTime ?? mailHostDefaults.rebootTime;
    if (!/^([01]\d|2[0-3]):[0-5]\d$/.test(rebootTime)) {
        problems.push({
            path: "rebootTime",
            reason: `${JSON.stringify(rebootTime)} is not a time of day.`,
            remedy: 'Write it as HH:MM in UTC, in quotes, from "00:00" to "23:59".',
        });
    }
    const delivery = args.secretDelivery ?? mailHostDefaults.secretDelivery;
    if (!secretDeliveries.includes(delivery)) {
        problems.push({
            path: "secretDelivery",
            reason: `${JSON.stringify(delivery)} is not a way to deliver secrets.`,
            remedy: `Choose ${secretDeliveries.join(" or ")}.`,
        });
    } else if (delivery === "user-data" && !hasUserData) {
        problems.push({
            path: "secretDelivery",
            reason: "An existing machine has no user data of ours.",
            remedy: 'Leave it out, or set it to "ssh".',
        });
    }
    problems.push(
        ...tokenProblems(args.certificate?.cloudflareApiToken, delivery, challengeToken),
        ...(args.certificate?.propagationSeconds === undefined
            ? []
            : propagationProblems(
                  "certificate.propagationSeconds",
                  args.certificate.propagationSeconds,
              )),
        ...stackProblems("stack", args.stack ?? {}, {
            memoryMb,
            memoryFrom,
            authBasicUsername: fits ? userName : undefined,
            dkimSelector: signingSelector(args),
        }),
        ...dataKeyProblems(args),
    );
    return problems;
}

/** The mail services that follow from arguments without problems, and the records' description. */
export function planServices(
    args: MailHostArgs,
    description: DnsPlanArgs,
    authBasicUsername: string,
): StackPlan {
    const { primary, domains } = planContext(description);
    return planStack("stack", args.stack ?? {}, {
        domain: primary,
        domains: [...domains.values()],
        memoryMb: args.server.memoryMb,
        memoryFrom: args.server.memoryFrom,
        authBasicUsername,
        dkimSelector: signingSelector(args) ?? "",
    });
}

/** The selector of the system's key that signs. */
function signingSelector({
    systemDkim = {},
}: Pick<DnsDescription, "systemDkim">): string | undefined {
    const { selectors = systemDkimDefaults.selectors, signing = selectors[0] } = systemDkim;
    return signing;
}

function tokenProblems(
    token: pulumi.Input<string> | undefined,
    delivery: SecretDelivery,
    challengeToken: pulumi.Input<string> | undefined,
): Problem[] {
    const path = "certificate.cloudflareApiToken";
    const remedy =
        "Make one at https://dash.cloudflare.com/profile/api-tokens that may edit the domain's DNS";
    if (token === undefined || token === "") {
        if (delivery !== "user-data") {
            if (challengeToken !== undefined && challengeToken !== "") return [];
            return [
                {
                    path,
                    reason: "The token for Cloudflare is missing: the host answers the certificate authority's DNS challenge in the zones there.",
                    remedy: `${remedy}.`,
                },
            ];
        }
        return [
            {
                path,
                reason: 'It is missing, but secretDelivery is "user-data", which puts it into the server\'s user data.',
                remedy: `${remedy}, or leave secretDelivery at "ssh".`,
            },
        ];
    }
    // What is only known later is Cloudflare's to check.
    if (typeof token !== "string") return [];
    return tokenFormProblems(path, token, { remedy: `${remedy}.` });
}
