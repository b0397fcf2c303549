import * as pulumi from "@pulumi/pulumi";

/**
 * Options of a component whose children wait for what it depends on: Pulumi hands a component's `dependsOn` to none of
 * them. Look-ups wait for nothing.
 */
export function withWaitingChildren(
    opts: pulumi.ComponentResourceOptions = {},
): pulumi.ComponentResourceOptions {
    const { dependsOn } = opts;
    if (dependsOn === undefined) return opts;
    const wait: pulumi.ResourceTransformation = ({ props, opts: child }) => ({
        props,
        opts: {
            ...child,
            dependsOn: pulumi.mergeOptions({ dependsOn: child.dependsOn }, { dependsOn }).dependsOn,
        },
    });
    return { ...opts, transformations: [...(opts.transformations ?? []), wait] };
}
