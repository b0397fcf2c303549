import type { System } from "../../components/host/plan";

/** The systems that machines of the laptop cloud can have. */
export type ImageSystem = Extract<System, "debian-13" | "ubuntu-24.04">;

/** Debian's and the Hetzner Cloud API's names of an architecture. */
export interface Architecture {
    debian: "amd64" | "arm64";
    hetzner: "x86" | "arm";
}

/** What a machine's image is made of, and where that is from. */
export interface SystemImage {
    /** As the simulated providers show it. */
    description: string;
    /** At the simulated Hetzner Cloud: the one that the real provider gave to its own image. */
    id: number;
    suite: string;
    /** Address of the package archive. */
    archive: string;
    /** What follows `deb [signed-by=…] ` in each line of `sources.list`. */
    sources: string[];
    /** The archive's keys, for each of which Debian has a package. */
    keys: { file: string; package: string };
    /** What a provider's stock image holds, and none of the host's own packages. */
    packages: string[];
    /** What virtual machines boot. Without it the image is for containers alone, and has no snapshot beside it. */
    kernel?: string;
}

/** The stock image has the id that the real provider gave to its Debian 13. */
export const stockImageId = 114690387;

/** What each stock image holds. */
const common = [
    ...["systemd", "systemd-sysv", "systemd-resolved", "libpam-systemd", "udev", "dbus", "kmod"],
    ...["openssh-server", "cloud-init", "cloud-guest-utils", "sudo", "apt", "ca-certificates"],
    ...["curl", "iproute2", "iputils-ping", "netbase", "procps", "e2fsprogs", "less", "tzdata"],
];

export function systemImage(system: ImageSystem, { debian, hetzner }: Architecture): SystemImage {
    switch (system) {
        case "debian-13": {
            const archive = "http://deb.debian.org/debian";
            return {
                ...{ description: "Debian 13", id: stockImageId, suite: "trixie", archive },
                sources: [
                    `${archive} trixie main`,
                    `${archive} trixie-updates main`,
                    `${archive}-security trixie-security main`,
                ],
                keys: {
                    file: "/usr/share/keyrings/debian-archive-keyring.gpg",
                    package: "debian-archive-keyring",
                },
                packages: common,
                kernel: `linux-image-cloud-${debian}`,
            };
        }
        case "ubuntu-24.04": {
            const archive =
                debian === "amd64"
                    ? "http://archive.ubuntu.com/ubuntu"
                    : "http://ports.ubuntu.com/ubuntu-ports";
            return {
                description: "Ubuntu 24.04",
                id: hetzner === "x86" ? 161547269 : 161547270,
                ...{ suite: "noble", archive },
                // Docker and certbot are in universe.
                sources: ["noble", "noble-updates", "noble-security"].map(
                    (pocket) => `${archive} ${pocket} main universe`,
                ),
                keys: {
                    file: "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
                    package: "ubuntu-keyring",
                },
                // What sets Ubuntu's own images apart for who installs packages and a firewall on them.
                packages: [...common, "ubuntu-minimal", "needrestart", "ufw"],
            };
        }
    }
}
