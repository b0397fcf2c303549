import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { configurationPage, configurationText } from "../../../local/documents/configuration";
import { projectRoot } from "../../../local/paths";
import { groups, mailHostKeys } from "../../../program/config-keys";

test("the page on the settings is what their types say, and has every key", async () => {
    const text = await configurationText();
    assert.equal(
        fs.readFileSync(path.join(projectRoot, configurationPage), "utf8"),
        text,
        "npm run docs writes it",
    );
    for (const key of [...Object.keys(mailHostKeys), ...Object.values(groups).flatMap(Object.keys)])
        assert.match(text, new RegExp(`^\\| \\[?\`${key}\``, "m"), key);
    // Every link within leads to a heading.
    const headings = [...text.matchAll(/^#+ `?([^`\n]+)`?$/gm)].map(([, heading = ""]) =>
        heading.toLowerCase().replace(/[^a-z0-9_-]/g, ""),
    );
    for (const [, anchor = ""] of text.matchAll(/\]\(#([^)]+)\)/g))
        assert.ok(headings.includes(anchor), anchor);
});
