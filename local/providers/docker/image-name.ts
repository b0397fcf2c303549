/** Where an image is. */
export interface ImageName {
    /** Host, with its port if there is one. */
    registry: string;
    repository: string;
    /** A tag, or a digest (`sha256:…`). */
    reference: string;
}

const dockerHub = "registry-1.docker.io";

/**
 * Reads the name of an image as the real provider does: what stands before the first slash is a registry if it looks
 * like a host or more than one slash follows; without one it is Docker Hub, where images without an owner are
 * `library`'s. A digest outranks the tag before it; without either, the tag is `latest`.
 */
export function parseImageName(name: string): ImageName {
    const [first = "", ...further] = name.split("/");
    const isRegistry =
        further.length > 1 ||
        (further.length === 1 && (/[.:]/.test(first) || first === "localhost"));
    const rest = isRegistry ? further.join("/") : name;
    const colon = rest.indexOf(":");
    const path = colon === -1 ? rest : rest.slice(0, colon);
    const tag = colon === -1 ? "" : rest.slice(colon + 1);
    return {
        registry: isRegistry ? first : dockerHub,
        repository: isRegistry || path.includes("/") ? path : `library/${path}`,
        reference: tag.slice(tag.indexOf("@") + 1) || "latest",
    };
}
