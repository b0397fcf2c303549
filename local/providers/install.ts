import * as fs from "node:fs";
import * as path from "node:path";
import { shellQuote } from "../../components/host/shell-quote";
import { buildPrograms, programCommand } from "../programs";
import { connectProgram } from "./command/routed-ssh";
import { installedVersion } from "./installed-version";

/** The simulated providers: the folders beside this file. */
export const simulatedProviders = [
    "hcloud",
    "digitalocean",
    "cloudflare",
    "command",
    "docker",
    "random",
    "tls",
] as const;

/**
 * Puts a launcher of every simulated provider where the engine looks for plugins:
 * `PULUMI_HOME/plugins/resource-NAME-vVERSION/pulumi-resource-NAME`. What they start is as the sources are now.
 */
export async function installPlugins(pulumiHome: string): Promise<void> {
    const mainOf = (name: string) => path.join(__dirname, name, "main.ts");
    await buildPrograms([...simulatedProviders.map(mainOf), connectProgram]);
    for (const name of simulatedProviders) {
        const folder = path.join(
            pulumiHome,
            "plugins",
            `resource-${name}-v${installedVersion(name)}`,
        );
        fs.mkdirSync(folder, { recursive: true });
        const launcher = path.join(folder, `pulumi-resource-${name}`);
        const script = `#!/bin/sh\nexec ${programCommand(mainOf(name)).map(shellQuote).join(" ")} "$@"\n`;
        // Written aside and moved: an engine that starts meanwhile finds the old launcher or the new one, whole.
        fs.writeFileSync(`${launcher}.new`, script, { mode: 0o755 });
        fs.renameSync(`${launcher}.new`, launcher);
    }
}
