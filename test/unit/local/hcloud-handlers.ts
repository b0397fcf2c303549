import * as assert from "node:assert/strict";
import type { ResourceHandler } from "../../../local/providers/handler";
import { hcloudProvider } from "../../../local/providers/hcloud/provider";
import { checkProperties, type Properties } from "../../../local/providers/schema";
import { testContext } from "./test-context";

/** By the last part of its token. */
export function handlerOf(name: string): ResourceHandler {
    const found = Object.entries(hcloudProvider.resources).find(([t]) => t.endsWith(`:${name}`));
    assert.ok(found, name);
    return found[1];
}

/** Table and handler, as the engine has them checked. */
export function checked(name: string, given: Properties, olds?: Properties) {
    const { inputs, ...rest } = handlerOf(name);
    const byTable = checkProperties(inputs, given);
    if (byTable.failures.length > 0) return { ...byTable, inputs: byTable.values };
    const own = rest.check?.(byTable.values, olds, testContext());
    return {
        warnings: byTable.warnings,
        failures: own?.failures ?? [],
        inputs: own?.inputs ?? byTable.values,
    };
}
