import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { hostPackages } from "../../../components/host/packages";
import { planHost, systems, type HostFile, type System } from "../../../components/host/plan";
import { hostTemplate } from "../../../components/host/template";
import { planArguments } from "./arguments";

const packages: Record<System, string> = {
    "debian-13":
        "ca-certificates curl e2fsprogs logrotate nftables systemd-timesyncd unattended-upgrades " +
        "apparmor docker.io docker-cli docker-compose certbot python3-certbot-dns-cloudflare",
    "debian-12":
        "ca-certificates curl e2fsprogs logrotate nftables systemd-timesyncd unattended-upgrades " +
        "apparmor docker-ce docker-ce-cli containerd.io docker-compose-plugin certbot python3-certbot-dns-cloudflare",
    "ubuntu-24.04":
        "ca-certificates curl e2fsprogs logrotate nftables systemd-timesyncd unattended-upgrades " +
        "apparmor docker.io docker-compose-v2 certbot python3-certbot-dns-cloudflare",
    "ubuntu-22.04":
        "ca-certificates curl e2fsprogs logrotate nftables systemd-timesyncd unattended-upgrades " +
        "apparmor docker.io docker-compose-v2 certbot python3-certbot-dns-cloudflare",
};

/** Path, mode, check and effect of every file. */
const files = `
/etc/profile.d/env.sh 0644 - -
/etc/sysctl.d/90-mailhost.conf 0644 - -
/etc/systemd/journald.conf.d/mailhost.conf 0644 - restart:systemd-journald.service
/etc/logrotate.d/mailhost 0644 - -
/etc/apt/apt.conf.d/52mailhost 0644 - -
/etc/systemd/system/swapfile.swap 0644 - -
/usr/local/lib/mailhost/data-volume 0755 - -
/etc/systemd/system/mailhost-data.service 0644 - -
/etc/systemd/system/root-forwardemail.net-self\\x2dhosting.mount 0644 - -
/etc/docker/daemon.json 0644 - restart:docker.service
/etc/systemd/system/docker.service.d/mailhost.conf 0644 - restart:docker.service
/etc/systemd/system/docker.socket.d/mailhost.conf 0644 - -
/usr/local/lib/mailhost/certificates 0755 - -
/etc/systemd/system/mailhost-renew.service 0644 - -
/etc/systemd/system/mailhost-renew.timer 0644 - restart:mailhost-renew.timer
/usr/local/bin/mailhost 0755 - -
/usr/local/lib/mailhost/status 0755 - -
/usr/local/lib/mailhost/logs 0755 - -
/usr/local/lib/mailhost/causes 0644 - -
/etc/ssh/authorized_keys.d/root 0644 - -
/etc/ssh/sshd_config.d/00-mailhost.conf 0644 sshd reload:ssh.service
/usr/local/lib/mailhost/stack 0755 - -
/etc/systemd/system/mailhost-stack.service 0644 - -
/usr/local/lib/mailhost/firewall 0755 - restart:mailhost-firewall.service
/etc/systemd/system/mailhost-firewall.service 0644 - -
/etc/mailhost/firewall.nft 0644 firewall restart:mailhost-firewall.service
`
    .trim()
    .split("\n");

function row(file: HostFile): string {
    const effect = file.effect ? `${file.effect.verb}:${file.effect.unit}` : "-";
    return [file.path, file.mode, file.check ?? "-", effect].join(" ");
}

function contentOf(plan: { files: HostFile[] }, file: string): string {
    const found = plan.files.find((other) => other.path === file);
    assert.ok(found, `the plan has no ${file}`);
    return found.content;
}

for (const system of systems) {
    describe(`the plan of ${system}`, () => {
        const plan = planHost({ ...planArguments, system });

        test("installs these packages in this order", () => {
            assert.deepEqual(plan.packages, packages[system].split(" "));
            assert.deepEqual(plan.packages, hostPackages(system));
        });

        test("takes packages from elsewhere only where the distribution lacks compose v2", () => {
            const docker = {
                name: "docker",
                keyUrl: "https://download.docker.com/linux/debian/gpg",
                keyFingerprint: "9DC858229FC7DD38854AE2D88D81803C0EBFCD88",
                uri: "https://download.docker.com/linux/debian",
                suite: "bookworm",
                component: "stable",
                origin: "Docker",
            };
            assert.deepEqual(plan.aptSources, system === "debian-12" ? [docker] : []);
            assert.equal(
                contentOf(plan, "/etc/apt/apt.conf.d/52mailhost").includes("origin=Docker"),
                system === "debian-12",
            );
        });

        test("places these files", () => assert.deepEqual(plan.files.map(row), files));

        test("has every file in whole lines", () => {
            for (const { path: name, content } of plan.files) {
                assert.match(content, /^(?:[^]*\n)?$/, name);
                assert.doesNotMatch(content, /@[A-Z_]+@/, name);
            }
        });

        test("is the same on every system in all else", () => {
            assert.deepEqual(
                { ...plan, files: [], packages: [], aptSources: [] },
                {
                    system,
                    packages: [],
                    aptSources: [],
                    hostname: "mx",
                    fqdn: "mx.example.com",
                    files: [],
                    sysctls: [
                        {
                            key: "net.ipv4.ip_unprivileged_port_start",
                            value: "25",
                            hostOnly: false,
                        },
                        { key: "vm.overcommit_memory", value: "1", hostOnly: true },
                    ],
                    units: {
                        enabled: [
                            "mailhost-firewall.service",
                            "systemd-timesyncd.service",
                            "apt-daily.timer",
                            "apt-daily-upgrade.timer",
                            "mailhost-renew.timer",
                        ],
                        masked: ["certbot.timer"],
                    },
                    awaitsFirstBoot: true,
                    dataVolume: {
                        data: "device",
                        mountPoint: "/root/forwardemail.net/self-hosting",
                        mountUnit: "root-forwardemail.net-self\\x2dhosting.mount",
                        prepareUnit: "mailhost-data.service",
                        deviceFile: "/etc/mailhost/data-device",
                        folders: [
                            { path: "ssl", mode: "0750" },
                            { path: "sqlite-data", mode: "0750" },
                            { path: "mongo-data", mode: "0750" },
                            { path: "mongo-backups", mode: "0750" },
                            { path: "redis-data", mode: "0750" },
                            { path: "letsencrypt", mode: "0700" },
                        ],
                    },
                    swap: {
                        file: "/swapfile",
                        unit: "swapfile.swap",
                        sizeMib: 2048,
                        belowMemoryKib: 3_500_000,
                    },
                    dataUnits: ["docker.service"],
                    debug: false,
                    secretDelivery: "ssh",
                },
            );
        });
    });
}

describe("the parameters that upstream's guide names", () => {
    test("are exported, without secrets", () => {
        const plan = planHost(planArguments);
        assert.equal(
            contentOf(plan, "/etc/profile.d/env.sh"),
            "export EMAIL=postmaster@example.com\nexport DOMAIN=example.com\nexport AUTH_BASIC_USERNAME=admin\n",
        );
        assert.deepEqual(
            plan.files.filter((file) => file.secretLine !== undefined),
            [],
        );
    });

    test("are closed to others once secrets join them", () => {
        const plan = planHost({ ...planArguments, secretDelivery: "user-data" });
        assert.deepEqual(
            plan.files.filter((file) => file.secretLine !== undefined),
            [
                {
                    path: "/etc/profile.d/env.sh",
                    mode: "0600",
                    content: contentOf(planHost(planArguments), "/etc/profile.d/env.sh"),
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
            ],
        );
    });

    test("survive a shell whatever they hold", () => {
        // What a shell can hold at all: anything but NUL. `grapheme` brings quotes, dollars, newlines and the rest.
        const text = fc.string({ unit: "binary", minLength: 1 }).map((s) => s.replaceAll("\0", ""));
        const anything = fc.oneof(
            text.filter((value) => Buffer.from(value).toString() === value),
            fc.constantFrom("o'brien", "$HOME", '"', "`id`", "$(id)", "a b", "\\", "!!", "~", "*"),
        );
        fc.assert(
            fc.property(anything, fc.emailAddress(), fc.domain(), (user, email, domain) => {
                const plan = planHost({
                    ...planArguments,
                    email,
                    domain,
                    authBasicUsername: user,
                });
                const script = `${contentOf(plan, "/etc/profile.d/env.sh")}printf '%s\\0' "$EMAIL" "$DOMAIN" "$AUTH_BASIC_USERNAME"`;
                const output = execFileSync("sh", ["-eu"], { input: script, encoding: "utf8" });
                assert.deepEqual(output.split("\0"), [email, domain, user, ""]);
            }),
            { numRuns: 60 },
        );
    });
});

describe("the firewall", () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-firewall-"));
    after(() => fs.rmSync(folder, { recursive: true }));

    test("opens each port once, in order", () => {
        const plan = planHost({ ...planArguments, openTcpPorts: [443, 25, 443] });
        assert.match(contentOf(plan, "/etc/mailhost/firewall.nft"), /elements = \{ 25, 443 \}\n/);
    });

    for (const ports of [[], [25], planArguments.openTcpPorts]) {
        test(`is what nft accepts with ports ${ports.join(" ") || "none"}`, (t) => {
            if (process.getuid?.() !== 0) return t.skip("nft checks rules for root only");
            const plan = planHost({ ...planArguments, openTcpPorts: ports });
            const file = path.join(folder, "firewall.nft");
            fs.writeFileSync(
                file,
                `define ssh_ports = { 22, 2222 }\n${contentOf(plan, "/etc/mailhost/firewall.nft")}`,
            );
            execFileSync("nft", ["--check", "--file", file], { stdio: "pipe" });
        });
    }
});

describe("units", () => {
    test("need the data volume where Docker's do", () => {
        const plan = planHost(planArguments);
        for (const unit of ["docker.service", "docker.socket"]) {
            assert.match(
                contentOf(plan, `/etc/systemd/system/${unit}.d/mailhost.conf`),
                /^RequiresMountsFor=\/root\/forwardemail\.net\/self-hosting$/m,
            );
        }
    });

    test("are named as systemd demands", (t) => {
        const { mountPoint, mountUnit } = planHost(planArguments).dataVolume;
        try {
            const escaped = execFileSync("systemd-escape", ["-p", "--suffix=mount", mountPoint]);
            assert.equal(mountUnit, escaped.toString().trim());
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
            t.skip("there is no systemd here");
        }
    });

    test("keep the containers when the daemon restarts", () => {
        assert.deepEqual(
            JSON.parse(contentOf(planHost(planArguments), "/etc/docker/daemon.json")),
            {
                "live-restore": true,
                "log-driver": "local",
                "log-opts": { "max-size": "20m", "max-file": "5" },
            },
        );
    });
});

describe("a template", () => {
    test("without a value for a placeholder is refused", () => {
        assert.throws(
            () => hostTemplate("docker.conf"),
            /docker\.conf: no value for @MOUNT_POINT@$/,
        );
    });

    test("with a value that it has no place for is refused", () => {
        assert.throws(
            () => hostTemplate("docker.conf", { MOUNT_POINT: "/data", OWNER: "root" }),
            /docker\.conf: has no placeholder @OWNER@$/,
        );
    });
});
