import ipaddr from "ipaddr.js";
import * as z from "zod";
import type { MachineKind } from "../../paths";
import type { AcmeServer } from "../acme/pebble";
import type { Registry } from "../registry/registry";
import type { Reach } from "../machines/machine";
import type { Route } from "../api/listener";
import { ApiError, invalidField } from "./api-error";
import { faultBody, type Faults } from "../api/faults";
import type { ServerObject } from "./objects";
import { hostAddress, type Project } from "./project";
import { parseBody } from "./route";

/** The ports of a mail host, whose reach the status tells. */
const reportedPorts = [22, 25, 80, 443, 465, 587, 993, 995];

/** One machine as `GET /_laptop/status` shows it. */
export interface MachineStatus {
    id: number;
    name: string;
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
    volumes: {
        id: number;
        name: string;
        server: number | null;
        /** Anything but 0 means that data was lost. */
        detachedWhileMounted: number;
    }[];
}

export interface LaptopOptions {
    kind: MachineKind;
    acme: Pick<AcmeServer, "restart">;
    registry: Pick<Registry, "setRunning">;
    /** Ends the daemon, once the answer is sent. */
    quit(machines: boolean): void;
}

/** How long the ACME server's certificates are valid from now on. */
const acmeBody = z.object({ certificateSeconds: z.number().int().positive() });

/** What only the laptop cloud has. Reading needs no token: it tells nothing that is secret. */
export function laptopRoutes(project: Project, faults: Faults, options: LaptopOptions): Route[] {
    return [
        {
            method: "GET",
            path: "/status",
            handle: () => ({ body: cloudStatusOf(project, options.kind) }),
        },
        {
            method: "GET",
            path: "/route",
            handle: (request) => {
                const host = request.query.get("host") ?? "";
                const port = Number(request.query.get("port"));
                if (!Number.isInteger(port) || port < 1 || port > 65535) {
                    throw invalidField("port", "a port number is needed");
                }
                return { body: route(project, host, port) };
            },
        },
        {
            method: "POST",
            path: "/faults",
            handle: (request) => {
                faults.inject(parseBody(faultBody, request));
                return { status: 204 };
            },
        },
        {
            method: "DELETE",
            path: "/faults",
            handle: () => {
                faults.clear();
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

function cloudStatusOf(project: Project, kind: MachineKind): CloudStatus {
    return {
        machines: project.store.all("server").map((server) => machineStatus(project, kind, server)),
        volumes: project.store.all("volume").map((volume) => ({
            id: volume.id,
            name: volume.name,
            server: volume.server,
            detachedWhileMounted: volume.detachedWhileMounted,
        })),
    };
}

function machineStatus(project: Project, kind: MachineKind, server: ServerObject): MachineStatus {
    const machine = project.park.get(server.id);
    const network = project.primaryIp(server, "ipv6")?.ip;
    return {
        id: server.id,
        name: server.name,
        kind,
        running: machine.isRunning(),
        ipv4: project.primaryIp(server, "ipv4")?.ip ?? null,
        ipv6: network === undefined ? null : hostAddress(network),
        reach: Object.fromEntries(
            reportedPorts.map((port) => [
                String(port),
                { ipv4: machine.reach(port, 4) ?? null, ipv6: machine.reach(port, 6) ?? null },
            ]),
        ),
    };
}

function route(project: Project, host: string, port: number): Reach {
    if (!ipaddr.isValid(host)) throw invalidField("host", `'${host}' is not an address`);
    const address = ipaddr.parse(host);
    const server = project.serverAt(address);
    if (!server) {
        throw new ApiError("not_found", `no server of the laptop cloud has the address ${host}`);
    }
    const reach = project.park.get(server.id).reach(port, address.kind() === "ipv4" ? 4 : 6);
    if (!reach) throw new ApiError("not_found", `this computer can't reach ${host} port ${port}`);
    return reach;
}
