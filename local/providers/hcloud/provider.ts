import type { Provider } from "../handler";
import { installedVersion } from "../installed-version";
import { connectionFailures } from "../laptop-endpoint";
import { connectionFrom } from "./client";
import { firewall } from "./firewall";
import { getServer, getServers } from "./get-servers";
import { primaryIp } from "./primary-ip";
import { rdns } from "./rdns";
import { server } from "./server";
import { sshKey } from "./ssh-key";
import { volume } from "./volume";
import { volumeAttachment } from "./volume-attachment";

/** A simulation of the hcloud provider: a client of the laptop cloud's API with the real one's checks and rules. */
export const hcloudProvider: Provider = {
    name: "hcloud",
    version: installedVersion("hcloud"),
    config: {
        endpoint: { type: "string" },
        endpointHetzner: { type: "string" },
        pollFunction: { type: "string", values: ["constant", "exponential"] },
        pollInterval: { type: "string" },
        token: { type: "string", secret: true },
    },
    checkConfig: (config) =>
        connectionFailures(() => connectionFrom(config, process.env), "hcloud:endpoint", "token"),
    resources: {
        "hcloud:index/firewall:Firewall": firewall,
        "hcloud:index/primaryIp:PrimaryIp": primaryIp,
        "hcloud:index/rdns:Rdns": rdns,
        "hcloud:index/server:Server": server,
        "hcloud:index/sshKey:SshKey": sshKey,
        "hcloud:index/volume:Volume": volume,
        "hcloud:index/volumeAttachment:VolumeAttachment": volumeAttachment,
    },
    functions: {
        "hcloud:index/getServer:getServer": getServer,
        "hcloud:index/getServers:getServers": getServers,
    },
};
