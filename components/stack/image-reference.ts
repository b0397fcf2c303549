/** The parts of `[registry/]name[:tag][@sha256:…]`. */
export interface ImageReference {
    /** With its registry, e.g. `ghcr.io/owner/app`; without one it is Docker Hub's. */
    name: string;
    tag?: string;
    /** `sha256:` and 64 hexadecimal digits. */
    digest?: string;
}

const host = String.raw`(?:(?:[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+|localhost)(?::\d+)?|[a-zA-Z0-9-]+:\d+)`;
const part = String.raw`[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*`;
const form = new RegExp(
    String.raw`^(?<name>(?:${host}/)?${part}(?:/${part})*)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$`,
);

/** Reads an image reference; undefined when it is none. */
export function parseImageReference(text: string): ImageReference | undefined {
    const { name, tag, digest } = form.exec(text)?.groups ?? {};
    if (name === undefined) return undefined;
    return { name, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** Whether a reference names exactly one image, whatever becomes of its tag. */
export function isPinned(reference: string): boolean {
    return reference.includes("@sha256:");
}

/** `name:tag` of `name:tag@sha256:…`. */
export function withoutDigest(reference: string): string {
    return reference.replace(/@.*$/, "");
}
