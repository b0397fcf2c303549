import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { imageWarnings, isPinned } from "./images";
import { imageNames, type ImageName } from "./model";

/** What is looked up when it isn't pinned. A database never is: its data fits its version alone. */
const lookedUp: readonly ImageName[] = ["mail", "router"];

/**
 * The references under which the images are pulled. A pinned one (`name:tag@sha256:…`) stays as it is and nobody is
 * asked; an unpinned one gets the digest that its registry has now, and preview warns of it. Databases stay as they are
 * in any case.
 *
 * @param name prefix of the logical name of the provider, which is made only where something is looked up.
 */
export function lookUpImages(
    name: string,
    images: Readonly<Record<ImageName, string>>,
    opts: { parent?: pulumi.Resource } = {},
): Record<ImageName, pulumi.Output<string>> {
    const isLookedUp = (image: ImageName) => lookedUp.includes(image) && !isPinned(images[image]);
    const unpinned = imageNames.filter(isLookedUp);
    const provider =
        unpinned.length === 0
            ? undefined
            : // A look-up needs no daemon, and where `up` runs there may be none.
              new docker.Provider(`${name}-registry`, { disableDockerDaemonCheck: true }, opts);
    if (pulumi.runtime.isDryRun()) {
        for (const warning of imageWarnings("stack.images", images)) {
            void pulumi.log.warn(warning, opts.parent);
        }
    }
    const reference = (image: ImageName): pulumi.Output<string> => {
        const given = images[image];
        if (!isLookedUp(image)) return pulumi.output(given);
        const found = docker.getRegistryImageOutput(
            { name: registryName(given) },
            { ...opts, provider },
        );
        return pulumi.interpolate`${given}@${found.sha256Digest}`;
    };
    return Object.fromEntries(imageNames.map((image) => [image, reference(image)])) as Record<
        ImageName,
        pulumi.Output<string>
    >;
}

/**
 * The name under which the provider finds an image: it takes what stands before the first slash for the host to ask, and
 * Docker Hub's registry has another name than its images have.
 */
export function registryName(reference: string): string {
    return reference.replace(/^(?:index\.)?docker\.io\//, "registry-1.docker.io/");
}
