import * as fs from "node:fs";
import { runInForeground } from "../../cli/run-program";
import { defaultCloud, readStatus } from "../laptop";
import { sshArguments, type LocalStatus } from "../status";

/** Logs in to the host, its key pinned. */
export async function ssh(command: string[]): Promise<number> {
    const { ssh: login } = await readStatus(defaultCloud, false);
    if (!login) throw new Error("There is no running host. `npm run local` brings one up.");
    if (!fs.existsSync(login.keyFile)) {
        throw new Error(
            "The host can't be logged in to yet: no `up` has come far enough to say how. Run `npm run local` again.",
        );
    }
    const onTerminal = process.stdin.isTTY && process.stdout.isTTY;
    return runInForeground("ssh", loginArguments(login, command, onTerminal));
}

/** Of its own accord, ssh asks for a terminal only without a command; the host's menu needs one. */
export function loginArguments(
    login: NonNullable<LocalStatus["ssh"]>,
    command: readonly string[],
    onTerminal: boolean,
): string[] {
    const terminal = onTerminal && command.length > 0 ? ["-t"] : [];
    return [...terminal, ...sshArguments(login), ...command];
}
