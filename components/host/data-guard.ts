import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { SshConnection } from "../server/server";
import { dataDeviceFile, dataMountPoint, dataMountUnit } from "./data-volume";
import { assignments } from "./here-document";
import { scriptHead } from "./script";
import { sealScript } from "./seal";
import { receiveCommand } from "./ssh-channel";
import { hostTemplate } from "./template";
import { withWaitingChildren } from "../waiting-children";

export interface DataGuardArgs {
    ssh: SshConnection;
    /** Another machine: the guard of the old one acts before it goes. */
    machineId: pulumi.Output<string>;
    /**
     * Further addresses of the host, at which it is looked for when its SSH is silent: a host that answers is not dead.
     *
     * @default none
     */
    furtherAddresses?: readonly pulumi.Input<string>[];
    /**
     * Whether the machine stays when the guard goes: the mail host does not start at its next boot, and the program's
     * token is taken off it.
     *
     * @default false
     */
    machineStays?: boolean;
}

const stopParts = [
    scriptHead,
    assignments({
        mount_point: dataMountPoint,
        mount_unit: dataMountUnit,
        device_file: dataDeviceFile,
    }),
    hostTemplate("stop-stack.sh"),
];

/** Stops what writes to the data volume, and unmounts it. Holds nothing of a particular host. */
export const stopScript = sealScript(stopParts.join(""));

/** The same, for a machine that stays. */
export const leaveScript = sealScript([...stopParts, hostTemplate("leave.sh")].join(""));

/**
 * Runs on this computer when the guard goes. `remote.Command` can't be used: it fails on a dead host, which would
 * then never be replaced. The same text for every host; what differs comes over standard input.
 */
export const guardDeleteCommand = deleteCommand(stopScript, "no");

/** The same, for a machine that stays. */
export const guardLeaveCommand = deleteCommand(leaveScript, "yes");

function deleteCommand(script: string, stays: "yes" | "no"): string {
    return hostTemplate("data-guard.sh", {
        STAYS: stays,
        RECEIVE: receiveCommand.trimEnd(),
        SCRIPT: script.trimEnd(),
    });
}

const guardCreateCommand =
    "command -v ssh >/dev/null || { echo 'mailhost: error: the program ssh is missing on this computer: it stops the " +
    "mail stack and unmounts its data before a server is replaced. Install the OpenSSH client" +
    " (apt install openssh-client)' >&2; exit 1; }";

/**
 * Before its server is replaced or destroyed, stops the stack, writes everything out and unmounts the data volume. A
 * host that does not answer at all is let go with a warning; one that shows a wrong host key, refuses the login or
 * can't come to rest stops the replacement, and nothing is removed. The variable `MAILHOST_ABANDON_HOST` in the
 * environment of `pulumi`, with the host as the message names it, lets go of one that can't be logged in to any more.
 *
 * It must depend on what has to outlive its work, through `dependsOn`: the attachment of the volume. Its name is a
 * contract as any other, and more: renaming it without an alias stops the running stack.
 *
 * @example
 * ```ts
 * new DataGuard("mail-guard", { ssh, machineId: server.id }, { dependsOn: [attachment] });
 * ```
 */
export class DataGuard extends pulumi.ComponentResource {
    /** Another one whenever the guard has acted: what it stopped has to be started again. */
    readonly generation: pulumi.Output<string>;

    constructor(name: string, args: DataGuardArgs, opts?: pulumi.ComponentResourceOptions) {
        super("mailhost:index:DataGuard", name, {}, withWaitingChildren(opts));
        const { host, port, user, hostKey, privateKey } = args.ssh;
        const further = pulumi
            .all([...(args.furtherAddresses ?? [])])
            .apply((addresses) => addresses.filter((each) => each !== "").join(" "));
        const connection = pulumi
            .all([host, port, user, hostKey, further, privateKey])
            .apply((lines) => `${lines.join("\n").trimEnd()}\n`);
        const atRest = new command.local.Command(
            `${name}-rest`,
            {
                create: guardCreateCommand,
                delete: args.machineStays === true ? guardLeaveCommand : guardDeleteCommand,
                interpreter: ["/bin/sh", "-c"],
                stdin: pulumi.secret(connection),
                triggers: [args.machineId],
                addPreviousOutputInEnv: false,
                logging: command.types.enums.local.Logging.StdoutAndStderr,
            },
            { parent: this, deleteBeforeReplace: true },
        );
        this.generation = atRest.id;
        this.registerOutputs({ generation: this.generation });
    }
}
