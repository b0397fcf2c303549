import * as pulumi from "@pulumi/pulumi";

/**
 * Options of a server that is the same one where the state has it without its parent: that is how `pulumi state move`
 * leaves what it brings from another stack.
 */
export function alsoMoved(
    opts: pulumi.ComponentResourceOptions = {},
): pulumi.ComponentResourceOptions {
    return pulumi.mergeOptions(opts, { aliases: [{ parent: pulumi.rootStackResource }] });
}
