import assert from "node:assert/strict";
import { it } from "node:test";
import type { ConfigSource } from "../../../../program/config";
import { images } from "../../stack/stacks";
import { lines, source } from "./config-source";

export const server = (settings: Record<string, unknown>) => ({
    "mailhost:server": { sshAllowedCidrs: ["203.0.113.0/24"], ...settings },
});

export const stack = (settings: Record<string, unknown>) => ({
    "mailhost:stack": { images, ...settings },
});

/** Changes to a configuration without a problem, and every problem that they make. */
export interface BadConfig {
    name: string;
    changes: Record<string, unknown>;
    rest?: Partial<ConfigSource>;
    expected: string[];
}

export function testEach(cases: readonly BadConfig[]): void {
    for (const { name, changes, rest, expected } of cases) {
        it(name, () => assert.deepEqual(lines(source(changes, rest)), expected));
    }
}
