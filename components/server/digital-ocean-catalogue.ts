/** A kind of Droplet, all of them x86. */
export interface DropletSize {
    /** The slug, e.g. `s-4vcpu-8gb`. */
    name: string;
    cores: number;
    memoryGb: number;
    diskGb: number;
}

/** Where DigitalOcean has Droplets and volumes. */
export const regions = [
    ...["nyc1", "nyc2", "nyc3", "sfo2", "sfo3", "atl1", "tor1"],
    ...["ams3", "fra1", "lon1", "blr1", "sgp1", "syd1"],
] as const;

/** Sizes with 2 GB or more, by slug; others are accepted with `memoryGb`. Not every region has every one. */
export const dropletSizes: readonly DropletSize[] = [
    size("s-1vcpu-2gb", 50),
    size("s-2vcpu-2gb", 60),
    size("s-2vcpu-4gb", 80),
    size("s-4vcpu-8gb", 160),
    size("s-8vcpu-16gb", 320),
    size("s-2vcpu-4gb-amd", 80),
    size("s-4vcpu-8gb-amd", 160),
    size("s-8vcpu-16gb-amd", 320),
    size("s-2vcpu-4gb-intel", 80),
    size("s-4vcpu-8gb-intel", 160),
    size("s-8vcpu-16gb-intel", 320),
    size("g-2vcpu-8gb", 25),
    size("g-4vcpu-16gb", 50),
    size("g-8vcpu-32gb", 100),
    size("m-2vcpu-16gb", 50),
    size("m-4vcpu-32gb", 100),
];

/** Cores and memory stand in the slug itself. */
function size(name: string, diskGb: number): DropletSize {
    const [, cores = "", memoryGb = ""] = /-(\d+)vcpu-(\d+)gb/.exec(name) ?? [];
    return { name, cores: Number(cores), memoryGb: Number(memoryGb), diskGb };
}

/** The size of that name; undefined when the catalogue doesn't know it. */
export function dropletSize(name: string): DropletSize | undefined {
    return dropletSizes.find((known) => known.name === name);
}
