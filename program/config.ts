import type { z } from "zod";
import { mailHostProblems, type MailHostArgs } from "../components/mail-host-arguments";
import { nearestName } from "../components/names";
import type { Problem } from "../components/problem";
import { hetznerProblems, type HetznerArgs } from "../components/server/hetzner-arguments";
import { mailHostKeys, readForm, serverKeys } from "./config-keys";

/** Where the keys stand, whatever the project is called. */
const namespace = "mailhost";

/** Keys that must be secrets. No problem ever shows their values. */
const credentials = [`${namespace}:cloudflareApiToken`, "hcloud:token"];

/** What the engine hands to a program. */
export interface ConfigSource {
    /** Every entry of the stack's configuration: full key (`mailhost:domain`) → text; JSON where it is an object. */
    entries: Readonly<Record<string, string>>;
    /** The full keys of those that are encrypted in the stack's file. */
    secretKeys: readonly string[];
    /** The project's name. */
    project: string;
    /** The environment: `HCLOUD_TOKEN` stands for `hcloud:token`. */
    environment: Readonly<Record<string, string | undefined>>;
}

/** What the configuration says, as plain values. */
export interface MailHostConfig extends Omit<MailHostArgs, "server" | "certificate"> {
    server: HetznerArgs;
    /** Secret. */
    cloudflareApiToken?: string;
}

/** Either what the configuration says, or everything that is wrong with it. */
export type ConfigResult =
    | { config: MailHostConfig; problems: [] }
    | { config: undefined; problems: [Problem, ...Problem[]] };

type Shape = Record<string, z.ZodType>;
type Read<S extends Shape> = Partial<{ [K in keyof S]: z.output<S[K]> }>;

/**
 * Reads the configuration and checks all of it. Problems carry full config keys as paths and never a secret's value.
 * A pure function.
 */
export function readConfig(source: ConfigSource): ConfigResult {
    const raw = rawValues(source.entries);
    const top = readShape(`${namespace}:`, mailHostKeys, raw);
    const server = readShape(`${namespace}:server.`, serverKeys, top.values.server ?? {});
    const { cloudflareApiToken } = top.values;
    const serverArgs = { ...server.values };
    delete serverArgs.provider;

    const misplaced = misplacedKeys(source);
    const form = [
        ...misplaced.problems,
        ...top.problems,
        ...server.problems,
        ...plainSecrets(source),
    ];
    const settled = [...misplaced.keys, ...top.failed, ...server.failed];
    const values = [
        ...mailHostProblems({ ...top.values, certificate: { cloudflareApiToken } }).map(
            atConfigKey,
        ),
        ...hetznerProblems("server", serverArgs).map(atConfigKey),
        // A value of the wrong form counts as one that is left out; its own problem says so already.
    ].filter(({ path }) => !settled.some((key) => path === key || path.startsWith(`${key}.`)));

    const [first, ...others] = [...form, ...values, ...hcloudTokenProblems(source)].map((problem) =>
        withoutSecret(problem, source),
    );
    if (first) return { config: undefined, problems: [first, ...others] };
    const config = { ...top.values, server: serverArgs };
    // Without a problem, what is required is there: the same functions check it when it is used.
    return { config: config as MailHostConfig, problems: [] };
}

/** Our own entries, without the namespace; an object's JSON is read. */
function rawValues(entries: ConfigSource["entries"]): Record<string, unknown> {
    const own = Object.entries(entries).filter(([key]) => key.startsWith(`${namespace}:`));
    return Object.fromEntries(
        own.map(([key, text]) => {
            const name = key.slice(namespace.length + 1);
            return [name, name === "server" ? fromJson(text) : text];
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

/** Reads each value on its own, so that one of the wrong form hides none of the others. */
function readShape<S extends Shape>(
    prefix: string,
    shape: S,
    raw: Record<string, unknown>,
): { values: Read<S>; failed: string[]; problems: Problem[] } {
    const values: Record<string, unknown> = {};
    const failed: string[] = [];
    const problems: Problem[] = [];
    for (const [key, value] of Object.entries(raw)) {
        const schema = Object.hasOwn(shape, key) ? shape[key] : undefined;
        if (schema === undefined) {
            problems.push(unknownKey(prefix, key));
            continue;
        }
        const result = schema.safeParse(value);
        if (result.success) {
            values[key] = result.data;
            continue;
        }
        failed.push(prefix + key);
        problems.push(...result.error.issues.map((issue) => wrongForm(prefix + key, value, issue)));
    }
    return { values: values as Read<S>, failed, problems };
}

function wrongForm(key: string, value: unknown, issue: z.core.$ZodIssue): Problem {
    const path = issue.path.reduce<string>((before, step) => `${before}[${String(step)}]`, key);
    const got = issue.path.reduce<unknown>(
        (inner, step) => (inner as Record<PropertyKey, unknown>)[step],
        value,
    );
    const { wanted, example } = readForm(issue.message);
    return { path, reason: `${JSON.stringify(got)} is not ${wanted}.`, remedy: example };
}

const everyKey = [
    ...Object.keys(mailHostKeys),
    ...Object.keys(serverKeys).map((key) => `server.${key}`),
];

/** The key that a wrong one stands for: the nearest, or one that stands elsewhere under the same name. */
function meantKey(name: string): string | undefined {
    const nearest = nearestName(name, everyKey);
    if (nearest !== undefined) return nearest;
    const lastPart = (key: string) => key.slice(key.lastIndexOf(".") + 1);
    const last = nearestName(lastPart(name), everyKey.map(lastPart));
    return everyKey.find((key) => lastPart(key) === last);
}

function unknownKey(prefix: string, key: string): Problem {
    const path = prefix + key;
    const within = path.slice(namespace.length + 1);
    const known = prefix.endsWith(".") ? Object.keys(serverKeys) : Object.keys(mailHostKeys);
    if (!prefix.endsWith(".") && everyKey.includes(key)) {
        return {
            path,
            reason: "This is one key with a dot in its name, not a setting within another.",
            remedy: `Remove it (pulumi config rm '${path}'), and set it with: pulumi config set --path '${path}' VALUE.`,
        };
    }
    const meant = meantKey(within);
    return {
        path,
        reason: "There is no such key.",
        remedy:
            meant === undefined
                ? `Remove it. Known here: ${known.join(", ")}.`
                : `Did you mean ${namespace}:${meant}? Rename or remove it.`,
    };
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
    return credentials
        .filter((key) => entries[key] !== undefined && !secretKeys.includes(key))
        .map((key) => ({
            path: key,
            reason: "The value (not shown) stands in plain text.",
            remedy: `Revoke it if the file was ever shared, and set it with: pulumi config set --secret ${key}.`,
        }));
}

const hcloudTokenLength = 64;

function hcloudTokenProblems({ entries, environment }: ConfigSource): Problem[] {
    const path = "hcloud:token";
    const token = entries[path] ?? environment["HCLOUD_TOKEN"] ?? "";
    const remedy =
        "Make one with read and write access (https://console.hetzner.com: project, Security, API tokens), and set it " +
        `with: pulumi config set --secret ${path}, or in the environment variable HCLOUD_TOKEN.`;
    if (token === "") return [{ path, reason: "The token for Hetzner Cloud is missing.", remedy }];
    if (token.length === hcloudTokenLength) return [];
    const origin = entries[path] === undefined ? "of the variable HCLOUD_TOKEN " : "";
    return [
        {
            path,
            reason: `The value ${origin}(not shown) has ${token.length} characters; a token of Hetzner Cloud has ${hcloudTokenLength}.`,
            remedy,
        },
    ];
}

/** Arguments and keys have the same names, but secrets stand at the top. */
function atConfigKey(problem: Problem): Problem {
    const inConfig = (text: string) =>
        text.replace("certificate.cloudflareApiToken", "cloudflareApiToken");
    return { ...problem, path: `${namespace}:${inConfig(problem.path)}` };
}

/** A key that the user chose to encrypt keeps its value to itself, even where we need no secret. */
function withoutSecret(problem: Problem, { secretKeys }: ConfigSource): Problem {
    const key = /^[^:]*:[^.[]*/.exec(problem.path)?.[0] ?? problem.path;
    if (!secretKeys.includes(key) || credentials.includes(key)) return problem;
    return {
        path: problem.path,
        reason: "The value is encrypted, so it is not shown, but it is not what this key takes.",
        remedy: `It is no secret: set it without --secret to see what is wrong with it.`,
    };
}
