// One host's life on the container kind, without mail services: first `up`, quiet second one, both firewalls, changes in place, replacement
// under load, reboots, a lost volume, destruction. The steps build on each other.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { run, runQuietly } from "../../cli/run-program";
import { localDomain, operatorEmail } from "../../local/laptop";
import { sshArguments } from "../../local/status";
import { answering, scanAllTcpPorts } from "./support/scan";
import { orderedSteps } from "./support/steps";
import {
    eventually,
    hostProgram,
    hostStackSize,
    suiteLimit,
    TestLaptop,
} from "./support/test-laptop";

const mountPoint = "/root/forwardemail.net/self-hosting";
const mailPorts = [25, 80, 443, 465, 993, 995];
const host = `mx.${localDomain}`;

interface ServerAnswer {
    servers: { id: number; status: string; server_type: { name: string } }[];
}

describe("a host on the container kind", { timeout: suiteLimit }, () => {
    const step = orderedSteps();
    let laptop: TestLaptop;
    let firstServer: number;

    before(async () => {
        laptop = await TestLaptop.start("host", { kind: "container", project: hostProgram });
    });
    after(() => laptop.close());

    const server = async () => {
        const { servers } = await laptop.api<ServerAnswer>("GET", "/servers");
        assert.equal(servers.length, 1);
        return servers[0]!;
    };
    const pointers = async () => {
        const { primary_ips } = await laptop.api<{
            primary_ips: { ip: string; dns_ptr: { ip: string; dns_ptr: string }[] }[];
        }>("GET", "/primary_ips");
        return primary_ips
            .flatMap(({ ip, dns_ptr }) => dns_ptr.map((p) => `${ip} ${p.ip} ${p.dns_ptr}`))
            .sort();
    };
    const volumes = async () => {
        const status = await laptop.api<{
            volumes: { id: number; server: number | null; detachedWhileMounted: number }[];
        }>("GET", "/_laptop/status");
        return status.volumes;
    };

    /** With the cloud firewall taken off the server, so that only the host's own stands. */
    async function openCloudFirewall(look: (address: string) => Promise<void>): Promise<void> {
        const { firewalls } = await laptop.api<{ firewalls: { id: number }[] }>(
            "GET",
            "/firewalls",
        );
        const membership = [{ type: "server", server: { id: (await server()).id } }];
        const action = (name: string, key: string) =>
            laptop.api("POST", `/firewalls/${firewalls[0]!.id}/actions/${name}`, {
                [key]: membership,
            });
        await action("remove_from_resources", "remove_from");
        try {
            await look((await laptop.status()).address.ipv4!);
        } finally {
            await action("apply_to_resources", "apply_to");
        }
    }

    step("the first `up` makes a host as planned", async (t) => {
        const { changes, printed } = await laptop.up();
        assert.deepEqual(changes, { created: hostStackSize });
        assert.doesNotMatch(printed, /error|first boot did not finish/i);
        firstServer = (await server()).id;
        const status = await laptop.status(true);
        assert.deepEqual(
            {
                running: status.running,
                machine: status.machine,
                host: status.host,
                domain: status.domain,
                problems: status.problems,
                ports: status.ports,
            },
            {
                running: true,
                machine: "container",
                host,
                domain: localDomain,
                problems: [],
                ports: Object.fromEntries([22, ...mailPorts].map((p) => [p, p])),
            },
        );
        assert.deepEqual(status.address, status.published);
        const size = laptop.stateOnDisk().length;
        t.diagnostic(`state on disk: ${(size / 1024).toFixed(1)} KiB`);
    });

    for (const [what, command, expected] of [
        ["full name", "hostname --fqdn", host],
        ["host name", "hostname", "mx"],
        ["cloud-init has nothing to complain about", "cloud-init status", "status: done"],
        [
            "upstream's parameters, without a password",
            "cat /etc/profile.d/env.sh",
            `export EMAIL=${operatorEmail}\nexport DOMAIN=${localDomain}\nexport AUTH_BASIC_USERNAME=admin`,
        ],
        ["no Cloudflare token", "test ! -e /root/.cloudflare.ini && echo none", "none"],
        ["compose is v2", "docker compose version --short | cut -d. -f1", "2"],
        [
            "Docker keeps containers over its own restarts",
            "docker info -f '{{.LiveRestoreEnabled}}'",
            "true",
        ],
        [
            "certbot has the Cloudflare plugin",
            "certbot plugins 2>/dev/null | grep -c '^\\* dns-cloudflare$'",
            "1",
        ],
        [
            "the distribution's renewal is masked",
            "systemctl is-enabled certbot.timer || true",
            "masked",
        ],
        ["ordinary users may bind port 25", "sysctl -n net.ipv4.ip_unprivileged_port_start", "25"],
        [
            "a user binds port 25 without privileges",
            'runuser -u nobody -- python3 -c \'import socket; s=socket.socket(); s.bind(("127.0.0.1", 25)); print("bound")\'',
            "bound",
        ],
        [
            "sshd takes no passwords",
            "sshd -T | grep -E '^(passwordauthentication|kbdinteractiveauthentication)'",
            "passwordauthentication no\nkbdinteractiveauthentication no",
        ],
        ["time is kept", "systemctl is-enabled systemd-timesyncd", "enabled"],
        [
            "upgrades run",
            "apt-config shell X APT::Periodic::Unattended-Upgrade; apt-config shell T Unattended-Upgrade::Automatic-Reboot-Time",
            "X='1'\nT='04:30'",
        ],
        [
            "the data volume is mounted",
            `test "$(findmnt -no SOURCE ${mountPoint})" = "$(readlink -f "$(cat /etc/mailhost/data-device)")" && findmnt -no FSTYPE ${mountPoint}`,
            "ext4",
        ],
        [
            "Docker requires the volume",
            "systemctl show -P RequiresMountsFor docker.service | tr ' ' '\\n' | grep -c self-hosting",
            "1",
        ],
        ["nothing failed", "systemctl list-units --failed --no-legend | wc -l", "0"],
    ] as const) {
        test(`on the host: ${what}`, async () => {
            assert.equal(await laptop.ssh(command), expected);
        });
    }

    step("what a container can't have is said, not skipped: vm.* sysctls, swap", async () => {
        const log = await laptop.ssh("cat /var/log/cloud-init-output.log");
        assert.match(
            log,
            /sysctl vm\.overcommit_memory belongs to the machine around this container/,
        );
        // The plan for a real host has them all the same.
        assert.match(
            await laptop.ssh("cat /etc/sysctl.d/90-mailhost.conf"),
            /^vm\.overcommit_memory = 1$/m,
        );
    });

    step(
        "a second `up` changes nothing, opens no SSH connection and writes nothing to the API",
        async () => {
            // The sync returns when the journal has this very login too.
            const logins = "journalctl --sync && journalctl -q -o cat -u ssh | grep -c '^Accepted'";
            const beforeLogins = Number(await laptop.ssh(logins));
            const beforeRequests = laptop.requestLog().length;
            const { changes } = await laptop.up("--expect-no-changes");
            assert.deepEqual(changes, { unchanged: hostStackSize });
            const methods = laptop.requestLog().slice(beforeRequests);
            assert.deepEqual([...new Set(methods.map(({ method }) => method))], ["GET"]);
            // This look is itself the one login more.
            assert.equal(Number(await laptop.ssh(logins)), beforeLogins + 1);
        },
    );

    step("refresh finds no drift", async () => {
        const { code, stdout } = await laptop.pulumi(
            "refresh",
            "--yes",
            "--skip-preview",
            "--expect-no-changes",
        );
        assert.equal(code, 0, stdout);
    });

    step("only the planned ports answer, at both walls, over IPv4 and IPv6", async (t) => {
        const { ipv4, ipv6 } = (await laptop.status()).address;
        // Something that must not be reached: a database on every address.
        await laptop.ssh(
            'for port in 3000 27017 6379; do systemd-run --quiet --unit=listen-$port python3 -m http.server --bind :: $port; until [ -n "$(ss -Hltn sport = :$port)" ]; do sleep 0.1; done; done',
        );
        const expected = [22, ...mailPorts];
        const scan = async (what: string) => {
            const scans = [ipv4!, ipv6!].map(async (address) => {
                const found = answering(await scanAllTcpPorts(address));
                t.diagnostic(`${what}, ${address}: ${found.join(" ")}`);
                assert.deepEqual(found, expected, `${what}, ${address}`);
            });
            await Promise.all(scans);
        };
        await scan("both walls");

        await openCloudFirewall(() => scan("host's firewall alone"));

        await laptop.ssh("nft delete table inet mailhost");
        await scan("cloud firewall alone");
        await laptop.ssh(
            "systemctl restart mailhost-firewall && nft list table inet mailhost >/dev/null",
        );
        await laptop.ssh("systemctl stop listen-3000 listen-27017 listen-6379");
        const { changes } = await laptop.up();
        assert.deepEqual(changes, { unchanged: hostStackSize });
    });

    step("the host's status sees what no service tells", async () => {
        const { problems, underWay } = JSON.parse(
            (
                await laptop.trySsh(
                    [
                        `mount -o remount,ro ${mountPoint}`,
                        "systemctl stop mailhost-renew.timer",
                        "nft flush ruleset",
                        "flock /run/mailhost.lock mailhost status --json",
                    ].join(" && "),
                )
            ).stdout,
        ) as { problems: string[]; underWay: string };
        assert.deepEqual(
            problems.map((text) => text.split(":")[0]),
            [
                "the data volume is mounted read-only, so no mail can be kept",
                "mailhost-renew.timer is not active",
                "the firewall's rules are gone, so every port of the host is open",
            ],
        );
        assert.equal(underWay, "a deployment, a set-up or a renewal of certificates is under way");
        await laptop.ssh(
            `mount -o remount,rw ${mountPoint} && systemctl start mailhost-renew.timer && systemctl restart mailhost-firewall docker`,
        );
        assert.deepEqual((await laptop.status(true)).problems, []);
    });

    step("the metadata service is for root alone", async () => {
        const ask =
            "curl -s -m 30 -o /dev/null -w '%{http_code}' http://169.254.169.254/hetzner/v1/userdata";
        assert.equal(await laptop.ssh(ask), "200");
        const asNobody = await laptop.trySsh(`runuser -u nobody -- ${ask}`);
        assert.notEqual(asNobody.code, 0);
        assert.equal(asNobody.stdout, "000");
        // Its IPv6 address, which newer cloud-init asks first: nothing serves it here, the rule alone is seen to act.
        await laptop.trySsh(
            "runuser -u nobody -- curl -s -m 5 -g 'http://[fe80::a9fe:a9fe%25eth0]/hetzner/v1/userdata'",
        );
        assert.match(
            await laptop.ssh("nft list chain inet mailhost output"),
            /ip6 daddr fe80::a9fe:a9fe .* counter packets [1-9]/,
        );
    });

    step("an SSH host key that is not the pinned one is refused", async () => {
        const { ssh } = await laptop.status();
        const wrong = path.join(laptop.folder, "wrong_known_hosts");
        const line = fs.readFileSync(ssh!.knownHostsFile, "utf8");
        const key = await runQuietly("sh", [
            "-c",
            `d=$(mktemp -d); ssh-keygen -q -t ed25519 -N '' -f $d/k; cut -d' ' -f1,2 $d/k.pub; rm -r $d`,
        ]);
        fs.writeFileSync(wrong, `${line.split(" ")[0]} ${key.stdout}`);
        const { code, stderr } = await runQuietly("ssh", [
            ...["-F", "none", "-i", ssh!.keyFile, "-o", "BatchMode=yes"],
            ...["-o", "StrictHostKeyChecking=yes", "-o", `UserKnownHostsFile=${wrong}`],
            ...[`root@${ssh!.host}`, "true"],
        ]);
        assert.equal(code, 255);
        assert.match(stderr, /Host key verification failed/);
    });

    step("a changed host plan changes the running host over SSH", async () => {
        await laptop.configure("mailhost:rebootTime", "03:15");
        await laptop.configure("mailhost:debug", true);
        const { changes } = await laptop.up();
        assert.deepEqual(changes, { updated: 1, unchanged: hostStackSize - 1 });
        assert.equal((await server()).id, firstServer);
        assert.equal(
            await laptop.ssh("apt-config shell T Unattended-Upgrade::Automatic-Reboot-Time"),
            "T='03:15'",
        );
        // debug: verbose, and kept.
        assert.match(await laptop.ssh("cat /var/log/mailhost/host.log"), /^\+ .*set_sysctl/m);
    });

    step("first boot once more leaves the host as it was set up", async () => {
        const files =
            "find /etc/mailhost /etc/apt/apt.conf.d /etc/systemd/system /usr/local -type f | sort | xargs -d '\\n' sha256sum";
        const before = await laptop.ssh(files);
        assert.match(before, / \/usr\/local\/bin\/mailhost$/m);
        // The connection may go with the host.
        await laptop.trySsh("rm -f /run/mailhost/first-boot.sh; cloud-init clean --logs --reboot");
        await eventually(
            async () =>
                (await laptop.trySsh("test -e /run/mailhost/first-boot.sh && cloud-init status"))
                    .stdout === "status: done\n",
            600,
            "cloud-init has run again",
        );
        assert.match(
            await laptop.ssh("cat /var/log/cloud-init-output.log"),
            /this host was set up already and stays as it is/,
        );
        assert.equal(await laptop.ssh(files), before);
        assert.deepEqual((await laptop.status(true)).problems, []);
    });

    step("a changed server type is an update of the same server", async () => {
        await configureServer(laptop, { type: "cx33" });
        const { changes } = await laptop.up();
        assert.deepEqual(changes, { updated: 1, unchanged: hostStackSize - 1 });
        const now = await server();
        assert.deepEqual(
            [now.id, now.server_type.name, now.status],
            [firstServer, "cx33", "running"],
        );
        await laptop.waitForSsh();
        assert.equal(await laptop.ssh(`mountpoint -q ${mountPoint} && echo mounted`), "mounted");
        assert.deepEqual(
            (await volumes()).map((v) => v.detachedWhileMounted),
            [0],
        );
    });

    step(
        "a larger data volume grows in place, a container's file system when it is mounted next",
        async () => {
            await configureServer(laptop, { volumeSizeGb: 12 });
            const { changes } = await laptop.up();
            assert.deepEqual(changes, { updated: 2, unchanged: hostStackSize - 2 });
            await laptop.ssh("systemctl reboot");
            await eventually(
                async () =>
                    (await laptop.trySsh(`df --output=size -B1G ${mountPoint} | grep -w 12`))
                        .code === 0,
                400,
                "the file system has grown",
            );
        },
    );

    step("an operator's key arrives over SSH, and goes again", async () => {
        const file = path.join(laptop.folder, "operator");
        await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f", file]);
        const publicKey = fs.readFileSync(`${file}.pub`, "utf8").trim();
        const login = async () => {
            const { ssh } = await laptop.status();
            const args = sshArguments({ ...ssh!, keyFile: file });
            return (await runQuietly("ssh", ["-o", "BatchMode=yes", ...args, "true"])).code;
        };
        assert.equal(await login(), 255);
        await configureServer(laptop, { authorizedKeys: [publicKey] });
        assert.deepEqual((await laptop.up()).changes, { updated: 1, unchanged: hostStackSize - 1 });
        assert.equal(await login(), 0);
        await configureServer(laptop, { authorizedKeys: undefined });
        assert.deepEqual((await laptop.up()).changes, { updated: 1, unchanged: hostStackSize - 1 });
        assert.equal(await login(), 255);
    });

    step("a type of another architecture is refused at preview, the server runs on", async () => {
        await configureServer(laptop, { type: "cax21" });
        const { code, stdout, stderr } = await laptop.pulumi("preview");
        assert.notEqual(code, 0);
        assert.match(stdout + stderr, /cax21.*arm/i);
        assert.equal((await server()).status, "running");
        await configureServer(laptop, { type: "cx33" });
    });

    step(
        "a changed image replaces the server under a busy writer; identity and files stay",
        async (t) => {
            await laptop.ssh("bash -s", startWriter);
            // A port that Docker publishes is shut all the same.
            assert.equal(await laptop.ssh("ss -Hltn 'sport = :3000' | wc -l"), "2");
            await openCloudFirewall(async (address) => {
                const outcome = await run("nmap", ["-Pn", "-n", "-p", "3000", "-oG", "-", address]);
                assert.match(outcome, /3000\/filtered/);
            });
            const beforePointers = await pointers();
            const { address } = await laptop.status();
            const knownHosts = fs.readFileSync((await laptop.status()).ssh!.knownHostsFile, "utf8");

            await configureServer(laptop, {
                type: "cx33",
                image: "900000001",
                system: "debian-13",
            });
            const { printed } = await laptop.up();
            t.diagnostic(printed.slice(printed.lastIndexOf("Resources:")).replaceAll("\n", " "));
            assert.match(printed, /the data volume is at rest/);

            const now = await server();
            assert.notEqual(now.id, firstServer);
            assert.deepEqual((await laptop.status()).address, address);
            assert.deepEqual(await pointers(), beforePointers);
            assert.equal(
                fs.readFileSync((await laptop.status()).ssh!.knownHostsFile, "utf8"),
                knownHosts,
            );
            assert.deepEqual(
                (await volumes()).map(({ server: at, detachedWhileMounted }) => [
                    at,
                    detachedWhileMounted,
                ]),
                [[now.id, 0]],
            );
            const check = await laptop.ssh("journalctl -q -o cat -b -u mailhost-data");
            assert.match(check, /mailhost-data: clean/);
            assert.doesNotMatch(check, /recovering journal/);
            // Every line that the writer finished is there, in order, and the last one is whole.
            const [count, wrong] = (
                await laptop.ssh(
                    `awk '$0 != "line " NR " end" { wrong++ } END { print NR, wrong + 0 }' ${mountPoint}/writer.log`,
                )
            ).split(" ");
            assert.ok(Number(count) > 1000, `the writer wrote ${count} lines only`);
            assert.equal(wrong, "0");
            t.diagnostic(`${count} lines survived`);
            const { changes } = await laptop.up("--expect-no-changes");
            assert.deepEqual(changes, { unchanged: hostStackSize });
        },
    );

    step("after every reboot everything is back", async () => {
        // The new server's Docker has no containers.
        await laptop.ssh("bash -s", startWriter);
        for (let n = 0; n < 3; n++) {
            await laptop.ssh("touch /run/before-reboot; systemctl reboot");
            await eventually(
                async () => (await laptop.trySsh("test ! -e /run/before-reboot")).code === 0,
                400,
                "the host is back",
            );
            await eventually(
                async () =>
                    (await laptop.trySsh("systemctl is-system-running")).stdout.trim() ===
                    "running",
                180,
                "the system runs",
            );
            assert.equal(
                await laptop.ssh("systemctl is-active docker docker.socket mailhost-firewall ssh"),
                "active\nactive\nactive\nactive",
            );
            assert.equal(
                await laptop.ssh("systemctl show -P NRestarts -P Result docker.service"),
                "success\n0",
            );
            assert.equal(
                await laptop.ssh("journalctl -q -b | grep -c 'ordering cycle' || true"),
                "0",
            );
            assert.equal(
                await laptop.ssh(`mountpoint -q ${mountPoint} && echo mounted`),
                "mounted",
            );
            assert.equal(await laptop.ssh("docker ps --format '{{.Names}}'"), "writer");
            assert.equal(await laptop.ssh("sysctl -n net.ipv4.ip_unprivileged_port_start"), "25");
            assert.deepEqual((await laptop.status(true)).problems, []);
        }
    });

    step("a host that this computer is locked out of is not taken for a dead one", async () => {
        const { id } = await server();
        await configureServer(laptop, { sshAllowedCidrs: ["203.0.113.0/24"] });
        await laptop.up("--target", await laptop.urn("hcloud:index/firewall:Firewall"));
        await configureServer(laptop, { image: "debian-13" });
        const { code, stdout, stderr } = await laptop.pulumi("up", "--yes", "--skip-preview");
        assert.notEqual(code, 0);
        assert.match(stdout + stderr, /is alive, but this computer can't log in at port 22/);
        const now = await server();
        assert.deepEqual([now.id, now.status], [id, "running"]);
        assert.deepEqual(
            (await volumes()).map(({ server: at, detachedWhileMounted }) => [
                at,
                detachedWhileMounted,
            ]),
            [[id, 0]],
        );
        await configureServer(laptop, {
            ...{ image: "900000001", system: "debian-13" },
            sshAllowedCidrs: ["198.18.0.0/15", "2001:db8::/32"],
        });
        await laptop.up();
        assert.equal(await laptop.ssh("docker ps --format '{{.Names}}'"), "writer");
    });

    step(
        "a replacement that breaks off after the guard leaves a host that `up` starts again",
        async () => {
            const { id } = await server();
            await laptop.api("POST", "/_laptop/faults", {
                method: "DELETE",
                path: `^/v1/servers/${id}$`,
                kind: "status",
                status: 503,
                times: 100,
            });
            await configureServer(laptop, { image: "debian-13" });
            const { code, stdout } = await laptop.pulumi("up", "--yes", "--skip-preview");
            assert.notEqual(code, 0);
            assert.match(stdout, /the data volume is at rest/);
            await laptop.api("DELETE", "/_laptop/faults");
            assert.equal((await server()).id, id);

            // The user thinks better of it.
            await configureServer(laptop, { image: "900000001", system: "debian-13" });
            const { printed } = await laptop.up();
            assert.match(printed, /starting 1 containers that were stopped/);
            assert.equal((await server()).id, id);
            assert.equal(await laptop.ssh("docker ps --format '{{.Names}}'"), "writer");
            assert.deepEqual((await laptop.status(true)).problems, []);
            assert.deepEqual((await laptop.up("--expect-no-changes")).changes, {
                unchanged: hostStackSize,
            });
        },
    );

    step("rebooted without its volume nothing starts, and status says why", async () => {
        const { id } = await server();
        const [volume] = await volumes();
        await laptop.api("POST", `/servers/${id}/actions/shutdown`);
        await eventually(async () => (await server()).status === "off", 180, "the server is off");
        await laptop.api("POST", `/volumes/${volume!.id}/actions/detach`);
        await laptop.api("POST", `/servers/${id}/actions/poweron`);
        await laptop.waitForSsh();
        await eventually(
            async () =>
                (await laptop.trySsh("systemctl is-failed mailhost-data.service")).code === 0,
            500,
            "the data volume is given up",
        );
        const refused = await laptop.trySsh("timeout 60 docker ps");
        assert.equal(refused.code, 1, "docker ps must fail at once");
        const problems = (await laptop.status(true)).problems.join("\n");
        assert.match(problems, /mailhost-data\.service/);
        assert.match(
            problems,
            /data volume is not mounted at .*has not appeared within 120 seconds: attach it to this server/,
        );
        // The empty mount point can't be written to, so that no mail lands on the root disk.
        assert.notEqual((await laptop.trySsh(`touch ${mountPoint}/stray`)).code, 0);

        // `up` puts it back and the host recovers without a reboot.
        await laptop.pulumi("refresh", "--yes", "--skip-preview");
        await laptop.up();
        await eventually(
            async () =>
                (await laptop.trySsh(`systemctl start docker && mountpoint -q ${mountPoint}`))
                    .code === 0,
            180,
            "the volume is back",
        );
        assert.deepEqual((await laptop.status(true)).problems, []);
    });

    step("a machine that was killed outside is noticed by refresh", async () => {
        const { id } = await server();
        await laptop.api("POST", `/servers/${id}/actions/poweroff`);
        const { code, stdout } = await laptop.pulumi("refresh", "--yes", "--skip-preview");
        assert.equal(code, 0, stdout);
        assert.equal(
            (await laptop.stateOf("hcloud:index/server:Server")).outputs?.["status"],
            "off",
        );
        await laptop.api("POST", `/servers/${id}/actions/poweron`);
        await laptop.waitForSsh();
    });

    step("a dead host blocks neither its replacement nor its destruction", async () => {
        const { id } = await server();
        await laptop.api("POST", `/servers/${id}/actions/poweroff`);
        await configureServer(laptop, { type: "cx33", image: "debian-13" });
        const { printed } = await laptop.up();
        assert.match(printed, /does not answer at any port/);
        assert.notEqual((await server()).id, id);
        const lines = (await laptop.ssh(`tail -n 1 ${mountPoint}/writer.log`)).split(" ");
        assert.equal(lines.length, 3);
    });

    step("destroy leaves what is protected, and removes all when nothing is", async () => {
        await laptop.configure("mailhost:protect", true);
        await laptop.up();
        const refused = await laptop.pulumi("destroy", "--yes", "--skip-preview");
        assert.notEqual(refused.code, 0);
        assert.match(refused.stdout + refused.stderr, /protect/);
        // The engine takes what it may: the server goes, at rest; volume, addresses and keys stay.
        assert.match(refused.stdout, /the data volume is at rest/);
        const left = async (kind: string) =>
            (await laptop.api<Record<string, unknown[]>>("GET", `/${kind}`))[kind]!.length;
        assert.deepEqual(
            [await left("servers"), await left("volumes"), await left("primary_ips")],
            [0, 1, 2],
        );

        await laptop.configure("mailhost:protect", false);
        await laptop.up();
        assert.match(await laptop.ssh(`tail -n 1 ${mountPoint}/writer.log`), /^line \d+ end$/);
        const destroyed = await laptop.pulumi("destroy", "--yes", "--skip-preview");
        assert.equal(destroyed.code, 0, destroyed.stdout);
        assert.match(destroyed.stdout, /the data volume is at rest/);
        for (const kind of ["servers", "volumes", "primary_ips", "firewalls", "ssh_keys"]) {
            assert.equal(await left(kind), 0, kind);
        }
    });
});

async function configureServer(
    laptop: TestLaptop,
    changes: Record<string, unknown>,
): Promise<void> {
    // An image stands for itself: what the one before needed beside it goes.
    await laptop.configure("mailhost:server", {
        ...(await laptop.server()),
        image: undefined,
        system: undefined,
        ...changes,
    });
}

/** A container that writes to the data volume without pause, as the mail stack does; made of the host's own bash. */
const startWriter = `
set -euo pipefail
tree=$(mktemp -d)
mkdir -p "$tree/bin" "$tree/data"
cp /bin/bash "$tree/bin/bash"
ldd /bin/bash | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$tree$(dirname "$library")"
    cp -L "$library" "$tree$library"
done
tar -C "$tree" -c . | docker import - writer >/dev/null
rm -r "$tree"
docker run -d --name writer --restart unless-stopped -p 3000:3000 -v ${mountPoint}:/data writer \\
    /bin/bash -c 'trap "exit 0" TERM; n=0; while :; do n=$((n + 1)); echo "line $n end" >>/data/writer.log; done' >/dev/null
until test -s ${mountPoint}/writer.log; do sleep 0.1; done
`;
