import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Server } from "../server/server";
import type { HostPlan, SecretName } from "./plan";
import { hostScriptBody, scriptHead, type HostScriptValues } from "./script";
import { sealScript } from "./seal";
import { commandConnection, receiveCommand } from "./ssh-channel";
import { hostTemplate } from "./template";
import { withWaitingChildren } from "../waiting-children";

export interface HostSetupArgs {
    server: Server;
    plan: HostPlan;
    /**
     * Written to the host only where the plan's `secretDelivery` is `user-data`.
     *
     * @default none
     */
    secrets?: Partial<Record<SecretName, pulumi.Input<string>>>;
}

/**
 * Brings a host to its plan over SSH and keeps it there: waits for first boot, then applies the host script. A changed
 * plan changes the running host in place, an unchanged one opens no connection, another machine behind the same
 * addresses is set up from the start.
 *
 * @example
 * ```ts
 * const setup = new HostSetup("mail-host", { server, plan });
 * ```
 *
 * Its `up` fails with the host's own words when first boot failed, a package can't be installed, a checked
 * configuration is refused, or the data volume can't be mounted.
 */
export class HostSetup extends pulumi.ComponentResource {
    /** What the host said of the last change: one line each thing that was done. */
    readonly log: pulumi.Output<string>;

    constructor(name: string, args: HostSetupArgs, opts?: pulumi.ComponentResourceOptions) {
        super("mailhost:index:HostSetup", name, {}, withWaitingChildren(opts));
        const { server, plan, secrets = {} } = args;
        const used = plan.secretDelivery === "user-data" ? secrets : {};
        const script = pulumi
            .all([server.dataDevice, server.dataSizeGb, pulumi.output(used)])
            .apply(([dataDevice, dataSizeGb, values]) =>
                setupScript(plan, { dataDevice, dataSizeGb, secrets: values }),
            );
        const applied = new command.remote.Command(
            `${name}-apply`,
            {
                connection: commandConnection(server.ssh),
                create: receiveCommand,
                stdin: Object.keys(used).length > 0 ? pulumi.secret(script) : script,
                triggers: [server.machineId],
                addPreviousOutputInEnv: false,
                // What it prints are its own progress lines, and no secret is ever among its words.
                logging: command.types.enums.remote.Logging.StdoutAndStderr,
            },
            { parent: this, dependsOn: server.ready },
        );
        this.log = applied.stdout;
        this.registerOutputs({ log: this.log });
    }
}

/** The script that is sent: a first boot that is ours is waited for before anything is changed. */
export function setupScript(plan: HostPlan, values: HostScriptValues): string {
    return sealScript(
        [
            scriptHead,
            hostTemplate("apply.sh"),
            hostTemplate("first-boot.sh"),
            plan.awaitsFirstBoot ? "wait_for_first_boot\n" : "",
            hostScriptBody(plan, values),
        ].join(""),
    );
}
