/** What the provider offers, as far as it matters here. Prices are left out: nothing is charged. */

export interface Region {
    slug: string;
    name: string;
}

export interface Size {
    slug: string;
    memoryMb: number;
    vcpus: number;
    diskGb: number;
    description: string;
}

/** Those that have Droplets and volumes. Source: docs.digitalocean.com, "Regional Availability". */
export const regions: readonly Region[] = [
    { slug: "nyc1", name: "New York 1" },
    { slug: "nyc2", name: "New York 2" },
    { slug: "nyc3", name: "New York 3" },
    { slug: "sfo2", name: "San Francisco 2" },
    { slug: "sfo3", name: "San Francisco 3" },
    { slug: "atl1", name: "Atlanta 1" },
    { slug: "tor1", name: "Toronto 1" },
    { slug: "ams3", name: "Amsterdam 3" },
    { slug: "fra1", name: "Frankfurt 1" },
    { slug: "lon1", name: "London 1" },
    { slug: "blr1", name: "Bangalore 1" },
    { slug: "sgp1", name: "Singapore 1" },
    { slug: "syd1", name: "Sydney 1" },
];

type Row = [slug: string, memoryGb: number, vcpus: number, diskGb: number];

function series(description: string, rows: Row[]): Size[] {
    return rows.map(([slug, memoryGb, vcpus, diskGb]) => ({
        ...{ slug, vcpus, diskGb, description },
        memoryMb: memoryGb * 1024,
    }));
}

/** Source: the provider's price list and `GET /v2/sizes`. Every region has every one here. */
export const sizes: readonly Size[] = [
    ...series("Basic", [
        ["s-1vcpu-512mb-10gb", 0.5, 1, 10],
        ["s-1vcpu-1gb", 1, 1, 25],
        ["s-1vcpu-2gb", 2, 1, 50],
        ["s-2vcpu-2gb", 2, 2, 60],
        ["s-2vcpu-4gb", 4, 2, 80],
        ["s-4vcpu-8gb", 8, 4, 160],
        ["s-8vcpu-16gb", 16, 8, 320],
    ]),
    ...series("Basic AMD", [
        ["s-2vcpu-4gb-amd", 4, 2, 80],
        ["s-4vcpu-8gb-amd", 8, 4, 160],
        ["s-8vcpu-16gb-amd", 16, 8, 320],
    ]),
    ...series("Basic Intel", [
        ["s-2vcpu-4gb-intel", 4, 2, 80],
        ["s-4vcpu-8gb-intel", 8, 4, 160],
        ["s-8vcpu-16gb-intel", 16, 8, 320],
    ]),
    ...series("General Purpose", [
        ["g-2vcpu-8gb", 8, 2, 25],
        ["g-4vcpu-16gb", 16, 4, 50],
        ["g-8vcpu-32gb", 32, 8, 100],
    ]),
    ...series("Memory-Optimized", [
        ["m-2vcpu-16gb", 16, 2, 50],
        ["m-4vcpu-32gb", 32, 4, 100],
    ]),
];

/** An operating system that the provider offers. */
export interface Distribution {
    id: number;
    slug: string;
    distribution: string;
    name: string;
}

export const distributions: readonly Distribution[] = [
    { id: 191000012, slug: "debian-12-x64", distribution: "Debian", name: "12 x64" },
    { id: 191000013, slug: "debian-13-x64", distribution: "Debian", name: "13 x64" },
    { id: 191000022, slug: "ubuntu-22-04-x64", distribution: "Ubuntu", name: "22.04 (LTS) x64" },
    { id: 191000024, slug: "ubuntu-24-04-x64", distribution: "Ubuntu", name: "24.04 (LTS) x64" },
];

export function findSize(slug: string): Size | undefined {
    return sizes.find((size) => size.slug === slug);
}

export function findRegion(slug: string): Region | undefined {
    return regions.find((region) => region.slug === slug);
}
