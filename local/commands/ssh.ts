import { runInForeground } from "../../cli/run-program";
import { defaultCloud, readStatus } from "../laptop";
import { sshArguments } from "../status";

/** Logs in to the host, its key pinned. */
export async function ssh(command: string[]): Promise<number> {
    const { ssh: login } = await readStatus(defaultCloud, false);
    if (!login) throw new Error("There is no running host. `npm run local` brings one up.");
    return runInForeground("ssh", [...sshArguments(login), ...command]);
}
