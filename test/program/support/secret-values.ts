/** How a secret travels between a program and the engine. */
const signature = "4dabf18193072939515e22adb298388d";
const secret = "1b47061264138c4ac30d75fd1eb44270";
/** How a value that is not known yet travels. */
const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

function isRecord(value: unknown): value is Record<string, unknown> {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether the value is a secret, or holds one anywhere. */
export function isSecretValue(value: unknown): boolean {
    if (Array.isArray(value)) return value.some(isSecretValue);
    if (!isRecord(value)) return false;
    return value[signature] === secret || Object.values(value).some(isSecretValue);
}

/** The value with its secrets in plain, and without what is not known yet. */
export function unwrapSecrets(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(unwrapSecrets);
    if (!isRecord(value)) return value;
    if (value[signature] === secret) return unwrapSecrets(value["value"]);
    return Object.fromEntries(
        Object.entries(value)
            .map(([key, inner]) => [key, unwrapSecrets(inner)] as const)
            .filter(([, inner]) => inner !== unknownValue),
    );
}

/** The value as a state file without encryption would lay it open: every secret is replaced by a word. */
export function withoutSecretValues(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(withoutSecretValues);
    if (!isRecord(value)) return value;
    if (value[signature] === secret) return "[secret]";
    return Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [key, withoutSecretValues(inner)]),
    );
}
