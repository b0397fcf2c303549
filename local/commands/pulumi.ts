import { startCloud } from "../cloud/start";
import { ensureEngine } from "../engine/find-engine";
import type { LocalStack } from "../engine/stack";
import { cloudExists, defaultCloud, lastCloudInfo, openStack } from "../laptop";

/** The `local` stack with its cloud running. */
export async function openRunningStack(): Promise<LocalStack> {
    const before = lastCloudInfo(defaultCloud);
    if (!before || !cloudExists(defaultCloud)) {
        throw new Error("There is no laptop cloud yet. `npm run local` makes one.");
    }
    const engine = await ensureEngine((line) => console.error(line));
    return openStack(engine, await startCloud({ name: defaultCloud, kind: before.kind }));
}

/** `pulumi`, as typed, on the `local` stack. */
export async function runPulumi(args: string[]): Promise<number> {
    return (await openRunningStack()).pulumiInForeground(args);
}
