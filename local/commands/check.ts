import * as fs from "node:fs";
import * as path from "node:path";
import { runInForeground } from "../../cli/run-program";
import { projectRoot } from "../paths";
import { runSteps } from "../progress";
import { ensureSystemPackages } from "../requirements";
import { docs } from "./docs";

/** Types, lint, format, shell scripts and generated documents; all of them even when one fails, so that one run shows everything. */
export async function check(): Promise<number> {
    await runSteps([
        { title: "System packages", run: (report) => ensureSystemPackages(["check"], report) },
    ]);
    const tool = (name: string) => path.join(projectRoot, "node_modules", ".bin", name);
    const checks: [string, string[]][] = [
        [tool("tsc"), ["--noEmit", "-p", "."]],
        [tool("eslint"), ["."]],
        [tool("prettier"), ["--check", "--log-level=warn", "."]],
        ["shellcheck", shellScripts()],
    ];
    let failed = (await docs({ check: true })) === 0 ? 0 : 1;
    console.log(`${failed === 0 ? "ok    " : "FAILED"} docs`);
    for (const [program, args] of checks) {
        const code = await runInForeground(program, args, { cwd: projectRoot });
        console.log(`${code === 0 ? "ok    " : "FAILED"} ${path.basename(program)}`);
        if (code !== 0) failed++;
    }
    return failed === 0 ? 0 : 1;
}

/** Every shell script of the project, found by its ending or its first line. */
function shellScripts(): string[] {
    const skipped = new Set(["node_modules", ".git", ".local", "bin", "dist"]);
    const scripts: string[] = [];
    const walk = (folder: string) => {
        for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
            const file = path.join(folder, entry.name);
            if (entry.isDirectory()) {
                if (!skipped.has(entry.name)) walk(file);
            } else if (entry.name.endsWith(".sh") || isShellScript(file)) {
                scripts.push(path.relative(projectRoot, file));
            }
        }
    };
    walk(projectRoot);
    return scripts;
}

function isShellScript(file: string): boolean {
    if (path.extname(file) !== "" || !fs.statSync(file).isFile()) return false;
    return /^#!.*\b(ba)?sh\b/.test(fs.readFileSync(file, "utf8").slice(0, 80));
}
