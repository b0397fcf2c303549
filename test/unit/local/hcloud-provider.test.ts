import * as assert from "node:assert/strict";
import { describe, test } from "node:test";
import { publicKey } from "./public-key";
import { connectionFrom, milliseconds } from "../../../local/providers/hcloud/client";
import { hcloudProvider } from "../../../local/providers/hcloud/provider";
import { unknownValue, type Properties } from "../../../local/providers/schema";
import { token } from "./hetzner-api-cloud";
import { handlersOf } from "./provider-handlers";
import { differencesFromSdk } from "./sdk-properties";

const key = publicKey();

const { checked, diff } = handlersOf(hcloudProvider);

test("the tables agree with the installed package", () => {
    assert.deepEqual(
        differencesFromSdk(hcloudProvider, ["PrimaryIp.datacenter", "Server.datacenter"]),
        [],
    );
});

describe("check", () => {
    const server = { serverType: "cx23" };
    const rule = { direction: "in", protocol: "tcp", port: "25" };
    const cases: [resource: string, what: string, inputs: Properties, failing: string[]][] = [
        ["Server", "the least", server, []],
        ["Server", "no type", {}, ["serverType"]],
        ["Server", "a datacenter", { ...server, datacenter: "fsn1-dc14" }, ["datacenter"]],
        ["Server", "an unknown property", { ...server, size: 1 }, ["size"]],
        ["Server", "a number as text", { ...server, firewallIds: ["1"] }, ["firewallIds[0]"]],
        ["Server", "an empty image", { ...server, image: "" }, ["image"]],
        ["Server", "an empty SSH key", { ...server, sshKeys: [""] }, ["sshKeys[0]"]],
        ["Server", "backups", { ...server, backups: true }, ["backups"]],
        ["Server", "networks", { ...server, networks: [{ networkId: 1 }] }, ["networks"]],
        ["PrimaryIp", "the least", { type: "ipv4", location: "fsn1" }, []],
        ["PrimaryIp", "an unknown location", { type: "ipv4", location: unknownValue }, []],
        ["PrimaryIp", "no place", { type: "ipv4" }, ["location"]],
        ["PrimaryIp", "an assignee alone", { type: "ipv4", assigneeId: 1 }, ["assigneeId"]],
        [
            "PrimaryIp",
            "both places",
            { type: "ipv4", assigneeId: 1, assigneeType: "server", location: "fsn1" },
            ["location"],
        ],
        [
            "PrimaryIp",
            "a datacenter",
            { type: "ipv4", location: "fsn1", datacenter: "x" },
            ["datacenter"],
        ],
        ["Volume", "the least", { size: 10, location: "fsn1" }, []],
        ["Volume", "no place", { size: 10 }, ["location"]],
        ["Volume", "both places", { size: 10, location: "fsn1", serverId: 1 }, ["location"]],
        [
            "Volume",
            "automount without a server",
            { size: 10, location: "fsn1", automount: true },
            ["automount"],
        ],
        ["VolumeAttachment", "no server", { volumeId: 1 }, ["serverId"]],
        ["Firewall", "nothing", {}, []],
        [
            "Firewall",
            "a direction",
            { rules: [{ ...rule, direction: "up" }] },
            ["rules[0].direction"],
        ],
        ["Firewall", "a protocol", { rules: [{ ...rule, protocol: "ip" }] }, ["rules[0].protocol"]],
        ["Firewall", "a bare address", { rules: [{ ...rule, sourceIps: ["192.0.2.1"] }] }, []],
        [
            "Firewall",
            "host bits",
            { rules: [rule, { ...rule, sourceIps: ["::/0", "10.1.0.0/8"] }] },
            ["rules[1].sourceIps[1]"],
        ],
        ["Rdns", "no owner", { ipAddress: "192.0.2.1", dnsPtr: "a.example" }, ["primaryIpId"]],
        [
            "Rdns",
            "two owners",
            { ipAddress: "192.0.2.1", dnsPtr: "a.example", serverId: 1, primaryIpId: unknownValue },
            ["primaryIpId"],
        ],
        [
            "Rdns",
            "no address",
            { ipAddress: "mx", dnsPtr: "a.example", primaryIpId: 1 },
            ["ipAddress"],
        ],
        ["SshKey", "no key", {}, ["publicKey"]],
    ];
    for (const [resource, what, inputs, failing] of cases) {
        test(`${resource}: ${what}`, () => {
            assert.deepEqual(
                checked(resource, inputs).failures.map((failure) => failure.path),
                failing,
            );
        });
    }

    test("a name is made up once, and kept", () => {
        const first = checked("SshKey", { publicKey: key }).inputs;
        assert.match(JSON.stringify(first["name"]), /^"name-[0-9a-f]{7}"$/);
        assert.equal(checked("SshKey", { publicKey: "b" }, first).inputs["name"], first["name"]);
        const given = checked("SshKey", { publicKey: key, name: "k" }, first).inputs;
        assert.equal(given["name"], "k");
    });
});

describe("diff", () => {
    const server = { name: "mx", serverType: "cx23", image: "debian-13", location: "fsn1" };
    const auto = { ...server, name: "mx-1234567", __defaults: ["name"] };
    const ip = { name: "a", type: "ipv4", location: "fsn1" };
    const rdns = { ipAddress: "2001:db8::1", dnsPtr: "a", primaryIpId: 1 };
    const cases: [string, string, Properties, Properties, string[], boolean][] = [
        ["Server", "nothing", server, server, [], false],
        ["Server", "type", server, { ...server, serverType: "cx33" }, ["serverType"], false],
        ["Server", "image", server, { ...server, image: "debian-12" }, ["image!"], true],
        ["Server", "location", server, { ...server, location: "nbg1" }, ["location!"], true],
        ["Server", "SSH keys", server, { ...server, sshKeys: ["1"] }, ["sshKeys!"], true],
        ["Server", "user data", server, { ...server, userData: "a" }, ["userData!"], true],
        [
            "Server",
            "line end of user data",
            { ...server, userData: "a" },
            { ...server, userData: "a\n" },
            [],
            false,
        ],
        ["Server", "made-up name", auto, { ...auto, image: "debian-12" }, ["image!"], false],
        [
            "Server",
            "renamed as well",
            server,
            { ...server, name: "b", image: "c" },
            ["name", "image!"],
            false,
        ],
        [
            "Server",
            "publicNets taken away",
            { ...server, publicNets: [{ ipv4: 1 }] },
            server,
            [],
            false,
        ],
        [
            "Server",
            "publicNets",
            { ...server, publicNets: [{ ipv4: 1 }] },
            { ...server, publicNets: [{ ipv4: 2 }] },
            ["publicNets[0].ipv4"],
            false,
        ],
        [
            "Server",
            "order of firewalls",
            { ...server, firewallIds: [1, 2] },
            { ...server, firewallIds: [2, 1] },
            [],
            false,
        ],
        ["Server", "image left out", server, { name: "mx", serverType: "cx23" }, [], false],
        ["PrimaryIp", "type", ip, { ...ip, type: "ipv6" }, ["type!"], true],
        ["PrimaryIp", "location", ip, { ...ip, location: "nbg1" }, ["location!"], true],
        ["PrimaryIp", "autoDelete", ip, { ...ip, autoDelete: true }, ["autoDelete"], false],
        [
            "Volume",
            "size",
            { name: "v", size: 10, location: "fsn1" },
            { name: "v", size: 20, location: "fsn1" },
            ["size"],
            false,
        ],
        [
            "Volume",
            "location",
            { name: "v", size: 10, location: "fsn1" },
            { name: "v", size: 10, location: "nbg1" },
            ["location!"],
            true,
        ],
        [
            "VolumeAttachment",
            "server",
            { serverId: 1, volumeId: 1 },
            { serverId: 2, volumeId: 1 },
            ["serverId!"],
            false,
        ],
        [
            "SshKey",
            "key",
            { name: "k", publicKey: "a" },
            { name: "k", publicKey: "b" },
            ["publicKey!"],
            true,
        ],
        ["Rdns", "name", rdns, { ...rdns, dnsPtr: "b" }, ["dnsPtr"], false],
        ["Rdns", "address", rdns, { ...rdns, ipAddress: "2001:db8::2" }, ["ipAddress!"], false],
        ["Rdns", "spelling", rdns, { ...rdns, ipAddress: "2001:DB8:0::1" }, [], false],
        ["Rdns", "owner", rdns, { ...rdns, primaryIpId: unknownValue }, ["primaryIpId!"], false],
    ];
    for (const [resource, what, olds, news, paths, deleteBeforeReplace] of cases) {
        test(`${resource}: ${what}`, () => {
            assert.deepEqual(diff(resource, olds, news), { paths, deleteBeforeReplace });
        });
    }
});

describe("configuration", () => {
    const endpoint = "http://127.0.0.1:1/v1";
    const cases: [what: string, config: object, message: RegExp | undefined][] = [
        ["whole", { endpoint, token }, undefined],
        ["in the cloud's own network", { endpoint: "http://198.18.1.2:1/v1", token }, undefined],
        ["token too short", { endpoint, token: token.slice(1) }, /must be exactly 64 characters/],
        ["token too long", { endpoint, token: `${token}t` }, /must be exactly 64 characters/],
        ["no token", { endpoint }, /must be exactly 64 characters/],
        ["no endpoint", { token }, /hcloud:endpoint is not set/],
        [
            "the real endpoint",
            { endpoint: "https://api.hetzner.cloud/v1", token },
            /laptop cloud only/,
        ],
        ["poll interval", { endpoint, token, pollInterval: "soon" }, /pollInterval is soon/],
    ];
    for (const [what, config, message] of cases) {
        test(what, () => {
            const connect = () => connectionFrom(config, {});
            if (message) assert.throws(connect, { message });
            else assert.doesNotThrow(connect);
        });
    }

    test("the environment stands in for what is not configured", () => {
        const made = connectionFrom({}, { HCLOUD_ENDPOINT: endpoint, HCLOUD_TOKEN: token });
        assert.deepEqual(made, { endpoint, token, pollInterval: 500 });
    });

    test("Go durations", () => {
        assert.deepEqual(["10ms", "1.5s", "2m"].map(milliseconds), [10, 1500, 120_000]);
    });
});
