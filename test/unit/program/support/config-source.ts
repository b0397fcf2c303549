import { readConfig, type ConfigSource } from "../../../../program/config";
import { images } from "../../stack/stacks";

export const hcloudToken = "h".repeat(64);
export const cloudflareToken = "c".repeat(40);

/** The keys that have to be encrypted. */
export const secretKeys = [
    ...["hcloud:token", "cloudflare:apiToken", "mailhost:cloudflareApiToken"],
    ...["mailhost:helperEncryptionKey", "mailhost:txtEncryptionKey"],
    "mailhost:secretEnvironment",
];

/** A configuration without a problem; `undefined` takes a key out, objects become the JSON that the engine hands over. */
export function source(
    changes: Record<string, unknown> = {},
    rest: Partial<ConfigSource> = {},
): ConfigSource {
    const values: Record<string, unknown> = {
        "mailhost:domain": "example.com",
        "mailhost:email": "you@example.net",
        "mailhost:server": { sshAllowedCidrs: ["203.0.113.0/24"] },
        "mailhost:stack": { images },
        "hcloud:token": hcloudToken,
        "cloudflare:apiToken": cloudflareToken,
        ...changes,
    };
    const entries = Object.entries(values)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]);
    return {
        entries: Object.fromEntries(entries) as Record<string, string>,
        secretKeys,
        project: "mailhost",
        stack: "test",
        environment: {},
        ...rest,
    };
}

/** Every problem of it, a line each. */
export const lines = (from: ConfigSource): string[] =>
    readConfig(from).problems.map(({ path, reason, remedy }) => `${path}: ${reason} ${remedy}`);
