import type { CheckFailure, Properties, PropertyTable, Values } from "../schema";
import type { RegistryLogin } from "./registry";

const noFiles =
    "the simulated docker provider reads no Docker configuration: give username and password, or authDisabled";

const properties = {
    address: { type: "string", required: true },
    authDisabled: { type: "boolean" },
    configFile: { type: "string", refused: noFiles },
    configFileContent: { type: "string", refused: noFiles },
    password: { type: "string", secret: true },
    username: { type: "string" },
} as const satisfies PropertyTable;

export const registryAuth = {
    type: "array",
    items: { type: "object", properties },
} as const;

type RegistryAuth = Values<typeof properties>;

/** An entry without a login is looked for in a file by the real provider. */
export function registryAuthFailures(config: Properties): CheckFailure[] {
    return entries(config).flatMap(({ authDisabled, username }, i) =>
        authDisabled || username ? [] : [{ path: `registryAuth[${i}]`, reason: noFiles }],
    );
}

export function loginsFrom(config: Properties): RegistryLogin[] {
    return entries(config).map(({ address, authDisabled, username, password }) =>
        authDisabled ? { address } : { address, username, password },
    );
}

function entries(config: Properties): RegistryAuth[] {
    return (config["registryAuth"] ?? []) as unknown as RegistryAuth[];
}
