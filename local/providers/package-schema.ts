import type { Property, PropertyTable } from "./schema";
import type { Provider } from "./handler";

/** The package's schema in Pulumi's form, as far as the engine reads it (`pulumi import` does). */
export function packageSchema(provider: Provider): object {
    return {
        name: provider.name,
        version: provider.version,
        config: { variables: properties(provider.config) },
        resources: Object.fromEntries(
            Object.entries(provider.resources).map(([token, { inputs, outputs }]) => [
                token,
                {
                    inputProperties: properties(inputs),
                    requiredInputs: required(inputs),
                    properties: properties({ ...inputs, ...outputs }),
                },
            ]),
        ),
        functions: Object.fromEntries(
            Object.entries(provider.functions).map(([token, { inputs, outputs }]) => [
                token,
                {
                    inputs: { properties: properties(inputs), required: required(inputs) },
                    outputs: { properties: properties(outputs) },
                },
            ]),
        ),
    };
}

function properties(table: PropertyTable): object {
    return Object.fromEntries(
        Object.entries(table).map(([name, property]) => [
            name,
            { ...typeSpec(property), secret: property.secret },
        ]),
    );
}

function required(table: PropertyTable): string[] {
    return Object.keys(table).filter((name) => table[name]?.required);
}

function typeSpec(property: Property): object {
    switch (property.type) {
        case "array":
            return { type: "array", items: typeSpec(property.items) };
        case "map":
            return { type: "object", additionalProperties: typeSpec(property.items) };
        case "asset":
        case "assetOrArchive":
            return { $ref: "pulumi.json#/Asset" };
        case "archive":
            return { $ref: "pulumi.json#/Archive" };
        // Named object types would need tokens of their own, which nothing here reads.
        case "object":
        case "any":
            return { $ref: "pulumi.json#/Any" };
        case "string":
        case "number":
        case "integer":
        case "boolean":
            return { type: property.type };
    }
}
