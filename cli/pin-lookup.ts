import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as docker from "@pulumi/docker";
import { LocalWorkspace, PulumiCommand } from "@pulumi/pulumi/automation";
import { registryName } from "../components/stack/image-lookup";

/** Reference → its digest, or why it isn't known. */
export type LookUpDigests = (
    references: readonly string[],
) => Promise<ReadonlyMap<string, { digest: string } | { error: string }>>;

export interface LookUpOptions {
    /** Added to the environment of the engine and its plugins; its PATH is where `pulumi` is looked for. */
    environment?: NodeJS.ProcessEnv;
    /** @default 120 */
    timeoutSeconds?: number;
}

/**
 * Looks digests up as an `up` does: with the docker provider's getRegistryImage, in a program and stack of its own that
 * live in a temporary folder, so that no state of the user's is read or written.
 */
export function registryLookUp(options: LookUpOptions = {}): LookUpDigests {
    return async (references) => {
        const found = new Map<string, { digest: string } | { error: string }>();
        if (references.length === 0) return found;
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-pin-"));
        const release = ignoreRejections();
        try {
            const pulumiCommand = await findPulumi(folder, options.environment);
            const failed = await preview(pulumiCommand, folder, options, async () => {
                const provider = new docker.Provider("registry", {
                    disableDockerDaemonCheck: true,
                });
                await Promise.all(
                    references.map(async (reference) => {
                        const name = registryName(reference);
                        try {
                            const image = await docker.getRegistryImage({ name }, { provider });
                            found.set(reference, { digest: image.sha256Digest });
                        } catch (error) {
                            found.set(reference, { error: (error as Error).message });
                        }
                    }),
                );
            });
            for (const reference of references) {
                if (found.has(reference)) continue;
                found.set(reference, { error: failed ?? "the look-up gave no answer" });
            }
            return found;
        } finally {
            fs.rmSync(folder, { recursive: true, force: true });
            release();
        }
    };
}

/** The Automation API takes its command from a folder `bin` only, or from this process's own PATH. */
async function findPulumi(
    folder: string,
    environment: NodeJS.ProcessEnv = {},
): Promise<PulumiCommand> {
    const places = (environment["PATH"] ?? process.env["PATH"] ?? "").split(path.delimiter);
    const bin = places.find((place) => place !== "" && fs.existsSync(path.join(place, "pulumi")));
    if (bin === undefined) {
        throw new Error(
            "There is no `pulumi` on PATH. Install it: https://www.pulumi.com/docs/install/",
        );
    }
    fs.symlinkSync(path.resolve(bin), path.join(folder, "bin"));
    return PulumiCommand.get({ root: folder });
}

/** Returns why the preview failed, if it did. */
async function preview(
    pulumiCommand: PulumiCommand,
    folder: string,
    { environment = {}, timeoutSeconds = 120 }: LookUpOptions,
    program: () => Promise<void>,
): Promise<string | undefined> {
    const given = Object.entries(environment).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
    );
    try {
        const stack = await LocalWorkspace.createOrSelectStack(
            { projectName: "mailhost-pin", stackName: "pin", program },
            {
                workDir: folder,
                pulumiCommand,
                envVars: {
                    ...Object.fromEntries(given),
                    PULUMI_BACKEND_URL: `file://${folder}`,
                    PULUMI_CONFIG_PASSPHRASE: "nothing is kept",
                    PULUMI_SKIP_UPDATE_CHECK: "true",
                },
            },
        );
        await stack.preview({ signal: AbortSignal.timeout(timeoutSeconds * 1000) });
        return undefined;
    } catch (error) {
        return engineErrors((error as Error).message);
    }
}

/** The errors among everything that the engine printed. */
function engineErrors(printed: string): string {
    const errors = [...printed.matchAll(/^ *error: (.*)$/gm)].map(([, error]) => error);
    return errors.length === 0 ? printed : [...new Set(errors)].join("; ");
}

/**
 * An inline program whose engine fails leaves rejected promises behind that nobody catches. What matters of them is in
 * the engine's answer.
 */
function ignoreRejections(): () => void {
    const ignore = () => undefined;
    process.on("unhandledRejection", ignore);
    return () => setImmediate(() => process.off("unhandledRejection", ignore));
}
