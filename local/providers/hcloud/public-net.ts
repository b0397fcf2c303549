import type { ApiServer } from "./api-objects";
import type { Action, Client } from "./client";

/** One entry of `publicNets`; there is never more than one. */
export interface PublicNet {
    ipv4?: number;
    ipv4Enabled: boolean;
    ipv6?: number;
    ipv6Enabled: boolean;
}

const none: PublicNet = { ipv4Enabled: true, ipv6Enabled: true };

/** Gives a server other addresses, as the real provider does: it powers the server off and on again. */
export async function changePublicNet(
    client: Client,
    server: ApiServer,
    before: PublicNet = none,
    after: PublicNet = none,
): Promise<void> {
    for (const type of ["ipv4", "ipv6"] as const) {
        if (!after[`${type}Enabled`] && after[type]) {
            throw new Error(
                `this operation is not allowed: ${type}Enabled = false | ${type} = ${after[type]}`,
            );
        }
    }
    const route = `/servers/${server.id}/actions`;
    await client.act(`${route}/poweroff`);
    try {
        for (const type of ["ipv4", "ipv6"] as const) {
            await changeAddress(client, server, type, before, after);
        }
    } finally {
        await client.act(`${route}/poweron`);
    }
}

async function changeAddress(
    client: Client,
    server: ApiServer,
    type: "ipv4" | "ipv6",
    before: PublicNet,
    after: PublicNet,
): Promise<void> {
    const current = server.public_net[type]?.id;
    const wanted = after[type];
    const enabled = after[`${type}Enabled`];
    // An address that came with the server stays when the program names none.
    if (enabled && !wanted && current && !before[type]) return;
    if (current === wanted && (current || !enabled)) return;
    if (current) {
        await client.act(`/primary_ips/${current}/actions/unassign`);
        if (!before[type]) await client.delete(`/primary_ips/${current}`);
    }
    if (wanted) {
        await client.act(`/primary_ips/${wanted}/actions/assign`, {
            assignee_id: server.id,
            assignee_type: "server",
        });
    } else if (enabled) {
        const { action } = await client.post<{ action?: Action }>("/primary_ips", {
            name: `primary_ip-${server.id}-${type}-${Date.now()}`,
            type,
            assignee_id: server.id,
            assignee_type: "server",
            auto_delete: true,
        });
        if (action) await client.wait(action);
    }
}
