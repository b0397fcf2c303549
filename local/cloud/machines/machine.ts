import type { MachineServices } from "../network/service-ports";

/**
 * One rule of the cloud firewall, in the terms of the Hetzner Cloud API. Where there is any `out` rule, what no such rule
 * lets through can't leave; a VM's network enforces `in` rules alone.
 */
export interface FirewallRule {
    direction: "in" | "out";
    protocol: "tcp" | "udp" | "icmp" | "esp" | "gre";
    /** `22`, `1000-2000` or `any`; absent for icmp. */
    port?: string;
    /** Of `in` rules. */
    sourceIps: string[];
    /** Of `out` rules; empty: nothing. */
    destinationIps?: string[];
}

/** A data disk. */
export interface AttachedVolume {
    id: number;
    /** A raw disk image on this computer. */
    file: string;
    /** The path at which the machine must find it, e.g. `/dev/disk/by-id/scsi-0HC_Volume_101`. */
    device: string;
}

/** What a machine is made from. Everything a rented server would be given, and nothing else. */
export interface MachineSpec {
    /** The server's id at the simulated provider. */
    id: number;
    /** The server's name: its first host name, as the provider's metadata gives it. */
    name: string;
    /** A folder of the machine's own: disk, console log, process ids. Exists. */
    directory: string;
    /** The image's id, see local/image. */
    image: ImageFiles;
    userData: string;
    /** The provider's own SSH keys for root, authorized_keys lines. */
    publicKeys: string[];
    memoryMb: number;
    cores: number;
    diskGb: number;
    /** Addresses of the primary IPs; undefined where the server has none. IPv6 is the host's own: `<prefix>::1`. */
    ipv4?: string;
    ipv6?: string;
    volumes: AttachedVolume[];
    /** Undefined: no cloud firewall, everything passes. */
    firewall?: FirewallRule[];
}

/** An image to boot from; made by local/image, never written to. */
export interface ImageFiles {
    id: number;
    /** The name at the simulated provider (`debian-13`); a snapshot has none. */
    name?: string;
    description: string;
    architecture: "x86" | "arm";
    /** A raw ext4 file system. */
    rootDisk: string;
    /** What a virtual machine boots; absent where the image is for containers alone. */
    boot?: { kernel: string; initrd: string };
    /** Where the packages of its system are: path of the repository beneath the port of the services, and suite. */
    packages: { path: string; suite: string };
}

/** What a machine needs to know of the cloud that it is in. */
export interface MachineOptions {
    /** The cloud's address block. */
    slot: number;
    /** The port at which machines find the package repository on the services' address; a VM finds there what listens at the same port of 127.0.0.1. */
    servicesPort: number;
    /** The services beside the package repository. @default machines are told of none */
    services?: MachineServices;
    /** Added to ports below 1024 of a VM where an ordinary user may not bind them; 0 otherwise. */
    portOffset: number;
}

/** Where this computer reaches a port of a machine. */
export interface Reach {
    host: string;
    port: number;
}

/**
 * A machine of the laptop cloud. Two implementations: `VirtualMachine` (QEMU) and `ContainerMachine`
 * (systemd-nspawn in a network namespace). A machine outlives the daemon that started it: all of its state stands in
 * its folder, and an object made again from the same spec finds it running.
 */
export interface Machine {
    /** Boots; resolves when the machine runs (not when it answers). Creates the disk at the first call. */
    start(): Promise<void>;
    /** Asks the system to shut down (ACPI, SIGRTMIN+4) and waits; after `timeoutSeconds` the power goes. */
    shutdown(timeoutSeconds: number): Promise<void>;
    /** Pulls the plug. */
    powerOff(): Promise<void>;
    /** Whether the machine's processes run. */
    isRunning(): boolean;
    /** Removes everything that it made outside its folder (namespace, veth, mounts, loop devices). Powers off first. */
    destroy(): Promise<void>;
    /** Hot-plugs a volume, also when off. */
    attachVolume(volume: AttachedVolume): Promise<void>;
    /**
     * Unplugs, also while mounted, as a cloud does.
     *
     * @returns whether the machine still had it mounted: the laptop cloud records that, since it costs data.
     */
    detachVolume(id: number): Promise<{ wasMounted: boolean }>;
    /** Shows a running machine the new size of a volume whose file has grown. */
    growVolume(id: number): Promise<void>;
    /** Replaces the cloud firewall's rules at once; undefined opens everything. */
    setFirewall(rules: FirewallRule[] | undefined): Promise<void>;
    /** Memory and cores for the next start. */
    resize(size: { memoryMb: number; cores: number }): Promise<void>;
    /** Where this computer reaches the port over IPv4 or IPv6; undefined when it can't. */
    reach(port: number, family: 4 | 6): Reach | undefined;
}
