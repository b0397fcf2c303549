import type { Provider } from "../handler";
import { installedVersion } from "../installed-version";
import { connectionFailures } from "../laptop-endpoint";
import { connectionFrom } from "./client";
import { droplet } from "./droplet";
import { firewall } from "./firewall";
import { projectResources } from "./project-resources";
import { sshKey } from "./ssh-key";
import { volume } from "./volume";
import { volumeAttachment } from "./volume-attachment";

/** A simulation of the digitalocean provider: a client of the laptop cloud's API with the real one's checks and rules. */
export const digitalOceanProvider: Provider = {
    name: "digitalocean",
    version: installedVersion("digitalocean"),
    config: {
        apiEndpoint: { type: "string" },
        httpRetryMax: { type: "integer" },
        httpRetryWaitMax: { type: "number" },
        httpRetryWaitMin: { type: "number" },
        requestsPerSecond: { type: "number" },
        spacesAccessId: { type: "string" },
        spacesEndpoint: { type: "string" },
        spacesSecretKey: { type: "string", secret: true },
        token: { type: "string", secret: true },
    },
    checkConfig: (config) =>
        connectionFailures(
            () => connectionFrom(config, process.env),
            "digitalocean:apiEndpoint",
            "token",
        ),
    resources: {
        "digitalocean:index/droplet:Droplet": droplet,
        "digitalocean:index/firewall:Firewall": firewall,
        "digitalocean:index/projectResources:ProjectResources": projectResources,
        "digitalocean:index/sshKey:SshKey": sshKey,
        "digitalocean:index/volume:Volume": volume,
        "digitalocean:index/volumeAttachment:VolumeAttachment": volumeAttachment,
    },
    functions: {},
};
