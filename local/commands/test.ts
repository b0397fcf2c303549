import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { runInForeground } from "../../cli/run-program";
import { ensureEngine, type Engine } from "../engine/find-engine";
import { buildImage } from "../image/build-image";
import { projectRoot } from "../paths";
import { runSteps, type Step } from "../progress";
import { ensureSystemPackages } from "../requirements";
import { serviceSteps } from "./service-steps";

/** What a file that boots machines may take of the memory at most, in bytes. */
const memoryOfAFile = 5 * 1024 ** 3;

/** How many files run side by side: one more than there are cores, since tests of machines wait half of the time. */
function filesAtOnce(): number {
    const inMemory = Math.floor(os.totalmem() / memoryOfAFile);
    return Math.max(1, Math.min(os.availableParallelism() + 1, inMemory));
}

/** Where the tests are, from quick to slow; the last needs machines. */
const folders = { fast: ["unit", "program", "engine"], machines: ["e2e"] };

/** Sets up everything that the tests need and runs them with node's test runner. */
export async function test(files: string[], options: { fast?: boolean }): Promise<number> {
    const isFile = (file: string) =>
        fs.statSync(path.resolve(projectRoot, file), { throwIfNoEntry: false })?.isFile();
    const missing = files.filter((file) => !isFile(file));
    if (missing.length > 0) throw new Error(`There is no test file ${missing.join(", ")}.`);
    let engine: Engine | undefined;
    const steps: Step[] = [
        {
            title: "System packages",
            run: (report) =>
                ensureSystemPackages(
                    options.fast ? ["test"] : ["test", "image", "vm", "container"],
                    report,
                ),
        },
        {
            title: "Pulumi engine",
            group: "make",
            run: async (report) => void (engine = await ensureEngine(report)),
        },
    ];
    if (!options.fast) {
        steps.push({
            title: "Machine image",
            group: "make",
            run: async (onProgress) => void (await buildImage({ onProgress })),
        });
        steps.push(...serviceSteps());
    }
    await runSteps(steps);
    const chosen = options.fast ? folders.fast : [...folders.fast, ...folders.machines];
    return runInForeground(
        process.execPath,
        [
            ...[
                "--import",
                "tsx",
                "--test",
                "--test-reporter=spec",
                `--test-concurrency=${filesAtOnce()}`,
                "--test-timeout=3900000",
            ],
            ...(files.length > 0 ? files : chosen.flatMap(testFiles)),
        ],
        {
            cwd: projectRoot,
            env: { ...process.env, PATH: `${engine!.bin}${path.delimiter}${process.env["PATH"]}` },
        },
    );
}

function testFiles(folder: string): string[] {
    const root = path.join(projectRoot, "test", folder);
    return fs
        .readdirSync(root, { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".test.ts"))
        .sort()
        .map((file) => path.join("test", folder, file));
}
