import {
    type CloudflareArgs,
    cloudflareProblems,
    recordComment,
    tokenFormProblems,
    tokenPermissions,
} from "../components/dns/cloudflare-arguments";
import type { DnsPlan } from "../components/dns/record";
import {
    describeDns,
    mailHostProblems,
    type CertificateArgs,
    type MailHostArgs,
} from "../components/mail-host-arguments";
import { nearestName } from "../components/names";
import type { Problem } from "../components/problem";
import { addressFamilies } from "../components/server/existing-arguments";
import { everyKey, namespace, readShape, type Shape } from "./config-forms";
import {
    certificateKeys,
    dnsKeys,
    groups,
    mailHostKeys,
    serverKeys,
    stackKeys,
    systemDkimKeys,
} from "./config-keys";
import { chosenServer, type ServerConfig } from "./server-config";

export type { ServerConfig } from "./server-config";

/** Our own keys that must be secrets. */
const ownSecrets = [
    "cloudflareApiToken",
    "sshPrivateKey",
    "helperEncryptionKey",
    "txtEncryptionKey",
    "secretEnvironment",
];

/** Keys that must be secrets; their own problems never show a value. */
const secrets = [
    ...ownSecrets.map((key) => `${namespace}:${key}`),
    "hcloud:token",
    "digitalocean:token",
    "cloudflare:apiToken",
];

/** What the engine hands to a program. */
export interface ConfigSource {
    /** Every entry of the stack's configuration: full key (`mailhost:domain`) → text; JSON where it is an object. */
    entries: Readonly<Record<string, string>>;
    /** The full keys of those that are encrypted in the stack's file. */
    secretKeys: readonly string[];
    /** The project's name. */
    project: string;
    /** The stack's name. */
    stack: string;
    /** The environment: `HCLOUD_TOKEN`, `DIGITALOCEAN_TOKEN` and `CLOUDFLARE_API_TOKEN` stand for the tokens' keys. */
    environment: Readonly<Record<string, string | undefined>>;
}

/** Who holds the zones, and what `cloudflare(…)` and `manualDns(…)` take. */
export interface DnsConfig extends Omit<CloudflareArgs, "apiToken"> {
    /**
     * `cloudflare`: the records are published there. `manual`: nothing is written, `mailhost dns` prints the records.
     *
     * @default "cloudflare"
     */
    provider: "cloudflare" | "manual";
}

/** What the configuration says, as plain values. */
export interface MailHostConfig extends Omit<MailHostArgs, "server" | "dns" | "certificate"> {
    /** Where the host stands, and what it is. */
    server: ServerConfig;
    /**
     * Who holds the zones.
     *
     * @default Cloudflare, unsigned
     */
    dns: DnsConfig;
    /**
     * Who issues the certificates.
     *
     * @default Let's Encrypt
     */
    certificate: Omit<CertificateArgs, "cloudflareApiToken">;
    /**
     * Secret: the token of Cloudflare that lives on the host, with which it answers the certificate authority (Zone:Read
     * and DNS:Edit for the mail domains' zones).
     *
     * @default `cloudflare:apiToken`
     */
    cloudflareApiToken?: string;
    /**
     * Secret: the private key with which root logs in to an existing machine, in OpenSSH form and without a passphrase.
     *
     * @default required with the provider `existing`, and for it alone
     */
    sshPrivateKey?: string;
}

/** Either what the configuration says, or everything that is wrong with it. */
export type ConfigResult =
    | { config: MailHostConfig; problems: [] }
    | { config: undefined; problems: [Problem, ...Problem[]] };

/**
 * Reads the configuration and checks all of it. Problems carry full config keys as paths and never a secret's value.
 * A pure function.
 */
export function readConfig(source: ConfigSource): ConfigResult {
    const top = readShape(`${namespace}:`, mailHostKeys, rawValues(source.entries), ownSecrets);
    const group = <S extends Shape>(name: keyof typeof groups, keys: S) =>
        readShape(`${namespace}:${name}.`, keys, top.values[name] ?? {});
    const server = group("server", serverKeys);
    const dns = group("dns", dnsKeys);
    const certificate = group("certificate", certificateKeys);
    const systemDkim = group("systemDkim", systemDkimKeys);
    const stack = group("stack", stackKeys);
    const { cloudflareApiToken, sshPrivateKey, secretEnvironment, ...topValues } = top.values;
    const { provider = "hetzner", ...serverArgs } = server.values;
    const chosen = chosenServer(provider, serverArgs, sshPrivateKey);

    // The planners know the values of the domains' and the stack's settings, and check them whatever their types here.
    const args = {
        ...topValues,
        certificate: certificate.values,
        systemDkim: systemDkim.values,
        stack: { ...stack.values, ...(secretEnvironment && { secretEnvironment }) },
    } as Omit<MailHostConfig, "server" | "dns">;
    const dnsArgs: DnsConfig = { ...dns.values, provider: dns.values.provider ?? "cloudflare" };

    const misplaced = misplacedKeys(source);
    const read = [top, server, dns, certificate, systemDkim, stack];
    const form = [
        ...misplaced.problems,
        ...read.flatMap(({ problems }) => problems),
        ...plainSecrets(source),
    ];
    const settled = [...misplaced.keys, ...read.flatMap(({ failed }) => failed)];
    const records = describeDns(
        args,
        dnsArgs.dnssec ?? false,
        provider === "existing" ? addressFamilies(serverArgs) : undefined,
    );
    const values = [
        ...records.problems,
        ...mailHostProblems(
            { ...args, certificate: { ...args.certificate, cloudflareApiToken } },
            {
                memoryMb: chosen.memoryMb,
                memoryFrom: chosen.memoryFrom,
                hasUserData: chosen.hasUserData,
                challengeToken:
                    dnsArgs.provider === "cloudflare"
                        ? // A missing one has a problem of its own.
                          (cloudflareToken(source) ?? "missing")
                        : undefined,
            },
        ),
        ...(settled.includes(`${namespace}:server.provider`) ? [] : chosen.foreign),
        ...chosen.problems,
        ...dnsAdapterProblems(dnsArgs, records.plan, source),
    ]
        .map(atConfigKey)
        // A value of the wrong form counts as one that is left out; its own problem says so already.
        .filter(({ path }) => !settled.some((key) => isWithin(path, key)));

    const [first, ...others] = [
        ...form,
        ...values,
        ...(settled.includes(`${namespace}:server.provider`) ? [] : chosen.tokenProblems(source)),
        ...(settled.includes(`${namespace}:dns.provider`)
            ? []
            : cloudflareTokenProblems(dnsArgs, source)),
    ].map((problem) => withoutSecret(problem, source));
    if (first) return { config: undefined, problems: [first, ...others] };
    const config = {
        ...args,
        ...(cloudflareApiToken && { cloudflareApiToken }),
        ...(sshPrivateKey && { sshPrivateKey }),
        server: { ...serverArgs, ...(provider !== "hetzner" && { provider }) },
        dns: dnsArgs,
    };
    // Without a problem, what is required is there: the same functions check it when it is used.
    return { config: config, problems: [] };
}

function isWithin(path: string, key: string): boolean {
    return path === key || path.startsWith(`${key}.`) || path.startsWith(`${key}[`);
}

function dnsAdapterProblems(
    { provider, ...args }: DnsConfig,
    plan: DnsPlan,
    { project, stack }: ConfigSource,
): Problem[] {
    if (provider === "cloudflare")
        return cloudflareProblems("dns", args, plan, recordComment(project, stack));
    return (["recordsPerZone", "adopt"] as const)
        .filter((key) => args[key] !== undefined)
        .map((key) => ({
            path: `dns.${key}`,
            reason: "It is for Cloudflare alone, and dns.provider is manual.",
            remedy: "Remove it.",
        }));
}

/** Keys whose values are objects or lists. */
const objects = [...Object.keys(groups), "domains", "secretEnvironment"];

/** Our own entries, without the namespace; an object's JSON is read. */
function rawValues(entries: ConfigSource["entries"]): Record<string, unknown> {
    const own = Object.entries(entries).filter(([key]) => key.startsWith(`${namespace}:`));
    return Object.fromEntries(
        own.map(([key, text]) => {
            const name = key.slice(namespace.length + 1);
            return [name, objects.includes(name) ? fromJson(text) : text];
        }),
    );
}

function fromJson(text: string): unknown {
    try {
        return JSON.parse(text) as unknown;
    } catch {
        return text;
    }
}

/** Keys of ours in the project's own namespace, as `pulumi config set KEY` puts them, or in a misspelt one. */
function misplacedKeys({ entries, project }: ConfigSource): {
    keys: string[];
    problems: Problem[];
} {
    const found = Object.keys(entries).flatMap((full) => {
        const [space = "", name = ""] = [
            full.slice(0, full.indexOf(":")),
            full.slice(full.indexOf(":") + 1),
        ];
        const other =
            space !== namespace &&
            (space === project || nearestName(space, [namespace]) !== undefined);
        return other && (everyKey.includes(name) || Object.hasOwn(mailHostKeys, name))
            ? [{ full, name }]
            : [];
    });
    return {
        keys: found.map(({ name }) => `${namespace}:${name}`),
        problems: found.map(({ full, name }) => ({
            path: full,
            reason: `Nothing reads it: the namespace is ${namespace}, whatever the project is called.`,
            remedy: `Rename it to ${namespace}:${name}.`,
        })),
    };
}

/** A secret in plain text stands in the stack's file, and soon in the repository. */
function plainSecrets({ entries, secretKeys }: ConfigSource): Problem[] {
    return secrets
        .filter((key) => entries[key] !== undefined && !secretKeys.includes(key))
        .map((key) => ({
            path: key,
            reason: "The value (not shown) stands in plain text.",
            remedy: `Revoke it if the file was ever shared, and set it with: pulumi config set --secret ${settable(key)}.`,
        }));
}

/** What stands behind `pulumi config set`; of a group, each setting is set on its own. */
function settable(key: string): string {
    return objects.includes(key.slice(namespace.length + 1)) ? `--path ${key}.NAME` : key;
}

/** The program's own token. */
function cloudflareToken({
    entries,
    environment,
}: Pick<ConfigSource, "entries" | "environment">): string | undefined {
    return entries["cloudflare:apiToken"] ?? environment["CLOUDFLARE_API_TOKEN"];
}

function cloudflareTokenProblems(
    { provider }: DnsConfig,
    { entries, environment }: ConfigSource,
): Problem[] {
    if (provider !== "cloudflare") return [];
    const path = "cloudflare:apiToken";
    const token = cloudflareToken({ entries, environment }) ?? "";
    const remedy =
        `Make one with ${tokenPermissions} for the zones of your mail domains ` +
        "(https://dash.cloudflare.com/profile/api-tokens), and set it with: pulumi config set --secret " +
        `${path}, or in the environment variable CLOUDFLARE_API_TOKEN.`;
    if (token === "") {
        return [
            {
                path,
                reason: "The token for Cloudflare is missing: the program publishes the DNS records there.",
                remedy: `${remedy} To write the records in those zones yourself, set ${namespace}:dns.provider to manual.`,
            },
        ];
    }
    const origin = entries[path] === undefined ? "of the variable CLOUDFLARE_API_TOKEN" : undefined;
    return tokenFormProblems(path, token, { remedy, origin });
}

/** Arguments that are secret keys, and how they are set. */
const secretArguments: Readonly<Record<string, string>> = {
    "certificate.cloudflareApiToken": `pulumi config set --secret ${namespace}:cloudflareApiToken`,
    "server.sshPrivateKey": `pulumi config set --secret ${namespace}:sshPrivateKey <FILE`,
};

/** Arguments and keys have the same names, but secrets stand at the top. */
function atConfigKey(problem: Problem): Problem {
    const inConfig = (text: string) =>
        text
            .replace("certificate.cloudflareApiToken", "cloudflareApiToken")
            .replace("server.sshPrivateKey", "sshPrivateKey")
            .replace("stack.secretEnvironment", "secretEnvironment");
    const path = `${namespace}:${inConfig(problem.path)}`;
    const command = secretArguments[problem.path];
    if (command === undefined) return { ...problem, path };
    return { ...problem, path, remedy: `${problem.remedy} Set it with: ${command}.` };
}

/** A key that the user chose to encrypt keeps its value to itself, even where no secret is needed. */
function withoutSecret(problem: Problem, { secretKeys }: ConfigSource): Problem {
    const key = /^[^:]*:[^.[]*/.exec(problem.path)?.[0] ?? problem.path;
    if (!secretKeys.includes(key) || secrets.includes(key)) return problem;
    return {
        path: problem.path,
        reason: "The value is encrypted, so it is not shown, but it is not what this key takes.",
        remedy: `It is no secret: set it without --secret to see what is wrong with it.`,
    };
}
