// What the host plan has for a machine that was there before, and what it does not change for any other.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, test } from "node:test";
import {
    guardDeleteCommand,
    guardLeaveCommand,
    leaveScript,
    stopScript,
} from "../../../components/host/data-guard";
import { dataMountPoint } from "../../../components/host/data-volume";
import { setupScript } from "../../../components/host/host-setup";
import { hostTemplate } from "../../../components/host/template";
import { planHost, type ExistingMachine, type HostPlan } from "../../../components/host/plan";
import { planArguments } from "./arguments";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-existing-"));
after(() => fs.rmSync(folder, { recursive: true }));

const plan = (existing?: ExistingMachine) => planHost({ ...planArguments, existing });
const contentOf = ({ files }: HostPlan, end: string) =>
    files.find((file) => file.path.endsWith(end))!.content;
const section = (unit: string) => /\[Mount\]\n(?:#.*\n)*([^]*?)\n\n/.exec(unit)?.[1];

describe("the plan of an existing machine", () => {
    test("differs from a rented one's in what it says of data and SSH alone", () => {
        const rented = plan();
        const differing = (existing: ExistingMachine) => {
            const described = plan(existing);
            const { files } = described;
            assert.deepEqual(described, {
                ...rented,
                files,
                awaitsFirstBoot: false,
                dataVolume: { ...rented.dataVolume, data: existing.data },
            });
            return files
                .filter(({ content }, index) => content !== rented.files[index]!.content)
                .map((file) => file.path.split("/").pop());
        };
        assert.equal(rented.awaitsFirstBoot, true);
        assert.deepEqual(differing({ data: "device" }), ["status"]);
        assert.deepEqual(differing({ data: "root-disk" }), [
            "root-forwardemail.net-self\\x2dhosting.mount",
            "status",
        ]);
        assert.deepEqual(differing({ data: "device", sshAllowedCidrs: ["203.0.113.0/24"] }), [
            "status",
            "firewall.nft",
        ]);
    });

    test("is told to make room where its disk comes from", () => {
        const said = (existing?: ExistingMachine) =>
            /look_at_disk "data volume" "\$data" "(.*)"/.exec(
                contentOf(plan(existing), "/status"),
            )?.[1];
        assert.match(said()!, /mailhost:server\.volumeSizeGb/);
        assert.equal(
            said({ data: "device" }),
            "enlarge the disk where the machine is rented, then resize2fs \\$(cat /etc/mailhost/data-device) on the host",
        );
        assert.match(said({ data: "root-disk" })!, /^it is the system disk: /);
    });

    test("mounts a device as before, and the folder on itself where the data is on the root disk", () => {
        const common = `What=/run/mailhost/data-device\nWhere=${dataMountPoint}\n`;
        assert.equal(
            section(contentOf(plan({ data: "device" }), ".mount")),
            `${common}Type=ext4\nOptions=noatime,nodev,nosuid`,
        );
        assert.equal(
            section(contentOf(plan({ data: "root-disk" }), ".mount")),
            `${common}Type=none\nOptions=bind,noatime,nodev,nosuid`,
        );
    });

    test("does not wait for a first boot that was not ours", () => {
        const values = { dataDevice: dataMountPoint };
        const waits = (script: string) => script.includes("\nwait_for_first_boot\n");
        assert.equal(waits(setupScript(plan(), values)), true);
        assert.equal(waits(setupScript(plan({ data: "root-disk" }), values)), false);
    });

    const narrowed = ["203.0.113.0/24", "0.0.0.0/0", "2001:db8::/32", "203.0.113.128/25"];
    const rules = (sshAllowedCidrs?: string[]) =>
        contentOf(plan({ data: "device", sshAllowedCidrs }), "/firewall.nft");

    test("lets SSH in from the blocks that are given, and from everywhere without", () => {
        const ofSsh = (text: string) =>
            text.split("\n").flatMap((line) => (line.includes("ssh_ports accept") ? [line] : []));
        assert.deepEqual(ofSsh(rules()), ["        tcp dport $ssh_ports accept"]);
        assert.deepEqual(ofSsh(rules(narrowed)), [
            "        ip saddr 203.0.113.0/24 tcp dport $ssh_ports accept",
            "        ip saddr 0.0.0.0/0 tcp dport $ssh_ports accept",
            "        ip6 saddr 2001:db8::/32 tcp dport $ssh_ports accept",
            "        ip saddr 203.0.113.128/25 tcp dport $ssh_ports accept",
        ]);
    });

    test("has rules that nft accepts", (t) => {
        if (process.getuid?.() !== 0) return t.skip("nft checks rules for root only");
        const file = path.join(folder, "firewall.nft");
        fs.writeFileSync(file, `define ssh_ports = { 22 }\n${rules(narrowed)}`);
        execFileSync("nft", ["--check", "--file", file], { stdio: "pipe" });
    });
});

describe("a device that differs from the one with the data", () => {
    const described = "/dev/disk/by-id/described";
    const bin = path.join(folder, "keep");
    const mountPoint = path.join(folder, "data");
    const deviceFile = path.join(folder, "data-device");

    /** Runs the step alone, with what the machine says of its mount. */
    function keep({ mounted, noted }: { mounted?: string; noted?: string }, device = described) {
        fs.mkdirSync(bin, { recursive: true });
        const program = (name: string, text: string) =>
            fs.writeFileSync(path.join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
        program("mountpoint", mounted === undefined ? "exit 1" : "exit 0");
        program("findmnt", `echo '${mounted}'`);
        fs.rmSync(deviceFile, { force: true });
        if (noted !== undefined) fs.writeFileSync(deviceFile, `${noted}\n`);
        const script = ["apply.sh", "data-device.sh", "volume.sh"].map((name) =>
            hostTemplate(name),
        );
        const { status, stderr } = spawnSync(
            "bash",
            ["-euo", "pipefail", "-s", device, mountPoint, deviceFile],
            {
                encoding: "utf8",
                input: `${script.join("")}keep_data_device "$@"\n`,
                env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}` },
            },
        );
        return status === 0 ? "kept" : stderr;
    }
    const refusal = (elsewhere: string, device = described) =>
        `mailhost: error: the data lies on ${elsewhere}, and ${device} is described: nothing was changed, and nothing would move it. Describe it as before\n`;

    test("is refused, whether it is mounted or was only noted", () => {
        assert.equal(keep({}), "kept");
        assert.equal(keep({ mounted: described, noted: described }), "kept");
        assert.equal(keep({ noted: described }), "kept");
        assert.equal(keep({ mounted: "/dev/sdc" }), refusal("/dev/sdc"));
        assert.equal(keep({ noted: "/dev/sdc" }), refusal("/dev/sdc"));
        assert.equal(keep({ noted: mountPoint }), refusal(mountPoint));
        assert.equal(keep({ noted: described }, mountPoint), refusal(described, mountPoint));
        const bound = "/dev/sda1[/root/forwardemail.net/self-hosting]";
        assert.equal(keep({ mounted: bound }), refusal(bound));
    });

    test("is looked for before the first file is written", () => {
        const step = (existing?: ExistingMachine) => {
            const script = setupScript(plan(existing), { dataDevice: described });
            const line = script.split("\n").find((one) => one.startsWith("keep_data_device /"));
            assert.ok(script.indexOf(line!) < script.search(/^put \//m));
            return line;
        };
        assert.equal(
            step({ data: "device" }),
            `keep_data_device ${described} ${dataMountPoint} /etc/mailhost/data-device`,
        );
        // A rented server's volume may be replaced by another.
        assert.equal(step(), `keep_data_device ${described} ${dataMountPoint} ''`);
    });
});

describe("data on the root disk", () => {
    const bin = path.join(folder, "bin");
    const mountPoint = path.join(folder, "root", "forwardemail.net", "self-hosting");
    const script = path.join(folder, "data-volume.sh");
    const run = path.join(folder, "run");

    /** Runs the preparation with its own folder in place of /run/mailhost, on the mount point itself. */
    function prepare(touch = "exec /usr/bin/touch") {
        fs.mkdirSync(bin, { recursive: true });
        const program = (name: string, text: string) =>
            fs.writeFileSync(path.join(bin, name), `#!/bin/sh\n${text} "$@"\n`, { mode: 0o755 });
        program("mountpoint", "exit 1;");
        program("touch", touch);
        const content = contentOf(plan({ data: "root-disk" }), "/data-volume");
        fs.writeFileSync(script, content.replaceAll("/run/mailhost", run));
        fs.writeFileSync(path.join(folder, "device"), `${mountPoint}\n`);
        return spawnSync("bash", [script, path.join(folder, "device"), mountPoint], {
            encoding: "utf8",
            env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}` },
        });
    }

    test("is the mount point's own folder, made when missing and kept as it is", () => {
        assert.equal(prepare().status, 0);
        assert.equal(fs.readlinkSync(path.join(run, "data-device")), mountPoint);
        fs.writeFileSync(path.join(mountPoint, "mail"), "kept");
        assert.equal(prepare().status, 0);
        assert.deepEqual(fs.readdirSync(mountPoint), ["mail"]);
        assert.equal(fs.readFileSync(path.join(mountPoint, "mail"), "utf8"), "kept");
    });

    test("is refused where a device is missing that had its place there", () => {
        fs.rmSync(run, { recursive: true });
        const { status, stderr } = prepare("exit 1;");
        assert.equal(status, 1);
        assert.match(
            stderr,
            /self-hosting can't be written to .* it is the place of a data device that is not mounted/,
        );
        assert.equal(fs.readFileSync(path.join(run, "data-volume-failure"), "utf8"), stderr);
        assert.equal(fs.existsSync(path.join(run, "data-device")), false);
    });
});

describe("letting go of a machine that stays", () => {
    test("does what every guard does, and then takes the mail host off the next boot", () => {
        const shared = stopScript.slice(0, stopScript.lastIndexOf("# mailhost: end of script"));
        assert.ok(leaveScript.startsWith(shared));
        const more = leaveScript.slice(shared.length);
        assert.match(more, /for unit in mailhost-stack\.service mailhost-renew\.timer; do/);
        assert.match(more, /^rm -f \/root\/\.cloudflare\.ini$/m);
        assert.match(more, /^rm -f \/var\/lib\/mailhost\/stopped-containers$/m);
        assert.equal(guardLeaveCommand.includes(leaveScript.trimEnd()), true);
        assert.equal(guardDeleteCommand.includes("mailhost-renew.timer"), false);
    });

    const told = (device: string | undefined) =>
        spawnSync(
            "bash",
            [
                "-c",
                `say() { printf '%s\\n' "$*"; }; cat() { ${device ? `echo ${device}` : "return 1"}; }; device_file=there mount_point=/data\n` +
                    leaveScript.slice(leaveScript.indexOf("place=")),
            ],
            { encoding: "utf8" },
        ).stdout;
    test("says in which folder the data stays", () => {
        for (const device of ["/data", undefined])
            assert.match(told(device), /certificates in \/data, the packages/);
    });

    test("says on which disk it stays, there or not", () => {
        assert.match(
            told("/dev/disk/by-id/second"),
            /certificates on \/dev\/disk\/by-id\/second \(mounted at \/data from the next boot on\), the/,
        );
    });

    test("is clean shell", () => {
        const check = (shell: string, input: string) =>
            spawnSync("shellcheck", ["-s", shell, "-"], { input, encoding: "utf8" }).stdout;
        assert.equal(check("bash", leaveScript), "");
        assert.equal(check("sh", guardLeaveCommand), "");
    });
});
