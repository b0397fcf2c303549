import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { existing } from "../../../components";
import { blockBits } from "../../../components/server/admission";
import {
    canonicalAddress,
    existingProblems,
    keyFingerprint,
    normalPrivateKey,
    pinnedKey,
    usablePrivateKey,
    type ExistingArgs,
} from "../../../components/server/existing-arguments";
import { fineMachine, openSshKey } from "./existing-machine";

const problems = (args: Partial<ExistingArgs>) =>
    existingProblems("server", { ...fineMachine, ...args }).map(
        ({ path, reason }) => `${path}: ${reason}`,
    );
const rsa = `ssh-rsa ${Buffer.concat([Buffer.from([0, 0, 0, 7]), Buffer.from("ssh-rsa"), Buffer.alloc(64)]).toString("base64")}`;
const pkcs1 = generateKeyPairSync("rsa", { modulusLength: 1024 })
    .privateKey.export({ type: "pkcs1", format: "pem" })
    .toString();

describe("what is wrong with the description of a machine", () => {
    it("is nothing with what is required, and with everything", () => {
        assert.deepEqual(problems({}), []);
        assert.deepEqual(
            problems({
                ipv6: "2001:DB8::7",
                sshHost: "console.example.net",
                sshPort: 2222,
                sshAllowedCidrs: ["203.0.113.0/24", "2001:db8::/32"],
                dataDevice: "/dev/disk/by-id/nvme-SAMSUNG_MZVL2512HCJQ-00B00_S675NX0T-part2",
                memoryMb: 4096,
                sshPrivateKey: pkcs1,
                sshHostKey: `${fineMachine.sshHostKey} root@machine\n`,
                authorizedKeys: [fineMachine.sshHostKey],
            }),
            [],
        );
        assert.deepEqual(problems({ sshHost: "2001:db8::7" }), []);
    });

    const cases: [args: Partial<ExistingArgs>, expected: string][] = [
        [{ ipv4: undefined }, "server.ipv4: The machine's address is missing."],
        [{ ipv4: "203.0.113" }, 'server.ipv4: "203.0.113" is not an IPv4 address.'],
        [
            { ipv4: "10.0.0.5" },
            'server.ipv4: "10.0.0.5" is not an address that the world can reach.',
        ],
        [
            { ipv4: "100.64.0.5" },
            'server.ipv4: "100.64.0.5" is not an address that the world can reach.',
        ],
        [{ ipv6: "2001:db8::/64" }, 'server.ipv6: "2001:db8::/64" is not an IPv6 address.'],
        [{ ipv6: "fe80::1%eth0" }, 'server.ipv6: "fe80::1%eth0" is not an IPv6 address.'],
        [{ ipv6: "fd00::1" }, 'server.ipv6: "fd00::1" is not an address that the world can reach.'],
        [{ system: undefined }, "server.system: Nothing says which system runs on the machine."],
        [
            { system: "debian-14" as never },
            'server.system: "debian-14" is not a system that the host set-up knows.',
        ],
        [
            { sshHostKey: undefined },
            "server.sshHostKey: The machine's host key is missing; nothing connects to an unknown one.",
        ],
        [
            { sshHostKey: `203.0.113.7 ${fineMachine.sshHostKey}`.slice(0, 40) },
            'server.sshHostKey: "203.0.113.7 ssh-ed25519 AAAAC3NzaC1lZDI1" is not an OpenSSH public key.',
        ],
        [
            { sshHostKey: rsa },
            "server.sshHostKey: It is a key of ssh-rsa; the host is known by its ed25519 key.",
        ],
        [{ sshHostKey: openSshKey() }, "server.sshHostKey: This is a private key."],
        [
            { sshPrivateKey: "" },
            "server.sshPrivateKey: The private key for root's login is missing.",
        ],
        [
            { sshPrivateKey: "secret" },
            "server.sshPrivateKey: The value (not shown) is not a private key.",
        ],
        [
            { sshPrivateKey: openSshKey("aes256-ctr") },
            "server.sshPrivateKey: The key (not shown) has a passphrase, which nobody types.",
        ],
        [
            { sshPrivateKey: pkcs1.replace("\n", "\nProc-Type: 4,ENCRYPTED\n") },
            "server.sshPrivateKey: The key (not shown) has a passphrase, which nobody types.",
        ],
        [
            { sshHost: "host:22" },
            'server.sshHost: "host:22" is neither a host name nor an address.',
        ],
        ...["1", "0x7f.1", "010.0.0.1", "fe80::1%eth0", "a.0x7f"].map(
            (sshHost): [Partial<ExistingArgs>, string] => [
                { sshHost },
                `server.sshHost: "${sshHost}" is neither a host name nor an address.`,
            ],
        ),
        ...["240.0.0.1", "192.0.0.8", "255.255.255.255"].map(
            (ipv4): [Partial<ExistingArgs>, string] => [
                { ipv4 },
                `server.ipv4: "${ipv4}" is not an address that the world can reach.`,
            ],
        ),
        ...["fec0::1", "100::1", "2002::1", "4000::1", "::1"].map(
            (ipv6): [Partial<ExistingArgs>, string] => [
                { ipv6 },
                `server.ipv6: "${ipv6}" is not an address that the world can reach.`,
            ],
        ),
        [{ sshHostKey: 7 as never }, "server.sshHostKey: 7 is not a text."],
        [
            { sshAllowedCidrs: "0.0.0.0/0" as never },
            'server.sshAllowedCidrs: "0.0.0.0/0" is not a list of texts.',
        ],
        [{ sshPort: 65536 }, "server.sshPort: 65536 is not a port."],
        [
            { sshAllowedCidrs: [] },
            "server.sshAllowedCidrs: The list is empty, and the host is set up over SSH.",
        ],
        [
            { sshAllowedCidrs: ["203.0.113.7"] },
            'server.sshAllowedCidrs[0]: "203.0.113.7" has no prefix length.',
        ],
        [
            { dataDevice: "/dev/sdb" },
            'server.dataDevice: "/dev/sdb" is not a path below /dev/disk/by-id, which alone names the same disk after each boot.',
        ],
        [{ memoryMb: 0.5 }, "server.memoryMb: 0.5 is not an amount of memory."],
        [
            { authorizedKeys: ["ssh-rsa"] },
            'server.authorizedKeys[0]: "ssh-rsa" is not an OpenSSH public key.',
        ],
    ];
    for (const [args, expected] of cases)
        it(expected, () => assert.deepEqual(problems(args), [expected]));

    it("is said all at once, each with a remedy and without the secret", () => {
        const all = existingProblems("server", {
            ipv6: "x",
            sshPrivateKey: "hidden value",
            sshPort: -1,
        });
        assert.deepEqual(
            all.map(({ path }) => path),
            [
                ...["server.ipv4", "server.ipv6", "server.system", "server.sshHostKey"],
                ...["server.sshPrivateKey", "server.sshPort"],
            ],
        );
        assert.ok(all.every(({ remedy }) => remedy.length > 10));
        assert.ok(!JSON.stringify(all).includes("hidden value"));
    });
});

describe("the login key", () => {
    it("is taken with the line ends of another system, and blanks around it", () => {
        const sent = `\n  ${openSshKey().replaceAll("\n", "\r\n")}\r\n`;
        assert.deepEqual(problems({ sshPrivateKey: sent }), []);
        assert.equal(normalPrivateKey(sent), openSshKey());
        assert.equal(normalPrivateKey(openSshKey().trimEnd()), openSshKey());
    });
});

describe("a login key that is known only later", () => {
    it("is looked at then, and not shown", () => {
        const use = (key: string) => usablePrivateKey("edge", "server.sshPrivateKey", key);
        assert.equal(use(`${openSshKey()}\n`), openSshKey());
        assert.throws(
            () => use("hidden value"),
            ({ message }: Error) =>
                /^edge: .*\n {2}server\.sshPrivateKey: The value \(not shown\) is not a private key/.test(
                    message,
                ) && !message.includes("hidden"),
        );
    });
});

describe("an existing machine", () => {
    it("says what the host plan and the records need to know", () => {
        const {
            system,
            authorizedKeys,
            memoryMb,
            addresses,
            existing: machine,
        } = existing(fineMachine);
        assert.deepEqual(
            { system, authorizedKeys, memoryMb, addresses, machine },
            {
                system: "debian-13",
                authorizedKeys: [],
                memoryMb: undefined,
                addresses: ["ipv4"],
                machine: { data: "root-disk" },
            },
        );
        const other = existing({
            ...fineMachine,
            ipv6: "2001:db8::7",
            dataDevice: "/dev/disk/by-id/x",
            sshAllowedCidrs: ["203.0.113.0/24"],
            memoryMb: 2048,
        });
        assert.deepEqual(other.addresses, ["ipv4", "ipv6"]);
        assert.deepEqual(other.existing, {
            data: "device",
            sshAllowedCidrs: ["203.0.113.0/24"],
        });
        assert.equal(other.memoryMb, 2048);
    });

    it("is known by its host key, with or without a comment", () => {
        const commented = `${fineMachine.sshHostKey}  root@machine\n`;
        assert.equal(pinnedKey(commented), fineMachine.sshHostKey);
        assert.equal(keyFingerprint(commented), keyFingerprint(fineMachine.sshHostKey));
        // ssh-keygen -lf
        assert.equal(
            keyFingerprint(
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
            ),
            "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
        );
    });

    it("has its addresses in the form in which the machine prints them", () => {
        assert.equal(canonicalAddress("2001:0DB8:0:0::7"), "2001:db8::7");
        assert.equal(canonicalAddress("203.0.113.7"), "203.0.113.7");
    });

    it("compares a block by the bits of its prefix", () => {
        assert.equal(blockBits("203.0.0.0/8"), "4:11001011");
        assert.equal(blockBits("0.0.0.0/0"), "4:");
        assert.equal(blockBits("2001:db8::/32"), `6:${"0010000000000001"}${"0000110110111000"}`);
    });
});
