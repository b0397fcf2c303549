import type { RequestListener } from "node:http";
import ipaddr from "ipaddr.js";
import * as z from "zod";
import type { MachineKind } from "../paths";
import type { AcmeServer } from "./acme/pebble";
import { faultBody, type Faults } from "./api/faults";
import { apiListener, hasToken, type ApiErrors, type ApiRequest, type Route } from "./api/listener";
import type { Reach } from "./machines/machine";
import type { Registry } from "./registry/registry";
import type { LentServer, LentVolume, ServerProvider } from "./server-provider";

/** In front of the paths that only the laptop cloud has. */
export const laptopPrefix = "/_laptop";

/** The ports of a mail host, whose reach the status tells. */
const reportedPorts = [22, 25, 80, 443, 465, 587, 993, 995];

/** One machine as `GET /_laptop/status` shows it. */
export interface MachineStatus {
    id: number;
    name: string;
    /** Whose server it is. */
    provider: string;
    kind: MachineKind;
    running: boolean;
    ipv4: string | null;
    /** The host's own address, `<prefix>::1`. */
    ipv6: string | null;
    /** Port → where this computer reaches it over either protocol; null where it can't. */
    reach: Record<string, { ipv4: Reach | null; ipv6: Reach | null }>;
}

/** `GET /_laptop/status` */
export interface CloudStatus {
    machines: MachineStatus[];
    /** `detachedWhileMounted` of anything but 0 means that data was lost. */
    volumes: LentVolume[];
}

export interface LaptopOptions {
    kind: MachineKind;
    acme: Pick<AcmeServer, "restart">;
    registry: Pick<Registry, "setRunning">;
    /** Ends the daemon, once the answer is sent. */
    quit(machines: boolean): void;
    /** Lets its owner change things. */
    token: string;
    /** A line of JSON a request: time, method, path, status. No bodies. */
    requestLog: string;
    /** Those of every API of the laptop cloud. */
    faults: Faults;
}

/** How long the ACME server's certificates are valid from now on. */
const acmeBody = z.object({ certificateSeconds: z.number().int().positive() });

/** What only the laptop cloud has. Reading needs no token: it tells nothing that is secret. */
export function laptopApi(
    providers: readonly ServerProvider[],
    options: LaptopOptions,
): RequestListener {
    return apiListener({
        prefix: laptopPrefix,
        requestLog: options.requestLog,
        errors,
        routes: laptopRoutes(providers, options),
        admit: (request) => {
            if (request.method !== "GET" && !hasToken(request, options.token)) {
                throw new LaptopError(401, "unable to authenticate");
            }
        },
    });
}

/** An answer other than success. */
class LaptopError extends Error {
    constructor(
        readonly status: number,
        message: string,
    ) {
        super(message);
    }
}

const errors: ApiErrors = {
    noRoute: (path) => new LaptopError(404, `there is no ${path}`),
    wrongMethod: (method, path) => new LaptopError(405, `${method} is not allowed for ${path}`),
    badBody: (reason) => new LaptopError(400, reason),
    fault: (status) => ({ status }),
    reply: (error) => {
        const message = error instanceof Error ? error.message : String(error);
        return {
            status: error instanceof LaptopError ? error.status : 500,
            body: { error: { message } },
        };
    },
};

function laptopRoutes(providers: readonly ServerProvider[], options: LaptopOptions): Route[] {
    return [
        {
            method: "GET",
            path: "/status",
            handle: () => ({ body: cloudStatusOf(providers, options.kind) }),
        },
        {
            method: "GET",
            path: "/route",
            handle: (request) => {
                const host = request.query.get("host") ?? "";
                const port = Number(request.query.get("port"));
                if (!Number.isInteger(port) || port < 1 || port > 65535) {
                    throw new LaptopError(422, "port: a port number is needed");
                }
                return { body: route(providers, host, port) };
            },
        },
        {
            method: "POST",
            path: "/faults",
            handle: (request) => {
                options.faults.inject(parseBody(faultBody, request));
                return { status: 204 };
            },
        },
        {
            method: "DELETE",
            path: "/faults",
            handle: () => {
                options.faults.clear();
                return { status: 204 };
            },
        },
        {
            method: "POST",
            path: "/acme",
            handle: async (request) => {
                const body = parseBody(acmeBody, request);
                await options.acme.restart(body.certificateSeconds);
                return { status: 204 };
            },
        },
        {
            method: "POST",
            path: "/registry",
            handle: async (request) => {
                const body = parseBody(z.object({ running: z.boolean() }), request);
                await options.registry.setRunning(body.running);
                return { status: 204 };
            },
        },
        {
            method: "POST",
            path: "/quit",
            handle: (request) => {
                const body = parseBody(z.object({ machines: z.boolean().optional() }), request);
                options.quit(body.machines ?? false);
                return { status: 204 };
            },
        },
    ];
}

/** @throws LaptopError with every field that is wrong. */
function parseBody<T extends z.ZodType>(schema: T, request: ApiRequest): z.output<T> {
    const result = schema.safeParse(request.body ?? {});
    if (result.success) return result.data;
    throw new LaptopError(422, z.prettifyError(result.error));
}

function cloudStatusOf(providers: readonly ServerProvider[], kind: MachineKind): CloudStatus {
    return {
        machines: providers.flatMap((provider) =>
            provider.servers().map((server) => machineStatus(provider, kind, server)),
        ),
        volumes: providers.flatMap((provider) => provider.volumes()),
    };
}

function machineStatus(
    provider: ServerProvider,
    kind: MachineKind,
    { id, name, ipv4, ipv6 }: LentServer,
): MachineStatus {
    const machine = provider.park.get(id);
    return {
        id,
        name,
        provider: provider.name,
        kind,
        running: machine.isRunning(),
        ipv4: ipv4 ?? null,
        ipv6: ipv6 ?? null,
        reach: Object.fromEntries(
            reportedPorts.map((port) => [
                String(port),
                { ipv4: machine.reach(port, 4) ?? null, ipv6: machine.reach(port, 6) ?? null },
            ]),
        ),
    };
}

function route(providers: readonly ServerProvider[], host: string, port: number): Reach {
    if (!ipaddr.isValid(host)) throw new LaptopError(422, `host: '${host}' is not an address`);
    const address = ipaddr.parse(host);
    for (const provider of providers) {
        const server = provider.serverAt(address);
        if (!server) continue;
        const family = address.kind() === "ipv4" ? 4 : 6;
        const reach = provider.park.get(server.id).reach(port, family);
        if (reach) return reach;
        throw new LaptopError(404, `this computer can't reach ${host} port ${port}`);
    }
    throw new LaptopError(404, `no server of the laptop cloud has the address ${host}`);
}
