import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readConfig, type ConfigSource } from "../../../program/config";
import { fineMachine, openSshKey } from "../server/existing-machine";
import { lines, secretKeys, source } from "./support/config-source";

const { ipv4, system, sshHostKey } = fineMachine;
const key = openSshKey();
const keyRemedy =
    "Give the whole file of a private key whose public key root's authorized_keys has, without a passphrase: " +
    "ssh-keygen -t ed25519 -N '' makes one. Set it with: pulumi config set --secret mailhost:sshPrivateKey <FILE.";

function machine(
    server: Record<string, unknown> = {},
    changes: Record<string, unknown> = {},
    rest: Partial<ConfigSource> = {},
): ConfigSource {
    return source(
        {
            "hcloud:token": undefined,
            "mailhost:sshPrivateKey": key,
            "mailhost:server": { provider: "existing", ipv4, system, sshHostKey, ...server },
            ...changes,
        },
        { secretKeys: [...secretKeys, "mailhost:sshPrivateKey"], ...rest },
    );
}

describe("an existing machine in the configuration", () => {
    it("needs no token of a provider, and has its secret at the top", () => {
        assert.deepEqual(lines(machine()), []);
        const { config } = readConfig(machine());
        assert.deepEqual(config?.server, { provider: "existing", ipv4, system, sshHostKey });
        assert.equal(config?.sshPrivateKey, key);
    });

    it("has settings of its own, and those that every provider takes", () => {
        const server = {
            ipv6: "2001:db8::7",
            sshHost: "console.example.net",
            dataDevice: "/dev/disk/by-id/x",
            sshAllowedCidrs: ["203.0.113.0/24"],
            authorizedKeys: [sshHostKey],
        };
        const { config } = readConfig(machine({ ...server, sshPort: "2222", memoryMb: "4096" }));
        assert.deepEqual(config?.server, {
            ...{ provider: "existing", ipv4, system, sshHostKey, ...server },
            ...{ sshPort: 2222, memoryMb: 4096 },
        });
    });

    it("has its memory shared out among the services", () => {
        assert.deepEqual(lines(machine({ memoryMb: 512 })), [
            "mailhost:server.memoryMb: The machine has 512 MiB of memory; the stack needs 2048, and 4096 are advised. Choose a larger server.",
        ]);
    });

    const foreign = (name: string, own: string, others: string[]) =>
        `mailhost:${name}: It is for ${others.join(" and ")} alone, and server.provider is ${own}. ` +
        `Remove it, or set mailhost:server.provider to ${others.join(" or ")}.`;

    it("takes nothing of a rented server", () => {
        assert.deepEqual(
            lines(machine({ type: "cax21", volumeSizeGb: 40, image: "debian-13", size: "s" })),
            [
                foreign("server.type", "existing", ["hetzner"]),
                foreign("server.image", "existing", ["hetzner", "digitalocean"]),
                foreign("server.volumeSizeGb", "existing", ["hetzner", "digitalocean"]),
                foreign("server.size", "existing", ["digitalocean"]),
            ],
        );
    });

    it("gives nothing to a rented server", () => {
        assert.deepEqual(
            lines(
                source(
                    {
                        "mailhost:server": {
                            sshAllowedCidrs: ["203.0.113.0/24"],
                            ipv4,
                            sshHostKey,
                        },
                        "mailhost:sshPrivateKey": key,
                    },
                    { secretKeys: [...secretKeys, "mailhost:sshPrivateKey"] },
                ),
            ),
            [
                foreign("server.ipv4", "hetzner", ["existing"]),
                foreign("server.sshHostKey", "hetzner", ["existing"]),
                foreign("sshPrivateKey", "hetzner", ["existing"]),
            ],
        );
    });

    const cases: [what: string, from: ConfigSource, expected: string[]][] = [
        [
            "nothing of it",
            machine(
                { ipv4: undefined, system: undefined, sshHostKey: undefined },
                { "mailhost:sshPrivateKey": undefined },
            ),
            [
                "mailhost:server.ipv4: The machine's address is missing. Give the machine's own public IPv4 address, e.g. 203.0.113.7.",
                "mailhost:server.system: Nothing says which system runs on the machine. Choose one of debian-13, debian-12, ubuntu-24.04, ubuntu-22.04.",
                "mailhost:server.sshHostKey: The machine's host key is missing; nothing connects to an unknown one. Give the first two words of /etc/ssh/ssh_host_ed25519_key.pub on the machine: ssh-ed25519 AAAA….",
                `mailhost:sshPrivateKey: The private key for root's login is missing. ${keyRemedy}`,
            ],
        ],
        [
            "the login key in plain text",
            machine({}, {}, { secretKeys }),
            [
                "mailhost:sshPrivateKey: The value (not shown) stands in plain text. Revoke it if the file was ever shared, and set it with: pulumi config set --secret mailhost:sshPrivateKey.",
            ],
        ],
        [
            "a login key that is none, without showing it",
            machine({}, { "mailhost:sshPrivateKey": "hidden" }),
            [`mailhost:sshPrivateKey: The value (not shown) is not a private key. ${keyRemedy}`],
        ],
        [
            "secrets in user data that it does not have",
            machine(
                {},
                {
                    "mailhost:secretDelivery": "user-data",
                    "mailhost:cloudflareApiToken": "c".repeat(40),
                },
                {
                    secretKeys: [
                        ...secretKeys,
                        "mailhost:sshPrivateKey",
                        "mailhost:cloudflareApiToken",
                    ],
                },
            ),
            [
                'mailhost:secretDelivery: An existing machine has no user data of ours. Leave it out, or set it to "ssh".',
            ],
        ],
        [
            "an unknown system",
            machine({ system: "debian-11" }),
            [
                'mailhost:server.system: "debian-11" is not debian-13 or debian-12 or ubuntu-24.04 or ubuntu-22.04. Choose debian-13 or debian-12 or ubuntu-24.04 or ubuntu-22.04.',
            ],
        ],
        [
            "a port that is a text",
            machine({ sshPort: "ssh" }),
            ['mailhost:server.sshPort: "ssh" is not a whole number. Write digits alone, e.g. 40.'],
        ],
    ];
    for (const [what, from, expected] of cases)
        it(`is told of ${what}`, () => assert.deepEqual(lines(from), expected));
});
