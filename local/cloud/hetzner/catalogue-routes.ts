import type { ImageFiles } from "../machines/machine";
import type { Route } from "../api/listener";
import { notFound, ApiError } from "./api-error";
import { locations, serverTypes, stockImages, type Location, type ServerType } from "./catalogue";
import type { Architecture } from "./catalogue";
import type { Project } from "./project";
import { filterListed, idParameter, pageOf } from "./route";

export function catalogueRoutes(project: Project): Route[] {
    return [
        ...readOnly("location", () => locations),
        ...readOnly("server_type", () => serverTypes.map(serverTypeBody)),
        ...imageRoutes(project),
    ];
}

function readOnly(
    kind: string,
    list: () => readonly (object & { id: number; name: string })[],
): Route[] {
    return [
        {
            method: "GET",
            path: `/${kind}s`,
            handle: (request) => pageOf(request, `${kind}s`, filterListed(request, list())),
        },
        {
            method: "GET",
            path: `/${kind}s/:id`,
            handle: (request) => {
                const id = idParameter(request, kind);
                const found = list().find((item) => item.id === id);
                if (!found) throw notFound(kind, id);
                return { body: { [kind]: found } };
            },
        },
    ];
}

export function serverTypeBody(type: ServerType) {
    return {
        id: type.id,
        name: type.name,
        description: type.name.toUpperCase(),
        category: type.category,
        cores: type.cores,
        memory: type.memoryGb,
        disk: type.diskGb,
        deprecated: false,
        deprecation: null,
        prices: [],
        storage_type: "local",
        cpu_type: type.cpuType,
        architecture: type.architecture,
        locations: type.locations.map((name) => ({
            id: findLocation(name).id,
            name,
            recommended: true,
            available: true,
            deprecation: null,
        })),
    };
}

/**
 * By name, or by number as the API takes it as well.
 *
 * @throws ApiError `invalid_input`
 */
export function findLocation(name: string | number): Location {
    const found = locations.find(
        (location) => location.name === name || String(location.id) === String(name),
    );
    if (found) return found;
    const known = locations.map((location) => location.name).join(", ");
    throw new ApiError("invalid_input", `location '${name}' not found, there are: ${known}`, [
        { name: "location", messages: [`not found: ${name}`] },
    ]);
}

/** What the API shows of an image: one that the provider offers, or one that was made here. */
export interface KnownImage {
    id: number;
    name: string | null;
    description: string;
    architecture: Architecture;
    osFlavor: string;
    osVersion: string | null;
    /** Undefined: the laptop cloud has no disk for it. */
    files?: ImageFiles;
}

export function knownImages(project: Project): KnownImage[] {
    const own = project.options.images.map((files): KnownImage => {
        const stock = stockImages.find(
            (image) => image.name === files.name && image.architecture === files.architecture,
        );
        return {
            id: files.id,
            name: files.name ?? null,
            description: files.description,
            architecture: files.architecture,
            osFlavor: stock?.osFlavor ?? "unknown",
            osVersion: stock?.osVersion ?? null,
            files,
        };
    });
    const rest = stockImages.filter(
        (stock) =>
            !own.some(
                (image) => image.name === stock.name && image.architecture === stock.architecture,
            ),
    );
    return [...own, ...rest];
}

export function imageBody(image: Omit<KnownImage, "files">): object {
    return {
        id: image.id,
        type: image.name === null ? "snapshot" : "system",
        status: "available",
        name: image.name,
        description: image.description,
        image_size: null,
        disk_size: 5,
        created: "2025-08-11T06:00:00Z",
        created_from: null,
        bound_to: null,
        os_flavor: image.osFlavor,
        os_version: image.osVersion,
        architecture: image.architecture,
        rapid_deploy: true,
        protection: { delete: false },
        deprecated: null,
        deleted: null,
        labels: {},
    };
}

function imageRoutes(project: Project): Route[] {
    return [
        {
            method: "GET",
            path: "/images",
            handle: (request) => {
                const architectures = request.query.getAll("architecture");
                const types = request.query.getAll("type");
                const images = filterListed(request, knownImages(project)).filter(
                    (image) =>
                        (architectures.length === 0 ||
                            architectures.includes(image.architecture)) &&
                        (types.length === 0 ||
                            types.includes(image.name === null ? "snapshot" : "system")),
                );
                return pageOf(request, "images", images.map(imageBody));
            },
        },
        {
            method: "GET",
            path: "/images/:id",
            handle: (request) => {
                const id = idParameter(request, "image");
                const found = knownImages(project).find((image) => image.id === id);
                if (!found) throw notFound("image", id);
                return { body: { image: imageBody(found) } };
            },
        },
    ];
}
