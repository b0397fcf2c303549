import { hostAddress } from "../server-provider";
import type { DropletObject } from "./objects";

const prefix = "/metadata/v1";

/**
 * What the provider's metadata service tells a Droplet of itself.
 *
 * Source: docs.digitalocean.com, "Metadata API".
 */
export function metadataOf(droplet: DropletObject, path: string): string | undefined {
    if (path === `${prefix}.json`) return JSON.stringify(wholeOf(droplet));
    if (!path.startsWith(`${prefix}/`)) return undefined;
    const ipv6 = droplet.ipv6 && hostAddress(droplet.ipv6);
    const values: Record<string, string | undefined | null> = {
        id: String(droplet.id),
        hostname: droplet.name,
        "user-data": droplet.userData,
        "vendor-data": "",
        "public-keys": droplet.publicKeys.join("\n"),
        region: droplet.region,
        "interfaces/public/0/type": "public",
        "interfaces/public/0/ipv4/address": droplet.ipv4,
        "interfaces/public/0/ipv6/address": ipv6,
        "interfaces/public/0/ipv6/cidr": ipv6 && "64",
        "tags/": droplet.tags.join("\n"),
    };
    const place = path.slice(prefix.length + 1);
    if (place === "") {
        return [...new Set(Object.keys(values).map((key) => key.replace(/\/.*/, "/")))].join("\n");
    }
    return values[place] ?? undefined;
}

function wholeOf(droplet: DropletObject): object {
    return {
        droplet_id: droplet.id,
        hostname: droplet.name,
        vendor_data: "",
        user_data: droplet.userData,
        public_keys: droplet.publicKeys,
        region: droplet.region,
        interfaces: {
            public: [
                {
                    type: "public",
                    ipv4: { ip_address: droplet.ipv4 },
                    ...(droplet.ipv6 !== null && {
                        ipv6: { ip_address: hostAddress(droplet.ipv6), cidr: 64 },
                    }),
                },
            ],
        },
        tags: droplet.tags,
    };
}
