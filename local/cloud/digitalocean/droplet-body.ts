import { hostAddress } from "../server-provider";
import type { Account } from "./account";
import { findRegion, findSize } from "./catalogue";
import { imageBody, regionBody, sizeBody } from "./catalogue-routes";
import type { DropletObject } from "./objects";

/** A Droplet as the API shows it. While it is being made, it has no addresses yet. */
export function dropletBody(account: Account, droplet: DropletObject): object {
    const size = findSize(droplet.size);
    const region = findRegion(droplet.region);
    const status = account.status(droplet);
    return {
        id: droplet.id,
        name: droplet.name,
        memory: size?.memoryMb ?? 0,
        vcpus: size?.vcpus ?? 0,
        disk: droplet.diskGb,
        locked: account.park.transition(droplet.id) !== undefined,
        status,
        kernel: null,
        created_at: droplet.created,
        features: [
            ...(droplet.ipv6 === null ? [] : ["ipv6"]),
            ...(droplet.monitoring ? ["monitoring"] : []),
            "private_networking",
        ],
        backup_ids: [],
        next_backup_window: null,
        snapshot_ids: [],
        image: imageBody(droplet.image),
        volume_ids: account.volumesOf(droplet).map(({ id }) => id),
        size: size ? sizeBody(size) : null,
        size_slug: droplet.size,
        networks: status === "new" ? { v4: [], v6: [] } : networksOf(droplet),
        region: region ? regionBody(region) : null,
        tags: droplet.tags,
        vpc_uuid: droplet.vpcUuid,
    };
}

function networksOf({ ipv4, ipv6 }: DropletObject): object {
    return {
        v4: [
            {
                ip_address: ipv4,
                netmask: "255.255.255.255",
                gateway: "172.31.1.1",
                type: "public",
            },
        ],
        v6:
            ipv6 === null
                ? []
                : [
                      {
                          ip_address: hostAddress(ipv6),
                          netmask: 64,
                          gateway: "fe80::1",
                          type: "public",
                      },
                  ],
    };
}
