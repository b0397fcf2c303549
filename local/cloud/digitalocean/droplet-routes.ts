import * as fs from "node:fs";
import * as z from "zod";
import type { ApiReply, ApiRequest, Route } from "../api/listener";
import type { Account } from "./account";
import { unprocessable, unsupported } from "./api-error";
import { findRegion, findSize } from "./catalogue";
import { findImage, knownImages, type KnownImage } from "./catalogue-routes";
import { dropletActionRoutes } from "./droplet-actions";
import { dropletBody } from "./droplet-body";
import { findKey } from "./key-routes";
import type { DropletObject } from "./objects";
import { hostNameField, numberParameter, pageOf, parseBody, tagsField } from "./route";
import { checkAttachable } from "./volume-routes";

/** Source: docs.digitalocean.com, API reference, "Create a New Droplet", `user_data`. */
const maximumUserDataBytes = 64 * 1024;

/** The VPC network of every Droplet: the laptop cloud has no private networks. */
const vpcUuid = "00000000-0000-4000-8000-00000000000a";

const idOrText = z.union([z.int(), z.string().min(1)]);

const createBody = z.object({
    name: hostNameField,
    region: z.string().optional(),
    size: z.string(),
    image: idOrText,
    ssh_keys: z.array(idOrText).nullish(),
    ipv6: z.boolean().nullish(),
    monitoring: z.boolean().nullish(),
    backups: z.boolean().nullish(),
    public_networking: z.boolean().nullish(),
    user_data: z
        .string()
        .refine(
            (text) => Buffer.byteLength(text) <= maximumUserDataBytes,
            `is longer than ${maximumUserDataBytes} bytes`,
        )
        .nullish(),
    volumes: z.array(z.union([z.string(), z.object({ id: z.string() })])).nullish(),
    vpc_uuid: z.string().nullish(),
    tags: tagsField,
});

export function dropletRoutes(account: Account): Route[] {
    const { store } = account;
    const found = (request: ApiRequest) => store.get("droplet", numberParameter(request));
    return [
        {
            method: "GET",
            path: "/droplets",
            handle: (request) => {
                const name = request.query.get("name");
                const tag = request.query.get("tag_name");
                const droplets = store
                    .all("droplet")
                    .filter(
                        (droplet) =>
                            (name === null || droplet.name === name) &&
                            (tag === null || droplet.tags.includes(tag)),
                    );
                return pageOf(
                    request,
                    "droplets",
                    droplets.map((droplet) => dropletBody(account, droplet)),
                );
            },
        },
        {
            method: "GET",
            path: "/droplets/:id",
            handle: (request) => ({ body: { droplet: dropletBody(account, found(request)) } }),
        },
        { method: "POST", path: "/droplets", handle: (request) => create(account, request) },
        {
            method: "DELETE",
            path: "/droplets/:id",
            handle: (request) => {
                const droplet = found(request);
                account.begin(droplet, "deleting", "destroy", () => destroy(account, droplet));
                return { status: 204 };
            },
        },
        ...dropletActionRoutes(account),
    ];
}

/** Checks everything, makes the objects, then boots the machine in the background. */
function create(account: Account, request: ApiRequest): ApiReply {
    const { store } = account;
    const body = parseBody(createBody, request);
    if (body.backups) throw unsupported("backups");
    if (body.public_networking === false) throw unsupported("Droplets without a public network");
    if (body.vpc_uuid && body.vpc_uuid !== vpcUuid) throw unsupported("VPC networks");
    const size = findSize(body.size);
    if (!size) throw unprocessable("You specified an invalid size for Droplet creation.");
    const region = findRegion(body.region ?? "nyc3")?.slug;
    if (!region) throw unprocessable("You specified an invalid region for Droplet creation.");
    const image = bootableImage(account, String(body.image));
    const publicKeys = (body.ssh_keys ?? []).map((given) => {
        const key = findKey(store.all("key"), String(given));
        if (key) return key.publicKey;
        throw unprocessable(`${given} are invalid key identifiers for Droplet creation.`);
    });
    const volumes = (body.volumes ?? []).map((given) =>
        store.get("volume", typeof given === "string" ? given : given.id),
    );
    for (const volume of volumes) checkAttachable(volume, region);

    const droplet = store.add("droplet", {
        name: body.name,
        size: size.slug,
        diskGb: size.diskGb,
        image: {
            id: image.id,
            slug: image.slug,
            distribution: image.distribution,
            name: image.name,
        },
        region,
        userData: body.user_data ?? "",
        publicKeys,
        ipv4: account.freeAddress("ipv4"),
        ipv6: body.ipv6 ? account.freeAddress("ipv6") : null,
        tags: body.tags,
        monitoring: body.monitoring ?? false,
        vpcUuid,
        poweredOn: true,
    });
    for (const volume of volumes) volume.droplet = droplet.id;
    account.assign(dropletUrn(droplet), account.defaultProject());
    account.putMachine(droplet);
    const action = account.begin(droplet, "initializing", "create", () =>
        account.park.use(droplet.id, (machine) => machine.start()),
    );
    return {
        status: 202,
        body: {
            droplet: dropletBody(account, droplet),
            links: {
                actions: [
                    {
                        id: action.id,
                        rel: "create",
                        href: new URL(`/v2/actions/${action.id}`, request.address).href,
                    },
                ],
            },
        },
    };
}

function bootableImage(account: Account, given: string): KnownImage {
    const image = findImage(account, given);
    if (!image) throw unprocessable("You specified an invalid image for Droplet creation.");
    if (image.files) return image;
    const bootable = knownImages(account)
        .filter(({ files }) => files)
        .map(({ id, slug }) => slug ?? String(id));
    throw unprocessable(
        `image ${given} can't be booted by the laptop cloud; it has ${bootable.join(", ") || "none"}`,
    );
}

async function destroy(account: Account, droplet: DropletObject): Promise<void> {
    const { store } = account;
    for (const volume of account.volumesOf(droplet)) await account.detachVolume(volume);
    await account.park.use(droplet.id, (machine) => machine.destroy());
    fs.rmSync(account.machineDirectory(droplet.id), { recursive: true, force: true });
    for (const firewall of store.all("firewall")) {
        firewall.dropletIds = firewall.dropletIds.filter((id) => id !== droplet.id);
    }
    account.unassign(dropletUrn(droplet));
    store.remove("droplet", droplet.id);
    account.park.forget(droplet.id);
}

export function dropletUrn({ id }: Pick<DropletObject, "id">): string {
    return `do:droplet:${id}`;
}
