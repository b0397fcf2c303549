import type { types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { SshConnection } from "../server/server";
import { hostTemplate } from "./template";
import { endMarker } from "./seal";

/**
 * What the host runs for every script that it is sent, the same for all: it reads the script from standard input to a
 * file of its own on tmpfs and runs it only when it is whole, one at a time, with its own input closed and for an hour
 * at most. Exit code 75: nothing was run, try again. For a login shell that is compatible with `sh`.
 */
export const receiveCommand = receiveCommandWithLock("/run/mailhost.lock");

/**
 * The same, for scripts that may run beside the others because they change nothing that those use.
 *
 * @param lockFile only one script that is received with it runs at a time.
 */
export function receiveCommandWithLock(lockFile: string): string {
    return hostTemplate("receive.sh", { END_MARKER: endMarker, LOCK_FILE: lockFile });
}

/**
 * The connection of `@pulumi/command`, from exactly the keys that it knows: it prints those that it does not know,
 * values and all.
 *
 * @param options.dialErrorLimit failed attempts until it gives up: fewer for a machine that has been up before.
 */
export function commandConnection(
    ssh: SshConnection,
    { dialErrorLimit = 60 }: { dialErrorLimit?: number } = {},
): pulumi.Input<types.input.remote.ConnectionArgs> {
    return {
        host: ssh.host,
        port: ssh.port,
        user: ssh.user,
        privateKey: pulumi.secret(ssh.privateKey),
        hostKey: ssh.hostKey,
        // Attempts are at most 5 s apart: five minutes for a host that refuses while it boots, at most fifteen for one that
        // is silent, as behind a firewall.
        dialErrorLimit,
        perDialTimeout: 10,
    };
}
