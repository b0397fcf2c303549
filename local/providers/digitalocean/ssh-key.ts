import { resource } from "../handler";
import { nameForcesDeletion, withName } from "../naming";
import { refreshedInputs } from "../refreshed-inputs";
import type { ApiKey } from "./api-objects";
import { Client } from "./client";

interface Found {
    ssh_key: ApiKey;
}

export const sshKey = resource({
    inputs: {
        name: { type: "string" },
        publicKey: { type: "string", required: true, replaces: true },
    },
    outputs: { fingerprint: { type: "string" } },
    check: (inputs, olds, context) => ({ inputs: withName(inputs, olds, context) }),
    diff(differences, change) {
        const trimmed = (value: unknown) => (typeof value === "string" ? value.trim() : value);
        const { olds, news } = change;
        const counted = differences.filter(
            ({ path }) =>
                path !== "publicKey" || trimmed(olds["publicKey"]) !== trimmed(news["publicKey"]),
        );
        return { differences: counted, deleteBeforeReplace: nameForcesDeletion(counted, change) };
    },
    async create(inputs, context) {
        const { ssh_key: key } = await Client.of(context).post<Found>("/account/keys", {
            name: inputs.name,
            public_key: inputs.publicKey,
        });
        return { id: String(key.id), outputs: outputsOf(key, inputs.publicKey) };
    },
    async read(id, known, context) {
        const found = await Client.of(context).find<Found>(`/account/keys/${id}`);
        if (!found) return undefined;
        const outputs = outputsOf(found.ssh_key, known?.inputs.publicKey);
        const { name, publicKey } = outputs;
        return { id, outputs, inputs: refreshedInputs(known?.inputs, { name, publicKey }) };
    },
    async update({ id }, news, context) {
        const { ssh_key: key } = await Client.of(context).put<Found>(`/account/keys/${id}`, {
            name: news.name,
        });
        return { outputs: outputsOf(key, news.publicKey) };
    },
    async delete({ id }, context) {
        await Client.of(context).delete(`/account/keys/${id}`);
    },
});

function outputsOf(key: ApiKey, given: string | undefined) {
    // The API strips the line's end; the program's own text is no change.
    const publicKey = given?.trim() === key.public_key ? given : key.public_key;
    return { name: key.name, publicKey, fingerprint: key.fingerprint };
}
