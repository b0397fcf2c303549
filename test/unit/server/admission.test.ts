import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { describe, test } from "node:test";
import { admissionScript, type AdmissionArgs } from "../../../components/server/admission";
import {
    accepts,
    addProgram,
    dockerRules,
    file,
    fine,
    hostPlan,
    meminfo,
    place,
    refuses,
    set,
    simulateMachine,
    told,
    without,
} from "./simulated-machine";

describe("the look at an existing machine", () => {
    simulateMachine();

    test("accepts one that was just installed, and asks for the PTR records that are wrong", () => {
        assert.equal(accepts(), "mailhost: the machine can be made mx.example.com\n");
        set("names", "203.0.113.7 static.7.example.net\n");
        assert.equal(
            accepts({ ipv6: undefined }),
            "mailhost: the PTR record of 203.0.113.7 is static.7.example.net: set it to mx.example.com where the machine is rented\n" +
                "mailhost: the machine can be made mx.example.com\n",
        );
        set("names", "");
        assert.match(
            accepts({ ipv6: undefined }),
            /the PTR record of 203\.0\.113\.7 is missing: set it/,
        );
    });

    test("waits for a first boot that is still at work, however that ends", () => {
        accepts();
        assert.equal(told("cloud-init"), "status --wait\n");
        without("cloud-init");
        accepts();
    });

    test("accepts one without any of the programs that the set-up brings", () => {
        without("nft", "docker", "iptables-save", "ip6tables-save", "iptables-legacy-save");
        accepts();
    });

    test("accepts Docker's rules and ours, and an older Docker's", () => {
        set("ruleset", dockerRules);
        accepts();
        without("nft");
        set(
            "iptables",
            ":FORWARD DROP [0:0]\n:DOCKER - [0:0]\n-A FORWARD -j DOCKER-USER\n-A FORWARD -o docker0 -j ACCEPT\n",
        );
        accepts();
    });

    const other = (ID: string, VERSION_ID: string, PRETTY_NAME: string) =>
        place(
            "etc/os-release",
            `PRETTY_NAME="${PRETTY_NAME}"\nID=${ID}\nVERSION_ID="${VERSION_ID}"\n`,
        );
    const listens = (port: number, address = "0.0.0.0") =>
        set(
            "listeners",
            `LISTEN 0 100 ${address}:${port} 0.0.0.0:* users:(("node",pid=${process.pid},fd=13))\n`,
        );
    const foreignRule =
        "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t\ttcp dport 25 drop\n\t}\n}\n";

    const cases: [
        what: string,
        make: () => void,
        expected: RegExp[],
        change?: Partial<AdmissionArgs>,
    ][] = [
        [
            "another system than described",
            () => other("ubuntu", "24.04", "Ubuntu 24.04.1 LTS"),
            [
                /the system is ubuntu-24\.04, and debian-13 is described: set server\.system to ubuntu-24\.04/,
            ],
        ],
        [
            "a system that nobody knows",
            () => other("fedora", "43", "Fedora Linux 43"),
            [
                /the system is Fedora Linux 43, which the set-up does not know: install one of debian-13 /,
            ],
        ],
        [
            "no system that says what it is",
            () => fs.rmSync(file("etc/os-release")),
            [/the system is unknown, which the set-up does not know/],
        ],
        ["a user", () => set("uid", "1000\n"), [/the login is somebody, not root/]],
        ["another processor", () => set("processor", "riscv64\n"), [/the processor is riscv64/]],
        [
            "no systemd",
            () => fs.rmdirSync(file("run/systemd/system")),
            [/systemd does not run here/],
        ],
        [
            "a kernel without IPv6",
            () => fs.rmSync(file("proc/net/if_inet6")),
            [/the kernel has no IPv6/],
        ],
        [
            "missing programs",
            () => without("ip", "ss"),
            [/program ip is missing/, /program ss is missing/],
        ],
        [
            "too little memory",
            () => place("proc/meminfo", meminfo(1_000_000)),
            [/it has 976 MiB of memory: the services need/],
        ],
        [
            "less memory than described",
            () => undefined,
            [
                /it has 3808 MiB of memory, and 8192 are described: set server\.memoryMb to what it is sold with \(2048 for 2 GB\)/,
            ],
            { memoryMb: 8192 },
        ],
        [
            "a small disk",
            () => set("free-kib", String(9 * 1024 * 1024)),
            [/\/var\/lib has 9216 MiB free: 10240 are needed/],
        ],
        [
            "a private address before the public one",
            () =>
                set(
                    "ipv4",
                    "2: eth0    inet 10.0.0.5/24 scope global eth0\n2: eth0    inet 203.0.113.7/32 scope global eth0\n",
                ),
            [
                /its first IPv4 address is 10\.0\.0\.5, and 203\.0\.113\.7 is described: the mail services send from the first/,
            ],
        ],
        ["no address", () => set("ipv4", ""), [/its first IPv4 address is missing/]],
        [
            "another IPv6 address",
            () => set("ipv6", "2: eth0 inet6 2001:db8::77/64 scope global\n"),
            [/none of its interfaces has the address 2001:db8::7:/],
        ],
        [
            "a listener at a port of mail",
            () => listens(25),
            [/port 25 is taken by the process node \(\d+\)/],
        ],
        [
            "a listener on loopback alone",
            () => listens(465, "127.0.0.1"),
            [/port 465 is taken by the process node/],
        ],
        [
            "a web server of IPv6",
            () => listens(443, "[::]"),
            [/port 443 is taken by the process node/],
        ],
        [
            "servers that start at boot",
            () => set("enabled", "exim4.service\nnginx.service\n"),
            [/exim4 starts at boot.*systemctl disable --now exim4/, /nginx starts at boot/],
        ],
        [
            "ufw, whose rules are not told one by one",
            () => {
                place("etc/ufw/ufw.conf", "ENABLED=yes\n");
                addProgram("ufw");
                set("ruleset", foreignRule);
            },
            [/ufw is active, and the host has a firewall of its own: ufw disable/],
        ],
        [
            "firewalld",
            () => set("enabled", "firewalld.service\n"),
            [/firewalld rules the firewall/],
        ],
        [
            "a rule set that is loaded at boot",
            () => set("enabled", "nftables.service\n"),
            [/nftables rules the firewall/],
        ],
        [
            "a foreign rule",
            () => set("ruleset", dockerRules + foreignRule),
            [/the firewall has 1 rules .*, the first: inet filter input: tcp dport 25 drop\. /],
        ],
        [
            "a foreign chain that drops everything",
            () =>
                set(
                    "ruleset",
                    foreignRule
                        .replace("policy accept", "policy drop")
                        .replace("\t\ttcp dport 25 drop\n", ""),
                ),
            [/the first: inet filter input: type filter hook input priority filter; policy drop;/],
        ],
        [
            "rules of iptables where there is no nft",
            () => {
                without("nft");
                set("ip6tables", ":INPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 25 -j DROP\n");
            },
            [/the first: -A INPUT -p tcp --dport 25 -j DROP/],
        ],
        [
            "rules of the older iptables",
            () => {
                place("proc/net/ip_tables_names", "filter\n");
                set("legacy", ":INPUT DROP [0:0]\n");
            },
            [/the first: :INPUT DROP/],
        ],
        [
            "keys elsewhere",
            () => set("sshd", "authorizedkeysfile /etc/ssh/keys/%u\n"),
            [/sshd takes keys from elsewhere than \.ssh\/authorized_keys/],
        ],
        [
            "no place for the settings of sshd",
            () => place("etc/ssh/sshd_config", "Port 22\n#Include /etc/ssh/sshd_config.d/*.conf\n"),
            [/sshd_config does not begin with Include/],
        ],
        [
            "a setting of sshd that holds before ours",
            () =>
                place(
                    "etc/ssh/sshd_config",
                    "Port 2222\n  PasswordAuthentication yes\nInclude /etc/ssh/sshd_config.d/*.conf\n",
                ),
            [
                /does not begin with Include .*, but has\s+PasswordAuthentication yes before it, which/,
            ],
        ],
        [
            "settings of sshd for some alone, which ours would become",
            () =>
                place(
                    "etc/ssh/sshd_config",
                    "Match User a\nInclude /etc/ssh/sshd_config.d/*.conf\n",
                ),
            [/but has Match User a before it/],
        ],
        [
            "a database that only the deployment would meet",
            () => listens(27017, "127.0.0.1"),
            [/port 27017 is taken by the process node/],
            { plan: { ...fine.plan, boundTcpPorts: [25, 27017] } },
        ],
        [
            "another mail host's mail",
            () => place("opt/mailcow-dockerized/mailcow.conf", ""),
            [/\/opt\/mailcow-dockerized belongs to another mail host/],
        ],
        [
            "a stack that was set up by hand",
            () => place("root/forwardemail.net/self-hosting/.env", "DOMAIN=example.com\n"),
            [/\/root\/forwardemail\.net\/self-hosting holds files of another mail host/],
        ],
        [
            "containers",
            () => set("containers", "blog\nblog-db\n"),
            [/Docker has containers already, .*: blog blog-db\. Move them/],
        ],
        [
            "containers of a Docker that is silent",
            () => {
                without("docker");
                place("var/lib/docker/containers/4711/config.json", "");
            },
            [/\/var\/lib\/docker has containers, and Docker does not say which/],
        ],
        [
            "Docker from elsewhere",
            () => set("packages", "docker-ce\ncontainerd.io\n"),
            [/Docker is installed from another source: apt-get remove docker-ce containerd\.io$/],
        ],
        [
            "Docker from the distribution, where it comes from Docker",
            () => {
                other("debian", "12", "Debian GNU/Linux 12 (bookworm)");
                set("packages", "docker.io\n");
            },
            [/apt-get remove docker\.io$/],
            { system: "debian-12", plan: { ...fine.plan, host: hostPlan("debian-12") } },
        ],
        [
            "files that would be lost",
            () => {
                place("etc/docker/daemon.json", "{}\n");
                place("etc/profile.d/env.sh", "");
            },
            [
                /would write over files that are not its own: \/etc\/profile\.d\/env\.sh \/etc\/docker\/daemon\.json\. Move/,
            ],
        ],
        [
            "another mail host of this program",
            () => {
                place("var/lib/mailhost/manifest", "/etc/mailhost/firewall.nft\t\n");
                place("etc/hosts", "127.0.1.1 mx.other.example mx\n");
            },
            [/it is the mail host mx\.other\.example already, and mx\.example\.com is described/],
        ],
        [
            "no such disk",
            () => undefined,
            [/there is no disk \/dev\/disk\/by-id\/missing: ls -l/],
            { dataDevice: "/dev/disk/by-id/missing" },
        ],
    ];
    for (const [what, make, expected, change] of cases) {
        test(`refuses ${what}`, () => {
            make();
            refuses(expected, change);
        });
    }

    test("says everything at once", () => {
        other("ubuntu", "22.04", "Ubuntu 22.04");
        listens(25);
        set("ruleset", foreignRule);
        set("ipv4", "2: eth0 inet 10.0.0.5/24 scope global eth0\n");
        place("proc/meminfo", meminfo(500_000));
        refuses([/the system is/, /of memory/, /first IPv4/, /port 25/, /the firewall/]);
    });

    test("passes over an interface that is down, as Docker's is without containers", () => {
        set(
            "links",
            "2: docker0: <NO-CARRIER,BROADCAST,UP> mtu 1500\n3: eth0: <BROADCAST,UP,LOWER_UP> mtu 1500\n",
        );
        set(
            "ipv4",
            "2: docker0 inet 172.17.0.1/16 scope global docker0\n3: eth0 inet 203.0.113.7/24 scope global eth0\n",
        );
        accepts();
    });

    test("lets a machine pass that is this host already, with its images, data and files", () => {
        const planned = fine.plan.host.files.map(({ path: name }) => name);
        for (const name of planned) place(name, "");
        place("var/lib/mailhost/manifest", planned.map((name) => `${name}\t\n`).join(""));
        place("root/forwardemail.net/self-hosting/.env", "");
        place("etc/hosts", "127.0.1.1 mx.example.com mx\n");
        set("free-kib", "100000");
        set("containers", "web\nsmtp\nmine\n");
        set("packages", "docker.io\n");
        assert.equal(accepts(), "mailhost: the machine is mx.example.com already\n");
        // One that was cut off half-way has only some of them.
        place("var/lib/mailhost/manifest", "/etc/docker/daemon.json\t\n");
        refuses([/would write over files that are not its own: \/etc\/profile\.d\/env\.sh /]);
    });

    test("takes data that another machine of this program had", () => {
        fs.mkdirSync(file("root/forwardemail.net/self-hosting/releases"), { recursive: true });
        accepts();
    });

    const narrowed = { sshAllowedCidrs: ["203.0.113.128/25", "2001:db8::/33"] };
    for (const from of [
        "203.0.113.200",
        "2001:db8:7fff::1",
        "::ffff:203.0.113.129",
        "2001:db8::",
    ]) {
        test(`narrows SSH with a login from ${from}`, () =>
            void accepts(narrowed, { from: `${from} 1 203.0.113.7 22` }));
    }
    for (const from of ["203.0.113.127", "2001:db8:8000::1", "2001::db8", "198.51.100.1"]) {
        test(`does not lock out ${from}`, () => {
            refuses(
                [new RegExp(`connects from ${from}, which is in none of server\\.sshAllowedCidrs`)],
                narrowed,
                {
                    from: `${from} 1 203.0.113.7 22`,
                },
            );
        });
    }

    test("is clean bash, whatever it is told", () => {
        const script = admissionScript({
            ...fine,
            ...narrowed,
            dataDevice: "/dev/disk/by-id/x",
            memoryMb: 4096,
        });
        const check = spawnSync("shellcheck", ["-"], { input: script, encoding: "utf8" });
        assert.equal(check.stdout, "");
    });
});
