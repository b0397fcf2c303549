import { createHash } from "node:crypto";
import type { System } from "../host/plan";
import { nearestName } from "../names";
import type { Problem } from "../problem";
import type { MemoryArgument } from "../stack/memory";
import { commonProblems, isSystem } from "./common-arguments";
import { dropletSize, dropletSizes, regions } from "./digital-ocean-catalogue";

/** A Droplet at DigitalOcean. All plain values: everything is checked before anything is made. */
export interface DigitalOceanArgs {
    /**
     * Address blocks in CIDR form that may connect to port 22, e.g. `["203.0.113.0/24"]`. The computer that runs
     * `pulumi up` must be in one of them: the host is set up over SSH. `0.0.0.0/0` is everyone, and warned of.
     */
    sshAllowedCidrs: string[];
    /**
     * DigitalOcean: size of the Droplet, a slug; https://www.digitalocean.com/pricing/droplets has sizes and prices. A
     * change is an update with a power cycle and keeps the disk as it is, so one whose own disk is smaller is refused.
     *
     * @default "s-4vcpu-8gb": the stack runs a dozen Node services beside MongoDB and Redis, for which its authors
     * advise 4 GB or more
     */
    size?: string;
    /**
     * DigitalOcean: region of Droplet and volume, e.g. `fra1`, `ams3` or `nyc3`. Neither can move.
     *
     * @default "fra1"
     */
    region?: string;
    /**
     * `debian-13`, `debian-12`, `ubuntu-24.04`, `ubuntu-22.04`, or the number of a snapshot (with `system`). A change
     * replaces the Droplet: data and host key stay, the addresses change.
     *
     * @default "debian-13"
     */
    image?: string;
    /** What the snapshot holds; only with the number of one as `image`. */
    system?: System;
    /**
     * Size of the data volume in GB, 1 to 16384. It can grow, not shrink; the file system grows with it.
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
     * DigitalOcean: accepts a `size` that this library's catalogue lacks: says its memory in GB and leaves the rest to
     * DigitalOcean to check.
     *
     * @default the catalogue's
     */
    memoryGb?: number;
    /**
     * DigitalOcean: id of the project, a UUID, that Droplet and volume are put into. The project must be there already.
     *
     * @default the account's default project
     */
    project?: string;
}

/** The arguments with every default in place. */
export type DigitalOceanSettings = Required<Omit<DigitalOceanArgs, "project">> &
    Pick<DigitalOceanArgs, "project">;

/** The value of every argument that is left out. */
export const digitalOceanDefaults = {
    size: "s-4vcpu-8gb",
    region: "fra1",
    image: "debian-13",
    volumeSizeGb: 40,
} as const;

const volumeGb = { smallest: 1, largest: 16384 };

/** Fills in the defaults. Only meaningful for arguments without problems. */
export function digitalOceanSettings(args: DigitalOceanArgs): DigitalOceanSettings {
    const size = args.size ?? digitalOceanDefaults.size;
    const image = args.image ?? digitalOceanDefaults.image;
    return {
        sshAllowedCidrs: args.sshAllowedCidrs,
        size,
        region: args.region ?? digitalOceanDefaults.region,
        image,
        system: args.system ?? (isSystem(image) ? image : digitalOceanDefaults.image),
        volumeSizeGb: args.volumeSizeGb ?? digitalOceanDefaults.volumeSizeGb,
        authorizedKeys: args.authorizedKeys ?? [],
        memoryGb: args.memoryGb ?? dropletSize(size)?.memoryGb ?? 0,
        project: args.project,
    };
}

/** The memory in MiB; undefined for a size that nothing is known of. */
export function dropletMemoryMb(args: Partial<DigitalOceanArgs>): number | undefined {
    const gb = args.memoryGb ?? dropletSize(args.size ?? digitalOceanDefaults.size)?.memoryGb;
    return gb === undefined ? undefined : gb * 1024;
}

/** How the memory follows from the size. */
export function dropletMemory(args: Partial<DigitalOceanArgs>): MemoryArgument {
    const sizes = [...dropletSizes].sort((a, b) => a.memoryGb - b.memoryGb);
    return {
        path: "server.size",
        value: args.size ?? digitalOceanDefaults.size,
        atLeast: (memoryMb) => sizes.find(({ memoryGb }) => memoryGb * 1024 >= memoryMb)?.name,
    };
}

/** What DigitalOcean calls the image: `debian-13-x64`; a snapshot keeps its number. */
export function imageSlug(image: string): string {
    return isSystem(image) ? `${image.replace(".", "-")}-x64` : image;
}

const longestVolumeName = 64;

/**
 * The data volume's name: DigitalOcean takes lower-case letters, digits and hyphens, a letter first, 64 at most. The
 * host finds the disk by it. Long ones, and those that start with a digit, end in a digest.
 */
export function volumeName(fqdn: string): string {
    const name = fqdn.toLowerCase().replaceAll(".", "-");
    if (name.length <= longestVolumeName && /^[a-z]/.test(name)) return name;
    const digest = createHash("sha256").update(fqdn).digest("hex").slice(0, 8);
    return `v-${name.slice(0, longestVolumeName - 11)}-${digest}`;
}

/** Where the host finds the volume of that name. */
export function volumeDevice(name: string): string {
    return `/dev/disk/by-id/scsi-0DO_Volume_${name}`;
}

/**
 * Everything that is wrong with the arguments.
 *
 * @param path stands before the name of each argument.
 */
export function digitalOceanProblems(path: string, args: Partial<DigitalOceanArgs>): Problem[] {
    return [
        ...sizeProblems(path, args),
        ...regionProblems(`${path}.region`, args.region ?? digitalOceanDefaults.region),
        ...commonProblems(path, args, { defaults: digitalOceanDefaults, volumeGb }),
        ...projectProblems(`${path}.project`, args.project),
    ];
}

function sizeProblems(path: string, args: Partial<DigitalOceanArgs>): Problem[] {
    const name = args.size ?? digitalOceanDefaults.size;
    const size = dropletSize(name);
    if (size && args.memoryGb !== undefined && args.memoryGb !== size.memoryGb) {
        return [
            {
                path: `${path}.memoryGb`,
                reason: `${args.memoryGb} contradicts the size: ${name} has ${size.memoryGb} GB.`,
                remedy: `Leave ${path}.memoryGb out.`,
            },
        ];
    }
    if (size) return [];
    if (args.memoryGb === undefined) {
        const names = dropletSizes.map((known) => known.name);
        const near = nearestName(name, names);
        const memoryGb = Number(/-(\d+)gb(?:-|$)/.exec(name)?.[1] ?? NaN);
        const small = memoryGb < 2 ? `: ${memoryGb} GB of memory are too little` : "";
        return [
            {
                path: `${path}.size`,
                reason: `${JSON.stringify(name)} is not a Droplet size that this version knows${small}.`,
                remedy: `${near ? `Did you mean ${near}? ` : ""}Choose one of ${names.join(", ")}; for another, give ${path}.memoryGb as well.`,
            },
        ];
    }
    const problems: Problem[] = [];
    if (!/^[a-z][a-z0-9]*(?:-[a-z0-9.]+)+$/.test(name)) {
        problems.push({
            path: `${path}.size`,
            reason: `${JSON.stringify(name)} does not have the form of a Droplet size.`,
            remedy: "Give the slug, in lower case, e.g. s-4vcpu-8gb.",
        });
    }
    if (!Number.isInteger(args.memoryGb) || args.memoryGb < 1) {
        problems.push({
            path: `${path}.memoryGb`,
            reason: `${args.memoryGb} is not an amount of memory.`,
            remedy: "Give a whole number of GB from 1.",
        });
    }
    return problems;
}

function regionProblems(path: string, region: string): Problem[] {
    if (regions.some((known) => known === region)) return [];
    const near = nearestName(region, regions);
    return [
        {
            path,
            reason: `${JSON.stringify(region)} is not a region of DigitalOcean that this version knows.`,
            remedy: `${near ? `Did you mean ${near}? ` : ""}Choose one of ${regions.join(", ")}.`,
        },
    ];
}

function projectProblems(path: string, project: string | undefined): Problem[] {
    if (project === undefined || /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(project))
        return [];
    return [
        {
            path,
            reason: `${JSON.stringify(project)} is not the id of a project.`,
            remedy: "Give the UUID that stands in the project's address, or that `doctl projects list` prints.",
        },
    ];
}
