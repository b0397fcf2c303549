import type { StateResource } from "./deployment";
import type { Lookups } from "./recovery-plan";

export interface HetznerAccess {
    /** Base URL that ends in `/v1`. @default https://api.hetzner.cloud/v1 */
    endpoint?: string;
    token: string;
}

/** Resource type → its collection in the API (https://docs.hetzner.cloud/reference/cloud). Names are unique in each. */
const collections: Record<string, string> = {
    "hcloud:index/sshKey:SshKey": "ssh_keys",
    "hcloud:index/primaryIp:PrimaryIp": "primary_ips",
    "hcloud:index/firewall:Firewall": "firewalls",
    "hcloud:index/volume:Volume": "volumes",
    "hcloud:index/server:Server": "servers",
};

/** Finds objects of a Hetzner Cloud project by the name that their create was given. */
export function hetznerLookups(access: HetznerAccess): Lookups {
    const get = async (path: string): Promise<Record<string, unknown>> => {
        const response = await fetch(
            `${access.endpoint ?? "https://api.hetzner.cloud/v1"}${path}`,
            {
                headers: { authorization: `Bearer ${access.token}` },
                signal: AbortSignal.timeout(30_000),
            },
        );
        if (!response.ok) {
            throw new Error(`the Hetzner Cloud API answered ${response.status} to GET ${path}`);
        }
        return (await response.json()) as Record<string, unknown>;
    };

    const byName =
        (collection: string) =>
        async (resource: StateResource): Promise<string | undefined> => {
            const name = resource.inputs?.["name"];
            if (typeof name !== "string") throw new Error("its name is not in the state");
            const found = await get(`/${collection}?name=${encodeURIComponent(name)}`);
            const [object] = found[collection] as { id: number; labels: Record<string, string> }[];
            if (!object) return undefined;
            const labels = (resource.inputs?.["labels"] ?? {}) as Record<string, string>;
            if (Object.entries(labels).some(([key, value]) => object.labels[key] !== value)) {
                throw new Error(
                    `there is one named ${name} (id ${object.id}) without the labels that this stack gives, so it is somebody else's`,
                );
            }
            return String(object.id);
        };

    return {
        ...Object.fromEntries(
            Object.entries(collections).map(([type, name]) => [type, byName(name)]),
        ),
        // An attachment has the volume's id, https://www.pulumi.com/registry/packages/hcloud/api-docs/volumeattachment/
        "hcloud:index/volumeAttachment:VolumeAttachment": async (resource) => {
            const volume = String(resource.inputs?.["volumeId"]);
            const { server } = (await get(`/volumes/${volume}`))["volume"] as {
                server: number | null;
            };
            return server === Number(resource.inputs?.["serverId"]) ? volume : undefined;
        },
        // Setting a PTR again is harmless, so there is nothing to find.
        "hcloud:index/rdns:Rdns": () => Promise.resolve(undefined),
    };
}
