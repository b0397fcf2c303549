import { resource } from "../handler";
import type { ApiSshKey } from "./api-objects";
import { Client } from "./client";
import { refreshedInputs } from "../refreshed-inputs";
import { nameForcesDeletion, withName } from "../naming";

interface Found {
    ssh_key: ApiSshKey;
}

export const sshKey = resource({
    inputs: {
        name: { type: "string" },
        publicKey: { type: "string", required: true, replaces: true },
        labels: { type: "map", items: { type: "string" } },
    },
    outputs: {
        fingerprint: { type: "string" },
        labels: { type: "map", items: { type: "string" } },
    },
    check: (inputs, olds, context) => ({ inputs: withName(inputs, olds, context) }),
    diff: (differences, change) => ({
        deleteBeforeReplace: nameForcesDeletion(differences, change),
    }),
    async create(inputs, context) {
        const { ssh_key: key } = await Client.of(context).post<Found>("/ssh_keys", {
            name: inputs.name,
            public_key: inputs.publicKey,
            labels: inputs.labels,
        });
        return { id: String(key.id), outputs: outputsOf(key, inputs.publicKey) };
    },
    async read(id, known, context) {
        const found = await Client.of(context).find<Found>(`/ssh_keys/${id}`);
        if (!found) return undefined;
        const outputs = outputsOf(found.ssh_key, known?.inputs.publicKey);
        const { name, publicKey, labels } = outputs;
        return { id, outputs, inputs: refreshedInputs(known?.inputs, { name, publicKey, labels }) };
    },
    async update({ id }, news, context) {
        const { ssh_key: key } = await Client.of(context).put<Found>(`/ssh_keys/${id}`, {
            name: news.name,
            labels: news.labels ?? {},
        });
        return { outputs: outputsOf(key, news.publicKey) };
    },
    async delete({ id }, context) {
        await Client.of(context).delete(`/ssh_keys/${id}`);
    },
});

function outputsOf(key: ApiSshKey, given: string | undefined) {
    // The API strips the line's end; the program's own text is no change.
    const publicKey = given?.trim() === key.public_key ? given : key.public_key;
    return { name: key.name, publicKey, labels: key.labels, fingerprint: key.fingerprint };
}
