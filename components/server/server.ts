import type * as pulumi from "@pulumi/pulumi";
import type { HostPlan, SecretName, System } from "../host/plan";
import type { Problem } from "../problem";

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
    /** Addresses at which the host receives. `ipv6` is the host's own address, not its network. */
    inbound: { ipv4: pulumi.Output<string>; ipv6: pulumi.Output<string> };
    /** Addresses from which it sends: SPF, PTR and the EHLO name's records must cover these. */
    outbound: { ipv4: pulumi.Output<string>; ipv6: pulumi.Output<string> };
    ssh: SshConnection;
    /**
     * Changes when another machine stands behind the addresses, and when a guard has brought the same one to rest for a
     * replacement that then did not come: both have to be set up.
     */
    machineId: pulumi.Output<string>;
    /** The data volume's device on the host, e.g. `/dev/disk/by-id/scsi-0HC_Volume_1`. */
    dataDevice: pulumi.Output<string>;
    /** The data volume's size in GB, as the provider counts; undefined where it is not ours. */
    dataSizeGb?: pulumi.Output<number>;
    /** What must exist before the first SSH connection makes sense (the volume is attached, the address has its PTR). */
    ready: pulumi.Resource[];
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
    /** Everything that is wrong with the adapter's arguments. `path` stands before each argument, e.g. `server`. */
    problems(path: string): Problem[];
    create(name: string, plan: ServerPlan, opts: pulumi.ComponentResourceOptions): Server;
}
