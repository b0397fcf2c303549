import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { commandConnection, receiveCommand, receiveCommandWithLock } from "../host/ssh-channel";
import type { Server } from "../server/server";
import { withWaitingChildren } from "../waiting-children";
import { deployScript, pullScript, releaseHash, type Deployment } from "./deploy";
import type { ImageName, Release, StackSecrets } from "./model";
import { reachabilityInput, reachabilityProgram } from "./reachability";

/** Images are pulled while the certificate is issued, so they wait for nobody else's lock. */
export const pullCommand = receiveCommandWithLock("/run/mailhost-pull.lock");

/** What is known of a stack before it runs, and no secret: for policies and other programs. */
export interface StackFacts {
    /** What the mail services say in EHLO. */
    ehloName: string;
    /** TCP ports that everyone may reach. */
    openTcpPorts: readonly number[];
}

export interface StackArgs {
    server: Server;
    /** What is placed and started, with its secrets. */
    release: pulumi.Input<Release>;
    /** The images alone: pulled before the release is known. */
    images: pulumi.Input<Readonly<Record<ImageName, string>>>;
    /**
     * Images of services that the user added.
     *
     * @default none
     */
    furtherImages?: pulumi.Input<readonly string[]>;
    /**
     * Values that are taken out of the log lines that a failure shows, beside those whose names in `.env` say that they
     * are secret.
     *
     * @default none
     */
    secrets?: pulumi.Input<StackSecrets>;
    /**
     * TCP ports that the services bind on the host, and by whom.
     *
     * @default those of `release.verify`
     */
    ports?: Deployment["ports"];
    /**
     * What the deployment waits for and the pull doesn't: the certificate.
     *
     * @default nothing
     */
    waitFor?: pulumi.Resource[];
    /**
     * Lineage → SHA-256 of its public key (SubjectPublicKeyInfo), hexadecimal: the second look compares it.
     *
     * @default only the names of the certificates are compared
     */
    spki?: pulumi.Input<Readonly<Record<string, string>>>;
    /**
     * A shell command that logs in to the host and takes a command at its end, for the commands that a refusal shows:
     * they have it in double quotes behind `eval`.
     *
     * @default `ssh` to the server's address, with the keys that whoever runs it has
     */
    login?: pulumi.Input<string>;
    /** Registered as outputs, beside the images. */
    facts: StackFacts;
    /**
     * How long nothing may move while services start, in seconds.
     *
     * @default 180
     */
    healthSeconds?: number;
}

/**
 * Deploys the mail stack on a host: pulls the images, places the release, starts what changed, waits until everything is
 * healthy and looks at the ports from the host and from here. It must depend, through `dependsOn`, on the set-up of the
 * host.
 *
 * @example
 * ```ts
 * import * as pulumi from "@pulumi/pulumi";
 * import {
 *     boundPorts,
 *     domainSettings,
 *     lookUpImages,
 *     planStack,
 *     renderRelease,
 *     Stack,
 *     StackKeys,
 * } from "pulumi-mailhost";
 *
 * const plan = planStack("stack", options, {
 *     domain: "example.com",
 *     domains: [domainSettings({ name: "example.com" }, "you@example.net")],
 *     authBasicUsername: "admin",
 *     dkimSelector: "default",
 * });
 * const keys = new StackKeys("mail-keys", { authBasicPassword, dkim, protect: true });
 * const images = pulumi.output(lookUpImages("mail", plan.images));
 * const stack = new Stack(
 *     "mail-stack",
 *     {
 *         server,
 *         release: pulumi
 *             .all([keys.secrets, images])
 *             .apply(([secrets, pinned]) => renderRelease(plan, secrets, pinned)),
 *         images,
 *         secrets: keys.secrets,
 *         ports: boundPorts(plan),
 *         waitFor: [certificate],
 *         facts: { ehloName: "mx.example.com", openTcpPorts: plan.openTcpPorts },
 *     },
 *     { dependsOn: [setup] },
 * );
 * export const release = stack.releaseId;
 * ```
 *
 * Its `up` fails, with everything that is wrong and nothing changed, when the host does not offer what the release needs
 * or its data is encrypted with other keys. When the services don't come up or a port does not answer with its
 * certificate, the release before serves again, and `up` fails with the service, its last log lines and the likely cause.
 */
export class Stack extends pulumi.ComponentResource {
    /** What the host said of the last deployment: one line each thing that was done. */
    readonly log: pulumi.Output<string>;
    /** What the ports looked like from here: one line each, those that are not reached with a warning. */
    readonly reachability: pulumi.Output<string>;
    /** Names the content of the release: the end of its folder's name on the host. */
    readonly releaseId: pulumi.Output<string>;

    constructor(name: string, args: StackArgs, opts?: pulumi.ComponentResourceOptions) {
        super("mailhost:index:Stack", name, {}, withWaitingChildren(opts));
        const { server, facts, furtherImages = [], waitFor = [], spki = {} } = args;
        const connection = commandConnection(server.ssh);
        const triggers = [server.machineId];
        const common = {
            connection,
            triggers,
            addPreviousOutputInEnv: false,
            // What they print are their own lines, and secrets are taken out of those of others.
            logging: command.types.enums.remote.Logging.StdoutAndStderr,
        };

        const pull = new command.remote.Command(
            `${name}-pull`,
            {
                ...common,
                create: pullCommand,
                stdin: pulumi
                    .all([args.images, furtherImages])
                    .apply(([images, further]) => pullScript(images, further)),
            },
            { parent: this },
        );

        const { ipv4, ipv6 } = server.inbound;
        const { host, port, user } = server.ssh;
        const login = args.login ?? pulumi.interpolate`ssh -p ${port} ${user}@${host}`;
        const deployment = pulumi
            .all([args.release, args.secrets, ipv4, ipv6, login])
            .apply(([release, secrets, ipv4, ipv6, login]): Deployment => ({
                release,
                secrets,
                ports: args.ports,
                addresses: { ipv4, ipv6 },
                login,
                healthSeconds: args.healthSeconds,
            }));
        const deploy = new command.remote.Command(
            `${name}-deploy`,
            {
                ...common,
                create: receiveCommand,
                stdin: pulumi.secret(deployment.apply(deployScript)),
            },
            { parent: this, dependsOn: [pull, ...waitFor] },
        );
        this.releaseId = pulumi.unsecret(deployment.apply(releaseHash));
        // Without secrets, whatever it was made from.
        this.log = pulumi.unsecret(deploy.stdout);

        const look = pulumi
            .all([ipv4, ipv6, pulumi.unsecret(pulumi.output(args.release)), spki])
            .apply(([ipv4, ipv6, { verify: ports }, spki]) =>
                reachabilityInput({ addresses: [ipv4, ipv6], ports, spki }),
            );
        const reachability = new command.local.Command(
            `${name}-reachability`,
            {
                create: reachabilityProgram,
                interpreter: ["node", "-e"],
                stdin: look,
                triggers: [...triggers, this.releaseId],
                addPreviousOutputInEnv: false,
                logging: command.types.enums.local.Logging.StdoutAndStderr,
            },
            { parent: this, dependsOn: deploy },
        );
        this.reachability = reachability.stdout;

        this.registerOutputs({
            log: this.log,
            reachability: this.reachability,
            releaseId: this.releaseId,
            images: args.images,
            furtherImages,
            ehloName: facts.ehloName,
            openTcpPorts: facts.openTcpPorts,
        });
    }
}
