import { mailhostCommand } from "../mailhost-command";
import { nearestName } from "../names";
import type { Problem } from "../problem";
import { imageNames, type ImageName } from "./model";

/**
 * The images as they are asked for where nothing is chosen. That of the mail services has no tag: which release is the
 * newest is not known here.
 */
export const defaultImages: Readonly<Record<ImageName, string>> = {
    mail: "ghcr.io/forwardemail/forwardemail.net-selfhosted",
    mongodb: "docker.io/library/mongo:8.0",
    redis: "docker.io/library/redis:7.4",
    router: "docker.io/library/nginx:1.28",
};

/** Which image runs what: references of the form `name:tag@sha256:…`. */
export interface ChosenImages {
    /** The mail services. @default none: choose a release, which `mailhost pin` writes */
    mail?: string;
    /** MongoDB, by its digest. @default none: `mailhost pin` writes that of docker.io/library/mongo:8.0 */
    mongodb?: string;
    /** Redis, by its digest. @default none: `mailhost pin` writes that of docker.io/library/redis:7.4 */
    redis?: string;
    /** nginx. @default "docker.io/library/nginx:1.28", which `mailhost pin` pins too */
    router?: string;
}

/** The databases: another major version may not read what is there, and an older one never does. */
const databaseImages: readonly ImageName[] = ["mongodb", "redis"];

/** A reference of an image, taken apart. */
export interface ImageReference {
    /** Without tag and digest, e.g. `ghcr.io/owner/name`. */
    name: string;
    tag?: string;
    /** `sha256:` and 64 hexadecimal digits. */
    digest?: string;
}

const host = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-f:]+\])(?::\d{1,5})?`;
const part = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`;
const reference = new RegExp(
    String.raw`^((?:${host}/)?${part}(?:/${part})*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);

/** Takes a reference apart, as https://github.com/distribution/reference has its form; undefined when it is none. */
export function parseImage(text: string): ImageReference | undefined {
    const [, name, tag, digest] = reference.exec(text) ?? [];
    if (name === undefined || text.length > 512) return undefined;
    return { name, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** Whether the reference always stands for the same image. */
export function isPinned(image: string): boolean {
    return parseImage(image)?.digest !== undefined;
}

/** The references that the user chose, the others with their defaults. */
export function chosenImages(images: Readonly<ChosenImages> = {}): Record<ImageName, string> {
    const entries = imageNames.map((name) => [name, images[name] ?? defaultImages[name]] as const);
    return Object.fromEntries(entries) as Record<ImageName, string>;
}

/** The images whose digests are still to be looked up. */
export function unpinnedImages(images: Readonly<Record<ImageName, string>>): ImageName[] {
    return imageNames.filter((name) => !isPinned(images[name]));
}

const pin = `Run \`${mailhostCommand} pin\`, which looks up the digests and writes them into the stack's configuration.`;

/** What is wrong with the form of a reference; undefined when nothing is. */
export function imageProblem(path: string, image: unknown): Problem | undefined {
    if (typeof image === "string" && parseImage(image) !== undefined) return undefined;
    return {
        path,
        reason: `${JSON.stringify(image) ?? String(image)} is not the reference of an image.`,
        remedy: "Write it as registry/name:tag@sha256:digest, the name in lower case.",
    };
}

/**
 * Everything that is wrong with the choice of images.
 *
 * @param path stands before each image, e.g. `stack.images`.
 */
export function imageProblems(
    path: string,
    images: Partial<Readonly<Record<ImageName, string>>> = {},
): Problem[] {
    const unknown = Object.keys(images)
        .filter((name) => !imageNames.some((known) => known === name))
        .map((name) => {
            const near = nearestName(name, imageNames);
            return {
                path: `${path}.${name}`,
                reason: "The stack has no such image.",
                remedy: `${near === undefined ? "" : `Did you mean ${near}? `}Known here: ${imageNames.join(", ")}. An image of a service of your own stands with that service.`,
            };
        });
    const chosen = chosenImages(images);
    return [
        ...unknown,
        ...imageNames.flatMap((name) => choiceProblems(`${path}.${name}`, name, chosen[name])),
    ];
}

function choiceProblems(path: string, name: ImageName, image: string): Problem[] {
    const wrong = imageProblem(path, image);
    if (wrong) return [wrong];
    const { tag, digest } = parseImage(image) ?? {};
    if (name === "mail" && tag === undefined && digest === undefined) {
        return [
            {
                path,
                reason: "It is not chosen which release of the mail services runs.",
                remedy: `${pin} It takes a release with --mail-tag, e.g. --mail-tag v1.2.3.`,
            },
        ];
    }
    if (!databaseImages.includes(name)) return [];
    if (tag === undefined || tag === "latest") {
        return [
            {
                path,
                reason: `${JSON.stringify(image)} does not say which version it is: ${tag === undefined ? "it has no tag" : "latest may be another major one tomorrow"}, and a database reads the data of few others.`,
                remedy: `Give the version that the data is of, e.g. ${defaultImages[name]}. ${pin}`,
            },
        ];
    }
    if (digest !== undefined) return [];
    return [
        {
            path,
            reason: `${JSON.stringify(image)} is not pinned by its digest: the database would change with whatever the tag stands for.`,
            remedy: pin,
        },
    ];
}

/**
 * What is to be known of the choice, a sentence each.
 *
 * @param path stands before each image, e.g. `stack.images`.
 */
export function imageWarnings(path: string, images: Readonly<Record<ImageName, string>>): string[] {
    return unpinnedImages(images).map(
        (name) =>
            `${path}.${name}: ${images[name]} is not pinned by its digest, so it is looked up at every up. ${pin}`,
    );
}
