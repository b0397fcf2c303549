import { createHash } from "node:crypto";
import type { Difference } from "../diff";
import { InitializationFailure, resource, type Change } from "../handler";
import { nameForcesDeletion, withName } from "../naming";
import { refreshedInputs } from "../refreshed-inputs";
import type { CheckFailure, Properties, Values } from "../schema";
import { unsupportedFailures } from "../unsupported";
import type { ApiDroplet } from "./api-objects";
import { ApiFailure, Client } from "./client";
import { changeTags } from "./tags";

interface Found {
    droplet: ApiDroplet;
}

const texts = { type: "array", items: { type: "string" }, unordered: true } as const;

const inputTable = {
    name: { type: "string" },
    image: { type: "string", required: true, replaces: true },
    size: { type: "string", required: true },
    region: { type: "string", replaces: true },
    sshKeys: { ...texts, replaces: true },
    userData: { type: "string", replaces: true },
    ipv6: { type: "boolean", default: false },
    ipv6Address: { type: "string" },
    tags: texts,
    volumeIds: texts,
    resizeDisk: { type: "boolean", default: true },
    gracefulShutdown: { type: "boolean", default: false },
    monitoring: { type: "boolean", default: false, replaces: true },
    dropletAgent: { type: "boolean", replaces: true },
    vpcUuid: { type: "string", replaces: true },
    gpuPartitionMode: { type: "string", replaces: true },
    publicNetworking: { type: "boolean", replaces: true },
    privateNetworking: { type: "boolean", deprecated: "Its place is taken by vpcUuid." },
    backups: { type: "boolean", default: false },
    backupPolicy: {
        type: "object",
        properties: {
            plan: { type: "string" },
            weekday: { type: "string" },
            hour: { type: "integer" },
        },
    },
} as const;

type Inputs = Values<typeof inputTable>;

/** What the real provider does and the laptop cloud can't. */
const unsupported = [
    ...["backups", "backupPolicy", "vpcUuid", "volumeIds", "gpuPartitionMode"],
] as const;

/** Computed: what is left out stays as it is. */
const computed = ["region", "vpcUuid", "ipv6Address", "volumeIds", "publicNetworking"];

export const droplet = resource({
    inputs: inputTable,
    outputs: {
        dropletUrn: { type: "string" },
        status: { type: "string" },
        locked: { type: "boolean" },
        createdAt: { type: "string" },
        region: { type: "string" },
        disk: { type: "integer" },
        memory: { type: "integer" },
        vcpus: { type: "integer" },
        priceHourly: { type: "number" },
        priceMonthly: { type: "number" },
        ipv4Address: { type: "string" },
        ipv4AddressPrivate: { type: "string" },
        ipv6Address: { type: "string" },
        privateNetworking: { type: "boolean" },
        publicNetworking: { type: "boolean" },
        volumeIds: texts,
        vpcUuid: { type: "string" },
    },
    check: (inputs, olds, context) => ({
        inputs: withName(inputs, olds, context),
        failures: failuresOf(inputs),
    }),
    diff(differences, change) {
        const counted = differences.flatMap((difference) => judged(difference, change));
        return { differences: counted, deleteBeforeReplace: nameForcesDeletion(counted, change) };
    },
    async create(inputs, context) {
        const client = Client.of(context);
        const made = await client.post<Found>("/droplets", {
            name: inputs.name,
            region: inputs.region ?? "",
            size: inputs.size,
            image: numberOrText(inputs.image),
            ssh_keys: (inputs.sshKeys ?? []).map(numberOrText),
            ipv6: inputs.ipv6,
            monitoring: inputs.monitoring,
            user_data: inputs.userData,
            tags: inputs.tags,
        });
        const id = String(made.droplet.id);
        try {
            const up = await unlocked(client, id);
            if (up.droplet.status !== "active") {
                throw new Error(`unexpected state '${up.droplet.status}', wanted target 'active'`);
            }
            return { id, outputs: outputsOf(up, inputs) };
        } catch (error) {
            // The Droplet exists: forgetting it would leave an orphan behind.
            const reason = error instanceof Error ? error.message : String(error);
            throw new InitializationFailure(
                id,
                outputsOf(made, inputs),
                `Error waiting for droplet (${id}) to become ready: ${reason}`,
            );
        }
    },
    async read(id, known, context) {
        const found = await Client.of(context).find<Found>(`/droplets/${id}`);
        if (!found) return undefined;
        const { image } = found.droplet;
        // The image is allowed to drift: a slug comes to mean a newer one.
        const given = known?.inputs ?? { image: image.slug ?? String(image.id) };
        const outputs = outputsOf(found, given);
        const live = {
            name: outputs.name,
            size: outputs.size,
            region: outputs.region,
            ipv6: outputs.ipv6,
            monitoring: outputs.monitoring,
            tags: outputs.tags,
            ...(!known && { image: given.image, resizeDisk: true, gracefulShutdown: false }),
        };
        return {
            id,
            outputs: { ...known?.outputs, ...outputs },
            inputs: refreshedInputs(known?.inputs, live),
        };
    },
    async update({ id, inputs: olds }, news, context) {
        const client = Client.of(context);
        const route = `/droplets/${id}/actions`;
        if (olds.size !== news.size) await resize(client, id, news);
        if (olds.name !== news.name) await client.act(route, { type: "rename", name: news.name });
        if (!olds.ipv6 && news.ipv6) await client.act(route, { type: "enable_ipv6" });
        await changeTags(client, { type: "droplet", id }, olds.tags, news.tags);
        return { outputs: outputsOf(await client.get<Found>(`/droplets/${id}`), news) };
    },
    async delete({ id, inputs }, context) {
        const client = Client.of(context);
        const { droplet: found } = await unlocked(client, id);
        if (inputs.gracefulShutdown) {
            await client.act(`/droplets/${id}/actions`, { type: "shutdown" });
        }
        for (const volumeId of found.volume_ids) {
            await client.act(`/volumes/${volumeId}/actions`, {
                ...{ type: "detach", droplet_id: found.id },
            });
        }
        await client.delete(`/droplets/${id}`);
        await client.until(
            () => client.find<Found>(`/droplets/${id}`),
            (answer) => answer === undefined,
        );
    },
});

/** Waits while something is being done to it: the real provider looks at no status before. */
function unlocked(client: Client, id: string): Promise<Found> {
    return client.until(
        () => client.get<Found>(`/droplets/${id}`),
        ({ droplet: { locked } }) => !locked,
    );
}

/** Power off, change, power on. One that is refused is switched on again as it was. */
async function resize(client: Client, id: string, news: Inputs): Promise<void> {
    const route = `/droplets/${id}/actions`;
    try {
        await client.act(route, { type: "power_off" });
    } catch (error) {
        const isOff =
            error instanceof ApiFailure && error.reason === "Droplet is already powered off.";
        if (!isOff) throw error;
    }
    try {
        await client.act(route, { type: "resize", size: news.size, disk: news.resizeDisk });
    } finally {
        await client.act(route, { type: "power_on" });
    }
}

/** What becomes of a difference: none where the real provider suppresses it, another where it has a rule of its own. */
function judged(difference: Difference, { olds, news, state }: Change): Difference[] {
    const property = /^\w+/.exec(difference.path)?.[0] ?? "";
    if (computed.includes(property)) {
        const same = JSON.stringify(news[property]) === JSON.stringify(state[property]);
        return news[property] === undefined || same ? [] : [difference];
    }
    // IPv6 can't be switched off again.
    if (property === "ipv6" && olds["ipv6"] === true) return [{ ...difference, replaces: true }];
    return [difference];
}

function failuresOf(inputs: Properties): CheckFailure[] {
    const failures: CheckFailure[] = [];
    for (const name of ["image", "size", "region", "userData", "name"]) {
        if (inputs[name] !== "") continue;
        failures.push({ path: name, reason: `"${name}" is an empty string` });
    }
    failures.push(...unsupportedFailures(inputs, unsupported));
    if (inputs["publicNetworking"] === false) {
        const reason = "the laptop cloud does not simulate Droplets without a public network";
        failures.push({ path: "publicNetworking", reason });
    }
    return failures;
}

function numberOrText(text: string): number | string {
    return /^\d+$/.test(text) ? Number(text) : text;
}

function outputsOf({ droplet: found }: Found, given: Partial<Inputs>) {
    const address = (addresses: { ip_address: string; type: string }[], type: string) =>
        addresses.find((one) => one.type === type)?.ip_address.toLowerCase() ?? "";
    return {
        ...given,
        name: found.name,
        size: found.size.slug,
        region: found.region.slug,
        dropletUrn: `do:droplet:${found.id}`,
        status: found.status,
        locked: found.locked,
        createdAt: found.created_at,
        disk: found.disk,
        memory: found.memory,
        vcpus: found.vcpus,
        priceHourly: found.size.price_hourly,
        priceMonthly: found.size.price_monthly,
        ipv4Address: address(found.networks.v4, "public"),
        ipv4AddressPrivate: address(found.networks.v4, "private"),
        ipv6: found.features.includes("ipv6"),
        ipv6Address: address(found.networks.v6, "public"),
        monitoring: found.features.includes("monitoring"),
        privateNetworking: found.features.includes("private_networking"),
        publicNetworking: true,
        backups: found.features.includes("backups"),
        volumeIds: found.volume_ids,
        tags: found.tags,
        vpcUuid: found.vpc_uuid,
        // What the real provider keeps of it: enough to see a change.
        ...(given.userData !== undefined && {
            userData: createHash("sha1").update(given.userData).digest("hex"),
        }),
    };
}
