// A machine that was there before, made at the simulated provider with nothing but a login key and a host key: refused
// while something speaks against it, then a whole mail host, whose data moves to a second disk; let go of, and taken
// again with its data. The operator's commands are those of docs/existing-server.md, as they stand there. The steps
// build on each other.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, describe } from "node:test";
import { BareMachine, callApi, makeKeyPair, type KeyPair } from "../../bench/bare-machine";
import type { ExportedStack } from "../../cli/deployment";
import { run } from "../../cli/run-program";
import { shellQuote } from "../../components/host/shell-quote";
import { stockImageId } from "../../local/image/systems";
import { buildStackImages } from "../../local/image/stack-images";
import { localDomain, rememberHost } from "../../local/laptop";
import { cloudPaths } from "../../local/paths";
import { deliver, writeLetter, type Letter } from "../../local/proof/mail-client";
import { sshArguments } from "../../local/status";
import { blocksRunBy } from "./support/documented";
import {
    allHealthy,
    allProven,
    costOf,
    failedUp,
    isThere,
    mailArrives,
    mailboxAt,
    outsideOf,
} from "./support/mail-host";
import { checkOutFor, Operator } from "./support/operator";
import { orderedSteps } from "./support/steps";
import { eventually, suiteLimit, TestLaptop } from "./support/test-laptop";

const data = "/root/forwardemail.net/self-hosting";
const host = `mx.${localDomain}`;

interface VolumeAnswer {
    volume: { id: number; linux_device: string };
}

const page = "docs/existing-server.md";

/** What a set-up would change on the machine: files, packages, names, rules, what is enabled. */
const lookAtMachine = [
    "find /etc /root /usr/local /var/lib/mailhost /var/lib/docker -xdev -type f -printf '%p %s %m %T@\\n' 2>/dev/null | sort",
    "dpkg-query -W",
    "uname -n",
    "nft list ruleset",
    "systemctl list-unit-files --state=enabled --no-legend",
].join("; ");

const blocks = blocksRunBy(__filename);

describe("an existing machine", { timeout: suiteLimit }, () => {
    const step = orderedSteps();
    let laptop: TestLaptop;
    let machine: BareMachine;
    let loginKey: KeyPair;
    let hostKey: KeyPair;
    let described: Record<string, unknown>;
    /** The second disk: as the machine knows it, and the file that it is. */
    let disk: string;
    let diskFile: string;
    let letter: Letter;
    let operator: Operator;

    before(async () => {
        await buildStackImages();
        laptop = await TestLaptop.start("existing", {
            kind: "container",
            config: { "mailhost:protect": true },
        });
        loginKey = await makeKeyPair(laptop.info, "test-login");
        hostKey = await makeKeyPair(laptop.info, "test-host");
        machine = await BareMachine.create(laptop.info, {
            ...{ name: "bare", loginKey, hostKey, image: stockImageId },
        });
        described = {
            ...{ provider: "existing", system: "debian-13", ...machine.addresses },
            sshHostKey: hostKey.publicKey,
        };
        const { code, stderr } = await laptop.stack.pulumi(
            ["config", "set", "--stack", "local", "--secret", "mailhost:sshPrivateKey"],
            { input: loginKey.privateKey },
        );
        assert.equal(code, 0, stderr);
        const { volume } = await callApi<VolumeAnswer>(laptop.info, "POST", "/volumes", {
            ...{ name: "second", size: 10, server: machine.id },
        });
        disk = volume.linux_device;
        diskFile = path.join(cloudPaths(laptop.name).volumes, `volume-${volume.id}.img`);
        const sshFolder = path.join(laptop.folder, "operator", "ssh");
        fs.mkdirSync(sshFolder, { recursive: true, mode: 0o700 });
        fs.writeFileSync(path.join(sshFolder, "mailhost"), loginKey.privateKey);
        const shown = await machine.ssh("cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub");
        operator = new Operator({
            ...{ blocks, sshFolder, environment: laptop.stack.environment },
            folder: await checkOutFor(laptop, { packages: true }),
            examples: {
                "203.0.113.7": machine.addresses.ipv4,
                "ssh-ed25519 AAAA…": shown.trim(),
                "/dev/disk/by-id/NAME": disk,
            },
        });
    });
    after(() => laptop?.close());

    const describeAs = (changes: Record<string, unknown> = {}) =>
        laptop.configure("mailhost:server", { ...described, ...changes });

    const followOnHost = async (name: string) => {
        const { ssh } = await laptop.status();
        assert.ok(ssh);
        return operator.followOnHost(page, name, sshArguments(ssh));
    };

    /** The sum of what the second disk holds, to the byte; blocks of zeros are passed over, of which most of it consists. */
    const diskContent = async () => {
        await machine.ssh(`sync && blockdev --flushbufs ${disk}`);
        const copy = path.join(laptop.folder, "disk-content");
        await run("cp", ["--sparse=always", diskFile, copy]);
        const packed = `tar --create --sparse --mtime=@0 -C ${shellQuote(laptop.folder)} disk-content`;
        return run("bash", ["-c", `set -o pipefail; ${packed} | sha256sum`]);
    };

    /** The sums of all files of the mail host in a folder. */
    const sumsBelow = (folder: string) =>
        machine.ssh(
            `cd ${folder} && find . -type f ! -name '*.lock' ! -path '*diagnostic.data*' -print0 | sort -z | xargs -0 sha256sum`,
        );

    const resources = async () => {
        const { stdout } = await laptop.pulumi("stack", "export");
        return (JSON.parse(stdout) as ExportedStack).deployment.resources ?? [];
    };

    /** The machine is as it was, and nothing was said of it. */
    async function refused(): Promise<string> {
        const before = await machine.ssh(lookAtMachine);
        const printed = await failedUp(laptop);
        assert.equal(await machine.ssh(lookAtMachine), before);
        const types = (await resources()).map(({ type }) => type);
        assert.deepEqual(
            types.filter((type) => /dnsRecord|command:/.test(type)),
            [],
        );
        return printed;
    }

    step("another host key than the pinned one is refused, soon and without a change", async () => {
        await describeAs({ sshHostKey: loginKey.publicKey });
        const begun = Date.now();
        assert.match(await refused(), /host key mismatch/);
        assert.ok(Date.now() - begun < 120_000);
    });

    step("everything that speaks against the machine is said at once", async () => {
        await machine.ssh(
            "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nftables >/dev/null 2>&1",
        );
        await machine.ssh(
            [
                "nft add table inet guard",
                "nft 'add chain inet guard input { type filter hook input priority 0; policy accept; }'",
                "nft add rule inet guard input tcp dport 26 drop",
                "systemd-run --quiet --unit foreign-mail python3 -m http.server 25",
                "mkdir -p /etc/docker && echo '{}' >/etc/docker/daemon.json",
            ].join(" && "),
        );
        await eventually(
            async () => (await machine.ssh("ss -Hltn")).includes(":25 "),
            60,
            "somebody listens at port 25",
        );
        await describeAs({
            ...{ system: "ubuntu-24.04", sshAllowedCidrs: ["203.0.113.0/24"] },
            dataDevice: "/dev/disk/by-id/scsi-0HC_Volume_4711",
        });
        const printed = await refused();
        for (const expected of [
            /error: the system is debian-13, and ubuntu-24\.04 is described: set server\.system to debian-13/,
            /error: port 25 is taken by the process python3 \(\d+\) of foreign-mail\.service: systemctl disable --now/,
            /error: the firewall has 1 rules .*, the first: inet guard input: tcp dport 26 drop/,
            /error: this computer connects from \S+, which is in none of server\.sshAllowedCidrs/,
            /error: the set-up would write over files that are not its own: \/etc\/docker\/daemon\.json\./,
            /error: there is no disk \/dev\/disk\/by-id\/scsi-0HC_Volume_4711: ls -l \/dev\/disk\/by-id shows/,
            /error: 6 of the things that mx\.example\.test needs of this machine are not as they should be/,
        ]) {
            assert.match(printed, expected);
        }
        await machine.ssh(
            "nft delete table inet guard; systemctl stop foreign-mail; rm /etc/docker/daemon.json",
        );
    });

    step("a disk that holds anything is refused, and no byte of it touched", async () => {
        await describeAs({ dataDevice: disk });
        // A partition table with one entry.
        const entry =
            "\\x00\\x20\\x21\\x00\\x83\\xdd\\x1e\\x3f\\x00\\x08\\x00\\x00\\x00\\xf8\\x0f\\x00";
        await machine.ssh(
            `printf '${entry}' | dd of=${disk} bs=1 seek=446 conv=notrunc status=none && printf '\\x55\\xaa' | dd of=${disk} bs=1 seek=510 conv=notrunc status=none`,
        );
        const partitioned = await diskContent();
        const said = await refused();
        assert.equal(await diskContent(), partitioned);
        const [, remedy] =
            /error: \S+ is not blank \(.*PTTYPE="dos".*\): if what it holds can go, run (.*)/.exec(
                said,
            ) ?? [];
        assert.ok(remedy, said);
        await machine.ssh(remedy);

        await machine.ssh(
            `mkfs.ext4 -q -L photos ${disk} && mount ${disk} /srv && echo kept >/srv/photo && umount /srv && mount -o ro ${disk} /srv`,
        );
        const foreign = await diskContent();
        const printed = await refused();
        assert.equal(await diskContent(), foreign);
        for (const expected of [
            /error: \S+ is in use at \/srv: choose another disk/,
            /error: \S+ holds a file system that was not made for a mail host \(label 'photos'\): choose a blank disk/,
            /error: 2 of the things/,
        ]) {
            assert.match(printed, expected);
        }
        assert.equal(await machine.ssh("cat /srv/photo"), "kept\n");
        await machine.ssh(`umount /srv && ${remedy}`);
    });

    step(
        "the first `up` makes it a mail host, and says which PTR records are missing",
        async () => {
            const { ipv6 } = described;
            await laptop.configure("mailhost:server", { type: "cx23", location: "fsn1", ipv6 });
            const printed = await operator.follow(
                page,
                "pulumi config set --path mailhost:server.provider existing",
            );
            assert.deepEqual(await laptop.server(), described);
            await rememberHost(laptop.name, await laptop.stack.outputs());
            assert.match(
                printed,
                /the PTR record of 198\.18\.\d+\.\d+ is \S+: set it to mx\.example\.test/,
            );
            assert.match(printed, /the machine can be made mx\.example\.test/);
            assert.ok(await allHealthy(laptop));
            assert.equal(await laptop.ssh("hostname --fqdn"), host);
            const types = (await resources()).map(({ type }) => type);
            assert.deepEqual(
                types.filter((type) => /^hcloud:/.test(type)),
                [],
            );
        },
    );

    step("another `up` with nothing changed logs in nowhere and writes nothing", async () => {
        const cost = await costOf(laptop, () => laptop.up("--expect-no-changes"));
        assert.deepEqual(cost, { logins: 0, writes: 0 });
    });

    step("with its PTR records set, mail comes in and goes out", async (t) => {
        await machine.setPointers(host);
        await allProven(laptop, t);
    });

    step("the data lies on the root disk, in a folder that is mounted on itself", async () => {
        const at = "--noheadings --output SOURCE,OPTIONS --mountpoint";
        assert.match(
            await laptop.ssh(`findmnt ${at} ${data}`),
            /\[\/root\/forwardemail\.net\/self-hosting\] .*nosuid.*nodev.*noatime/,
        );
        assert.equal(
            await laptop.ssh(`stat -c %d ${data}`),
            await laptop.ssh("stat -c %d /root/forwardemail.net"),
        );
        assert.equal(await laptop.ssh("cat /etc/mailhost/data-device"), data);
    });

    step("after a reboot all is healthy without help", async () => {
        await machine.reboot();
        await eventually(() => allHealthy(laptop), 600, "everything is healthy");
        await mailArrives(laptop);
    });

    step(
        "SSH is narrowed to the blocks that are given; what shuts this computer out is refused",
        async () => {
            const rules = () =>
                laptop.ssh("nft list chain inet mailhost input | grep 'tcp dport 22 '");
            const before = await rules();
            await describeAs({ sshAllowedCidrs: ["203.0.113.0/24"] });
            assert.match(
                await failedUp(laptop),
                /which is in none of server\.sshAllowedCidrs: it would be/,
            );
            assert.equal(await rules(), before);
            await describeAs({ sshAllowedCidrs: ["198.18.0.0/15", "2001:db8::/32"] });
            const { printed } = await laptop.up();
            assert.match(printed, /the machine is mx\.example\.test already/);
            assert.deepEqual(
                (await rules()).split("\n").map((line) => line.trim()),
                [
                    "ip saddr 198.18.0.0/15 tcp dport 22 accept",
                    "ip6 saddr 2001:db8::/32 tcp dport 22 accept",
                ],
            );
            assert.ok(await allHealthy(laptop));
        },
    );

    step("another disk for the data is refused while nothing has brought it there", async () => {
        letter = writeLetter("stranger@sink.test", mailboxAt(laptop).address);
        await deliver(await outsideOf(laptop), letter);
        await eventually(
            async () => isThere(await outsideOf(laptop), mailboxAt(laptop), letter),
            90,
            "the mail is read",
        );
        const blank = await diskContent();
        await operator.follow(
            page,
            "pulumi config set --path mailhost:server.dataDevice /dev/disk/by-id/NAME",
        );
        described = await laptop.server();
        const printed = await failedUp(laptop);
        assert.match(
            printed,
            /error: the data lies on \S+self-hosting\], and server\.dataDevice is/,
        );
        assert.match(printed, /error: 1 of the things/);
        assert.equal(await diskContent(), blank);
        assert.ok(await allHealthy(laptop));
    });

    step("by the page's commands the data moves to the disk, which is formatted", async () => {
        await followOnHost(
            "systemctl disable --now mailhost-renew.timer mailhost-stack.service &&",
        );
        await operator.follow(
            page,
            "pulumi up --target '**ExistingServer**' --target '**HostSetup**'",
        );
        await followOnHost(
            "cp -a /root/forwardemail.net/before/. /root/forwardemail.net/self-hosting/ &&",
        );
        await eventually(() => allHealthy(laptop), 600, "everything is healthy");
        await dataIsOnDisk();
        assert.equal(await machine.ssh(`blkid -p -s LABEL -o value ${disk}`), "mailhost-data\n");
        assert.ok(await isThere(await outsideOf(laptop), mailboxAt(laptop), letter));
        await machine.ssh("rm -r /root/forwardemail.net/before");
        const cost = await costOf(laptop, () => laptop.up("--expect-no-changes"));
        assert.deepEqual(cost, { logins: 0, writes: 0 });
    });

    /** What is written to the mount point is written to the disk. */
    async function dataIsOnDisk(): Promise<void> {
        const [at, device, folder] = (
            await machine.ssh(
                `findmnt --noheadings --output SOURCE,OPTIONS --mountpoint ${data}; stat -L -c %Hr:%Lr ${disk}; stat -c %Hd:%Ld ${data}`,
            )
        ).split("\n");
        assert.match(at!, /nosuid.*nodev.*noatime/);
        assert.equal(folder, device);
    }

    step("after a reboot the data is on the disk, and all is healthy", async () => {
        await machine.reboot();
        await eventually(() => allHealthy(laptop), 600, "everything is healthy");
        await dataIsOnDisk();
        await mailArrives(laptop);
    });

    step("a protected host is not destroyed, and nothing is done to it", async () => {
        const cost = await costOf(laptop, async () => {
            const { code, stdout, stderr } = await laptop.pulumi("destroy", "--yes");
            assert.notEqual(code, 0, stdout);
            assert.match(
                stdout + stderr,
                /Preview failed: .* cannot be deleted\s+because it is protected/,
            );
        });
        assert.deepEqual(cost, { logins: 0, writes: 0 });
        assert.ok(await allHealthy(laptop));
    });

    step("`destroy` leaves the data, and nothing that starts again", async () => {
        await machine.ssh(`echo kept >${data}/sqlite-data/probe`);
        const printed = await operator.follow(page, "pulumi stack export --file mail-host.json");
        assert.match(
            printed,
            /left on this machine: all mail, keys and certificates on \/dev\/disk\/by-id\/\S+ \(mounted at \/root\/forwardemail\S+ from the next boot on\)/,
        );
        const sums = await machine
            .ssh(`! mountpoint --quiet ${data} && mount -o ro ${disk} /mnt`)
            .then(() => sumsBelow("/mnt"));
        await machine.ssh("umount /mnt");
        for (const file of [
            ...[".env", "ssl/dkim.key", "sqlite-data/probe"],
            `letsencrypt/archive/${localDomain}/privkey1.pem`,
        ]) {
            assert.ok(sums.includes(`  ./${file}\n`), file);
        }
        await machine.reboot();
        assert.equal(await sumsBelow(data), sums);
        assert.equal((await machine.ssh("docker ps --quiet")).trim(), "");
        assert.equal(
            (await machine.ssh("test -e /root/.cloudflare.ini || echo gone")).trim(),
            "gone",
        );
        const enabled = await machine.ssh(
            "systemctl is-enabled mailhost-stack.service mailhost-renew.timer || true",
        );
        assert.equal(enabled, "disabled\ndisabled\n");
    });

    step("the machine is taken again, and its data only with the keys that it has", async () => {
        const sums = await sumsBelow(data);
        const printed = await failedUp(laptop);
        assert.match(printed, /the machine is mx\.example\.test already/);
        assert.match(printed, /encrypted with other keys than this program's/);
        assert.equal(await sumsBelow(data), sums);
        // What the refusal's commands log in with.
        const { sshCommand } = await laptop.stack.outputs();
        assert.match(String(sshCommand), / root@198\.18\./);
        for (const [variable, key] of [
            ["HELPER_ENCRYPTION_KEY", "helperEncryptionKey"],
            ["TXT_ENCRYPTION_KEY", "txtEncryptionKey"],
        ] as const) {
            const command = `/usr/local/lib/mailhost/stack data-key ${variable}`;
            assert.ok(
                printed.includes(`${command}" | pulumi config set --secret mailhost:${key}\n`),
            );
            const { code, stderr } = await laptop.stack.pulumi(
                ["config", "set", "--stack", "local", "--secret", `mailhost:${key}`],
                { input: await machine.ssh(command) },
            );
            assert.equal(code, 0, stderr);
        }
    });

    step("with them the old mail is read", async () => {
        await laptop.up();
        assert.ok(await allHealthy(laptop));
        await dataIsOnDisk();
        assert.ok(await isThere(await outsideOf(laptop), mailboxAt(laptop), letter));
        await mailArrives(laptop);
    });
});
