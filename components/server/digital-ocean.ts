import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { renderCloudConfig } from "../host/cloud-config";
import { DataGuard } from "../host/data-guard";
import { isEverywhere } from "../names";
import { throwProblems, type Problem } from "../problem";
import { protectedBy } from "../protected-by";
import {
    digitalOceanProblems,
    digitalOceanSettings,
    dropletMemory,
    dropletMemoryMb,
    imageSlug,
    volumeDevice,
    volumeName,
    type DigitalOceanArgs,
} from "./digital-ocean-arguments";
import { alsoMoved } from "./moved-server";
import { defaultTokenProblems, digitalOceanToken } from "./provider-token";
import type { Server, ServerAdapter, ServerPlan, SshConnection } from "./server";
import { userDataProblems, type UserDataLimit } from "./user-data-limit";
import { withWaitingChildren } from "../waiting-children";

export type { DigitalOceanArgs } from "./digital-ocean-arguments";

/** Where DigitalOcean says what it blocks. */
const blockedLink = "https://docs.digitalocean.com/support/why-is-smtp-blocked/";

const userDataLimit: UserDataLimit = {
    provider: "DigitalOcean",
    largestKib: 64,
    dataDevice: volumeDevice("v".repeat(64)),
};

const everyone = ["0.0.0.0/0", "::/0"];
const tags = ["pulumi-mailhost"];

/**
 * Rents the host at DigitalOcean. Its addresses are the Droplet's own and change when the Droplet is replaced: see
 * {@link DigitalOceanServer}.
 *
 * @example
 * ```ts
 * import * as pulumi from "@pulumi/pulumi";
 * import { cloudflare, digitalOcean, MailHost, type StackOptions } from "pulumi-mailhost";
 *
 * const mail = new MailHost("mail", {
 *     domain: "example.com",
 *     email: "you@example.net",
 *     server: digitalOcean({ region: "fra1", sshAllowedCidrs: ["203.0.113.0/24"] }),
 *     dns: cloudflare(),
 *     stack: new pulumi.Config("mailhost").getObject<StackOptions>("stack"),
 * });
 * ```
 */
export function digitalOcean(args: DigitalOceanArgs): ServerAdapter {
    return {
        system: digitalOceanSettings(args).system,
        authorizedKeys: digitalOceanSettings(args).authorizedKeys,
        memoryMb: dropletMemoryMb(args),
        memoryFrom: dropletMemory(args),
        problems: (path, opts) => [...digitalOceanProblems(path, args), ...tokenProblems(opts)],
        create: (name, plan, opts) => new DigitalOceanServer(name, { ...args, plan }, opts),
    } satisfies ServerAdapter;
}

/** Arguments of {@link DigitalOceanServer}. */
export interface DigitalOceanServerArgs extends Omit<DigitalOceanArgs, "authorizedKeys"> {
    /** What the server is to be; `MailHost` makes it, see `ServerPlan`. Operators' keys stand in its `host`. */
    plan: ServerPlan;
}

/**
 * A Droplet at DigitalOcean with what outlives it: the data volume and the SSH keys. A replaced Droplet gets them back
 * and is reached under the same host key, **but at other addresses**: mail leaves from a Droplet's own address, never
 * from a Reserved IP, so there is none. DNS follows in the same update; what was allowed for the old address (open
 * ports, reputation, lists of others) does not.
 *
 * Makes the two key pairs, SSH key, volume, Droplet, firewall, attachment and the guard that unmounts the volume before
 * the Droplet goes; puts Droplet and volume into `project` where one is given. The Droplet's name is the host's, and
 * with it the PTR record of the IPv4 and of the first IPv6 address. `plan.protect` covers keys and volume.
 *
 * @example
 * ```ts
 * import { DigitalOceanServer, planHost } from "pulumi-mailhost";
 *
 * const server = new DigitalOceanServer("mail", {
 *     sshAllowedCidrs: ["203.0.113.0/24"],
 *     plan: {
 *         fqdn: "mx.example.com",
 *         host: planHost({
 *             system: "debian-13",
 *             fqdn: "mx.example.com",
 *             domain: "example.com",
 *             email: "you@example.net",
 *             authBasicUsername: "admin",
 *             authorizedKeys: [],
 *             openTcpPorts: [25, 443],
 *             rebootTime: "04:30",
 *             debug: false,
 *             secretDelivery: "ssh",
 *         }),
 *         openTcpPorts: [25, 443],
 *         protect: true,
 *     },
 * });
 * ```
 *
 * @throws InputPropertiesError with everything that is wrong with the arguments, before anything is made.
 */
export class DigitalOceanServer extends pulumi.ComponentResource implements Server {
    readonly inbound: Server["inbound"];
    readonly outbound: Server["outbound"];
    readonly ssh: SshConnection;
    readonly machineId: pulumi.Output<string>;
    readonly dataDevice: pulumi.Output<string>;
    readonly dataSizeGb: pulumi.Output<number>;
    readonly ready: pulumi.Resource[];
    readonly nextSteps: readonly string[] = [
        `Ask DigitalOcean's support to open the outbound ports 25, 465 and 587, or no mail leaves: ${blockedLink}`,
        "Keep the Droplet: a replaced one has other addresses. DNS follows, the reputation of the old ones does not.",
    ];

    constructor(
        name: string,
        args: DigitalOceanServerArgs,
        opts?: pulumi.ComponentResourceOptions,
    ) {
        const { plan } = args;
        throwProblems(name, [...digitalOceanProblems("server", args), ...tokenProblems(opts)]);
        const settings = digitalOceanSettings(args);
        throwProblems(name, userDataProblems("server", plan.host, userDataLimit));
        super("mailhost:index:DigitalOceanServer", name, {}, withWaitingChildren(alsoMoved(opts)));
        if (pulumi.runtime.isDryRun()) this.warn(settings.sshAllowedCidrs);

        const child = { parent: this };
        const lasting = { parent: this, ...protectedBy(plan.protect) };
        const { region } = settings;

        const hostKey = new tls.PrivateKey(`${name}-host-key`, { algorithm: "ED25519" }, lasting);
        const loginKey = new tls.PrivateKey(`${name}-login-key`, { algorithm: "ED25519" }, lasting);
        const sshKey = new digitalocean.SshKey(
            `${name}-login-key`,
            { name: plan.fqdn, publicKey: loginKey.publicKeyOpenssh.apply(withoutLineEnd) },
            lasting,
        );
        // Without a file system: the host makes it, and only when the volume is blank.
        const volume = new digitalocean.Volume(
            `${name}-data`,
            { name: volumeName(plan.fqdn), region, size: settings.volumeSizeGb, tags },
            lasting,
        );
        this.dataDevice = volume.name.apply(volumeDevice);
        const userData = pulumi
            .all([
                this.dataDevice,
                hostKey.privateKeyOpenssh,
                hostKey.publicKeyOpenssh,
                loginKey.publicKeyOpenssh,
                pulumi.output(plan.userDataSecrets),
            ])
            .apply(([dataDevice, privateKey, publicKey, loginPublicKey, secrets]) =>
                renderCloudConfig(plan.host, {
                    dataDevice,
                    hostKey: { privateKey, publicKey },
                    authorizedKeys: [withoutLineEnd(loginPublicKey)],
                    secrets,
                }),
            );
        const droplet = new digitalocean.Droplet(
            `${name}-server`,
            {
                // The name is the PTR record as well.
                name: plan.fqdn,
                size: settings.size,
                image: imageSlug(settings.image),
                region,
                sshKeys: [sshKey.id],
                ipv6: true,
                userData: pulumi.secret(userData),
                // A disk that grew with the size could never go back to a smaller one; the data is on the volume.
                resizeDisk: false,
                tags,
            },
            // Both name what only first boot reads. Later changes arrive over SSH, a replaced Droplet boots with the new.
            // The volume is free for a new Droplet only when the old one is gone.
            { ...child, ignoreChanges: ["userData", "sshKeys"], deleteBeforeReplace: true },
        );
        const dropletId = droplet.id.apply(Number);
        const firewall = new digitalocean.Firewall(
            `${name}-firewall`,
            {
                name: volumeName(plan.fqdn),
                dropletIds: [dropletId],
                ...firewallRules(settings.sshAllowedCidrs, plan.openTcpPorts),
            },
            child,
        );
        const attachment = new digitalocean.VolumeAttachment(
            `${name}-data`,
            { dropletId, volumeId: volume.id },
            { ...child, deleteBeforeReplace: true },
        );
        if (settings.project !== undefined) {
            new digitalocean.ProjectResources(
                `${name}-project`,
                { project: settings.project, resources: [droplet.dropletUrn, volume.volumeUrn] },
                child,
            );
        }

        this.inbound = { ipv4: droplet.ipv4Address, ipv6: droplet.ipv6Address };
        this.outbound = this.inbound;
        this.dataSizeGb = volume.size;
        this.ssh = {
            host: droplet.ipv4Address,
            port: 22,
            user: "root",
            privateKey: loginKey.privateKeyOpenssh,
            hostKey: hostKey.publicKeyOpenssh.apply(withoutLineEnd),
        };
        const guard = new DataGuard(
            `${name}-guard`,
            { ssh: this.ssh, machineId: droplet.id },
            { ...child, dependsOn: [attachment] },
        );
        this.machineId = pulumi.interpolate`${droplet.id}/${guard.generation}`;
        this.ready = [attachment, firewall, guard];
        this.registerOutputs({
            inbound: this.inbound,
            outbound: this.outbound,
            ssh: this.ssh,
            machineId: this.machineId,
            dataDevice: this.dataDevice,
            dataSizeGb: this.dataSizeGb,
            nextSteps: this.nextSteps,
        });
    }

    private warn(sshAllowedCidrs: readonly string[]): void {
        void pulumi.log.warn(
            `DigitalOcean blocks the outbound ports 25, 465 and 587 of Droplets; until its support opens them, no ` +
                `mail leaves, and it may decline. More: ${blockedLink}`,
            this,
        );
        void pulumi.log.warn(
            "The addresses are the Droplet's own: when it is replaced (another image or region), both change, and DNS " +
                "follows in the same update.",
            this,
        );
        const open = sshAllowedCidrs.filter(isEverywhere);
        if (open.length > 0) {
            void pulumi.log.warn(
                `sshAllowedCidrs has ${open.join(" and ")}: every computer in the world may try to log in. ` +
                    `Name the address blocks that you administer from.`,
                this,
            );
        }
    }
}

function tokenProblems(opts?: pulumi.ComponentResourceOptions): Problem[] {
    return defaultTokenProblems(
        digitalOceanToken,
        (value) => digitalocean.Provider.isInstance(value),
        opts,
    );
}

function withoutLineEnd(text: string): string {
    return text.trimEnd();
}

/** A firewall of DigitalOcean's shuts what no rule lets through, outbound too. */
function firewallRules(
    sshAllowedCidrs: readonly string[],
    openTcpPorts: readonly number[],
): Pick<digitalocean.FirewallArgs, "inboundRules" | "outboundRules"> {
    const tcp = (port: number, sourceAddresses: readonly string[]) => ({
        protocol: "tcp",
        portRange: String(port),
        sourceAddresses: [...sourceAddresses],
    });
    const anyPort = (protocol: string) => ({
        protocol,
        portRange: "1-65535",
        destinationAddresses: everyone,
    });
    return {
        inboundRules: [
            tcp(22, sshAllowedCidrs),
            ...openTcpPorts.map((port) => tcp(port, everyone)),
            { protocol: "icmp", sourceAddresses: everyone },
        ],
        outboundRules: [
            anyPort("tcp"),
            anyPort("udp"),
            { protocol: "icmp", destinationAddresses: everyone },
        ],
    };
}
