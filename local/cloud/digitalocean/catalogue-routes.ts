import type { Route } from "../api/listener";
import { notFound } from "./api-error";
import type { Account } from "./account";
import { distributions, regions, sizes, type Region, type Size } from "./catalogue";
import type { ImageFiles } from "../machines/machine";
import type { DropletObject } from "./objects";
import { pageOf, textParameter } from "./route";

export function catalogueRoutes(account: Account): Route[] {
    return [
        {
            method: "GET",
            path: "/account",
            handle: () => ({
                body: {
                    account: {
                        droplet_limit: 25,
                        floating_ip_limit: 0,
                        reserved_ip_limit: 0,
                        volume_limit: 100,
                        email: "laptop@example.test",
                        name: "Laptop",
                        uuid: "00000000-0000-4000-8000-000000000001",
                        email_verified: true,
                        status: "active",
                        status_message: "",
                        team: { uuid: "00000000-0000-4000-8000-000000000002", name: "Laptop" },
                    },
                },
            }),
        },
        {
            method: "GET",
            path: "/regions",
            handle: (request) => pageOf(request, "regions", regions.map(regionBody)),
        },
        {
            method: "GET",
            path: "/sizes",
            handle: (request) => pageOf(request, "sizes", sizes.map(sizeBody)),
        },
        {
            method: "GET",
            path: "/images",
            handle: (request) => {
                const type = request.query.get("type");
                const own = request.query.get("private") === "true";
                const images = knownImages(account).filter(
                    ({ slug }) =>
                        (!own || slug === null) && (type !== "distribution" || slug !== null),
                );
                return pageOf(request, "images", images.map(imageBody));
            },
        },
        {
            method: "GET",
            path: "/images/:id",
            handle: (request) => {
                const image = findImage(account, textParameter(request));
                if (!image) throw notFound();
                return { body: { image: imageBody(image) } };
            },
        },
    ];
}

/** What the API shows of an image: one that the provider offers, or a snapshot of one's own. */
export interface KnownImage {
    id: number;
    /** A snapshot has none. */
    slug: string | null;
    distribution: string;
    name: string;
    /** Undefined: the laptop cloud has no disk for it. */
    files?: ImageFiles;
}

/** `debian-13` → `debian-13-x64`. Every Droplet is x86; here it has the processors of this computer. */
function slugOf(name: string): string {
    return `${name.replace(".", "-")}-x64`;
}

export function knownImages(account: Account): KnownImage[] {
    const here = account.options.images.map((files): KnownImage => {
        const slug = files.name === undefined ? null : slugOf(files.name);
        const offered = distributions.find((distribution) => distribution.slug === slug);
        return {
            id: files.id,
            slug,
            distribution: offered?.distribution ?? "Unknown OS",
            name: offered?.name ?? files.description,
            files,
        };
    });
    const rest = distributions.filter(({ slug }) => !here.some((image) => image.slug === slug));
    return [...here, ...rest];
}

/** By number or by slug. */
export function findImage(account: Account, given: string): KnownImage | undefined {
    return knownImages(account).find((image) => image.slug === given || String(image.id) === given);
}

export function imageBody(image: DropletObject["image"]): object {
    return {
        id: image.id,
        name: image.name,
        type: image.slug === null ? "snapshot" : "base",
        distribution: image.distribution,
        slug: image.slug,
        public: image.slug !== null,
        regions: regions.map(({ slug }) => slug),
        created_at: "2025-09-01T00:00:00Z",
        min_disk_size: 3,
        size_gigabytes: 1,
        description: `${image.distribution} ${image.name}`,
        tags: [],
        status: "available",
        error_message: "",
    };
}

export function regionBody({ slug, name }: Region): object {
    return {
        name,
        slug,
        features: ["backups", "ipv6", "metadata", "install_agent", "storage"],
        available: true,
        sizes: sizes.map((size) => size.slug),
    };
}

export function sizeBody(size: Size): object {
    return {
        slug: size.slug,
        memory: size.memoryMb,
        vcpus: size.vcpus,
        disk: size.diskGb,
        transfer: 0,
        price_monthly: 0,
        price_hourly: 0,
        regions: regions.map(({ slug }) => slug),
        available: true,
        description: size.description,
    };
}
