import * as fs from "node:fs";
import * as path from "node:path";
import { projectRoot } from "../paths";
import { installedVersion } from "./installed-version";

/** The simulated providers: the folders beside this file. */
export const simulatedProviders = [
    "hcloud",
    "cloudflare",
    "command",
    "docker",
    "random",
    "tls",
] as const;

/**
 * Puts a launcher of every simulated provider where the engine looks for plugins:
 * `PULUMI_HOME/plugins/resource-NAME-vVERSION/pulumi-resource-NAME`.
 */
export function installPlugins(pulumiHome: string): void {
    const providers = path.join(projectRoot, "local", "providers");
    // Absolute paths throughout: the engine starts plugins in the program's folder, which may be anywhere.
    // Of the loader only what CommonJS needs: its other half costs 40 ms at every start.
    const loader = require.resolve("tsx/cjs");
    for (const name of simulatedProviders) {
        const folder = path.join(
            pulumiHome,
            "plugins",
            `resource-${name}-v${installedVersion(name)}`,
        );
        fs.mkdirSync(folder, { recursive: true });
        const main = path.join(providers, name, "main.ts");
        const launcher = path.join(folder, `pulumi-resource-${name}`);
        const script = `#!/bin/sh\nexec ${[process.execPath, "--require", loader, main].map(quoted).join(" ")} "$@"\n`;
        // Written aside and moved: an engine that starts meanwhile finds the old launcher or the new one, whole.
        fs.writeFileSync(`${launcher}.new`, script, { mode: 0o755 });
        fs.renameSync(`${launcher}.new`, launcher);
    }
}

function quoted(word: string): string {
    return `'${word.replaceAll("'", `'\\''`)}'`;
}
