import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { DataGuard } from "../host/data-guard";
import { dataMountPoint } from "../host/data-volume";
import { commandConnection, receiveCommand } from "../host/ssh-channel";
import { isEverywhere } from "../names";
import { withWaitingChildren } from "../waiting-children";
import { throwProblems, type Problem } from "../problem";
import { admissionScript } from "./admission";
import {
    addressFamilies,
    canonicalAddress,
    existingMachine,
    existingMemory,
    existingProblems,
    keyFingerprint,
    machineIdentities,
    pinnedKey,
    sshBlocks,
    usablePrivateKey,
    type ExistingArgs,
} from "./existing-arguments";
import { alsoMoved } from "./moved-server";
import type { Server, ServerAdapter, ServerPlan, SshConnection } from "./server";

export type { ExistingArgs } from "./existing-arguments";

/**
 * Takes a machine that is there already: of any provider, or your own. See {@link ExistingServer} for what is asked of
 * it and what is left on it.
 *
 * @example
 * ```ts
 * import * as pulumi from "@pulumi/pulumi";
 * import { cloudflare, existing, MailHost, type StackOptions } from "pulumi-mailhost";
 *
 * const config = new pulumi.Config("mailhost");
 * const mail = new MailHost("mail", {
 *     domain: "example.com",
 *     email: "you@example.net",
 *     server: existing({
 *         ipv4: "203.0.113.7",
 *         system: "debian-13",
 *         sshHostKey: config.require("sshHostKey"),
 *         sshPrivateKey: config.requireSecret("sshPrivateKey"),
 *     }),
 *     dns: cloudflare(),
 *     stack: config.getObject<StackOptions>("stack"),
 * });
 * ```
 */
export function existing(args: ExistingArgs): ServerAdapter {
    return {
        system: args.system,
        authorizedKeys: args.authorizedKeys ?? [],
        memoryMb: args.memoryMb,
        memoryFrom: existingMemory,
        addresses: addressFamilies(args),
        existing: existingMachine(args),
        identities: machineIdentities(args),
        problems: (path) => existingProblems(path, args),
        create: (name, plan, opts) => new ExistingServer(name, { ...args, plan }, opts),
    } satisfies ServerAdapter;
}

/** Arguments of {@link ExistingServer}. */
export interface ExistingServerArgs extends Omit<ExistingArgs, "authorizedKeys"> {
    /** What the server is to be; `MailHost` makes it, see `ServerPlan`. Operators' keys stand in its `host`. */
    plan: ServerPlan;
}

/**
 * A machine that is there already, with a supported system and nothing else to do. It gets the same set-up as a rented
 * one, over the pinned SSH channel alone.
 *
 * Before anything is changed, or said in DNS, the machine is looked at, and refused with everything that speaks against
 * it: another system than described, others at the ports of mail and web, another firewall, another mail host's or
 * Docker's data, a first address that is not its public one, too little memory or disk. One that was set up as this host
 * before passes. Without a change in the arguments nothing is connected to.
 *
 * Host key and login key are yours, and PTR records are set where the machine is rented: `nextSteps` says to what. The
 * pinned host key stands for the machine: with another one everything is set up from the start, on a machine that has to
 * have its data. Removal stops the services, writes everything out, keeps them from starting at the next boot and takes
 * the token for Cloudflare off the machine; data, packages, firewall and settings stay.
 *
 * @example
 * ```ts
 * import * as pulumi from "@pulumi/pulumi";
 * import { ExistingServer, planHost } from "pulumi-mailhost";
 *
 * const plan = {
 *     fqdn: "mx.example.com",
 *     host: planHost({
 *         system: "debian-13",
 *         fqdn: "mx.example.com",
 *         domain: "example.com",
 *         email: "you@example.net",
 *         authBasicUsername: "admin",
 *         authorizedKeys: [],
 *         openTcpPorts: [25, 443],
 *         rebootTime: "04:30",
 *         debug: false,
 *         secretDelivery: "ssh",
 *         existing: { data: "root-disk" },
 *     }),
 *     openTcpPorts: [25, 443],
 *     protect: true,
 * };
 * const server = new ExistingServer("mail", {
 *     ipv4: "203.0.113.7",
 *     system: "debian-13",
 *     sshHostKey: "ssh-ed25519 AAAA…",
 *     sshPrivateKey: new pulumi.Config("mailhost").requireSecret("sshPrivateKey"),
 *     plan,
 * });
 * ```
 *
 * @throws InputPropertiesError with everything that is wrong with the arguments, before anything is made.
 */
export class ExistingServer extends pulumi.ComponentResource implements Server {
    readonly inbound: Server["inbound"];
    readonly outbound: Server["outbound"];
    readonly ssh: SshConnection;
    readonly machineId: pulumi.Output<string>;
    readonly dataDevice: pulumi.Output<string>;
    readonly ready: pulumi.Resource[];
    readonly accepted: pulumi.Resource[];
    readonly nextSteps: readonly string[];
    /** Address blocks in CIDR form from which the host's own firewall lets SSH in; every address without a list. */
    readonly sshAllowedCidrs: pulumi.Output<string[]>;
    /** What the machine said when it was looked at, with the PTR records that are not as they should be. */
    readonly admission: pulumi.Output<string>;

    constructor(name: string, args: ExistingServerArgs, opts?: pulumi.ComponentResourceOptions) {
        const { plan } = args;
        throwProblems(name, [...existingProblems("server", args), ...planProblems(args)]);
        super("mailhost:index:ExistingServer", name, {}, withWaitingChildren(alsoMoved(opts)));
        const blocks = sshBlocks(args);
        if (pulumi.runtime.isDryRun()) this.warn(blocks);
        const ipv4 = canonicalAddress(args.ipv4);
        const ipv6 = args.ipv6 === undefined ? "" : canonicalAddress(args.ipv6);
        const fingerprint = keyFingerprint(args.sshHostKey);
        const host = args.sshHost ?? ipv4;

        this.inbound = { ipv4: pulumi.output(ipv4), ipv6: pulumi.output(ipv6) };
        this.outbound = this.inbound;
        this.dataDevice = pulumi.output(args.dataDevice ?? dataMountPoint);
        this.ssh = {
            host,
            port: args.sshPort ?? 22,
            user: "root",
            privateKey: pulumi
                .secret(args.sshPrivateKey)
                .apply((key) => usablePrivateKey(name, "server.sshPrivateKey", key)),
            hostKey: pinnedKey(args.sshHostKey),
        };
        const admission = new command.remote.Command(
            `${name}-admission`,
            {
                // The machine is up: silence or another host key is no matter of time.
                connection: commandConnection(this.ssh, { dialErrorLimit: 4 }),
                create: receiveCommand,
                stdin: admissionScript(args),
                triggers: [fingerprint],
                addPreviousOutputInEnv: false,
                logging: command.types.enums.remote.Logging.StdoutAndStderr,
            },
            { parent: this },
        );
        const guard = new DataGuard(
            `${name}-guard`,
            {
                ssh: this.ssh,
                machineId: pulumi.output(fingerprint),
                furtherAddresses: [ipv4, ipv6].filter((address) => address !== host),
                machineStays: true,
            },
            { parent: this, dependsOn: [admission] },
        );
        this.machineId = pulumi.interpolate`${fingerprint}/${guard.generation}`;
        this.admission = admission.stdout;
        this.ready = [admission, guard];
        this.accepted = [admission];
        this.nextSteps = [ipv4, ipv6]
            .filter((address) => address !== "")
            .map(
                (address) =>
                    `Set the PTR record of ${address} to ${plan.fqdn} where the machine is rented: others refuse its mail without.`,
            );
        this.sshAllowedCidrs = pulumi.output(blocks);
        this.registerOutputs({
            inbound: this.inbound,
            outbound: this.outbound,
            ssh: this.ssh,
            machineId: this.machineId,
            dataDevice: this.dataDevice,
            admission: this.admission,
            nextSteps: this.nextSteps,
            sshAllowedCidrs: this.sshAllowedCidrs,
        });
    }

    private warn(blocks: readonly string[]): void {
        const open = blocks.filter(isEverywhere);
        if (open.length === 0) return;
        void pulumi.log.warn(
            `sshAllowedCidrs has ${open.join(" and ")}, as it does when it is left out: as far as nothing in front of ` +
                `the machine forbids it, every computer in the world may try to log in. Name the address blocks that ` +
                `you administer from.`,
            this,
        );
    }
}

/** A plan for a rented server, or for data elsewhere, would mount something else than what is described. */
function planProblems({ plan, ...args }: ExistingServerArgs): Problem[] {
    const { data } = existingMachine(args);
    if (!plan.host.awaitsFirstBoot && plan.host.dataVolume.data === data) return [];
    return [
        {
            path: "server.plan.host",
            reason: "It is the plan of another kind of machine.",
            remedy: `Make it with planHost({ …, existing: { data: "${data}" } }).`,
        },
    ];
}
