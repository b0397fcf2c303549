import * as fs from "node:fs";
import * as path from "node:path";
import { projectRoot } from "../paths";

/** The version of the installed npm package `@pulumi/NAME`: the engine wants exactly that one of its plugin. */
export function installedVersion(name: string): string {
    const file = path.join(projectRoot, "node_modules", "@pulumi", name, "package.json");
    const { version } = JSON.parse(fs.readFileSync(file, "utf8")) as { version: string };
    return version;
}
