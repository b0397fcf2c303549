import * as fs from "node:fs";
import { stopCloud } from "../cloud/start";
import { defaultCloud } from "../laptop";
import { cloudPaths } from "../paths";
import { runSteps } from "../progress";

/** Shuts the machines down, ends everything that was started and, if asked, deletes disks and state. */
export async function down(options: { delete?: boolean }): Promise<number> {
    if (!fs.existsSync(cloudPaths(defaultCloud).root)) {
        console.log("There is no laptop cloud.");
        return 0;
    }
    await runSteps([
        {
            title: "Shutting down",
            run: () => stopCloud(defaultCloud, { keepData: !options.delete }),
        },
    ]);
    console.log(
        options.delete
            ? "Everything is gone. The engine and the machine image stay in .local/cache."
            : "Nothing runs any more. `npm run local` starts the same host again, `npm run local -- down --delete` forgets it.",
    );
    return 0;
}
