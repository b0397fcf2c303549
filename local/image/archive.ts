import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { runQuietly } from "../../cli/run-program";

/**
 * Why a package archive can't be reached from this computer; undefined when it can. Asked through apt, as packages are,
 * so that its proxy holds here as well. An archive that answers that it has no such suite is reached.
 */
export async function whyUnreachable(archive: string, suite: string): Promise<string | undefined> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-archive-"));
    try {
        const { code, stdout, stderr } = await runQuietly("/usr/lib/apt/apt-helper", [
            ...["-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=1"],
            ...["-o", "Acquire::http::Timeout=20"],
            ...["download-file", `${archive}/dists/${suite}/InRelease`, `${folder}/InRelease`],
        ]);
        if (code === 0) return undefined;
        const reason = /^E: Failed to fetch \S+\s+(.*)/m.exec(stdout + stderr)?.[1];
        return reason === undefined || reason.startsWith("404 ") ? undefined : reason;
    } finally {
        fs.rmSync(folder, { recursive: true });
    }
}
