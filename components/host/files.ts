import { dataDeviceFile, dataMountPoint, dataMountUnit, dataPrepareUnit } from "./data-volume";
import type { AptSource, ExistingMachine, HostFile, HostPlanArgs, Swap, Sysctl } from "./plan";
import { stackHostFiles } from "../stack/deploy-host-files";
import { hostCommandFiles } from "./host-command";
import { libraryFolder } from "./library";
import { shellQuote } from "./shell-quote";
import { hostFragment, hostTemplate } from "./template";

const unitFolder = "/etc/systemd/system";

/** Renews the certificates, twice a day. */
export const renewalTimer = "mailhost-renew.timer";

/** Upstream's cloud-init parameters, for people and scripts that look for them where its guide puts them. */
function parameterFiles(args: HostPlanArgs): HostFile[] {
    const withSecrets = args.secretDelivery === "user-data";
    const exports = [
        ["EMAIL", args.email],
        ["DOMAIN", args.domain],
        ["AUTH_BASIC_USERNAME", args.authBasicUsername],
    ] as const;
    const environment: HostFile = {
        path: "/etc/profile.d/env.sh",
        mode: withSecrets ? "0600" : "0644",
        content: exports.map(([name, value]) => `export ${name}=${shellQuote(value)}\n`).join(""),
    };
    if (!withSecrets) return [environment];
    return [
        {
            ...environment,
            secretLine: {
                secret: "authBasicPassword",
                prefix: "export AUTH_BASIC_PASSWORD=",
                quoting: "shell",
            },
        },
        {
            path: "/root/.cloudflare.ini",
            mode: "0600",
            content: "",
            secretLine: {
                secret: "cloudflareApiToken",
                prefix: "dns_cloudflare_api_token = ",
                quoting: "none",
            },
        },
    ];
}

function dockerFiles(): HostFile[] {
    const daemon = {
        // An upgrade of the daemon must not restart the databases.
        "live-restore": true,
        "log-driver": "local",
        "log-opts": { "max-size": "20m", "max-file": "5" },
    };
    const effect = { verb: "restart", unit: "docker.service" } as const;
    return [
        {
            path: "/etc/docker/daemon.json",
            mode: "0644",
            content: `${JSON.stringify(daemon, null, 4)}\n`,
            effect,
        },
        {
            path: `${unitFolder}/docker.service.d/mailhost.conf`,
            mode: "0644",
            content: hostTemplate("docker.conf", { MOUNT_POINT: dataMountPoint }),
            effect,
        },
        {
            path: `${unitFolder}/docker.socket.d/mailhost.conf`,
            mode: "0644",
            content: hostTemplate("docker-socket.conf", { MOUNT_POINT: dataMountPoint }),
        },
    ];
}

/** How the data's folder is mounted, and from what `/run/mailhost/data-device` leads to. */
const dataMounts = {
    device: { TYPE: "ext4", OPTIONS: "noatime,nodev,nosuid" },
    "root-disk": { TYPE: "none", OPTIONS: "bind,noatime,nodev,nosuid" },
} as const;

function dataVolumeFiles({ data = "device" }: Partial<ExistingMachine> = {}): HostFile[] {
    return [
        {
            path: `${libraryFolder}/data-volume`,
            mode: "0755",
            content: hostTemplate("data-volume.sh", { IS_BLANK: hostFragment("is-blank.sh") }),
        },
        {
            path: `${unitFolder}/${dataPrepareUnit}`,
            mode: "0644",
            content: hostTemplate("mailhost-data.service", {
                DEVICE_FILE: dataDeviceFile,
                MOUNT_POINT: dataMountPoint,
            }),
        },
        {
            path: `${unitFolder}/${dataMountUnit}`,
            mode: "0644",
            content: hostTemplate("data.mount", {
                MOUNT_POINT: dataMountPoint,
                ...dataMounts[data],
            }),
        },
    ];
}

/** The parts of the script for certificates, in the order in which they stand in it. */
const certificateParts = [
    "certificates-failure.sh",
    "certificates-issue.sh",
    "certificates-install.sh",
    "certificates-run.sh",
];

function certificateFiles(): HostFile[] {
    return [
        {
            path: `${libraryFolder}/certificates`,
            mode: "0755",
            overSshOnly: true,
            content: [
                hostTemplate("certificates.sh", { MOUNT_POINT: dataMountPoint }),
                ...certificateParts.map((part) => hostTemplate(part)),
            ].join("\n"),
        },
        {
            path: `${unitFolder}/mailhost-renew.service`,
            mode: "0644",
            content: hostTemplate("mailhost-renew.service", { MOUNT_UNIT: dataMountUnit }),
        },
        {
            path: `${unitFolder}/${renewalTimer}`,
            mode: "0644",
            content: hostTemplate("mailhost-renew.timer"),
            effect: { verb: "restart", unit: renewalTimer },
        },
    ];
}

/** Who may reach the ports at which sshd listens. */
function sshRules(cidrs: readonly string[] | undefined): string {
    const matches = cidrs?.map((cidr) => `${cidr.includes(":") ? "ip6" : "ip"} saddr ${cidr} `);
    return (matches ?? [""])
        .map((match) => `${match}tcp dport $ssh_ports accept`)
        .join("\n        ");
}

function firewallFiles(
    openTcpPorts: readonly number[],
    { sshAllowedCidrs }: Partial<ExistingMachine> = {},
): HostFile[] {
    const effect = { verb: "restart", unit: "mailhost-firewall.service" } as const;
    const ports = [...new Set(openTcpPorts)].sort((a, b) => a - b);
    return [
        {
            path: `${libraryFolder}/firewall`,
            mode: "0755",
            content: hostTemplate("firewall.sh"),
            effect,
        },
        {
            path: `${unitFolder}/mailhost-firewall.service`,
            mode: "0644",
            content: hostTemplate("mailhost-firewall.service"),
        },
        {
            path: "/etc/mailhost/firewall.nft",
            mode: "0644",
            content: hostTemplate("firewall.nft", {
                SSH_RULES: sshRules(sshAllowedCidrs),
                OPEN_TCP_PORTS: ports.length > 0 ? `elements = { ${ports.join(", ")} }` : "",
            }),
            check: "firewall",
            effect,
        },
    ];
}

/** Every file of the host, in the order in which they are placed. */
export function hostFiles(
    args: HostPlanArgs,
    sysctls: readonly Sysctl[],
    swap: Swap,
    aptSources: readonly AptSource[],
): HostFile[] {
    return [
        ...parameterFiles(args),
        {
            path: "/etc/sysctl.d/90-mailhost.conf",
            mode: "0644",
            content: sysctls.map(({ key, value }) => `${key} = ${value}\n`).join(""),
        },
        {
            path: "/etc/systemd/journald.conf.d/mailhost.conf",
            mode: "0644",
            content: hostTemplate("journald.conf"),
            effect: { verb: "restart", unit: "systemd-journald.service" },
        },
        {
            path: "/etc/logrotate.d/mailhost",
            mode: "0644",
            content: hostTemplate("logrotate.conf"),
        },
        {
            // Sorts after the package's own 50unattended-upgrades: the last value holds.
            path: "/etc/apt/apt.conf.d/52mailhost",
            mode: "0644",
            content: hostTemplate("upgrades.conf", {
                REBOOT_TIME: args.rebootTime,
                // A source that is not the distribution's own gets its security updates too.
                OTHER_ORIGINS: aptSources
                    .map(
                        ({ origin }) =>
                            `Unattended-Upgrade::Origins-Pattern { "origin=${origin}"; };\n`,
                    )
                    .join(""),
            }),
        },
        {
            path: `${unitFolder}/${swap.unit}`,
            mode: "0644",
            content: hostTemplate("swapfile.swap", { FILE: swap.file }),
        },
        ...dataVolumeFiles(args.existing),
        ...dockerFiles(),
        ...certificateFiles(),
        ...hostCommandFiles(args.existing),
        {
            // Apart from root's own file, which holds the program's key and whatever an administrator adds there.
            path: "/etc/ssh/authorized_keys.d/root",
            mode: "0644",
            content: args.authorizedKeys.map((key) => `${key}\n`).join(""),
        },
        {
            path: "/etc/ssh/sshd_config.d/00-mailhost.conf",
            mode: "0644",
            content: hostTemplate("sshd.conf"),
            check: "sshd",
            effect: { verb: "reload", unit: "ssh.service" },
        },
        ...stackHostFiles(),
        ...firewallFiles(args.openTcpPorts, args.existing),
    ];
}
