import { resource } from "../handler";
import { nameForcesDeletion, withName } from "../naming";
import { refreshedInputs } from "../refreshed-inputs";
import type { CheckFailure, Properties } from "../schema";
import type { ApiVolume } from "./api-objects";
import { Client } from "./client";
import { changeTags } from "./tags";

interface Found {
    volume: ApiVolume;
}

const tags = { type: "array", items: { type: "string" }, unordered: true } as const;

export const volume = resource({
    inputs: {
        name: { type: "string", replaces: true },
        region: { type: "string", required: true, replaces: true },
        size: { type: "integer", required: true },
        description: { type: "string", replaces: true },
        snapshotId: { type: "string", replaces: true },
        initialFilesystemType: { type: "string", replaces: true, values: ["ext4", "xfs"] },
        initialFilesystemLabel: { type: "string", replaces: true },
        filesystemType: {
            type: "string",
            values: ["ext4", "xfs"],
            deprecated: "Its place is taken by initialFilesystemType.",
        },
        tags,
    },
    outputs: {
        volumeUrn: { type: "string" },
        dropletIds: { type: "array", items: { type: "integer" } },
        filesystemType: { type: "string" },
        filesystemLabel: { type: "string" },
    },
    check: (inputs, olds, context) => ({
        inputs: withName(inputs, olds, context),
        failures: failuresOf(inputs, olds),
    }),
    diff: (differences, change) => ({
        deleteBeforeReplace: nameForcesDeletion(differences, change),
    }),
    async create(inputs, context) {
        const client = Client.of(context);
        const made = await client.post<Found>("/volumes", {
            name: inputs.name,
            region: inputs.region,
            size_gigabytes: inputs.size,
            description: inputs.description,
            snapshot_id: inputs.snapshotId,
            filesystem_type: inputs.initialFilesystemType ?? inputs.filesystemType,
            filesystem_label: inputs.initialFilesystemLabel,
            tags: inputs.tags,
        });
        return { id: made.volume.id, outputs: { ...inputs, ...outputsOf(made) } };
    },
    async read(id, known, context) {
        const found = await Client.of(context).find<Found>(`/volumes/${id}`);
        if (!found) return undefined;
        const outputs = outputsOf(found);
        const { name, region, size, tags: live } = outputs;
        return {
            id,
            outputs: { ...known?.outputs, ...outputs },
            inputs: refreshedInputs(known?.inputs, { name, region, size, tags: live }),
        };
    },
    async update({ id, inputs: olds }, news, context) {
        const client = Client.of(context);
        if (olds.size !== news.size) {
            await client.act(`/volumes/${id}/actions`, {
                ...{ type: "resize", size_gigabytes: news.size, region: news.region },
            });
        }
        await changeTags(client, { type: "volume", id }, olds.tags, news.tags);
        const found = await client.get<Found>(`/volumes/${id}`);
        return { outputs: { ...news, ...outputsOf(found) } };
    },
    async delete({ id }, context) {
        await Client.of(context).delete(`/volumes/${id}`);
    },
});

function failuresOf(inputs: Properties, olds: Properties | undefined): CheckFailure[] {
    const [before, size] = [olds?.["size"], inputs["size"]];
    const failures: CheckFailure[] = [];
    if (typeof size === "number" && size < 1) {
        failures.push({ path: "size", reason: `expected size to be at least 1, got ${size}` });
    }
    if (typeof before === "number" && typeof size === "number" && size < before) {
        const reason = "volumes `size` can only be expanded and not shrunk";
        failures.push({ path: "size", reason });
    }
    if ("filesystemType" in inputs && "initialFilesystemType" in inputs) {
        const reason = '"filesystemType": conflicts with initialFilesystemType';
        failures.push({ path: "filesystemType", reason });
    }
    return failures;
}

function outputsOf({ volume: found }: Found) {
    return {
        name: found.name,
        region: found.region.slug,
        size: found.size_gigabytes,
        tags: found.tags,
        volumeUrn: `do:volume:${found.id}`,
        dropletIds: found.droplet_ids,
        filesystemType: found.filesystem_type,
        filesystemLabel: found.filesystem_label,
    };
}
