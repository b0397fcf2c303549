import * as z from "zod";
import type { ApiRequest, Route } from "../api/listener";
import { ApiError, invalidField, unsupported } from "./api-error";
import { serverTypes } from "./catalogue";
import type { ServerObject } from "./objects";
import { addressWithin, changePointer, pointerBody } from "./pointers";
import type { Project } from "./project";
import { idParameter, parseBody } from "./route";
import { checkArchitecture, checkAvailable, findServerType } from "./server-create";
import type { Machine } from "../machines/machine";

/** How long a system may take to shut down before its power goes. */
const shutdownSeconds = 120;

const changeTypeBody = z.object({
    server_type: z.union([z.string(), z.int()]),
    upgrade_disk: z.boolean(),
});
const protectionBody = z.object({
    delete: z.boolean().optional(),
    rebuild: z.boolean().optional(),
});

export function serverActionRoutes(project: Project): Route[] {
    const found = (request: ApiRequest) =>
        project.store.get("server", idParameter(request, "server"));
    const power = (
        name: string,
        command: string,
        poweredOn: boolean,
        work: (machine: Machine) => Promise<void>,
    ): Route => ({
        method: "POST",
        path: `/servers/:id/actions/${name}`,
        handle: (request) => {
            const server = found(request);
            const transition = poweredOn ? "starting" : "stopping";
            const action = project.begin(server, transition, command, () => {
                server.poweredOn = poweredOn;
                return project.park.use(server.id, work);
            });
            return { status: 201, body: { action } };
        },
    });
    const start = async (machine: Machine) => {
        if (!machine.isRunning()) await machine.start();
    };
    const shutdown = async (machine: Machine) => {
        if (machine.isRunning()) await machine.shutdown(shutdownSeconds);
    };
    const powerOff = async (machine: Machine) => {
        if (machine.isRunning()) await machine.powerOff();
    };
    const done = (command: string, server: ServerObject) => ({
        status: 201,
        body: { action: project.done(command, [{ id: server.id, type: "server" }]) },
    });
    return [
        power("poweron", "start_server", true, start),
        power("poweroff", "stop_server", false, powerOff),
        power("shutdown", "shutdown_server", false, shutdown),
        power("reboot", "reboot_server", true, async (machine) => {
            await shutdown(machine);
            await machine.start();
        }),
        power("reset", "reset_server", true, async (machine) => {
            await powerOff(machine);
            await machine.start();
        }),
        {
            method: "POST",
            path: "/servers/:id/actions/change_type",
            handle: (request) => {
                const server = found(request);
                const body = parseBody(changeTypeBody, request);
                return { status: 201, body: { action: changeType(project, server, body) } };
            },
        },
        {
            method: "POST",
            path: "/servers/:id/actions/change_dns_ptr",
            handle: (request) => {
                const server = found(request);
                const change = parseBody(pointerBody, request);
                const ip = (["ipv4", "ipv6"] as const)
                    .map((type) => project.primaryIp(server, type))
                    .find((candidate) => candidate && addressWithin(candidate, change.ip));
                if (!ip) {
                    throw invalidField("ip", `${change.ip} is no address of server ${server.id}`);
                }
                changePointer(ip, change);
                project.store.save();
                return done("change_dns_ptr", server);
            },
        },
        {
            method: "POST",
            path: "/servers/:id/actions/change_protection",
            handle: (request) => {
                const server = found(request);
                const next = { ...server.protection, ...parseBody(protectionBody, request) };
                if (next.delete !== next.rebuild) {
                    throw invalidField("rebuild", "delete and rebuild must have the same value");
                }
                server.protection = next;
                project.store.save();
                return done("change_protection", server);
            },
        },
        {
            method: "POST",
            path: "/servers/:id/actions/:action",
            handle: (request) => {
                found(request);
                throw unsupported(`the server action ${request.parameters["action"]}`);
            },
        },
    ];
}

function changeType(
    project: Project,
    server: ServerObject,
    body: z.output<typeof changeTypeBody>,
): object {
    const type = findServerType(body.server_type);
    const current = serverTypes.find((candidate) => candidate.name === server.serverType);
    if (current && current.architecture !== type.architecture) {
        throw new ApiError(
            "invalid_server_type",
            `server type ${type.name} is for ${type.architecture}, server ${server.id} is ${current.architecture}`,
        );
    }
    checkArchitecture(project, type);
    checkAvailable(type, server.location);
    if (type.diskGb < server.diskGb) {
        throw new ApiError(
            "invalid_server_type",
            `server type ${type.name} has a disk of ${type.diskGb} GB, server ${server.id} has one of ${server.diskGb} GB, and a disk can't shrink`,
        );
    }
    project.checkUnlocked(server);
    if (project.status(server) !== "off") {
        throw new ApiError(
            "server_not_stopped",
            `server ${server.id} must be powered off for this`,
        );
    }
    return project.begin(server, "migrating", "change_server_type", async () => {
        await project.park.use(server.id, (machine) =>
            machine.resize({ memoryMb: type.memoryGb * 1024, cores: type.cores }),
        );
        server.serverType = type.name;
        if (body.upgrade_disk) server.diskGb = type.diskGb;
        server.poweredOn = true;
        project.store.save();
        project.putMachine(server);
        // The real one starts the server again as well.
        await project.park.use(server.id, (machine) => machine.start());
    });
}
