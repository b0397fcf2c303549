import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, test } from "node:test";
import { mailhostCommand, mailhostCommandOf } from "../../../components/mailhost-command";
import { projectRoot } from "../../../local/paths";

test("the command is typed by npm's script in a clone, and by the package's name elsewhere", () => {
    assert.equal(mailhostCommand, "npm run mailhost --");
    const installed = "/shop/node_modules/pulumi-mailhost/dist/components/mailhost-command.js";
    assert.equal(mailhostCommandOf(installed), "npx mailhost");
});

describe("no text names a command that can't be typed where it is read", () => {
    /** The lines of the code in these folders that name the command one way, and not the other way too. */
    const naming = (way: string, other: string, folders: string[]) =>
        folders
            .flatMap((folder) =>
                fs
                    .readdirSync(path.join(projectRoot, folder), {
                        recursive: true,
                        encoding: "utf8",
                    })
                    .filter((file) => /\.(ts|sh)$/.test(file) && !file.includes("node_modules"))
                    .map((file) => path.join(folder, file)),
            )
            .filter((file) => path.basename(file) !== "mailhost-command.ts")
            .flatMap((file) =>
                fs
                    .readFileSync(path.join(projectRoot, file), "utf8")
                    .split("\n")
                    .filter((line) => line.includes(way) && !line.includes(other))
                    .map((line) => `${file}: ${line.trim()}`),
            );

    test("in the package, and in the policy pack, which goes along with it", () => {
        assert.deepEqual(
            naming("npm run mailhost", "npx mailhost", [
                "cli",
                "cloud-init",
                "components",
                "policy",
            ]),
            [],
        );
    });

    test("in a clone, where the package is not installed", () => {
        const folders = ["pipeline", "program", "local/commands", "local/proof", "local/stack"];
        assert.deepEqual(naming("npx mailhost", "npm run mailhost", folders), []);
    });
});
