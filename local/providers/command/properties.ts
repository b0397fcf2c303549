import type { PropertyTable, Values } from "../schema";

/** Trigger values: any change of them makes another resource. */
export const triggers = { type: "array", items: { type: "any" }, replaces: true } as const;

/** What local and remote commands have in common. */
export const commandInputs = {
    create: { type: "string" },
    update: { type: "string" },
    delete: { type: "string" },
    stdin: { type: "string" },
    environment: { type: "map", items: { type: "string" } },
    triggers,
    addPreviousOutputInEnv: { type: "boolean" },
    logging: { type: "string", values: ["stdout", "stderr", "stdoutAndStderr", "none"] },
} as const satisfies PropertyTable;

/** An update runs the command again, so that a preview can't tell its output. */
export const commandOutputs = {
    stdout: { type: "string", changesOnUpdate: true },
    stderr: { type: "string", changesOnUpdate: true },
} as const satisfies PropertyTable;

const endpoint = {
    host: { type: "string", required: true },
    port: { type: "number", default: 22 },
    user: { type: "string", default: "root" },
    password: { type: "string", secret: true },
    privateKey: { type: "string", secret: true },
    privateKeyPassword: { type: "string", secret: true },
    agentSocketPath: { type: "string" },
    dialErrorLimit: { type: "integer", default: 10 },
    perDialTimeout: { type: "integer", default: 15 },
    hostKey: { type: "string" },
} as const satisfies PropertyTable;

/** How to reach one host. */
export type Endpoint = Values<typeof endpoint>;

/** A checked connection, perhaps through another host. */
export type Connection = Endpoint & { proxy?: Endpoint };

/** How to reach a host over SSH; secret as a whole. */
export const connection = {
    type: "object",
    required: true,
    secret: true,
    properties: { ...endpoint, proxy: { type: "object", properties: endpoint } },
} as const;
