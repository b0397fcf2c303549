import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { mailHostDefaults } from "../../../components/mail-host-arguments";
import { projectRoot } from "../../../local/paths";

test("Pulumi.yaml states the defaults that the program has, and no others", () => {
    const { config } = parse(fs.readFileSync(path.join(projectRoot, "Pulumi.yaml"), "utf8")) as {
        config: Record<string, { value: unknown }>;
    };
    const stated = Object.entries(config).map(([key, { value }]) => [key, value]);
    const held = Object.entries(mailHostDefaults).map(([name, value]) => [
        `mailhost:${name}`,
        value,
    ]);
    assert.deepEqual(Object.fromEntries(stated), Object.fromEntries(held));
});
