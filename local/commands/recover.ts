import { recover, recovered } from "../../cli/recover";
import { stackName } from "../engine/stack";
import { openRunningStack } from "./pulumi";

/** `mailhost recover` for the `local` stack. */
export async function recoverLocal(): Promise<number> {
    const stack = await openRunningStack();
    const recovery = await recover({
        stack: stackName,
        pulumi: (args, options) => stack.pulumi(args, options),
        typed: "npm run pulumi --",
        say: (line) => console.log(line),
    });
    if (recovery.unknown.length > 0) return 1;
    console.log(recovered(recovery, "npm run local"));
    return 0;
}
