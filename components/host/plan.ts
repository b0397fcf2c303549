import { dataDeviceFile, dataMountPoint, dataMountUnit, dataPrepareUnit } from "./data-volume";
import { hostFiles, renewalTimer } from "./files";
import { hostPackages } from "./packages";

/**
 * Operating systems that the host plan knows. `debian-13` is rehearsed end to end, `ubuntu-24.04` as an existing machine;
 * the others are unit-tested, and were booted once.
 */
export const systems = ["debian-13", "debian-12", "ubuntu-24.04", "ubuntu-22.04"] as const;
export type System = (typeof systems)[number];

/** Values that a plan never holds; the renderers are given them. */
export type SecretName = "authBasicPassword" | "cloudflareApiToken";

/** What decides a host plan. Validated before: the plan trusts its shape, but quotes everything. */
export interface HostPlanArgs {
    system: System;
    /** The host's name, e.g. `mx.example.com`. */
    fqdn: string;
    /** The primary mail domain, e.g. `example.com`. */
    domain: string;
    /** The certificate authority's contact. */
    email: string;
    /** Protects the web interface until its first administrator exists. */
    authBasicUsername: string;
    /** Who may log in as root besides the program: authorized_keys lines. */
    authorizedKeys: readonly string[];
    /** TCP ports that everyone may reach, besides SSH. */
    openTcpPorts: number[];
    /** When an upgrade that needs it may reboot the host, `HH:MM` in the host's time zone (UTC on rented servers). */
    rebootTime: string;
    /** Every step on the host is verbose, and its log is kept in `/var/log/mailhost/`. */
    debug: boolean;
    /**
     * Whether the host's first boot is given secrets. With `user-data` the renderers write those that they are given
     * to `/etc/profile.d/env.sh` and `/root/.cloudflare.ini`; with `ssh` they write none.
     */
    secretDelivery: "ssh" | "user-data";
    /** What differs where the machine was not made for this host. @default it was: rented, and booted as planned */
    existing?: ExistingMachine;
}

/** A machine that was there before: its first boot is over and was not ours, and nobody narrows SSH in front of it. */
export interface ExistingMachine {
    /** `root-disk`: the data lies in the mount point's own folder, which is mounted on itself. */
    data: "device" | "root-disk";
    /** Address blocks in CIDR form from which the host's own firewall lets SSH in. @default every address */
    sshAllowedCidrs?: readonly string[];
}

/** A package source beside the distribution's own. */
export interface AptSource {
    /** The name of its file in `sources.list.d` and of its key in `keyrings`. */
    name: string;
    /** Where its signing key is fetched from when it is missing. */
    keyUrl: string;
    /** The primary key that must be in that file, and the only one: 40 upper-case hexadecimal digits. */
    keyFingerprint: string;
    uri: string;
    suite: string;
    component: string;
    /** Its `Origin`, from which unattended upgrades are taken. */
    origin: string;
}

/** What makes a changed file take effect: a unit that is restarted or reloaded if it runs. */
export interface FileEffect {
    verb: "restart" | "reload";
    unit: string;
}

/** A file of the host. Owned by root; its folders are made as needed, with mode 0755. */
export interface HostFile {
    path: string;
    /** Octal, four digits. */
    mode: "0600" | "0644" | "0755";
    /** Whole lines. */
    content: string;
    /** A last line that holds a secret; left out when the renderer is not given that secret. */
    secretLine?: { secret: SecretName; prefix: string; quoting: "shell" | "none" };
    /**
     * Checked in place, and put back as it was when the check fails. Such a file is placed after the packages, which
     * bring the checker; the others are placed before, so that a service never starts without its configuration.
     */
    check?: "sshd" | "firewall";
    effect?: FileEffect;
    /** Left out of first boot, which does without it: user data has a limit. The first script over SSH brings it. */
    overSshOnly?: true;
}

/** A kernel setting. */
export interface Sysctl {
    key: string;
    value: string;
    /** Whether a container may be refused it: it belongs to the machine around it. */
    hostOnly: boolean;
}

/** A folder on the data volume; made when missing, never changed once there. */
export interface DataFolder {
    path: string;
    mode: "0700" | "0750" | "0755";
}

/** Swap on the root disk. */
export interface Swap {
    file: string;
    unit: string;
    sizeMib: number;
    /** Made only where the machine has less memory. */
    belowMemoryKib: number;
}

/** Everything that the host is to be, as plain data. The renderers turn it into a script and into user data. */
export interface HostPlan {
    system: System;
    /** The first label of the name. */
    hostname: string;
    fqdn: string;
    packages: string[];
    aptSources: AptSource[];
    files: HostFile[];
    sysctls: Sysctl[];
    units: {
        /** Enabled and running. */
        enabled: string[];
        /** Never to run. */
        masked: string[];
    };
    /** Whether the first boot is awaited, and has to have gone well. */
    awaitsFirstBoot: boolean;
    dataVolume: {
        /** Where it is: a device of its own, or the mount point's folder on the root disk. */
        data: ExistingMachine["data"];
        mountPoint: string;
        mountUnit: string;
        /** Prepares the device before the mount; its failure says why. */
        prepareUnit: string;
        /** The file that names the device. */
        deviceFile: string;
        folders: DataFolder[];
    };
    swap: Swap;
    /** What needs the data volume: started last. */
    dataUnits: string[];
    debug: boolean;
    secretDelivery: "ssh" | "user-data";
}

/** Docker's signing key, as https://docs.docker.com/engine/install/debian/ gives it. */
const dockerForDebian12: AptSource = {
    name: "docker",
    keyUrl: "https://download.docker.com/linux/debian/gpg",
    keyFingerprint: "9DC858229FC7DD38854AE2D88D81803C0EBFCD88",
    uri: "https://download.docker.com/linux/debian",
    suite: "bookworm",
    component: "stable",
    origin: "Docker",
};

/**
 * Decides what a host is: a pure function, so that what first boot does and what later changes do is the same data.
 */
export function planHost(args: HostPlanArgs): HostPlan {
    const sysctls: Sysctl[] = [
        // The mail services run as an ordinary user on the host's network, where the limit stays at 1024.
        { key: "net.ipv4.ip_unprivileged_port_start", value: "25", hostOnly: false },
        // Redis forks to save, which a strict kernel refuses when memory is half full.
        { key: "vm.overcommit_memory", value: "1", hostOnly: true },
    ];
    // What is sold as 4 GB reports about 3.7 GiB.
    const swap: Swap = {
        file: "/swapfile",
        unit: "swapfile.swap",
        sizeMib: 2048,
        belowMemoryKib: 3_500_000,
    };
    const aptSources = args.system === "debian-12" ? [dockerForDebian12] : [];
    return {
        system: args.system,
        hostname: args.fqdn.split(".")[0] ?? args.fqdn,
        fqdn: args.fqdn,
        packages: hostPackages(args.system),
        aptSources,
        files: hostFiles(args, sysctls, swap, aptSources),
        sysctls,
        units: {
            enabled: [
                "mailhost-firewall.service",
                "systemd-timesyncd.service",
                "apt-daily.timer",
                "apt-daily-upgrade.timer",
                renewalTimer,
            ],
            // Renewal is ours: the distribution's timer knows neither the store on the volume nor who reads the keys.
            masked: ["certbot.timer"],
        },
        awaitsFirstBoot: args.existing === undefined,
        dataVolume: {
            data: args.existing?.data ?? "device",
            mountPoint: dataMountPoint,
            mountUnit: dataMountUnit,
            prepareUnit: dataPrepareUnit,
            deviceFile: dataDeviceFile,
            folders: [
                { path: "ssl", mode: "0750" },
                { path: "sqlite-data", mode: "0750" },
                { path: "mongo-data", mode: "0750" },
                { path: "mongo-backups", mode: "0750" },
                { path: "redis-data", mode: "0750" },
                { path: "letsencrypt", mode: "0700" },
            ],
        },
        swap,
        dataUnits: ["docker.service"],
        debug: args.debug,
        secretDelivery: args.secretDelivery,
    };
}
