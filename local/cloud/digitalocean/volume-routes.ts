import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as z from "zod";
import type { ApiRequest, Route } from "../api/listener";
import { growVolumeImage, makeVolumeImage } from "../machines/volume-image";
import type { Account } from "./account";
import { actionBody } from "./action-routes";
import { ApiError, notFound, unprocessable, unsupported } from "./api-error";
import { findRegion } from "./catalogue";
import { regionBody } from "./catalogue-routes";
import type { ActionObject, VolumeObject } from "./objects";
import { pageOf, parseBody, tagsField, textParameter } from "./route";

const sizeField = z.int().min(1).max(16384);
const createBody = z.object({
    name: z
        .string()
        .regex(
            /^[a-z][a-z0-9-]{0,63}$/,
            "lower-case letters, digits and hyphens, a letter first, 64 at most",
        ),
    size_gigabytes: sizeField,
    region: z.string(),
    description: z.string().nullish(),
    snapshot_id: z.string().nullish(),
    filesystem_type: z.enum(["", "ext4", "xfs"]).nullish(),
    filesystem_label: z.string().nullish(),
    tags: tagsField,
});
const actionFields = z.object({
    type: z.string(),
    droplet_id: z.int().optional(),
    size_gigabytes: sizeField.optional(),
    region: z.string().nullish(),
});
const namedActionFields = actionFields.extend({ volume_name: z.string() });

export function volumeRoutes(account: Account): Route[] {
    const { store } = account;
    const found = (request: ApiRequest) => store.get("volume", textParameter(request));
    const listed = (request: ApiRequest) => {
        const [name, region] = [request.query.get("name"), request.query.get("region")];
        return store
            .all("volume")
            .filter(
                (volume) =>
                    (name === null || volume.name === name) &&
                    (region === null || volume.region === region),
            );
    };
    const remove = (volume: VolumeObject) => {
        if (volume.droplet !== null) {
            throw new ApiError("conflict", "attached volume cannot be deleted");
        }
        store.remove("volume", volume.id);
        account.unassign(volumeUrn(volume));
        fs.rmSync(account.volumeFile(volume), { force: true });
        return { status: 204 };
    };
    return [
        {
            method: "GET",
            path: "/volumes",
            handle: (request) => pageOf(request, "volumes", listed(request).map(volumeBody)),
        },
        {
            method: "GET",
            path: "/volumes/:id",
            handle: (request) => ({ body: { volume: volumeBody(found(request)) } }),
        },
        {
            method: "POST",
            path: "/volumes",
            handle: async (request) => ({
                status: 201,
                body: { volume: volumeBody(await create(account, request)) },
            }),
        },
        {
            method: "DELETE",
            path: "/volumes/:id",
            handle: (request) => remove(found(request)),
        },
        {
            method: "DELETE",
            path: "/volumes",
            handle: (request) => {
                const [volume] = request.query.has("name") ? listed(request) : [];
                if (!volume) throw notFound();
                return remove(volume);
            },
        },
        {
            method: "POST",
            path: "/volumes/actions",
            handle: (request) => {
                const fields = parseBody(namedActionFields, request);
                const volume = store
                    .all("volume")
                    .find(
                        ({ name, region }) =>
                            name === fields.volume_name && region === (fields.region ?? region),
                    );
                if (!volume) throw notFound();
                return { status: 202, body: { action: actionBody(act(account, volume, fields)) } };
            },
        },
        {
            method: "POST",
            path: "/volumes/:id/actions",
            handle: (request) => {
                const volume = found(request);
                const action = act(account, volume, parseBody(actionFields, request));
                return { status: 202, body: { action: actionBody(action) } };
            },
        },
    ];
}

async function create(account: Account, request: ApiRequest): Promise<VolumeObject> {
    const { store } = account;
    const body = parseBody(createBody, request);
    if (body.snapshot_id) throw unsupported("snapshots of volumes");
    if (!findRegion(body.region)) throw unprocessable(`region ${body.region} not found`);
    if (
        store.all("volume").some(({ name, region }) => name === body.name && region === body.region)
    ) {
        throw new ApiError("conflict", "volume name already exists in this region");
    }
    const format = body.filesystem_type || null;
    const volume = store.add("volume", {
        id: randomUUID(),
        number: store.takeId(),
        name: body.name,
        region: body.region,
        sizeGb: body.size_gigabytes,
        description: body.description ?? "",
        filesystemType: format ?? "",
        filesystemLabel: body.filesystem_label ?? "",
        droplet: null,
        tags: body.tags,
        detachedWhileMounted: 0,
    });
    try {
        await makeVolumeImage(account.volumeFile(volume), volume.sizeGb, format);
    } catch (error) {
        store.remove("volume", volume.id);
        throw error;
    }
    account.assign(volumeUrn(volume), account.defaultProject());
    return volume;
}

function act(
    account: Account,
    volume: VolumeObject,
    fields: z.output<typeof actionFields>,
): ActionObject {
    switch (fields.type) {
        case "attach":
            return attach(account, volume, required(fields.droplet_id, "droplet_id"));
        case "detach":
            return detach(account, volume, required(fields.droplet_id, "droplet_id"));
        case "resize":
            return resize(account, volume, required(fields.size_gigabytes, "size_gigabytes"));
        default:
            throw unprocessable(`${fields.type} is no action of a volume: attach, detach, resize`);
    }
}

function required(value: number | undefined, name: string): number {
    if (value === undefined) throw unprocessable(`${name} is required`);
    return value;
}

/** Refuses a volume that is another Droplet's, or in another region. */
export function checkAttachable(volume: VolumeObject, region: string): void {
    if (volume.droplet !== null) {
        throw unprocessable(`volume is already attached to Droplet ${volume.droplet}`);
    }
    if (volume.region !== region) {
        throw unprocessable(
            `volume is in ${volume.region}, the Droplet in ${region}: they must be in the same region`,
        );
    }
}

function attach(account: Account, volume: VolumeObject, dropletId: number): ActionObject {
    const { store, park } = account;
    const droplet = store.get("droplet", dropletId);
    checkAttachable(volume, droplet.region);
    const work = async () => {
        try {
            await park.use(droplet.id, (machine) =>
                machine.attachVolume(account.attachedVolume(volume)),
            );
        } catch (error) {
            volume.droplet = null;
            store.save();
            throw error;
        }
    };
    account.checkUnlocked(droplet);
    // Taken before the machine has it, so that two requests at once can't both have it.
    volume.droplet = droplet.id;
    return account.begin(droplet, "migrating", "attach_volume", work, {
        type: "volume",
        id: volume.id,
    });
}

function detach(account: Account, volume: VolumeObject, dropletId: number): ActionObject {
    if (volume.droplet !== dropletId) throw unprocessable("Attachment not found");
    const droplet = account.store.get("droplet", dropletId);
    return account.begin(
        droplet,
        "migrating",
        "detach_volume",
        () => account.detachVolume(volume),
        { type: "volume", id: volume.id },
    );
}

function resize(account: Account, volume: VolumeObject, sizeGb: number): ActionObject {
    const { store, park } = account;
    if (sizeGb <= volume.sizeGb) {
        throw unprocessable(`must be larger than ${volume.sizeGb} GB: a volume can't shrink`);
    }
    growVolumeImage(account.volumeFile(volume), sizeGb);
    volume.sizeGb = sizeGb;
    const action = store.addAction("resize", { type: "volume", id: volume.id }, volume.region);
    const grown =
        volume.droplet === null
            ? Promise.resolve()
            : park.use(volume.droplet, (machine) => machine.growVolume(volume.number));
    void grown.then(
        () => store.finishAction(action),
        () => store.finishAction(action, true),
    );
    return action;
}

export function volumeUrn({ id }: Pick<VolumeObject, "id">): string {
    return `do:volume:${id}`;
}

function volumeBody(volume: VolumeObject): object {
    const region = findRegion(volume.region);
    return {
        id: volume.id,
        region: region ? regionBody(region) : null,
        droplet_ids: volume.droplet === null ? [] : [volume.droplet],
        name: volume.name,
        description: volume.description,
        size_gigabytes: volume.sizeGb,
        created_at: volume.created,
        filesystem_type: volume.filesystemType,
        filesystem_label: volume.filesystemLabel,
        tags: volume.tags,
        laptop_detached_while_mounted: volume.detachedWhileMounted,
    };
}
