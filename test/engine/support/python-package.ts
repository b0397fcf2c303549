import * as fs from "node:fs";
import * as path from "node:path";
import { runQuietly } from "../../../cli/run-program";
import { cacheRoot } from "../../../local/paths";

/**
 * A Python that has a package of PyPI, in a virtual environment in the cache; installed the first time.
 *
 * @returns its path, or why there is none to be had.
 */
export async function pythonWith(
    name: string,
    version: string,
): Promise<{ python: string } | { missing: string }> {
    const folder = path.join(cacheRoot, `${name}-${version}`);
    const python = path.join(folder, "bin", "python");
    const installed = path.join(folder, "installed");
    if (fs.existsSync(installed)) return { python };
    const made = await runQuietly("python3", ["-m", "venv", "--clear", folder]);
    if (made.code !== 0) return { missing: `python3 -m venv: ${made.stdout}${made.stderr}` };
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    const { code, stderr } = await runQuietly(python, [...pip, `${name}==${version}`]);
    if (code !== 0) return { missing: `pip install ${name}: ${stderr}` };
    fs.writeFileSync(installed, "");
    return { python };
}
