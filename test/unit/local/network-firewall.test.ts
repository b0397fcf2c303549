import assert from "node:assert/strict";
import { test } from "node:test";
import {
    openPorts,
    renderFirewall,
    type OpenPort,
} from "../../../local/cloud/network/cloud-firewall";
import type { FirewallRule } from "../../../local/cloud/machines/machine";

const machine = { id: 7, link: "m7", ipv4: "198.18.5.10", ipv6: "2001:db8:5:a::1" };
const everyone = ["0.0.0.0/0", "::/0"];

function rule(fields: Partial<FirewallRule>): FirewallRule {
    return { direction: "in", protocol: "tcp", sourceIps: everyone, ...fields };
}

/** What a machine's chain holds for its rules, without what it always holds. */
function renderedRules(rules: FirewallRule[]): string[] {
    const text = renderFirewall({ ...machine, rules });
    const [, chain] = /chain to-machine \{\n([^}]*\}[^}]*)\}/.exec(text)!;
    const lines = chain!
        .trim()
        .split("\n")
        .map((line) => line.trim());
    return lines.slice(2, -1);
}

test("the whole table of a machine", () => {
    const rules = [rule({ port: "22", sourceIps: ["198.18.0.0/15"] })];
    assert.equal(
        renderFirewall({ ...machine, rules }),
        `table inet machine-7 {}
delete table inet machine-7
table inet machine-7 {
    chain to-machine {
        ct state established,related accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
        ip saddr 198.18.0.0/15 tcp dport 22 accept
        drop
    }
    chain forward {
        type filter hook forward priority 0; policy accept;
        iifname "m7" ip saddr != 198.18.5.10 drop
        iifname "m7" ip6 saddr != { 2001:db8:5:a::/64, fe80::/10 } drop
        oifname "m7" jump to-machine
    }
    chain output {
        type filter hook output priority 0; policy accept;
        oifname "m7" jump to-machine
    }
}
`,
    );
});

test("without a firewall everything passes", () => {
    assert.match(renderFirewall(machine), /chain to-machine \{\n {8}accept\n {4}\}/);
});

test("a firewall without rules lets nothing in", () => {
    assert.deepEqual(renderedRules([]), []);
    assert.match(renderFirewall({ ...machine, rules: [] }), /drop\n {4}\}\n {4}chain forward/);
});

const cases: [string, FirewallRule, string[]][] = [
    [
        "everyone, in both families",
        rule({ port: "25" }),
        ["meta nfproto ipv4 tcp dport 25 accept", "meta nfproto ipv6 tcp dport 25 accept"],
    ],
    [
        "a range",
        rule({ protocol: "udp", port: "1000-2000", sourceIps: ["10.0.0.0/8"] }),
        ["ip saddr 10.0.0.0/8 udp dport 1000-2000 accept"],
    ],
    [
        "a range of one",
        rule({ port: "25-25", sourceIps: ["10.0.0.0/8"] }),
        ["ip saddr 10.0.0.0/8 tcp dport 25 accept"],
    ],
    [
        "any port",
        rule({ port: "any", sourceIps: ["2001:db8::/32"] }),
        ["ip6 saddr 2001:db8::/32 meta l4proto tcp accept"],
    ],
    [
        "icmp is ICMPv6 too",
        rule({ protocol: "icmp" }),
        [
            "meta nfproto ipv4 meta l4proto icmp accept",
            "meta nfproto ipv6 meta l4proto ipv6-icmp accept",
        ],
    ],
    [
        "esp",
        rule({ protocol: "esp", sourceIps: ["10.1.2.3/32"] }),
        ["ip saddr 10.1.2.3/32 meta l4proto esp accept"],
    ],
    ["outgoing rules let nothing in", rule({ direction: "out", port: "25" }), []],
    ["no source, no rule", rule({ port: "25", sourceIps: [] }), []],
];
for (const [name, firewallRule, expected] of cases) {
    test(name, () => assert.deepEqual(renderedRules([firewallRule]), expected));
}

test("without outgoing rules everything may leave, with one only what it says", () => {
    const leaving = (rules: FirewallRule[]) => {
        const text = renderFirewall({ ...machine, rules });
        const [, chain] = /chain from-machine \{\n([^}]*\}[^}]*)\}/.exec(text) ?? [];
        const jumps = text.split("\n").filter((line) => line.includes("jump from-machine"));
        const lines = chain?.trim().split("\n");
        return { lines: lines?.map((line) => line.trim()).slice(2), jumps: jumps.length };
    };
    assert.deepEqual(leaving([rule({ port: "22" })]), { lines: undefined, jumps: 0 });
    const mail = rule({
        ...{ direction: "out", port: "25", sourceIps: [], destinationIps: ["10.0.0.0/8", "::/0"] },
    });
    assert.deepEqual(leaving([rule({ port: "22" }), mail]), {
        lines: [
            "ip daddr 169.254.169.254 accept",
            "ip daddr 10.0.0.0/8 tcp dport 25 accept",
            "meta nfproto ipv6 tcp dport 25 accept",
            "drop",
        ],
        jumps: 2,
    });
    assert.deepEqual(leaving([{ ...mail, destinationIps: [] }]).lines, [
        "ip daddr 169.254.169.254 accept",
        "drop",
    ]);
});

for (const port of ["0", "65536", "20-10", "22; accept", "", "-5"]) {
    test(`port "${port}" is refused`, () => {
        assert.throws(
            () => renderFirewall({ ...machine, rules: [rule({ port })] }),
            new Error(
                `"${port}" is no port of a firewall rule: give a number from 1 to 65535, a range "1000-2000" or "any".`,
            ),
        );
    });
}

test("a source that is no address can't reach nft", () => {
    const rules = [rule({ port: "22", sourceIps: ["10.0.0.0/8 accept #/0"] })];
    assert.throws(() => renderFirewall({ ...machine, rules }));
});

const candidates: OpenPort[] = [
    { protocol: "tcp", port: 25 },
    { protocol: "tcp", port: 443 },
    { protocol: "udp", port: 443 },
];
const sources = ["198.18.5.1", "127.0.0.1"];
const openCases: [string, FirewallRule[] | undefined, string[]][] = [
    ["no firewall: the candidates", undefined, ["tcp 25", "tcp 443", "udp 443"]],
    ["no rules: none", [], []],
    ["a port that is no candidate", [rule({ port: "8025" })], ["tcp 8025"]],
    ["a source that is not this computer", [rule({ port: "25", sourceIps: ["10.0.0.0/8"] })], []],
    ["loopback is this computer", [rule({ port: "25", sourceIps: ["127.0.0.0/8"] })], ["tcp 25"]],
    ["a port twice is one", [rule({ port: "25" }), rule({ port: "25" })], ["tcp 25"]],
    ["a narrow range in full", [rule({ port: "100-102" })], ["tcp 100", "tcp 101", "tcp 102"]],
    ["a wide range: the candidates in it", [rule({ port: "100-1000" })], ["tcp 443"]],
    ["any", [rule({ port: "any" })], ["tcp 25", "tcp 443"]],
    ["icmp opens no port", [rule({ protocol: "icmp" })], []],
    ["outgoing opens no port", [rule({ direction: "out", port: "25" })], []],
];
for (const [name, rules, expected] of openCases) {
    test(`open ports, ${name}`, () => {
        const open = openPorts(rules, sources, candidates);
        assert.deepEqual(
            open.map(({ protocol, port }) => `${protocol} ${port}`),
            expected,
        );
    });
}
