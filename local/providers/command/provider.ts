import type { Provider } from "../handler";
import { installedVersion } from "../installed-version";
import { copyToRemote } from "./copy-to-remote";
import { localCommand } from "./local-command";
import { remoteCommand } from "./remote-command";

/**
 * The simulated command provider: real processes and real SSH connections by the real one's rules. Simulated is the
 * network alone: where a connection leads is the laptop cloud's answer, see `route.ts`.
 */
export const commandProvider: Provider = {
    name: "command",
    version: installedVersion("command"),
    config: {},
    resources: {
        "command:local:Command": localCommand,
        "command:remote:Command": remoteCommand,
        "command:remote:CopyToRemote": copyToRemote,
    },
    functions: {},
};
