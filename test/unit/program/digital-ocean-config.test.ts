import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readConfig, type ConfigSource } from "../../../program/config";
import { lines, secretKeys, source } from "./support/config-source";

const token = `dop_v1_${"0123456789abcdef".repeat(4)}`;
const remedy =
    "Make one with full access (https://cloud.digitalocean.com/account/api/tokens), and set it with: " +
    "pulumi config set --secret digitalocean:token, or in the environment variable DIGITALOCEAN_TOKEN.";

function droplet(
    server: Record<string, unknown> = {},
    changes: Record<string, unknown> = {},
    rest: Partial<ConfigSource> = {},
): ConfigSource {
    return source(
        {
            "hcloud:token": undefined,
            "digitalocean:token": token,
            "mailhost:server": {
                provider: "digitalocean",
                sshAllowedCidrs: ["203.0.113.0/24"],
                ...server,
            },
            ...changes,
        },
        { secretKeys: [...secretKeys, "digitalocean:token"], ...rest },
    );
}

describe("a host at DigitalOcean in the configuration", () => {
    it("needs its own token alone", () => {
        const { config } = readConfig(droplet());
        assert.deepEqual(config?.server, {
            provider: "digitalocean",
            sshAllowedCidrs: ["203.0.113.0/24"],
        });
    });

    it("has settings of its own", () => {
        const server = {
            size: "s-9vcpu-9gb",
            region: "nyc3",
            memoryGb: "9",
            volumeSizeGb: "1",
            project: "4e1bfbc3-dc3e-41f2-a18f-1b4d7ba71679",
        };
        assert.deepEqual(readConfig(droplet(server)).config?.server, {
            provider: "digitalocean",
            sshAllowedCidrs: ["203.0.113.0/24"],
            ...server,
            memoryGb: 9,
            volumeSizeGb: 1,
        });
    });

    it("takes the token from the environment, and an old one without prefix", () => {
        const environment = { DIGITALOCEAN_TOKEN: token.slice("dop_v1_".length) };
        assert.deepEqual(
            lines(droplet({}, { "digitalocean:token": undefined }, { environment })),
            [],
        );
    });

    const foreign = (key: string, own: string, other: string) =>
        `mailhost:server.${key}: It is for ${other} alone, and server.provider is ${own}. ` +
        `Remove it, or set mailhost:server.provider to ${other}.`;

    it("takes nothing that is Hetzner's", () => {
        assert.deepEqual(
            lines(droplet({ type: "cax21", location: "fsn1", architecture: "arm" })),
            ["type", "location", "architecture"].map((key) =>
                foreign(key, "digitalocean", "hetzner"),
            ),
        );
    });

    it("gives nothing to one at Hetzner", () => {
        const server = { size: "s-4vcpu-8gb", region: "fra1", memoryGb: 8, project: "p" };
        assert.deepEqual(
            lines(
                source({
                    "mailhost:server": { sshAllowedCidrs: ["203.0.113.0/24"], ...server },
                }),
            ),
            Object.keys(server).map((key) => foreign(key, "hetzner", "digitalocean")),
        );
    });

    it("with too little memory is told by the size's full key, with one that fits", () => {
        assert.deepEqual(lines(droplet({ size: "s-1vcpu-1gb", memoryGb: 1 })), [
            "mailhost:server.size: s-1vcpu-1gb has 1024 MiB of memory; the stack needs 2048, and 4096 are advised. Choose s-2vcpu-4gb or a larger one.",
        ]);
    });

    it("is told what is wrong by full keys", () => {
        assert.deepEqual(
            readConfig(droplet({ size: "cax21", region: "fsn1" })).problems.map(({ path }) => path),
            ["mailhost:server.size", "mailhost:server.region"],
        );
    });

    const wrongTokens: [name: string, from: ConfigSource, expected: string][] = [
        [
            "missing",
            droplet({}, { "digitalocean:token": undefined, "hcloud:token": "h".repeat(64) }),
            `digitalocean:token: The token for DigitalOcean is missing. ${remedy}`,
        ],
        [
            "too short",
            droplet({}, { "digitalocean:token": token.slice(1) }),
            `digitalocean:token: The value (not shown) does not have the form of a token: dop_v1_ and 64 hexadecimal digits. ${remedy}`,
        ],
        [
            "of Hetzner's, from the environment",
            droplet(
                {},
                { "digitalocean:token": undefined },
                { environment: { DIGITALOCEAN_TOKEN: "h".repeat(64) } },
            ),
            `digitalocean:token: The value of the variable DIGITALOCEAN_TOKEN (not shown) does not have the form of a token: dop_v1_ and 64 hexadecimal digits. ${remedy}`,
        ],
        [
            "in plain text",
            droplet({}, {}, { secretKeys }),
            "digitalocean:token: The value (not shown) stands in plain text. Revoke it if the file was ever shared, and set it with: pulumi config set --secret digitalocean:token.",
        ],
    ];
    for (const [name, from, expected] of wrongTokens)
        it(`refuses a token that is ${name}`, () => assert.deepEqual(lines(from), [expected]));
});
