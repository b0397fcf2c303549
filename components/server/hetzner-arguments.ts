import type { System } from "../host/plan";
import { nearestName } from "../names";
import type { Problem } from "../problem";
import type { MemoryArgument } from "../stack/memory";
import { commonProblems, isSystem } from "./common-arguments";
import { locations, serverType, serverTypes, type Architecture } from "./hetzner-catalogue";

/** A server at Hetzner Cloud. All plain values: everything is checked before anything is made. */
export interface HetznerArgs {
    /**
     * Address blocks in CIDR form that may connect to port 22, e.g. `["203.0.113.0/24"]`. The computer that runs
     * `pulumi up` must be in one of them: the host is set up over SSH. `0.0.0.0/0` is everyone, and warned of.
     */
    sshAllowedCidrs: string[];
    /**
     * Server type; https://www.hetzner.com/cloud has the sizes and prices. A change is an update with a power cycle,
     * within one architecture.
     *
     * @default "cax21": 4 ARM cores and 8 GB. The stack runs a dozen Node services beside MongoDB and Redis, for which
     * its authors advise 4 GB or more; ARM is the cheapest per GB, and all of the stack's images exist for it.
     */
    type?: string;
    /**
     * Location of server, addresses and volume: `fsn1`, `nbg1`, `hel1`, `ash`, `hil` or `sin`. None of them can move.
     *
     * @default "fsn1"
     */
    location?: string;
    /**
     * `debian-13`, `debian-12`, `ubuntu-24.04`, `ubuntu-22.04`, or the number of a snapshot (with `system`). A change
     * replaces the server and keeps addresses, PTR, data and host key.
     *
     * @default "debian-13", the one that is rehearsed end to end
     */
    image?: string;
    /** What the snapshot holds; only with the number of one as `image`. */
    system?: System;
    /**
     * Size of the data volume in GB, 10 to 10240. It can grow, not shrink; the file system grows with it.
     *
     * @default 40
     */
    volumeSizeGb?: number;
    /**
     * Public keys of the operators in OpenSSH form (`ssh-ed25519 AAAA… name`), beside the stack's own, which always
     * may log in.
     *
     * @default []
     */
    authorizedKeys?: string[];
    /**
     * Accepts a `type` that is newer than this library's catalogue, or one at a `location` where the catalogue lacks
     * it: says what it runs on and leaves the rest to Hetzner to check.
     *
     * @default the catalogue's
     */
    architecture?: Architecture;
}

/** The arguments with every default in place. */
export type HetznerSettings = Required<HetznerArgs>;

/** The value of every argument that is left out. */
export const hetznerDefaults = {
    type: "cax21",
    location: "fsn1",
    image: "debian-13",
    volumeSizeGb: 40,
} as const;

const volumeGb = { smallest: 10, largest: 10240 };

/** Fills in the defaults. Only meaningful for arguments without problems. */
export function hetznerSettings(args: HetznerArgs): HetznerSettings {
    const type = args.type ?? hetznerDefaults.type;
    const image = args.image ?? hetznerDefaults.image;
    return {
        sshAllowedCidrs: args.sshAllowedCidrs,
        type,
        location: args.location ?? hetznerDefaults.location,
        image,
        system: args.system ?? (isSystem(image) ? image : hetznerDefaults.image),
        volumeSizeGb: args.volumeSizeGb ?? hetznerDefaults.volumeSizeGb,
        authorizedKeys: args.authorizedKeys ?? [],
        architecture: args.architecture ?? serverType(type)?.architecture ?? "x86",
    };
}

/** How the memory follows from the type. A running server's disk boots on one architecture only, at its own location. */
export function hetznerMemory(args: Partial<HetznerArgs>): MemoryArgument {
    const type = args.type ?? hetznerDefaults.type;
    const location = args.location ?? hetznerDefaults.location;
    const architecture = args.architecture ?? serverType(type)?.architecture;
    const offered = serverTypes
        .filter(
            (other) => other.architecture === architecture && other.locations.includes(location),
        )
        .sort((a, b) => a.memoryGb - b.memoryGb);
    return {
        path: "server.type",
        value: type,
        atLeast: (memoryMb) => offered.find(({ memoryGb }) => memoryGb * 1024 >= memoryMb)?.name,
    };
}

/**
 * Everything that is wrong with the arguments.
 *
 * @param path stands before the name of each argument.
 */
export function hetznerProblems(path: string, args: Partial<HetznerArgs>): Problem[] {
    return [
        ...typeAndLocationProblems(path, args),
        ...commonProblems(path, args, { defaults: hetznerDefaults, volumeGb }),
    ];
}

function typeAndLocationProblems(path: string, args: Partial<HetznerArgs>): Problem[] {
    const name = args.type ?? hetznerDefaults.type;
    const location = args.location ?? hetznerDefaults.location;
    const type = serverType(name);
    const problems: Problem[] = [];

    if (!locations.some((known) => known === location)) {
        problems.push({
            path: `${path}.location`,
            reason: `${JSON.stringify(location)} is not a location of Hetzner Cloud.`,
            remedy: `Choose one of ${locations.join(", ")}.`,
        });
    } else if (type && !type.locations.includes(location) && args.architecture === undefined) {
        problems.push({
            path: `${path}.location`,
            reason: `Hetzner has no ${name} at ${location}.`,
            remedy: `Choose ${type.locations.join(", ")}, or a type that ${location} has: ${serverTypes
                .filter((other) => other.locations.includes(location))
                .map((other) => other.name)
                .join(", ")}.`,
        });
    }
    if (type && args.architecture !== undefined && args.architecture !== type.architecture) {
        problems.push({
            path: `${path}.architecture`,
            reason: `${JSON.stringify(args.architecture)} contradicts the type: ${name} is ${type.architecture}.`,
            remedy: `Leave ${path}.architecture out.`,
        });
    }
    if (!type && args.architecture === undefined) {
        problems.push(unknownTypeProblem(path, name));
    } else if (!/^[a-z]+\d+[a-z0-9]*$/.test(name)) {
        problems.push({
            path: `${path}.type`,
            reason: `${JSON.stringify(name)} does not have the form of a server type.`,
            remedy: "Give the name that Hetzner's price list has, in lower case, e.g. cax21.",
        });
    }
    return problems;
}

function unknownTypeProblem(path: string, name: string): Problem {
    const prefix = /^[a-z]+/i.exec(name)?.[0].toLowerCase() ?? "";
    const relatives = serverTypes.filter((type) => type.name.replace(/\d+$/, "") === prefix);
    const nearest = nearestName(
        name,
        serverTypes.map((type) => type.name),
    );
    const near = new Set([
        ...(nearest === undefined ? [] : [nearest]),
        ...relatives.map((type) => type.name),
    ]);
    const choice = near.size > 0 ? [...near] : serverTypes.map((type) => type.name);
    return {
        path: `${path}.type`,
        reason: `${JSON.stringify(name)} is not a server type that this version knows.`,
        remedy: `Choose ${choice.join(", ")}; for a newer type, give ${path}.architecture (x86 or arm) as well.`,
    };
}
