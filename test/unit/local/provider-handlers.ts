import * as assert from "node:assert/strict";
import { diffProperties } from "../../../local/providers/diff";
import type { Provider, ResourceHandler } from "../../../local/providers/handler";
import { checkProperties, type Properties } from "../../../local/providers/schema";
import { testContext } from "./test-context";

/** A provider's handlers by the last part of their tokens, asked as the engine asks them. */
export function handlersOf(provider: Provider) {
    function handlerOf(name: string): ResourceHandler {
        const found = Object.entries(provider.resources).find(([t]) => t.endsWith(`:${name}`));
        assert.ok(found, name);
        return found[1];
    }

    /** What table and handler make of the inputs. */
    function checked(name: string, given: Properties, olds?: Properties) {
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

    /** The paths that differ; one that makes another resource ends in `!`. */
    function diff(name: string, olds: Properties, news: Properties, state: Properties = olds) {
        const one = handlerOf(name);
        const differences = diffProperties(one.inputs, olds, news);
        const own = one.diff?.(differences, { id: "1", state, olds, news });
        return {
            paths: (own?.differences ?? differences).map((d) =>
                d.replaces ? `${d.path}!` : d.path,
            ),
            deleteBeforeReplace: own?.deleteBeforeReplace ?? false,
        };
    }

    return { handlerOf, checked, diff };
}
