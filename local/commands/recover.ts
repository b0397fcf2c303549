import { recover, recovered } from "../../cli/recover";
import { onLocalStack, openRunningStack } from "./pulumi";

/** `mailhost recover` for the `local` stack. */
export async function recoverLocal(): Promise<number> {
    const recovery = await recover({
        ...onLocalStack(await openRunningStack()),
        say: (line) => console.log(line),
    });
    if (recovery.unknown.length > 0) return 1;
    console.log(recovered(recovery, "npm run local"));
    return 0;
}
