import * as path from "node:path";
import { runInForeground } from "../../cli/run-program";
import { ensureEngine } from "../engine/find-engine";
import { buildImage } from "../image/build-image";
import { projectRoot } from "../paths";
import { runSteps, type Step } from "../progress";
import { ensureSystemPackages } from "../requirements";
import { serviceSteps } from "./service-steps";

/** Those on a laptop cloud of containers, which only root can make. */
const onMachines = ["critical-path", "renewal-gap", "host-memory"];

/** The measurements that there are, a file of `bench/` each. */
export const benches = ["dns-planner", "dns-preview", ...onMachines];

/** Sets up what a measurement needs and runs it. */
export async function bench(name: string, options: { json?: boolean }): Promise<number> {
    const engine: Step = {
        title: "Pulumi engine",
        group: "make",
        run: async (report) => void (await ensureEngine(report)),
    };
    await runSteps(onMachines.includes(name) ? machineSteps(engine) : [engine]);
    const file = path.join(projectRoot, "bench", `${name}.ts`);
    return runInForeground(
        process.execPath,
        ["--import", "tsx", file, ...(options.json ? ["--json"] : [])],
        { cwd: projectRoot },
    );
}

function machineSteps(engine: Step): Step[] {
    return [
        {
            title: "System packages",
            run: (report) => ensureSystemPackages(["image", "container"], report),
        },
        engine,
        {
            title: "Machine image",
            group: "make",
            run: async (onProgress) => void (await buildImage({ onProgress })),
        },
        ...serviceSteps(),
    ];
}
