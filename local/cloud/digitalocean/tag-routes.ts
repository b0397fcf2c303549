import * as z from "zod";
import type { ApiRequest, Route } from "../api/listener";
import type { Account } from "./account";
import { notFound } from "./api-error";
import { parseBody, tagsField, textParameter } from "./route";

const resourcesBody = z.object({
    resources: z.array(z.object({ resource_id: z.string(), resource_type: z.string() })),
});

/** Tags of Droplets and volumes. A tag exists by being used; making one is answered and changes nothing. */
export function tagRoutes(account: Account): Route[] {
    const { store } = account;
    const tagged = (request: ApiRequest) =>
        parseBody(resourcesBody, request).resources.map(
            ({ resource_id: id, resource_type: type }) => {
                if (type === "droplet") return store.get("droplet", Number(id));
                if (type === "volume") return store.get("volume", id);
                throw notFound();
            },
        );
    return [
        {
            method: "POST",
            path: "/tags",
            handle: (request) => {
                const { name } = parseBody(z.object({ name: z.string() }), request);
                tagsField.parse([name]);
                return { status: 201, body: { tag: { name, resources: { count: 0 } } } };
            },
        },
        {
            method: "POST",
            path: "/tags/:name/resources",
            handle: async (request) => {
                const tag = textParameter(request, "name");
                for (const object of tagged(request)) {
                    object.tags = [...new Set([...object.tags, tag])];
                }
                store.save();
                // Firewalls may select Droplets by their tags.
                await account.enforceFirewalls();
                return { status: 204 };
            },
        },
        {
            method: "DELETE",
            path: "/tags/:name/resources",
            handle: async (request) => {
                const tag = textParameter(request, "name");
                for (const object of tagged(request)) {
                    object.tags = object.tags.filter((other) => other !== tag);
                }
                store.save();
                await account.enforceFirewalls();
                return { status: 204 };
            },
        },
    ];
}
