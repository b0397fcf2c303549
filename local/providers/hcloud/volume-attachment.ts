import { resource } from "../handler";
import type { ApiVolume } from "./api-objects";
import { Client } from "./client";
import { refreshedInputs } from "../refreshed-inputs";

/** Its id is the volume's: a volume is attached to one server at most. */
export const volumeAttachment = resource({
    inputs: {
        serverId: { type: "integer", required: true, replaces: true },
        volumeId: { type: "integer", required: true, replaces: true },
        automount: { type: "boolean" },
    },
    outputs: { automount: { type: "boolean" } },
    async create(inputs, context) {
        await Client.of(context).act(`/volumes/${inputs.volumeId}/actions/attach`, {
            server: inputs.serverId,
            automount: inputs.automount,
        });
        return {
            id: String(inputs.volumeId),
            outputs: { ...inputs, automount: inputs.automount ?? false },
        };
    },
    async read(id, known, context) {
        const found = await Client.of(context).find<{ volume: ApiVolume }>(`/volumes/${id}`);
        const serverId = found?.volume.server;
        if (!found || !serverId) return undefined;
        const live = { serverId, volumeId: found.volume.id };
        return {
            id,
            outputs: { ...live, automount: known?.outputs.automount ?? false },
            inputs: refreshedInputs(known?.inputs, live),
        };
    },
    async delete({ id }, context) {
        const client = Client.of(context);
        const found = await client.find<{ volume: ApiVolume }>(`/volumes/${id}`);
        if (found?.volume.server) await client.act(`/volumes/${id}/actions/detach`);
    },
});
