import { resource } from "../handler";
import type { CheckFailure, Properties } from "../schema";
import type { ApiPrimaryIp, ApiServer } from "./api-objects";
import { Client, type Action } from "./client";
import { refreshedInputs } from "../refreshed-inputs";
import { nameForcesDeletion, withName } from "../naming";
import { datacenterRemoved } from "./removed";

interface Found {
    primary_ip: ApiPrimaryIp;
    action?: Action | null;
}

export const primaryIp = resource({
    inputs: {
        name: { type: "string" },
        type: { type: "string", required: true, replaces: true },
        location: { type: "string", replaces: true },
        datacenter: { type: "string", refused: datacenterRemoved },
        assigneeId: { type: "integer" },
        assigneeType: { type: "string" },
        autoDelete: { type: "boolean", default: false },
        deleteProtection: { type: "boolean", default: false },
        labels: { type: "map", items: { type: "string" } },
    },
    outputs: {
        ipAddress: { type: "string" },
        ipNetwork: { type: "string" },
        location: { type: "string" },
        assigneeId: { type: "integer" },
        assigneeType: { type: "string" },
        labels: { type: "map", items: { type: "string" } },
    },
    check(inputs, olds, context) {
        if ("assigneeType" in inputs && !("assigneeId" in inputs)) {
            context.log(
                "warning",
                "assigneeType is only needed together with assigneeId: remove it.",
            );
        }
        return { inputs: withName(inputs, olds, context), failures: failuresOf(inputs) };
    },
    diff: (differences, change) => ({
        deleteBeforeReplace: nameForcesDeletion(differences, change),
    }),
    async create(inputs, context) {
        const client = Client.of(context);
        const { primary_ip: made, action } = await client.post<Found>("/primary_ips", {
            name: inputs.name,
            type: inputs.type,
            auto_delete: inputs.autoDelete,
            labels: inputs.labels,
            ...(inputs.assigneeId === undefined
                ? { location: inputs.location }
                : { assignee_id: inputs.assigneeId, assignee_type: inputs.assigneeType }),
        });
        if (action) await client.wait(action);
        const route = `/primary_ips/${made.id}`;
        if (inputs.deleteProtection) {
            await client.act(`${route}/actions/change_protection`, { delete: true });
        }
        return { id: String(made.id), outputs: outputsOf(await client.get<Found>(route)) };
    },
    async read(id, known, context) {
        const found = await Client.of(context).find<Found>(`/primary_ips/${id}`);
        if (!found) return undefined;
        const outputs = outputsOf(found);
        const { name, type, location, autoDelete, deleteProtection, labels } = outputs;
        const live = { name, type, location, autoDelete, deleteProtection, labels };
        return { id, outputs, inputs: refreshedInputs(known?.inputs, live) };
    },
    async update({ id, inputs: olds }, news, context) {
        const client = Client.of(context);
        const route = `/primary_ips/${id}`;
        if (olds.deleteProtection !== news.deleteProtection) {
            await client.act(`${route}/actions/change_protection`, {
                delete: news.deleteProtection,
            });
        }
        if (olds.assigneeId !== news.assigneeId) {
            if (olds.assigneeId) await client.act(`${route}/actions/unassign`);
            if (news.assigneeId) {
                await client.act(`${route}/actions/assign`, {
                    assignee_id: news.assigneeId,
                    assignee_type: news.assigneeType,
                });
            }
        }
        const found = await client.put<Found>(route, {
            name: news.name,
            labels: news.labels ?? {},
            auto_delete: news.autoDelete,
        });
        return { outputs: outputsOf(found) };
    },
    async delete({ id }, context) {
        const client = Client.of(context);
        const route = `/primary_ips/${id}`;
        const assignee = (await client.find<Found>(route))?.primary_ip.assignee_id;
        if (assignee) await releaseFrom(client, route, assignee);
        await client.delete(route);
    },
});

/** As the real provider does it: a server that holds the address is powered off for the moment. */
async function releaseFrom(client: Client, route: string, serverId: number): Promise<void> {
    const server = await client.find<{ server: ApiServer }>(`/servers/${serverId}`);
    if (!server) return;
    await client.act(`/servers/${serverId}/actions/poweroff`);
    await client.act(`${route}/actions/unassign`);
    await client.act(`/servers/${serverId}/actions/poweron`);
}

function failuresOf(inputs: Properties): CheckFailure[] {
    const failures: CheckFailure[] = [];
    if ("location" in inputs === "assigneeId" in inputs) {
        failures.push({
            path: "location",
            reason: "Exactly one of these attributes must be configured: [location,assigneeId]",
        });
    }
    if ("assigneeId" in inputs && !("assigneeType" in inputs)) {
        failures.push({
            path: "assigneeId",
            reason: "These attributes must be configured together: [assigneeId,assigneeType]",
        });
    }
    return failures;
}

function outputsOf({ primary_ip: ip }: Found) {
    return {
        name: ip.name,
        type: ip.type,
        location: ip.location.name,
        assigneeId: ip.assignee_id ?? 0,
        assigneeType: ip.assignee_type,
        autoDelete: ip.auto_delete,
        deleteProtection: ip.protection.delete,
        labels: ip.labels,
        // Of an IPv6 network the provider gives the first address, which no host has.
        ipAddress: ip.ip.split("/")[0] ?? ip.ip,
        ...(ip.type === "ipv6" && { ipNetwork: ip.ip }),
    };
}
