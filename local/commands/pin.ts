import { pin, type PinOptions } from "../../cli/pin";
import { registryLookUp } from "../../cli/pin-lookup";
import { defaultCloud, lastCloudInfo } from "../laptop";
import { onLocalStack, openRunningStack } from "./pulumi";

/** `mailhost pin` for the `local` stack, at the laptop cloud's registry. */
export async function pinLocal(options: PinOptions): Promise<number> {
    const stack = await openRunningStack();
    const text = await pin({
        ...options,
        ...onLocalStack(stack),
        lookUp: registryLookUp({ environment: stack.environment }),
        defaults: lastCloudInfo(defaultCloud)?.images,
        say: (line) => console.error(line),
    });
    process.stdout.write(text);
    return 0;
}
