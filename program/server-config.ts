import {
    digitalOceanProblems,
    dropletMemory,
    dropletMemoryMb,
    type DigitalOceanArgs,
} from "../components/server/digital-ocean-arguments";
import {
    existingMemory,
    existingProblems,
    type ExistingArgs,
} from "../components/server/existing-arguments";
import {
    hetznerMemory,
    hetznerProblems,
    hetznerSettings,
    type HetznerArgs,
} from "../components/server/hetzner-arguments";
import { memoryMbOf } from "../components/server/hetzner-catalogue";
import {
    digitalOceanToken,
    hcloudToken,
    tokenProblems,
    type ProviderToken,
} from "../components/server/provider-token";
import type { System } from "../components/host/plan";
import type { Problem } from "../components/problem";
import type { MemoryArgument } from "../components/stack/memory";
import type { ConfigSource } from "./config";
import { namespace } from "./config-forms";
import { serverKeysOf } from "./config-keys";

type Provider = keyof typeof serverKeysOf;

/** Who lends the server, and what `hetzner(…)`, `digitalOcean(…)` or `existing(…)` takes. */
export interface ServerConfig
    extends
        Omit<HetznerArgs, "sshAllowedCidrs">,
        Omit<DigitalOceanArgs, keyof HetznerArgs>,
        Partial<Omit<ExistingArgs, keyof HetznerArgs | "sshPrivateKey">> {
    /**
     * `hetzner`: a server at Hetzner Cloud. `digitalocean`: a Droplet at DigitalOcean, whose addresses change when it is
     * replaced. `existing`: a machine that is there, reached over SSH.
     *
     * @default "hetzner"
     */
    provider?: Provider;
    /**
     * Address blocks in CIDR form that may connect over SSH, e.g. `["203.0.113.0/24"]`. The computer that runs `pulumi
     * up` must be in one of them: the host is set up over SSH. `0.0.0.0/0` is everyone, and warned of.
     *
     * @default required for a rented server; on an existing machine every address that reaches it
     */
    sshAllowedCidrs?: string[];
    /**
     * What runs on an existing machine, or what a snapshot holds: `debian-13`, `debian-12`, `ubuntu-24.04` or
     * `ubuntu-22.04`. Only with `existing`, or with the number of a snapshot as `image`.
     *
     * @default required with these
     */
    system?: System;
    /**
     * Existing: its public IPv4 address, which has to be the first address of its first interface: the mail services send
     * from that one. Behind 1:1 NAT it is not.
     *
     * @default required with `existing`
     */
    ipv4?: string;
    /**
     * Existing: the machine's ed25519 host key, which is pinned: `ssh-ed25519 AAAA…`, the first two words of
     * `/etc/ssh/ssh_host_ed25519_key.pub` there.
     *
     * @default required with `existing`
     */
    sshHostKey?: string;
    /**
     * `debian-13`, `debian-12`, `ubuntu-24.04`, `ubuntu-22.04`, or the number of a snapshot (with `system`). A change
     * replaces the server and keeps data and host key; at Hetzner addresses and PTR too.
     *
     * @default "debian-13", the one that is rehearsed end to end
     */
    image?: string;
    /**
     * Size of the data volume in GB, 10 to 10240 at Hetzner, 1 to 16384 at DigitalOcean. It can grow, not shrink; the
     * file system grows with it.
     *
     * @default 40
     */
    volumeSizeGb?: number;
}

/** What follows from the choice of a provider. */
interface ChosenServer {
    memoryMb: number | undefined;
    memoryFrom?: MemoryArgument;
    hasUserData: boolean;
    /** Settings that are for others. */
    foreign: Problem[];
    problems: Problem[];
    tokenProblems: (source: ConfigSource) => Problem[];
}

/** Everything that follows from who lends the server, and what is wrong with its settings. */
export function chosenServer(
    provider: Provider,
    args: ServerConfig,
    sshPrivateKey: string | undefined,
): ChosenServer {
    const foreign = foreignSettings(provider, { ...args, sshPrivateKey });
    switch (provider) {
        case "hetzner":
            return {
                memoryMb: memoryMbOf(hetznerSettings(args as HetznerArgs).type),
                memoryFrom: hetznerMemory(args),
                hasUserData: true,
                foreign,
                problems: hetznerProblems("server", args),
                tokenProblems: tokenProblemsOf(hcloudToken),
            };
        case "digitalocean":
            return {
                memoryMb: dropletMemoryMb(args),
                memoryFrom: dropletMemory(args),
                hasUserData: true,
                foreign,
                problems: digitalOceanProblems("server", args),
                tokenProblems: tokenProblemsOf(digitalOceanToken),
            };
        case "existing":
            return {
                memoryMb: args.memoryMb,
                memoryFrom: existingMemory,
                hasUserData: false,
                foreign,
                problems: existingProblems("server", { ...args, sshPrivateKey }),
                tokenProblems: () => [],
            };
    }
}

/** Settings that are given, and that only other providers take. */
function foreignSettings(provider: Provider, args: object): Problem[] {
    const providers = Object.keys(serverKeysOf) as Provider[];
    const takenBy = (key: string) =>
        providers.filter((each) => (serverKeysOf[each] as readonly string[]).includes(key));
    const keys = [...new Set(providers.flatMap((each) => [...serverKeysOf[each]]))];
    return keys
        .filter((key) => (args as Record<string, unknown>)[key] !== undefined)
        .filter((key) => !takenBy(key).includes(provider))
        .map((key) => ({
            path: key === "sshPrivateKey" ? key : `server.${key}`,
            reason: `It is for ${takenBy(key).join(" and ")} alone, and server.provider is ${provider}.`,
            remedy: `Remove it, or set ${namespace}:server.provider to ${takenBy(key).join(" or ")}.`,
        }));
}

function tokenProblemsOf(token: ProviderToken): ChosenServer["tokenProblems"] {
    return ({ entries, environment }) =>
        tokenProblems(token, { configured: entries[token.key], environment });
}
