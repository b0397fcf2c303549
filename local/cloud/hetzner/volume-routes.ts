import * as fs from "node:fs";
import * as z from "zod";
import type { ApiRequest, Route } from "../api/listener";
import { growVolumeImage, makeVolumeImage } from "../machines/volume-image";
import { ApiError, invalidField, unsupported } from "./api-error";
import { findLocation } from "./catalogue-routes";
import type { ServerObject, VolumeObject } from "./objects";
import { linuxDevice, type Project } from "./project";
import {
    filterListed,
    idParameter,
    labelsField,
    locationField,
    nameField,
    pageOf,
    parseBody,
    updateBody,
} from "./route";

const sizeField = z.int().min(10).max(10240);
const createBody = z.object({
    name: nameField,
    size: sizeField,
    location: locationField.optional(),
    server: z.int().nullish(),
    format: z.enum(["ext4", "xfs"]).nullish(),
    automount: z.boolean().nullish(),
    labels: labelsField,
});
const attachBody = z.object({ server: z.int(), automount: z.boolean().nullish() });

export function volumeRoutes(project: Project): Route[] {
    const { store } = project;
    const found = (request: ApiRequest) => store.get("volume", idParameter(request, "volume"));
    const action = (command: string, volume: VolumeObject, server?: number | null) =>
        project.done(command, [
            { id: volume.id, type: "volume" },
            ...(server ? [{ id: server, type: "server" }] : []),
        ]);
    return [
        {
            method: "GET",
            path: "/volumes",
            handle: (request) =>
                pageOf(
                    request,
                    "volumes",
                    filterListed(request, store.all("volume")).map(volumeBody),
                ),
        },
        {
            method: "GET",
            path: "/volumes/:id",
            handle: (request) => ({ body: { volume: volumeBody(found(request)) } }),
        },
        {
            method: "POST",
            path: "/volumes",
            handle: async (request) => {
                const body = parseBody(createBody, request);
                refuseAutomount(body.automount, body.server);
                const server = body.server ? store.get("server", body.server) : undefined;
                if ((body.location === undefined) === (server === undefined)) {
                    throw invalidField("location", "exactly one of location, server is needed");
                }
                const location = server?.location ?? findLocation(body.location ?? "").name;
                store.checkName("volume", body.name);
                if (server) project.checkUnlocked(server);
                const volume = store.add("volume", {
                    name: body.name,
                    labels: body.labels ?? {},
                    sizeGb: body.size,
                    location,
                    server: null,
                    format: body.format ?? null,
                    protected: false,
                    detachedWhileMounted: 0,
                });
                await makeDisk(project, volume);
                const nextActions = [];
                if (server) {
                    await attach(project, volume, server);
                    nextActions.push(action("attach_volume", volume, server.id));
                }
                return {
                    status: 201,
                    body: {
                        volume: volumeBody(volume),
                        action: action("create_volume", volume),
                        next_actions: nextActions,
                    },
                };
            },
        },
        {
            method: "PUT",
            path: "/volumes/:id",
            handle: (request) => {
                const volume = found(request);
                const body = parseBody(updateBody, request);
                store.update("volume", volume, body);
                return { body: { volume: volumeBody(volume) } };
            },
        },
        {
            method: "DELETE",
            path: "/volumes/:id",
            handle: (request) => {
                const volume = found(request);
                if (volume.protected) {
                    throw new ApiError(
                        "protected",
                        `volume ${volume.id} is protected from deletion`,
                    );
                }
                if (volume.server !== null) {
                    throw new ApiError(
                        "volume_already_attached",
                        `volume ${volume.id} is attached to server ${volume.server}, detach it first`,
                    );
                }
                store.remove("volume", volume.id);
                fs.rmSync(project.volumeFile(volume), { force: true });
                return { status: 204 };
            },
        },
        {
            method: "POST",
            path: "/volumes/:id/actions/attach",
            handle: async (request) => {
                const volume = found(request);
                const body = parseBody(attachBody, request);
                refuseAutomount(body.automount, body.server);
                await attach(project, volume, store.get("server", body.server));
                return {
                    status: 201,
                    body: { action: action("attach_volume", volume, body.server) },
                };
            },
        },
        {
            method: "POST",
            path: "/volumes/:id/actions/detach",
            handle: async (request) => {
                const volume = found(request);
                if (volume.server === null) {
                    throw new ApiError("invalid_input", `volume ${volume.id} is not attached`);
                }
                const server = store.get("server", volume.server);
                project.checkUnlocked(server);
                await project.detachVolume(volume);
                return {
                    status: 201,
                    body: { action: action("detach_volume", volume, server.id) },
                };
            },
        },
        {
            method: "POST",
            path: "/volumes/:id/actions/resize",
            handle: async (request) => {
                const volume = found(request);
                const { size } = parseBody(z.object({ size: sizeField }), request);
                if (size <= volume.sizeGb) {
                    throw invalidField(
                        "size",
                        `must be greater than ${volume.sizeGb}: a volume can't shrink`,
                    );
                }
                growVolumeImage(project.volumeFile(volume), size);
                volume.sizeGb = size;
                store.save();
                if (volume.server !== null)
                    await project.park.get(volume.server).growVolume(volume.id);
                return { status: 201, body: { action: action("resize_volume", volume) } };
            },
        },
        {
            method: "POST",
            path: "/volumes/:id/actions/change_protection",
            handle: (request) => {
                const volume = found(request);
                volume.protected = parseBody(z.object({ delete: z.boolean() }), request).delete;
                store.save();
                return { status: 201, body: { action: action("change_protection", volume) } };
            },
        },
    ];
}

/** The real one mounts by a helper in its images, which the laptop cloud's images don't have. */
function refuseAutomount(
    automount: boolean | null | undefined,
    server: number | null | undefined,
): void {
    if (!automount) return;
    if (!server) throw invalidField("automount", "automount needs a server");
    throw unsupported("automount of volumes; mount the volume by its linux_device");
}

async function makeDisk(project: Project, volume: VolumeObject): Promise<void> {
    try {
        await makeVolumeImage(project.volumeFile(volume), volume.sizeGb, volume.format);
    } catch (error) {
        project.store.remove("volume", volume.id);
        throw error;
    }
}

async function attach(project: Project, volume: VolumeObject, server: ServerObject): Promise<void> {
    if (volume.server !== null) {
        throw new ApiError(
            "volume_already_attached",
            `volume ${volume.id} is already attached to server ${volume.server}`,
        );
    }
    if (volume.location !== server.location) {
        throw new ApiError(
            "invalid_input",
            `volume ${volume.id} is in ${volume.location}, server ${server.id} in ${server.location}`,
        );
    }
    project.checkUnlocked(server);
    // Taken before the machine has it, so that two requests at once can't both have it.
    volume.server = server.id;
    project.store.save();
    try {
        await project.park.use(server.id, (machine) =>
            machine.attachVolume(project.attachedVolume(volume)),
        );
    } catch (error) {
        volume.server = null;
        project.store.save();
        throw error;
    }
}

function volumeBody(volume: VolumeObject): object {
    return {
        id: volume.id,
        name: volume.name,
        server: volume.server,
        status: "available",
        location: findLocation(volume.location),
        size: volume.sizeGb,
        format: volume.format,
        linux_device: linuxDevice(volume.id),
        protection: { delete: volume.protected },
        labels: volume.labels,
        created: volume.created,
        laptop_detached_while_mounted: volume.detachedWhileMounted,
    };
}
