import { resource } from "../handler";
import type { CheckFailure, Properties } from "../schema";
import type { ApiVolume } from "./api-objects";
import { Client, type Action } from "./client";
import { refreshedInputs } from "../refreshed-inputs";
import { nameForcesDeletion, withName } from "../naming";

interface Found {
    volume: ApiVolume;
}

export const volume = resource({
    inputs: {
        name: { type: "string" },
        size: { type: "integer", required: true },
        location: { type: "string", replaces: true },
        serverId: { type: "integer" },
        format: { type: "string" },
        automount: { type: "boolean" },
        deleteProtection: { type: "boolean", default: false },
        labels: { type: "map", items: { type: "string" } },
    },
    outputs: {
        linuxDevice: { type: "string" },
        location: { type: "string" },
        serverId: { type: "integer" },
    },
    check: (inputs, olds, context) => ({
        inputs: withName(inputs, olds, context),
        failures: failuresOf(inputs),
    }),
    diff: (differences, change) => ({
        deleteBeforeReplace: nameForcesDeletion(differences, change),
    }),
    async create(inputs, context) {
        const client = Client.of(context);
        const made = await client.post<Found & { action: Action | null; next_actions: Action[] }>(
            "/volumes",
            {
                name: inputs.name,
                size: inputs.size,
                location: inputs.location,
                server: inputs.serverId,
                format: inputs.format,
                automount: inputs.automount,
                labels: inputs.labels,
            },
        );
        await client.wait(...(made.action ? [made.action] : []), ...made.next_actions);
        const route = `/volumes/${made.volume.id}`;
        if (inputs.deleteProtection) {
            await client.act(`${route}/actions/change_protection`, { delete: true });
        }
        const outputs = outputsOf(await client.get<Found>(route));
        return { id: String(made.volume.id), outputs: { ...inputs, ...outputs } };
    },
    async read(id, known, context) {
        const found = await Client.of(context).find<Found>(`/volumes/${id}`);
        if (!found) return undefined;
        const outputs = outputsOf(found);
        const { name, size, location, serverId, deleteProtection, labels } = outputs;
        const live = {
            name,
            size,
            location,
            deleteProtection,
            labels,
            ...(known && { serverId }),
        };
        return {
            id,
            outputs: { ...known?.outputs, ...outputs, serverId },
            inputs: refreshedInputs(known?.inputs, live),
        };
    },
    async update({ id, inputs: olds }, news, context) {
        const client = Client.of(context);
        const route = `/volumes/${id}`;
        await client.put(route, { name: news.name, labels: news.labels ?? {} });
        if (olds.serverId !== news.serverId) {
            if (olds.serverId) await client.act(`${route}/actions/detach`);
            if (news.serverId) {
                await client.act(`${route}/actions/attach`, {
                    server: news.serverId,
                    automount: news.automount,
                });
            }
        }
        if (olds.size !== news.size) {
            await client.act(`${route}/actions/resize`, { size: news.size });
        }
        if (olds.deleteProtection !== news.deleteProtection) {
            await client.act(`${route}/actions/change_protection`, {
                delete: news.deleteProtection,
            });
        }
        return { outputs: { ...news, ...outputsOf(await client.get<Found>(route)) } };
    },
    async delete({ id }, context) {
        const client = Client.of(context);
        const route = `/volumes/${id}`;
        const found = await client.find<Found>(route);
        if (found?.volume.server) await client.act(`${route}/actions/detach`);
        await client.delete(route);
    },
});

function failuresOf(inputs: Properties): CheckFailure[] {
    const failures: CheckFailure[] = [];
    if ("location" in inputs === "serverId" in inputs) {
        failures.push({
            path: "location",
            reason: "exactly one of location and serverId must be given",
        });
    }
    if (inputs["automount"] === true && !("serverId" in inputs)) {
        failures.push({ path: "automount", reason: "automount needs serverId" });
    }
    return failures;
}

function outputsOf({ volume: found }: Found) {
    return {
        name: found.name,
        size: found.size,
        location: found.location.name,
        labels: found.labels,
        linuxDevice: found.linux_device,
        deleteProtection: found.protection.delete,
        ...(found.server !== null && { serverId: found.server }),
    };
}
