import { recover } from "../../cli/recover";
import { stackName } from "../engine/stack";
import { openRunningStack } from "./pulumi";

/** `mailhost recover` for the `local` stack. */
export async function recoverLocal(): Promise<number> {
    const stack = await openRunningStack();
    const { unknown } = await recover({
        stack: stackName,
        pulumi: (args, options) => stack.pulumi(args, options),
        say: (line) => console.log(line),
    });
    if (unknown.length > 0) return 1;
    console.log("Recovered. Now run `npm run local`.");
    return 0;
}
