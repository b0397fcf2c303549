import { setTimeout as sleep } from "node:timers/promises";
import type { StateResource } from "./deployment";
import type { Lookup, Lookups } from "./recovery-plan";

export interface DigitalOceanAccess {
    /** Without `/v2`. @default https://api.digitalocean.com */
    apiEndpoint?: string;
    token: string;
}

/** What the API tells of an object that matters here (https://docs.digitalocean.com/reference/api/). */
interface ApiObject {
    id: number | string;
    name: string;
    tags?: string[];
    public_key?: string;
    /** Of a Droplet: the volumes attached to it. */
    volume_ids?: string[];
    /** Of a volume: the Droplet that it is attached to. Of a firewall: those that it is for. */
    droplet_ids?: number[];
}

/** How long a Droplet may take until it is there; DigitalOcean takes about one minute. */
const madeSeconds = 300;

type Inputs = NonNullable<StateResource["inputs"]>;

interface Page {
    links?: { pages?: { next?: string } };
    [collection: string]: unknown;
}

/**
 * Finds objects of a DigitalOcean account by what their create was given. Names of Droplets are not unique: where several
 * fit, a person must decide.
 *
 * The tags are every stack's, and two stacks may give a host one name. So an object has to be as a create leaves it too:
 * Droplet and volume not attached yet, the firewall for the Droplets that the state says. Those that are in the state
 * are this stack's in any case.
 */
export function digitalOceanLookups(access: DigitalOceanAccess): Lookups {
    const endpoint = (access.apiEndpoint ?? "https://api.digitalocean.com").replace(/\/$/, "");

    const get = async <T>(route: string): Promise<T> => {
        const response = await fetch(endpoint + route, {
            headers: { authorization: `Bearer ${access.token}` },
            signal: AbortSignal.timeout(30_000),
        });
        if (response.ok) return (await response.json()) as T;
        throw new Error(`DigitalOcean's API answered ${response.status} to GET ${route}`);
    };

    /** Every object of a collection, page by page. */
    const list = async (path: string, collection: string): Promise<ApiObject[]> => {
        const found: ApiObject[] = [];
        for (let page = 1; ; page++) {
            const query = `per_page=200&page=${page}`;
            const body = await get<Page>(`/v2${path}${path.includes("?") ? "&" : "?"}${query}`);
            found.push(...(body[collection] as ApiObject[]));
            if (!body.links?.pages?.next) return found;
        }
    };

    /**
     * @param path where to look, with what the API itself selects by.
     * @param fits whether it is in the way of another create.
     * @param whyForeign what tells, beyond that, that another made it; undefined when nothing does.
     */
    const lookup =
        (
            [path, collection]: [path: (inputs: Inputs) => string, collection: string],
            fits: (object: ApiObject, inputs: Inputs) => boolean,
            whyForeign: (object: ApiObject, inputs: Inputs) => string | undefined,
        ): Lookup =>
        async ({ inputs = {} }, known) => {
            const { name } = inputs;
            if (typeof name !== "string") throw new Error("its name is not in the state");
            const found = (await list(path(inputs), collection)).filter((one) => fits(one, inputs));
            const foreign = (object: ApiObject) =>
                known?.has(String(object.id)) ? undefined : whyForeign(object, inputs);
            const [first, ...others] = found.filter((object) => foreign(object) === undefined);
            if (first && others.length > 0) {
                const ids = [first, ...others].map(({ id }) => id).join(", ");
                throw new Error(`there are ${others.length + 1} named ${name} (ids ${ids})`);
            }
            if (first) return String(first.id);
            if (!found[0]) return undefined;
            throw new Error(
                `there is one (id ${found[0].id}) ${foreign(found[0])}, so it is somebody else's`,
            );
        };

    const hasName = ({ name }: ApiObject, inputs: Inputs) => name === inputs["name"];
    const lacksTags = ({ tags = [] }: ApiObject, inputs: Inputs) =>
        ((inputs["tags"] ?? []) as string[]).every((tag) => tags.includes(tag))
            ? undefined
            : "without the tags that this program gives";
    const query = (inputs: Inputs, ...keys: string[]) =>
        new URLSearchParams(
            Object.fromEntries(keys.map((key) => [key, String(inputs[key])])),
        ).toString();
    const findDroplet = lookup(
        [(inputs) => `/droplets?${query(inputs, "name")}`, "droplets"],
        hasName,
        (droplet, inputs) =>
            lacksTags(droplet, inputs) ??
            (droplet.volume_ids?.length ? "with a volume already" : undefined),
    );
    const harmless = () => Promise.resolve(undefined);

    return {
        // One that is still being made has no addresses yet, and a refresh would note that it has none.
        "digitalocean:index/droplet:Droplet": async (resource, known) => {
            const id = await findDroplet(resource, known);
            if (id === undefined) return undefined;
            for (let waited = 0; waited < madeSeconds; waited++) {
                const { droplet } = await get<{ droplet: { status: string } }>(
                    `/v2/droplets/${id}`,
                );
                if (droplet.status !== "new") return id;
                await sleep(1000);
            }
            throw new Error(`Droplet ${id} is still being made; run this again when it is there`);
        },
        // Names are unique in a region.
        "digitalocean:index/volume:Volume": lookup(
            [(inputs) => `/volumes?${query(inputs, "name", "region")}`, "volumes"],
            hasName,
            (volume, inputs) =>
                lacksTags(volume, inputs) ??
                (volume.droplet_ids?.length ? "attached already" : undefined),
        ),
        // A key is in an account once, under whatever name.
        "digitalocean:index/sshKey:SshKey": lookup(
            [() => "/account/keys", "ssh_keys"],
            (object, inputs) => object.public_key?.trim() === String(inputs["publicKey"]).trim(),
            (key, inputs) =>
                hasName(key, inputs) ? undefined : "without the name that this program gives",
        ),
        // Names are unique.
        "digitalocean:index/firewall:Firewall": lookup(
            [() => "/firewalls", "firewalls"],
            hasName,
            ({ droplet_ids = [] }, inputs) =>
                idsOf(droplet_ids) === idsOf(inputs["dropletIds"])
                    ? undefined
                    : "for other Droplets than this stack's",
        ),
        // Attaching what is attached, and putting into a project what is in it, changes nothing.
        "digitalocean:index/volumeAttachment:VolumeAttachment": harmless,
        "digitalocean:index/projectResources:ProjectResources": harmless,
    };
}

/** Ids, numbers or texts, as one text that does not depend on their order. */
function idsOf(ids: unknown): string {
    return ((ids ?? []) as unknown[]).map(String).sort().join();
}
