import { cloudflareProvider } from "../../../local/providers/cloudflare/provider";
import { commandProvider } from "../../../local/providers/command/provider";
import { hcloudProvider } from "../../../local/providers/hcloud/provider";
import { randomProvider } from "../../../local/providers/random/provider";
import { checkProperties, withoutSecrets, type Properties } from "../../../local/providers/schema";
import { tlsProvider } from "../../../local/providers/tls/provider";
import type { RecordedResource } from "./recording-mock";

const providers = [
    cloudflareProvider,
    commandProvider,
    hcloudProvider,
    randomProvider,
    tlsProvider,
];

/**
 * What the providers would find wrong with a resource: unknown, missing, wrongly typed, refused and deprecated
 * properties, `name.property: reason` each.
 */
export function propertyFaults(resource: RecordedResource): string[] {
    const handler = providers
        .map((provider) => provider.resources[resource.type])
        .find((found) => found !== undefined);
    if (!handler) return [`${resource.type} ${resource.name}: no provider knows the type`];
    const { failures, warnings } = checkProperties(
        handler.inputs,
        withoutSecrets(resource.sent as Properties),
    );
    return [
        ...failures.map(({ path, reason }) => `${resource.name}.${path}: ${reason}`),
        ...warnings.map(({ path, message }) => `${resource.name}.${path}: ${message}`),
    ];
}
