import * as path from "node:path";
import { runInForeground } from "../../cli/run-program";
import { ensureEngine } from "../engine/find-engine";
import { projectRoot } from "../paths";
import { runSteps } from "../progress";

/** The measurements that there are, a file of `bench/` each. */
export const benches = ["dns-planner", "dns-preview"];

/** Sets up what a measurement needs and runs it. */
export async function bench(name: string, options: { json?: boolean }): Promise<number> {
    await runSteps([
        { title: "Pulumi engine", run: async (report) => void (await ensureEngine(report)) },
    ]);
    const file = path.join(projectRoot, "bench", `${name}.ts`);
    return runInForeground(
        process.execPath,
        ["--import", "tsx", file, ...(options.json ? ["--json"] : [])],
        { cwd: projectRoot },
    );
}
