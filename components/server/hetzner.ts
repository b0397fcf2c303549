import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { renderCloudConfig } from "../host/cloud-config";
import { DataGuard } from "../host/data-guard";
import { firstHostAddress, isEverywhere } from "../names";
import { throwProblems, type Problem } from "../problem";
import {
    hetznerMemory,
    hetznerProblems,
    hetznerSettings,
    type HetznerArgs,
} from "./hetzner-arguments";
import { architectureConflict, memoryMbOf, type Architecture } from "./hetzner-catalogue";
import { protectedBy } from "../protected-by";
import { alsoMoved } from "./moved-server";
import { defaultTokenProblems, hcloudToken } from "./provider-token";
import type { Server, ServerAdapter, ServerPlan, SshConnection } from "./server";
import { userDataProblems, type UserDataLimit } from "./user-data-limit";
import { withWaitingChildren } from "../waiting-children";

export type { HetznerArgs } from "./hetzner-arguments";

/** Where Hetzner is asked to let mail out: the FAQ entry links to the request of the account. */
const unblockLink =
    "https://docs.hetzner.com/cloud/servers/faq/#why-can-i-not-send-any-mails-from-my-server";

const userDataLimit: UserDataLimit = {
    provider: "Hetzner",
    largestKib: 32,
    dataDevice: "/dev/disk/by-id/scsi-0HC_Volume_1234567890",
};

const everyone = ["0.0.0.0/0", "::/0"];

/**
 * Rents the host at Hetzner Cloud.
 *
 * @example
 * ```ts
 * import * as pulumi from "@pulumi/pulumi";
 * import { cloudflare, hetzner, MailHost, type StackOptions } from "pulumi-mailhost";
 *
 * const mail = new MailHost("mail", {
 *     domain: "example.com",
 *     email: "you@example.net",
 *     server: hetzner({ type: "cax21", location: "fsn1", sshAllowedCidrs: ["203.0.113.0/24"] }),
 *     dns: cloudflare(),
 *     stack: new pulumi.Config("mailhost").getObject<StackOptions>("stack"),
 * });
 * ```
 */
export function hetzner(args: HetznerArgs): ServerAdapter {
    return {
        system: hetznerSettings(args).system,
        authorizedKeys: hetznerSettings(args).authorizedKeys,
        memoryMb: memoryMbOf(hetznerSettings(args).type),
        memoryFrom: hetznerMemory(args),
        problems: (path, opts) => [...hetznerProblems(path, args), ...tokenProblems(opts)],
        create: (name, plan, opts) => new HetznerServer(name, { ...args, plan }, opts),
    } satisfies ServerAdapter;
}

/** Arguments of {@link HetznerServer}. */
export interface HetznerServerArgs extends Omit<HetznerArgs, "authorizedKeys"> {
    /** What the server is to be; `MailHost` makes it, see `ServerPlan`. Operators' keys stand in its `host`. */
    plan: ServerPlan;
}

/**
 * A server at Hetzner Cloud with what outlives it: two primary addresses with their PTR records, the data volume and
 * the SSH keys. A replaced server gets all of them back, and is reached under the same host key.
 *
 * Makes the two key pairs, SSH key, both primary IPs, firewall, volume, server, attachment, both PTR records and the
 * guard that unmounts the volume before the server goes. `plan.protect` covers keys, addresses and volume.
 *
 * @example
 * ```ts
 * import { HetznerServer, planHost } from "pulumi-mailhost";
 *
 * const server = new HetznerServer("mail", {
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
 * @throws InputPropertiesError with everything that is wrong with the arguments, before anything is made; a type of
 * another architecture than the running server's fails preview and update, before the server is touched.
 */
export class HetznerServer extends pulumi.ComponentResource implements Server {
    readonly inbound: Server["inbound"];
    readonly outbound: Server["outbound"];
    readonly ssh: SshConnection;
    readonly machineId: pulumi.Output<string>;
    readonly dataDevice: pulumi.Output<string>;
    readonly dataSizeGb: pulumi.Output<number>;
    readonly ready: pulumi.Resource[];
    readonly nextSteps: readonly string[] = [
        `Ask Hetzner to open the outbound ports 25 and 465, or no mail leaves: ${unblockLink}`,
    ];

    constructor(name: string, args: HetznerServerArgs, opts?: pulumi.ComponentResourceOptions) {
        const { plan } = args;
        throwProblems(name, [...hetznerProblems("server", args), ...tokenProblems(opts)]);
        const settings = hetznerSettings(args);
        throwProblems(name, userDataProblems("server", plan.host, userDataLimit));
        super("mailhost:index:HetznerServer", name, {}, withWaitingChildren(alsoMoved(opts)));
        if (pulumi.runtime.isDryRun()) this.warn(settings);

        const child = { parent: this };
        const lasting = { parent: this, ...protectedBy(plan.protect) };
        const labels = { "managed-by": "pulumi-mailhost", host: plan.fqdn };
        const { location } = settings;

        const hostKey = new tls.PrivateKey(`${name}-host-key`, { algorithm: "ED25519" }, lasting);
        const loginKey = new tls.PrivateKey(`${name}-login-key`, { algorithm: "ED25519" }, lasting);
        const sshKey = new hcloud.SshKey(
            `${name}-login-key`,
            { name: plan.fqdn, publicKey: loginKey.publicKeyOpenssh.apply(withoutLineEnd), labels },
            lasting,
        );
        const address = (family: "ipv4" | "ipv6") =>
            new hcloud.PrimaryIp(
                `${name}-${family}`,
                {
                    name: `${plan.fqdn}-${family}`,
                    type: family,
                    location,
                    autoDelete: false,
                    deleteProtection: plan.protect,
                    labels,
                },
                lasting,
            );
        const ipv4 = address("ipv4");
        const ipv6 = address("ipv6");
        const ipv6Address = ipv6.ipAddress.apply(firstHostAddress);
        const firewall = new hcloud.Firewall(
            `${name}-firewall`,
            {
                name: plan.fqdn,
                rules: firewallRules(settings.sshAllowedCidrs, plan.openTcpPorts),
                labels,
            },
            child,
        );
        // Without a format: the host formats the volume, and only when it is blank.
        const volume = new hcloud.Volume(
            `${name}-data`,
            {
                name: plan.fqdn,
                size: settings.volumeSizeGb,
                location,
                deleteProtection: plan.protect,
                labels,
            },
            lasting,
        );
        const userData = pulumi
            .all([
                volume.linuxDevice,
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
        const server = new hcloud.Server(
            `${name}-server`,
            {
                name: plan.fqdn,
                serverType: this.sameArchitecture(settings.type, settings.architecture, labels),
                image: settings.image,
                location,
                sshKeys: [sshKey.id],
                firewallIds: [firewall.id.apply(Number)],
                publicNets: [
                    {
                        ipv4Enabled: true,
                        ipv4: ipv4.id.apply(Number),
                        ipv6Enabled: true,
                        ipv6: ipv6.id.apply(Number),
                    },
                ],
                userData: pulumi.secret(userData),
                // A disk that grew with the type could never go back to a smaller one; the data is on the volume.
                keepDisk: true,
                labels,
            },
            // Both name what only first boot reads. Later changes arrive over SSH, a replaced server boots with the new.
            // The addresses and the volume are free for a new server only when the old one is gone.
            { ...child, ignoreChanges: ["userData", "sshKeys"], deleteBeforeReplace: true },
        );
        const attachment = new hcloud.VolumeAttachment(
            `${name}-data`,
            {
                serverId: server.id.apply(Number),
                volumeId: volume.id.apply(Number),
                automount: false,
            },
            { ...child, deleteBeforeReplace: true },
        );
        const pointer = (
            family: "ipv4" | "ipv6",
            primaryIp: hcloud.PrimaryIp,
            ipAddress: pulumi.Output<string>,
        ) =>
            new hcloud.Rdns(
                `${name}-ptr-${family}`,
                { primaryIpId: primaryIp.id.apply(Number), ipAddress, dnsPtr: plan.fqdn },
                child,
            );
        const pointers = [
            pointer("ipv4", ipv4, ipv4.ipAddress),
            pointer("ipv6", ipv6, ipv6Address),
        ];

        this.inbound = { ipv4: ipv4.ipAddress, ipv6: ipv6Address };
        this.outbound = this.inbound;
        this.dataDevice = volume.linuxDevice;
        this.dataSizeGb = volume.size;
        this.ssh = {
            host: ipv4.ipAddress,
            port: 22,
            user: "root",
            privateKey: loginKey.privateKeyOpenssh,
            hostKey: hostKey.publicKeyOpenssh.apply(withoutLineEnd),
        };
        const guard = new DataGuard(
            `${name}-guard`,
            { ssh: this.ssh, machineId: server.id },
            { ...child, dependsOn: [attachment] },
        );
        this.machineId = pulumi.interpolate`${server.id}/${guard.generation}`;
        this.ready = [attachment, ...pointers, guard];
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

    private warn({ sshAllowedCidrs }: { sshAllowedCidrs: readonly string[] }): void {
        void pulumi.log.warn(
            `Hetzner blocks the outbound ports 25 and 465 of an account until asked; until then no mail leaves. ` +
                `How to ask: ${unblockLink}`,
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

    /**
     * The type, once it is certain that the running server, if any, is of the same architecture. Asked at preview too:
     * Hetzner itself refuses only when the server has been powered off for the change.
     */
    private sameArchitecture(
        type: string,
        architecture: Architecture,
        labels: Record<string, string>,
    ): pulumi.Output<string> {
        const withSelector = Object.entries(labels)
            .map(([key, value]) => `${key}=${value}`)
            .join(",");
        return hcloud.getServersOutput({ withSelector }, { parent: this }).apply(({ servers }) => {
            const conflict = architectureConflict(type, architecture, servers);
            if (conflict === undefined) return type;
            const error = new pulumi.ResourceError(conflict, this, true);
            // Hidden anyway, and Node 20 takes half a minute to colour one that leads through Pulumi's source maps.
            error.stack = undefined;
            throw error;
        });
    }
}

function tokenProblems(opts?: pulumi.ComponentResourceOptions): Problem[] {
    return defaultTokenProblems(hcloudToken, (value) => hcloud.Provider.isInstance(value), opts);
}

function withoutLineEnd(text: string): string {
    return text.trimEnd();
}

function firewallRules(
    sshAllowedCidrs: readonly string[],
    openTcpPorts: readonly number[],
): hcloud.types.input.FirewallRule[] {
    const tcp = (port: number, sourceIps: readonly string[]) => ({
        direction: "in",
        protocol: "tcp",
        port: String(port),
        sourceIps: [...sourceIps],
    });
    return [
        tcp(22, sshAllowedCidrs),
        ...openTcpPorts.map((port) => tcp(port, everyone)),
        { direction: "in", protocol: "icmp", sourceIps: everyone },
    ];
}
