import type { System } from "./plan";

/** What every system calls by the same name. */
const common = [
    "ca-certificates",
    "curl",
    "e2fsprogs",
    "logrotate",
    "nftables",
    "systemd-timesyncd",
    "unattended-upgrades",
];

/**
 * Docker with compose v2, from the distribution wherever it has it, so that its security updates reach it. Named in
 * full because nothing is installed for being merely recommended.
 */
const docker: Record<System, string[]> = {
    "debian-13": ["apparmor", "docker.io", "docker-cli", "docker-compose"],
    // Debian 12 has compose v1 only: these come from Docker's own repository.
    "debian-12": [
        "apparmor",
        "docker-ce",
        "docker-ce-cli",
        "containerd.io",
        "docker-compose-plugin",
    ],
    "ubuntu-24.04": ["apparmor", "docker.io", "docker-compose-v2"],
    "ubuntu-22.04": ["apparmor", "docker.io", "docker-compose-v2"],
};

const certbot = ["certbot", "python3-certbot-dns-cloudflare"];

/**
 * The packages of a host, in the order in which they are installed.
 *
 * @returns names as `apt-get install` takes them, each once.
 */
export function hostPackages(system: System): string[] {
    return [...common, ...docker[system], ...certbot];
}
