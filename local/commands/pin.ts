import { pin, type PinOptions } from "../../cli/pin";
import { registryLookUp } from "../../cli/pin-lookup";
import { stackName } from "../engine/stack";
import { defaultCloud, lastCloudInfo } from "../laptop";
import { openRunningStack } from "./pulumi";

/** `mailhost pin` for the `local` stack, at the laptop cloud's registry. */
export async function pinLocal(options: PinOptions): Promise<number> {
    const stack = await openRunningStack();
    const text = await pin({
        ...options,
        stack: stackName,
        pulumi: (args, options) => stack.pulumi(args, options),
        lookUp: registryLookUp({ environment: stack.environment }),
        defaults: lastCloudInfo(defaultCloud)?.images,
        preview: "npm run pulumi -- preview",
        say: (line) => console.error(line),
    });
    process.stdout.write(text);
    return 0;
}
