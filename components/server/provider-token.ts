import * as pulumi from "@pulumi/pulumi";
import type { Problem } from "../problem";

/** The token with which a provider is asked, where the provider finds it, and what it looks like. */
export interface ProviderToken {
    /** Who takes it. */
    service: string;
    /** Its configuration key, e.g. `hcloud:token`. */
    key: string;
    /** The environment variable that stands for the key. */
    variable: string;
    /** What keeps a text from being one, after `The value (not shown)`; undefined when nothing does. */
    fault: (token: string) => string | undefined;
    /** How one is made. */
    howToMake: string;
}

const hcloudLength = 64;

export const hcloudToken: ProviderToken = {
    service: "Hetzner Cloud",
    key: "hcloud:token",
    variable: "HCLOUD_TOKEN",
    fault: ({ length }) =>
        length === hcloudLength
            ? undefined
            : `has ${length} characters; a token of Hetzner Cloud has ${hcloudLength}`,
    howToMake:
        "Make one with read and write access (https://console.hetzner.com: project, Security, API tokens)",
};

export const digitalOceanToken: ProviderToken = {
    service: "DigitalOcean",
    key: "digitalocean:token",
    variable: "DIGITALOCEAN_TOKEN",
    // Those of today have a prefix that says what kind they are.
    fault: (token) =>
        /^(?:do[opr]_v1_)?[0-9a-f]{64}$/.test(token)
            ? undefined
            : "does not have the form of a token: dop_v1_ and 64 hexadecimal digits",
    howToMake: "Make one with full access (https://cloud.digitalocean.com/account/api/tokens)",
};

/** What a token's value is: in the configuration, which goes first, or in the environment. */
export interface TokenSources {
    configured: string | undefined;
    environment: Readonly<Record<string, string | undefined>>;
}

/** What is wrong with a token, its absence among it. Its value is never shown. */
export function tokenProblems(
    { service, key, variable, fault, howToMake }: ProviderToken,
    { configured, environment }: TokenSources,
): Problem[] {
    const token = configured ?? environment[variable] ?? "";
    const remedy = `${howToMake}, and set it with: pulumi config set --secret ${key}, or in the environment variable ${variable}.`;
    if (token === "")
        return [{ path: key, reason: `The token for ${service} is missing.`, remedy }];
    const found = fault(token);
    if (found === undefined) return [];
    const origin = configured === undefined ? `of the variable ${variable} ` : "";
    return [{ path: key, reason: `The value ${origin}(not shown) ${found}.`, remedy }];
}

/**
 * What is wrong with the token of the provider that a component's resources get without being told. One that isn't
 * known here is the provider's to look for, one of a given provider Pulumi's to hand over.
 *
 * @param isProvider tells a provider of this kind from others.
 */
export function defaultTokenProblems(
    token: ProviderToken,
    isProvider: (value: unknown) => boolean,
    opts: pulumi.ComponentResourceOptions | undefined,
): Problem[] {
    const [space = "", name = ""] = token.key.split(":");
    const given: unknown[] = [
        opts?.provider,
        ...Object.values(opts?.providers ?? {}),
        opts?.parent?.getProvider(`${space}:index:Provider`),
    ];
    const sources = {
        configured: new pulumi.Config(space).get(name),
        environment: process.env,
    };
    const known = (sources.configured ?? sources.environment[token.variable] ?? "") !== "";
    return known && !given.some(isProvider) ? tokenProblems(token, sources) : [];
}
