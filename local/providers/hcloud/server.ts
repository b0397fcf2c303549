import { createHash } from "node:crypto";
import type { Difference } from "../diff";
import { InitializationFailure, resource, type Change } from "../handler";
import type { CheckFailure, Properties, Values } from "../schema";
import type { ApiServer, ApiServerType, ApiSshKey } from "./api-objects";
import { Client, type Action } from "./client";
import { refreshedInputs } from "../refreshed-inputs";
import { nameForcesDeletion, withName } from "../naming";
import { unsupportedFailures } from "../unsupported";
import { changePublicNet, type PublicNet } from "./public-net";
import { datacenterRemoved } from "./removed";

interface Found {
    server: ApiServer;
}

const publicNetTable = {
    ipv4: { type: "integer" },
    ipv4Enabled: { type: "boolean", default: true },
    ipv6: { type: "integer" },
    ipv6Enabled: { type: "boolean", default: true },
} as const;

const networkTable = {
    networkId: { type: "integer" },
    subnetId: { type: "string" },
    ip: { type: "string" },
    aliasIps: { type: "array", items: { type: "string" }, unordered: true },
    macAddress: { type: "string" },
} as const;

const inputTable = {
    name: { type: "string" },
    serverType: { type: "string", required: true },
    image: { type: "string", replaces: true },
    location: { type: "string", replaces: true },
    datacenter: { type: "string", refused: datacenterRemoved },
    userData: { type: "string", replaces: true },
    sshKeys: { type: "array", items: { type: "string" }, replaces: true },
    publicNets: {
        type: "array",
        items: { type: "object", properties: publicNetTable },
        unordered: true,
    },
    firewallIds: { type: "array", items: { type: "integer" }, unordered: true },
    ignoreRemoteFirewallIds: { type: "boolean", default: false },
    keepDisk: { type: "boolean", default: false },
    shutdownBeforeDeletion: { type: "boolean", default: false },
    deleteProtection: { type: "boolean", default: false },
    rebuildProtection: { type: "boolean", default: false },
    backups: { type: "boolean", default: false },
    labels: { type: "map", items: { type: "string" } },
    allowDeprecatedImages: {
        type: "boolean",
        deprecated: "Unused attribute, consider removing it from your configuration.",
    },
    iso: { type: "string" },
    rescue: { type: "string" },
    placementGroupId: { type: "integer" },
    networks: {
        type: "array",
        items: { type: "object", properties: networkTable },
        unordered: true,
    },
} as const;

type Inputs = Values<typeof inputTable>;

/** What the real provider does and the laptop cloud can't. */
const unsupported = ["backups", "iso", "rescue", "placementGroupId", "networks"] as const;

export const server = resource({
    inputs: inputTable,
    outputs: {
        status: { type: "string" },
        image: { type: "string" },
        location: { type: "string" },
        ipv4Address: { type: "string" },
        ipv6Address: { type: "string" },
        ipv6Network: { type: "string" },
        firewallIds: { type: "array", items: { type: "integer" }, unordered: true },
        primaryDiskSize: { type: "integer" },
        backupWindow: { type: "string" },
    },
    check: (inputs, olds, context) => ({
        inputs: withName(inputs, olds, context),
        failures: failuresOf(inputs),
    }),
    diff(differences, change) {
        const counted = differences.filter((difference) => counts(difference, change));
        return { differences: counted, deleteBeforeReplace: nameForcesDeletion(counted, change) };
    },
    async create(inputs, context) {
        const client = Client.of(context);
        const type = await serverType(client, inputs.serverType);
        const made = await client.post<Found & { action: Action; next_actions: Action[] }>(
            "/servers",
            {
                name: inputs.name,
                server_type: type.name,
                image: await imageId(client, inputs.image, type),
                location: inputs.location,
                user_data: inputs.userData,
                ssh_keys: await sshKeyIds(client, inputs.sshKeys ?? []),
                labels: inputs.labels,
                firewalls: (inputs.firewallIds ?? []).map((firewall) => ({ firewall })),
                public_net: publicNetBody(inputs.publicNets?.[0]),
            },
        );
        const id = String(made.server.id);
        const route = `/servers/${id}`;
        try {
            await client.wait(made.action, ...made.next_actions);
            if (inputs.deleteProtection || inputs.rebuildProtection) {
                await client.act(`${route}/actions/change_protection`, protectionBody(inputs));
            }
            return { id, outputs: outputsOf(await client.get<Found>(route), inputs) };
        } catch (error) {
            // The server exists: forgetting it would leave an orphan behind.
            const reason = error instanceof Error ? error.message : String(error);
            throw new InitializationFailure(id, outputsOf(made, inputs), reason);
        }
    },
    async read(id, known, context) {
        const found = await Client.of(context).find<Found>(`/servers/${id}`);
        if (!found) return undefined;
        const outputs = outputsOf(found, known?.inputs);
        const live = {
            name: outputs.name,
            serverType: outputs.serverType,
            image: outputs.image,
            location: outputs.location,
            labels: outputs.labels,
            deleteProtection: outputs.deleteProtection,
            rebuildProtection: outputs.rebuildProtection,
            backups: outputs.backups,
            ...(!known?.inputs.ignoreRemoteFirewallIds && { firewallIds: outputs.firewallIds }),
            ...(!known && {
                keepDisk: false,
                shutdownBeforeDeletion: false,
                ignoreRemoteFirewallIds: false,
            }),
        };
        return {
            id,
            outputs: { ...known?.outputs, ...outputs },
            inputs: refreshedInputs(known?.inputs, live),
        };
    },
    async update({ id, inputs: olds }, news, context) {
        const client = Client.of(context);
        const route = `/servers/${id}`;
        const { server: current } = await client.get<Found>(route);
        if (current.name !== news.name || !same(olds.labels, news.labels)) {
            await client.put(route, { name: news.name, labels: news.labels ?? {} });
        }
        if (current.server_type.name !== news.serverType) {
            await changeType(client, current, news);
        }
        if (!same(olds.firewallIds, news.firewallIds)) {
            await changeFirewalls(client, current, news.firewallIds ?? []);
        }
        if (!same(olds.publicNets, news.publicNets)) {
            await changePublicNet(client, current, olds.publicNets?.[0], news.publicNets?.[0]);
        }
        if (
            current.protection.delete !== news.deleteProtection ||
            current.protection.rebuild !== news.rebuildProtection
        ) {
            await client.act(`${route}/actions/change_protection`, protectionBody(news));
        }
        return { outputs: outputsOf(await client.get<Found>(route), news) };
    },
    async delete({ id, inputs }, context) {
        const client = Client.of(context);
        const route = `/servers/${id}`;
        if (inputs.shutdownBeforeDeletion && (await client.find<Found>(route))) {
            await client.act(`${route}/actions/shutdown`);
        }
        await client.delete(route);
    },
});

/** Differences that the real provider suppresses. */
function counts({ path }: Difference, { olds, news, state }: Change): boolean {
    const property = /^\w+/.exec(path)?.[0] ?? "";
    switch (property) {
        // Not computed by the API, so nothing can be told from its absence.
        case "publicNets":
            return news["publicNets"] !== undefined;
        // Computed: what is left out stays as it is.
        case "image":
        case "location":
            return news[property] !== undefined && !same(news[property], state[property]);
        case "firewallIds":
            return (
                news["firewallIds"] !== undefined &&
                !(news["ignoreRemoteFirewallIds"] === true && olds["firewallIds"] !== undefined)
            );
        case "userData":
            return trimmed(olds["userData"]) !== trimmed(news["userData"]);
        default:
            return true;
    }
}

function trimmed(value: unknown): string {
    return typeof value === "string" ? value.trim() : "";
}

function failuresOf(inputs: Properties): CheckFailure[] {
    const failures: CheckFailure[] = [];
    if (inputs["image"] === "") {
        failures.push({
            path: "image",
            reason: '"image" must have more than 0 characters. Have you set the name instead of an ID?',
        });
    }
    const keys = Array.isArray(inputs["sshKeys"]) ? inputs["sshKeys"] : [];
    for (const [index, key] of keys.entries()) {
        if (key !== "") continue;
        failures.push({
            path: `sshKeys[${index}]`,
            reason: "Invalid ssh key passed. You need to pass a string with at least 1 character",
        });
    }
    return [...failures, ...unsupportedFailures(inputs, unsupported)];
}

async function serverType(client: Client, name: string): Promise<ApiServerType> {
    const { server_types: found } = await client.get<{ server_types: ApiServerType[] }>(
        `/server_types?name=${encodeURIComponent(name)}`,
    );
    if (!found[0]) throw new Error(`server type ${name} not found`);
    return found[0];
}

/** By number or by name; a name stands for one image an architecture. */
async function imageId(
    client: Client,
    image: string | undefined,
    type: ApiServerType,
): Promise<number> {
    if (image === undefined) throw new Error("image is required to create a server");
    if (/^\d+$/.test(image)) {
        const byId = await client.find<{ image: { id: number } }>(`/images/${image}`);
        if (byId) return byId.image.id;
    }
    const { images } = await client.get<{ images: { id: number }[] }>(
        `/images?name=${encodeURIComponent(image)}&architecture=${type.architecture}&include_deprecated=true`,
    );
    if (!images[0]) {
        throw new Error(`image ${image} for architecture ${type.architecture} not found`);
    }
    return images[0].id;
}

async function sshKeyIds(client: Client, keys: string[]): Promise<number[]> {
    return Promise.all(
        keys.map(async (key) => {
            const byId = /^\d+$/.test(key)
                ? await client.find<{ ssh_key: ApiSshKey }>(`/ssh_keys/${key}`)
                : undefined;
            if (byId) return byId.ssh_key.id;
            const { ssh_keys: byName } = await client.get<{ ssh_keys: ApiSshKey[] }>(
                `/ssh_keys?name=${encodeURIComponent(key)}`,
            );
            if (!byName[0]) throw new Error(`SSH key not found: ${key}`);
            return byName[0].id;
        }),
    );
}

function publicNetBody(net: PublicNet | undefined): object | undefined {
    if (!net) return undefined;
    return {
        enable_ipv4: net.ipv4Enabled || Boolean(net.ipv4),
        enable_ipv6: net.ipv6Enabled || Boolean(net.ipv6),
        ...(net.ipv4 && { ipv4: net.ipv4 }),
        ...(net.ipv6 && { ipv6: net.ipv6 }),
    };
}

function protectionBody(inputs: Inputs): object {
    return { delete: inputs.deleteProtection, rebuild: inputs.rebuildProtection };
}

/**
 * Power off, change, power on. What can't succeed is refused before the power goes; the real provider finds out only
 * then, and leaves the server off.
 */
async function changeType(client: Client, current: ApiServer, news: Inputs): Promise<void> {
    const type = await serverType(client, news.serverType);
    const old = current.server_type;
    if (type.architecture !== old.architecture) {
        throw new Error(
            `server ${current.name} has ${old.architecture} processors and can't become a ${type.name}, which has ${type.architecture}: make a new server`,
        );
    }
    if (type.disk < current.primary_disk_size) {
        throw new Error(
            `server ${current.name} has a disk of ${current.primary_disk_size} GB and can't become a ${type.name}, which has ${type.disk} GB: a disk can't shrink`,
        );
    }
    const route = `/servers/${current.id}/actions`;
    if (current.status === "running") await client.act(`${route}/poweroff`);
    await client.act(`${route}/change_type`, {
        server_type: type.name,
        upgrade_disk: !news.keepDisk,
    });
    await client.act(`${route}/poweron`);
}

async function changeFirewalls(
    client: Client,
    current: ApiServer,
    wanted: number[],
): Promise<void> {
    const applied = current.public_net.firewalls.map((firewall) => firewall.id);
    const target = [{ type: "server", server: { id: current.id } }];
    for (const id of applied.filter((firewall) => !wanted.includes(firewall))) {
        await client.act(`/firewalls/${id}/actions/remove_from_resources`, {
            remove_from: target,
        });
    }
    for (const id of wanted.filter((firewall) => !applied.includes(firewall))) {
        await client.act(`/firewalls/${id}/actions/apply_to_resources`, { apply_to: target });
    }
}

function same(a: unknown, b: unknown): boolean {
    return JSON.stringify(a) === JSON.stringify(b);
}

function outputsOf({ server: found }: Found, given: Partial<Inputs> | undefined) {
    const { ipv4, ipv6, firewalls } = found.public_net;
    const imageName = found.image?.name;
    const byNumber = found.image && given?.image === String(found.image.id);
    const image = imageName && !byNumber ? imageName : String(found.image?.id ?? "");
    return {
        ...given,
        name: found.name,
        serverType: found.server_type.name,
        image,
        location: found.location.name,
        status: found.status,
        labels: found.labels,
        firewallIds: firewalls.map((firewall) => firewall.id),
        primaryDiskSize: found.primary_disk_size,
        backups: found.backup_window !== null,
        backupWindow: found.backup_window ?? "",
        deleteProtection: found.protection.delete,
        rebuildProtection: found.protection.rebuild,
        ...(ipv4 && { ipv4Address: ipv4.ip }),
        ...(ipv6 && {
            ipv6Address: ipv6.ip.replace(/\/\d+$/, "1"),
            ipv6Network: ipv6.ip,
        }),
        // What the real provider keeps of it: enough to see a change.
        ...(given?.userData !== undefined && { userData: hashOf(given.userData) }),
    };
}

function hashOf(userData: string): string {
    return createHash("sha1").update(userData).digest("base64");
}
