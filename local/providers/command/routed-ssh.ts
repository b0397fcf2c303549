import * as fs from "node:fs";
import * as path from "node:path";
import { shellQuote } from "../../../components/host/shell-quote";
import { cloudVariable } from "../../paths";
import { programCommand } from "../../programs";

/** What joins `ssh` to the simulated network. */
export const connectProgram = path.join(__dirname, "connect.ts");

/**
 * The simulated network for commands that call `ssh` themselves: in a laptop cloud, a folder before all others on
 * PATH has an `ssh` that is the real one with a ProxyCommand, which connects where the laptop cloud says. Host names,
 * host keys and all other options stay as they were given.
 */
export function routedPath(searchPath: string): string {
    const root = process.env[cloudVariable];
    if (root === undefined || root === "") return searchPath;
    const folder = path.join(root, "bin");
    fs.mkdirSync(folder, { recursive: true });
    // Read by ssh, which replaces %h and %p, and then by a shell.
    const proxy = [
        ...programCommand(connectProgram).map((word) => shellQuote(word).replaceAll("%", "%%")),
        "%h",
        "%p",
    ];
    const script = `#!/bin/sh
# The laptop cloud's simulated network. The real ssh stands in a later folder of PATH.
PATH=\${PATH#*${path.basename(folder)}:}
exec ssh -o ${shellQuote(`ProxyCommand=${proxy.join(" ")}`)} "$@"
`;
    const file = path.join(folder, "ssh");
    if (!fs.existsSync(file) || fs.readFileSync(file, "utf8") !== script) {
        const aside = `${file}.${process.pid}`;
        fs.writeFileSync(aside, script, { mode: 0o755 });
        fs.renameSync(aside, file);
    }
    return `${folder}${path.delimiter}${searchPath}`;
}
