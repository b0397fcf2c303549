// The script that looks at an existing machine runs for real, on a folder that stands for the machine's files and on
// programs that are simulated.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach } from "node:test";
import { planHost, type System } from "../../../components/host/plan";
import { admissionScript, type AdmissionArgs } from "../../../components/server/admission";
import { planArguments } from "../host/arguments";

/** The host that the machine is to be. */
export const hostPlan = (system: System = "debian-13") =>
    planHost({ ...planArguments, system, existing: { data: "root-disk" } });
/** What suits the machine. */
export const fine: AdmissionArgs = {
    ipv4: "203.0.113.7",
    ipv6: "2001:db8::7",
    system: "debian-13",
    plan: {
        fqdn: "mx.example.com",
        host: hostPlan(),
        openTcpPorts: planArguments.openTcpPorts,
    },
};

const says = (name: string) => `#!/bin/sh\ncat "$FAKE/${name}" 2>/dev/null || true\n`;
/** What a machine has that was just installed. */
const programs: Record<string, string> = {
    id: '#!/bin/sh\n[ "$*" = -u ] || { echo somebody; exit; }\ncat "$FAKE/uid" 2>/dev/null || echo 0\n',
    uname: '#!/bin/sh\ncat "$FAKE/processor" 2>/dev/null || echo x86_64\n',
    ip: '#!/bin/sh\ncase "$*" in *link*) cat "$FAKE/links";; *-4*) cat "$FAKE/ipv4";; *-6*) cat "$FAKE/ipv6";; esac\n',
    ss: says("listeners"),
    sshd: says("sshd"),
    systemctl:
        '#!/bin/sh\nfor word; do case $word in *.service) unit=$word;; esac; done\ncase "$*" in *is-enabled*) grep -qxF -- "$unit" "$FAKE/enabled" 2>/dev/null;; *) exit 3;; esac\n',
    "dpkg-query":
        '#!/bin/sh\nfor word; do :; done\ngrep -qxF -- "$word" "$FAKE/packages" 2>/dev/null && echo "ii "\n',
    df: '#!/bin/sh\nprintf "Avail\\n%s\\n" "$(cat "$FAKE/free-kib" 2>/dev/null || echo 20000000)"\n',
    getent: '#!/bin/sh\ncat "$FAKE/names" 2>/dev/null\n',
    "cloud-init": '#!/bin/sh\necho "$*" >>"$FAKE/cloud-init"\nexit 1\n',
    lsblk: '#!/bin/sh\ncase "$*" in *MOUNTPOINT*) cat "$FAKE/mounted" 2>/dev/null;; *) cat "$FAKE/disks" 2>/dev/null || echo sdb;; esac\n',
    blkid: '#!/bin/sh\ncase "$*" in *LABEL*) cat "$FAKE/label";; *TYPE*) cat "$FAKE/type";; *) cat "$FAKE/probe" || exit 2;; esac 2>/dev/null\n',
    mountpoint: '#!/bin/sh\n[ -e "$FAKE/source" ]\n',
    findmnt: says("source"),
    wipefs: says("signatures"),
    cmp: '#!/bin/sh\n[ ! -e "$FAKE/bytes" ]\n',
    nft: says("ruleset"),
    docker: '#!/bin/sh\ncase "$*" in ps*) cat "$FAKE/containers" 2>/dev/null;; inspect*) exit 1;; esac\n',
    "iptables-save": says("iptables"),
    "ip6tables-save": says("ip6tables"),
    "iptables-legacy-save": says("legacy"),
};

/** What every system has. The machine has no other program of this computer. */
const tools = [
    ...[
        "awk",
        "bash",
        "cat",
        "cut",
        "grep",
        "head",
        "ls",
        "mkdir",
        "paste",
        "readlink",
        "sed",
        "sh",
        "sort",
        "stat",
        "tail",
    ],
    ...["timeout", "tr", "wc"],
];

let folder: string;
/** Where a file of the machine really is. */
export const file = (name: string) => path.join(folder, "root", name);

/** Writes a file of the machine. */
export function place(name: string, text: string): void {
    fs.mkdirSync(path.dirname(file(name)), { recursive: true });
    fs.writeFileSync(file(name), text);
}

/** What a simulated program says. */
export const set = (name: string, text: string) =>
    fs.writeFileSync(path.join(folder, "fake", name), text);
/** A program more. */
export const addProgram = (name: string, text = "") =>
    fs.writeFileSync(path.join(folder, "bin", name), `#!/bin/sh\n${text}`, { mode: 0o755 });
/** What a simulated program was told. */
export const told = (name: string) => fs.readFileSync(path.join(folder, "fake", name), "utf8");
/** The machine does not have these programs. */
export const without = (...names: string[]) =>
    names.forEach((name) => fs.rmSync(path.join(folder, "bin", name)));

/** What the kernel says of its memory. */
export const meminfo = (kib: number) => `MemTotal:       ${kib} kB\nMemFree:        1000 kB\n`;
const meant = { from: "203.0.113.200 50000 203.0.113.7 22" };

/** Every test of the file gets a machine that was just installed. */
export function simulateMachine(): void {
    beforeEach(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-admission-"));
        for (const name of ["bin", "fake", "root", "tools"]) fs.mkdirSync(path.join(folder, name));
        for (const [name, text] of Object.entries(programs))
            fs.writeFileSync(path.join(folder, "bin", name), text, { mode: 0o755 });
        for (const name of tools) {
            const where = ["/usr/bin", "/bin"].map((bin) => path.join(bin, name));
            fs.symlinkSync(
                where.find((candidate) => fs.existsSync(candidate)) ?? name,
                path.join(folder, "tools", name),
            );
        }
        place(
            "etc/os-release",
            'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_ID="13"\nID=debian\n',
        );
        place("proc/meminfo", meminfo(3_900_000));
        place("proc/net/if_inet6", "");
        place("etc/hosts", "127.0.0.1 localhost\n");
        place("etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\n");
        for (const name of ["run/systemd/system", "var/lib", "root"])
            fs.mkdirSync(file(name), { recursive: true });
        set(
            "links",
            "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536\n2: eth0@if5: <BROADCAST,UP,LOWER_UP> mtu 1500\n",
        );
        set(
            "ipv4",
            "1: lo    inet 127.0.0.1/8 scope host lo\n2: eth0    inet 203.0.113.7/32 scope global eth0\n",
        );
        set("ipv6", "2: eth0    inet6 2001:db8::7/64 scope global\n");
        set("sshd", "port 22\nauthorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2\n");
        set("names", "203.0.113.7 mx.example.com\n");
    });
    afterEach(() => fs.rmSync(folder, { recursive: true }));
}

function admit(change: Partial<AdmissionArgs> = {}, { from }: { from?: string } = meant) {
    const script = admissionScript({ ...fine, ...change }).replace(
        "root=''\n",
        `root=${path.join(folder, "root")}\n`,
    );
    const ended = spawnSync("bash", ["-euo", "pipefail"], {
        encoding: "utf8",
        input: script,
        env: {
            PATH: `${path.join(folder, "bin")}:${path.join(folder, "tools")}`,
            FAKE: path.join(folder, "fake"),
            ...(from !== undefined && { SSH_CONNECTION: from }),
        },
    });
    return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr };
}

const ending = (count: number) =>
    `mailhost: error: ${count} of the things that mx.example.com needs of this machine are not as they should be, see above: nothing was changed`;

/** The machine is refused, for exactly these reasons. */
export function refuses(
    expected: RegExp[],
    change?: Partial<AdmissionArgs>,
    login?: { from?: string },
): void {
    const before = snapshot();
    const { code, stdout, stderr } = admit(change, login);
    assert.equal(code, 1, stdout);
    const lines = stderr.trimEnd().split("\n");
    assert.equal(lines.pop(), ending(expected.length), stderr);
    assert.equal(lines.length, expected.length, stderr);
    expected.forEach((pattern, index) => {
        assert.match(lines[index]!, /^mailhost: error: /);
        assert.match(lines[index]!, pattern);
    });
    assert.equal(stdout, "");
    assert.deepEqual(snapshot(), before);
}

/** The machine is accepted; returns what it says. */
export function accepts(change?: Partial<AdmissionArgs>, login?: { from?: string }): string {
    const { code, stdout, stderr } = admit(change, login);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "");
    return stdout;
}

/** Every file of the machine that outlives a boot. */
function snapshot(): string[] {
    return fs
        .readdirSync(file("."), { recursive: true, encoding: "utf8" })
        .filter((name) => !name.startsWith("run"))
        .sort();
}

/** What `nft list ruleset` prints on a host of ours, with Docker's rules. */
export const dockerRules = `table ip nat {
	chain DOCKER {
		iifname "docker0" counter packets 0 bytes 0 return
	}
	chain POSTROUTING {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 172.17.0.0/16 oifname != "docker0" counter packets 0 bytes 0 masquerade
	}
	chain PREROUTING {
		type nat hook prerouting priority dstnat; policy accept;
		fib daddr type local counter packets 3 bytes 172 jump DOCKER
	}
}
table ip filter {
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
		counter packets 0 bytes 0 jump DOCKER-USER
		oifname "docker0" ct state related,established counter packets 0 bytes 0 accept
	}
	chain DOCKER-USER {
		counter packets 0 bytes 0 return
	}
}
table inet mailhost {
	set open_tcp_ports {
		type inet_service
		elements = { 25, 443 }
	}
	chain input {
		type filter hook input priority filter; policy drop;
		tcp dport @open_tcp_ports accept
	}
}
table ip docker-bridges {
	chain filter-forward {
		type filter hook forward priority filter; policy accept;
		ct state established accept
	}
}
`;
