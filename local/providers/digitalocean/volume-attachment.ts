import { randomBytes } from "node:crypto";
import { resource } from "../handler";
import type { ApiVolume } from "./api-objects";
import { Client } from "./client";
import { refreshedInputs } from "../refreshed-inputs";

interface Found {
    volume: ApiVolume;
}

/** Its id is made up: the Droplet's, the volume's and something that no other has. */
export const volumeAttachment = resource({
    inputs: {
        dropletId: { type: "integer", required: true, replaces: true },
        volumeId: { type: "string", required: true, replaces: true },
    },
    outputs: {},
    async create(inputs, context) {
        const client = Client.of(context);
        const { dropletId, volumeId } = inputs;
        const { volume } = await client.get<Found>(`/volumes/${volumeId}`);
        if (volume.droplet_ids[0] !== dropletId) {
            await client.act(`/volumes/${volumeId}/actions`, {
                ...{ type: "attach", droplet_id: dropletId },
            });
        }
        const id = `${dropletId}-${volumeId}-${randomBytes(8).toString("hex")}`;
        return { id, outputs: { ...inputs } };
    },
    async read(id, known, context) {
        // To import one, its id is written as the Droplet's and the volume's, with a comma.
        const [droplet, imported] = id.split(",");
        const volumeId = known?.inputs.volumeId ?? imported;
        const dropletId = known?.inputs.dropletId ?? Number(droplet);
        const found = await Client.of(context).find<Found>(`/volumes/${volumeId}`);
        if (!found || volumeId === undefined || found.volume.droplet_ids[0] !== dropletId) {
            return undefined;
        }
        const live = { dropletId, volumeId };
        return {
            id: known ? id : volumeId,
            outputs: live,
            inputs: refreshedInputs(known?.inputs, live),
        };
    },
    async delete({ inputs: { dropletId, volumeId } }, context) {
        await Client.of(context).act(`/volumes/${volumeId}/actions`, {
            ...{ type: "detach", droplet_id: dropletId },
        });
    },
});
