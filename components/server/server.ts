import type * as pulumi from "@pulumi/pulumi";
import type { ExistingMachine, HostPlan, SecretName, System } from "../host/plan";
import type { Problem } from "../problem";
import type { MemoryArgument } from "../stack/memory";

/** Values that only the renderers of the host plan are given. */
export type HostSecrets = Partial<Record<SecretName, pulumi.Input<string>>>;

/** What a server is to be, decided before anything is made. Plain values. */
export interface ServerPlan {
    /** The host's fully qualified name, e.g. `mx.example.com`: host name, EHLO name and PTR. */
    fqdn: string;
    /** What first boot sets up, and what the SSH channel keeps current. */
    host: HostPlan;
    /** TCP ports that the cloud's firewall opens to everyone; SSH's is the adapter's own affair. */
    openTcpPorts: number[];
    /** TCP ports that the mail services bind, loopback's among them. @default `openTcpPorts` */
    boundTcpPorts?: number[];
    /** What first boot gets beside the plan, with `secretDelivery: "user-data"` alone. */
    userDataSecrets?: HostSecrets;
    /** Covers data volume, addresses and keys; never the server itself. */
    protect: boolean;
}

/** How to reach a host over SSH. The host key is pinned: nothing ever connects with an unknown one. */
export interface SshConnection {
    host: pulumi.Input<string>;
    /** @default 22 */
    port: pulumi.Input<number>;
    user: pulumi.Input<string>;
    /** OpenSSH private key (secret). */
    privateKey: pulumi.Input<string>;
    /** One line of authorized_keys form: `ssh-ed25519 AAAA…`. */
    hostKey: pulumi.Input<string>;
}

/** What every kind of server offers to the parts that stand on it. */
export interface Server {
    /** Addresses at which the host receives. `ipv6` is the host's own address, not its network; empty where it has none. */
    inbound: { ipv4: pulumi.Output<string>; ipv6: pulumi.Output<string> };
    /** Addresses from which it sends: SPF, PTR and the EHLO name's records must cover these. */
    outbound: { ipv4: pulumi.Output<string>; ipv6: pulumi.Output<string> };
    ssh: SshConnection;
    /**
     * Changes when another machine stands behind the addresses, and when a guard has brought the same one to rest for a
     * replacement that then did not come: both have to be set up.
     */
    machineId: pulumi.Output<string>;
    /** The data volume's device on the host, e.g. `/dev/disk/by-id/scsi-0HC_Volume_1`; on the root disk the mount point. */
    dataDevice: pulumi.Output<string>;
    /** The data volume's size in GB, as the provider counts; undefined where it is not ours. */
    dataSizeGb?: pulumi.Output<number>;
    /** What must exist before the first SSH connection makes sense (the volume is attached, the address has its PTR). */
    ready: pulumi.Resource[];
    /** What must exist before anything is said of the host in public: its DNS records wait for it. @default nothing */
    accepted?: pulumi.Resource[];
    /** What the operator has to do at the provider before mail flows, a sentence each. */
    nextSteps: readonly string[];
}

/** A choice of cloud: `hetzner({…})` is one. */
export interface ServerAdapter {
    /** What first boot will find: decides packages and file names. */
    system: System;
    /** Who may log in as root besides the program: authorized_keys lines. */
    authorizedKeys: readonly string[];
    /** The host's memory in MiB, by which the stack's services are given theirs. @default unknown */
    memoryMb?: number;
    /** The argument that the memory follows from, for what is said of too little of it. @default unknown */
    memoryFrom?: MemoryArgument;
    /** The families in which the host has an address. @default both */
    addresses?: readonly ("ipv4" | "ipv6")[];
    /** What differs where the machine is not made by the adapter. @default it is made */
    existing?: ExistingMachine;
    /** What of a machine no second host of a program can have, e.g. `address 203.0.113.7`. @default nothing */
    identities?: readonly string[];
    /**
     * Everything that is wrong with the adapter's arguments, and with what its provider is asked with.
     *
     * @param path stands before each argument, e.g. `server`.
     * @param opts of the mail host, which may name another provider.
     */
    problems(path: string, opts?: pulumi.ComponentResourceOptions): Problem[];
    create(name: string, plan: ServerPlan, opts: pulumi.ComponentResourceOptions): Server;
}
