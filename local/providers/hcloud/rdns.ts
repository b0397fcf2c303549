import ipaddr from "ipaddr.js";
import { resource } from "../handler";
import type { CheckFailure, Properties, PropertyValue } from "../schema";
import { unknownValue } from "../schema";
import type { ApiPrimaryIp, ApiServer } from "./api-objects";
import { Client } from "./client";
import { refreshedInputs } from "../refreshed-inputs";

const owners = ["serverId", "primaryIpId", "floatingIpId", "loadBalancerId"] as const;

/** A PTR record. Its id is `p-<primary IP>-<address>` or `s-<server>-<address>`. */
export const rdns = resource({
    inputs: {
        dnsPtr: { type: "string", required: true },
        ipAddress: { type: "string", required: true, replaces: true },
        serverId: { type: "integer", replaces: true },
        primaryIpId: { type: "integer", replaces: true },
        floatingIpId: { type: "integer", replaces: true },
        loadBalancerId: { type: "integer", replaces: true },
    },
    outputs: {},
    check: (inputs) => ({ failures: failuresOf(inputs) }),
    diff: (differences, { olds, news }) => ({
        // Another spelling of the same address is no change.
        differences: differences.filter(
            ({ path }) =>
                path !== "ipAddress" ||
                canonical(olds["ipAddress"]) !== canonical(news["ipAddress"]),
        ),
    }),
    async create(inputs, context) {
        const address = canonical(inputs.ipAddress);
        const owner = inputs.primaryIpId ?? inputs.serverId;
        if (owner === undefined) {
            throw new Error(
                "The laptop cloud has no floating IPs and no load balancers: use primaryIpId or serverId.",
            );
        }
        const id = `${inputs.primaryIpId === undefined ? "s" : "p"}-${owner}-${address}`;
        await setPointer(Client.of(context), parseId(id), inputs.dnsPtr);
        return { id, outputs: { ...inputs, ipAddress: address } };
    },
    async read(id, known, context) {
        const place = parseId(id);
        const dnsPtr = await readPointer(Client.of(context), place);
        if (dnsPtr === undefined) return undefined;
        const owner = place.kind === "servers" ? "serverId" : "primaryIpId";
        const live = { dnsPtr, ipAddress: place.address, [owner]: place.owner };
        return {
            id,
            outputs: live,
            inputs: refreshedInputs(known?.inputs, known ? { dnsPtr } : live),
        };
    },
    async update({ id }, news, context) {
        await setPointer(Client.of(context), parseId(id), news.dnsPtr);
        return { outputs: { ...news, ipAddress: canonical(news.ipAddress) } };
    },
    async delete({ id }, context) {
        const client = Client.of(context);
        try {
            await setPointer(client, parseId(id), null);
        } catch (error) {
            if (!client.isNotFound(error)) throw error;
        }
    },
});

function failuresOf(inputs: Properties): CheckFailure[] {
    const failures: CheckFailure[] = [];
    if (owners.filter((owner) => owner in inputs).length !== 1) {
        failures.push({
            path: "primaryIpId",
            reason: `Exactly one of these attributes must be configured: [${owners.join(",")}]`,
        });
    }
    const address = inputs["ipAddress"];
    if (typeof address === "string" && address !== unknownValue && !ipaddr.isValid(address)) {
        failures.push({
            path: "ipAddress",
            reason: `Attribute ipAddress must be a valid ip, got: ${address}`,
        });
    }
    return failures;
}

function canonical(address: PropertyValue | undefined): string {
    const text = typeof address === "string" ? address : "";
    return ipaddr.isValid(text) ? ipaddr.parse(text).toString() : text;
}

interface Place {
    kind: "servers" | "primary_ips";
    owner: number;
    address: string;
}

function parseId(id: string): Place {
    const match = /^([sp])-(\d+)-(.+)$/.exec(id);
    if (!match?.[3] || !ipaddr.isValid(match[3])) {
        throw new Error(
            `invalid ID '${id}': use p-<primary IP id>-<address> or s-<server id>-<address>`,
        );
    }
    return {
        kind: match[1] === "s" ? "servers" : "primary_ips",
        owner: Number(match[2]),
        address: match[3],
    };
}

async function setPointer(client: Client, place: Place, dnsPtr: string | null): Promise<void> {
    await client.act(`/${place.kind}/${place.owner}/actions/change_dns_ptr`, {
        ip: place.address,
        dns_ptr: dnsPtr,
    });
}

async function readPointer(client: Client, place: Place): Promise<string | undefined> {
    const found = await client.find<{ server?: ApiServer; primary_ip?: ApiPrimaryIp }>(
        `/${place.kind}/${place.owner}`,
    );
    const net = found?.server?.public_net;
    if (net?.ipv4?.ip === place.address) return net.ipv4.dns_ptr;
    const pointers = found?.primary_ip?.dns_ptr ?? net?.ipv6?.dns_ptr ?? [];
    return pointers.find((pointer) => canonical(pointer.ip) === canonical(place.address))?.dns_ptr;
}
