import type { OnStack } from "../../cli/pulumi-output";
import { cloudStatus, startCloud } from "../cloud/start";
import { ensureEngine } from "../engine/find-engine";
import { LocalStack, stackName } from "../engine/stack";
import { cloudExists, defaultCloud, lastCloudInfo, readStatus, rememberHost } from "../laptop";
import type { CloudInfo } from "../paths";

function lastCloud(): CloudInfo {
    const before = lastCloudInfo(defaultCloud);
    if (!before || !cloudExists(defaultCloud)) {
        throw new Error("There is no laptop cloud yet. `npm run local` makes one.");
    }
    return before;
}

/** The `local` stack, for what only asks: a cloud that is down is not started for it. */
export async function openStack(): Promise<LocalStack> {
    const before = lastCloud();
    if (!(await cloudStatus(defaultCloud))) {
        throw new Error("The laptop cloud is not running. `npm run local` starts it.");
    }
    return new LocalStack(await ensureEngine((line) => console.error(line)), before);
}

/** The `local` stack with its cloud running. */
export async function openRunningStack(): Promise<LocalStack> {
    const before = lastCloud();
    const engine = await ensureEngine((line) => console.error(line));
    if (!(await cloudStatus(defaultCloud))) console.error("Starting the laptop cloud.");
    return new LocalStack(engine, await startCloud({ name: defaultCloud, kind: before.kind }));
}

/** The `local` stack for the commands of `mailhost`. */
export function onLocalStack(stack: LocalStack): OnStack {
    return {
        stack: stackName,
        pulumi: (args, options) => stack.pulumi(args, options),
        typed: (command) => `npm run pulumi -- ${command}`,
    };
}

/** `pulumi`, as typed, on the `local` stack. */
export async function runPulumi(args: string[]): Promise<number> {
    const stack = await openRunningStack();
    const code = await stack.pulumiInForeground(args);
    // Whatever was run may have made another host, or finished one.
    const { running } = await readStatus(defaultCloud, false);
    const outputs = running ? await stack.outputs() : {};
    if (outputs["sshPrivateKey"]) await rememberHost(defaultCloud, outputs);
    return code;
}
