import { resource } from "../handler";
import { refreshedInputs } from "../refreshed-inputs";
import { Client } from "./client";

/** What a project is to hold; its id is the project's. */
export const projectResources = resource({
    inputs: {
        project: { type: "string", required: true, replaces: true },
        resources: {
            type: "array",
            items: { type: "string" },
            required: true,
            unordered: true,
        },
    },
    outputs: {},
    async create(inputs, context) {
        await assign(Client.of(context), inputs.project, inputs.resources);
        return { id: inputs.project, outputs: { ...inputs } };
    },
    async read(id, known, context) {
        const found = await Client.of(context).find<{ resources: { urn: string }[] }>(
            `/projects/${id}/resources?per_page=200`,
        );
        if (!found) return undefined;
        const urns = found.resources.map(({ urn }) => urn);
        // What else is in the project is another's affair.
        const resources = known ? known.inputs.resources.filter((urn) => urns.includes(urn)) : urns;
        const live = { project: id, resources };
        return { id, outputs: live, inputs: refreshedInputs(known?.inputs, live) };
    },
    async update({ inputs: olds }, news, context) {
        const client = Client.of(context);
        const gone = olds.resources.filter((urn) => !news.resources.includes(urn));
        if (gone.length > 0) await assign(client, "default", gone);
        const added = news.resources.filter((urn) => !olds.resources.includes(urn));
        if (added.length > 0) await assign(client, news.project, added);
        return { outputs: { ...news } };
    },
    async delete({ inputs }, context) {
        const client = Client.of(context);
        if (!(await client.find(`/projects/${inputs.project}`))) return;
        if (inputs.resources.length > 0) await assign(client, "default", inputs.resources);
    },
});

async function assign(client: Client, project: string, resources: string[]): Promise<void> {
    await client.post(`/projects/${project}/resources`, { resources });
}
