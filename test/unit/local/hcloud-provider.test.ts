import * as assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { utils } from "ssh2";
import { connectionFrom, milliseconds } from "../../../local/providers/hcloud/client";
import { hcloudProvider } from "../../../local/providers/hcloud/provider";
import { diffProperties } from "../../../local/providers/diff";
import {
    InitializationFailure,
    type Outputs,
    type ResourceHandler,
} from "../../../local/providers/handler";
import { checkProperties, unknownValue, type Properties } from "../../../local/providers/schema";
import { TestCloud, token } from "./hetzner-api-cloud";
import { differencesFromSdk } from "./sdk-properties";
import { testContext } from "./test-context";

const key = utils.generateKeyPairSync("ed25519").public;

function handler(name: string): ResourceHandler {
    const found = Object.entries(hcloudProvider.resources).find(([t]) => t.endsWith(`:${name}`));
    assert.ok(found, name);
    return found[1];
}

/** Table and handler, as the engine has them checked. */
function check(name: string, given: Properties, olds?: Properties) {
    const { inputs, ...rest } = handler(name);
    const checked = checkProperties(inputs, given);
    if (checked.failures.length > 0) return { ...checked, inputs: checked.values };
    const own = rest.check?.(checked.values, olds, testContext());
    return {
        warnings: checked.warnings,
        failures: own?.failures ?? [],
        inputs: own?.inputs ?? checked.values,
    };
}

function diff(name: string, olds: Properties, news: Properties, state: Properties = olds) {
    const one = handler(name);
    const differences = diffProperties(one.inputs, olds, news);
    const own = one.diff?.(differences, { id: "1", state, olds, news });
    return {
        paths: (own?.differences ?? differences).map((d) => (d.replaces ? `${d.path}!` : d.path)),
        deleteBeforeReplace: own?.deleteBeforeReplace ?? false,
    };
}

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
                check(resource, inputs).failures.map((failure) => failure.path),
                failing,
            );
        });
    }

    test("a name is made up once, and kept", () => {
        const first = check("SshKey", { publicKey: key }).inputs;
        assert.match(JSON.stringify(first["name"]), /^"name-[0-9a-f]{7}"$/);
        assert.equal(check("SshKey", { publicKey: "b" }, first).inputs["name"], first["name"]);
        const given = check("SshKey", { publicKey: key, name: "k" }, first).inputs;
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

describe("against the simulated API", () => {
    let cloud: TestCloud;
    beforeEach(async () => (cloud = await TestCloud.open()));
    const context = () => ({
        ...testContext(),
        config: { endpoint: cloud.endpoint, token, pollInterval: "10ms" },
    });

    /** One resource, as the engine goes on with it. */
    class Resource {
        private constructor(
            private readonly name: string,
            readonly id: string,
            public inputs: Properties,
            public outputs: Properties,
        ) {}

        static async create(name: string, given: Properties): Promise<Resource> {
            const { inputs, failures } = check(name, given);
            assert.deepEqual(failures, []);
            const made = await handler(name).create(inputs, context());
            return new Resource(name, made.id, inputs, defined(made.outputs));
        }

        async update(given: Properties): Promise<void> {
            const { inputs } = check(this.name, given, this.inputs);
            const old = { id: this.id, inputs: this.inputs, outputs: this.outputs };
            const { outputs } = await handler(this.name).update!(old, inputs, context());
            this.inputs = inputs;
            this.outputs = defined(outputs);
        }

        read(known = true) {
            const state = { id: this.id, inputs: this.inputs, outputs: this.outputs };
            return handler(this.name).read!(this.id, known ? state : undefined, context());
        }

        async refreshed(): Promise<Properties> {
            return defined((await this.read())!.outputs);
        }

        delete(): Promise<void> {
            const old = { id: this.id, inputs: this.inputs, outputs: this.outputs };
            return handler(this.name).delete!(old, context());
        }
    }

    const defined = (outputs: Outputs) => JSON.parse(JSON.stringify(outputs)) as Properties;
    const server = (more: Properties = {}) =>
        Resource.create("Server", {
            name: "mx",
            serverType: "cx23",
            image: "debian-13",
            location: "fsn1",
            ...more,
        });
    const closing = (run: () => Promise<void>) => async () => {
        try {
            await run();
        } finally {
            await cloud.close();
        }
    };

    test(
        "every resource: created, read back without a difference, imported, deleted twice",
        closing(async () => {
            const ssh = await Resource.create("SshKey", { name: "k", publicKey: `${key}\n` });
            const ip4 = await Resource.create("PrimaryIp", {
                name: "four",
                type: "ipv4",
                location: "fsn1",
            });
            const ip6 = await Resource.create("PrimaryIp", {
                name: "six",
                type: "ipv6",
                location: "fsn1",
                labels: { a: "b" },
            });
            const firewall = await Resource.create("Firewall", {
                name: "fw",
                rules: [
                    {
                        direction: "in",
                        protocol: "tcp",
                        port: "25",
                        sourceIps: ["::/0", "192.0.2.1"],
                    },
                    { direction: "in", protocol: "icmp", sourceIps: ["0.0.0.0/0"] },
                ],
            });
            const volume = await Resource.create("Volume", {
                name: "data",
                size: 10,
                location: "fsn1",
            });
            const mx = await server({
                userData: "#cloud-config\n",
                sshKeys: [ssh.id],
                firewallIds: [Number(firewall.id)],
                publicNets: [{ ipv4: Number(ip4.id), ipv6: Number(ip6.id) }],
            });
            const attachment = await Resource.create("VolumeAttachment", {
                serverId: Number(mx.id),
                volumeId: Number(volume.id),
            });
            const rdns = await Resource.create("Rdns", {
                primaryIpId: Number(ip6.id),
                ipAddress: "2001:DB8:7:b::1",
                dnsPtr: "mx.example.com",
            });
            assert.deepEqual(ip6.outputs, {
                name: "six",
                type: "ipv6",
                location: "fsn1",
                assigneeId: 0,
                assigneeType: "server",
                autoDelete: false,
                deleteProtection: false,
                labels: { a: "b" },
                ipAddress: "2001:db8:7:b::",
                ipNetwork: "2001:db8:7:b::/64",
            });
            assert.equal(rdns.id, `p-${ip6.id}-2001:db8:7:b::1`);
            assert.equal(attachment.id, volume.id);
            assert.equal(
                volume.outputs["linuxDevice"],
                `/dev/disk/by-id/scsi-0HC_Volume_${volume.id}`,
            );
            // SHA-1 in base64: what the real provider keeps of user data.
            assert.equal(mx.outputs["userData"], "wK9leoEi2xH7hUH5D+q3hxwsPXE=");
            const { status, ipv4Address, ipv6Address, ipv6Network, firewallIds } = mx.outputs;
            assert.deepEqual(
                { status, ipv4Address, ipv6Address, ipv6Network, firewallIds },
                {
                    status: "running",
                    ipv4Address: "198.18.7.10",
                    ipv6Address: "2001:db8:7:b::1",
                    ipv6Network: "2001:db8:7:b::/64",
                    firewallIds: [Number(firewall.id)],
                },
            );
            const all = { ssh, ip4, ip6, firewall, volume, mx, attachment, rdns };
            for (const [what, one] of Object.entries(all)) {
                const found = await one.read();
                assert.deepEqual(defined(found!.inputs), one.inputs, `inputs of ${what}`);
            }
            assert.deepEqual(await mx.refreshed(), mx.outputs);
            const imported = await mx.read(false);
            assert.deepEqual(defined(imported!.inputs), {
                name: "mx",
                serverType: "cx23",
                image: "debian-13",
                location: "fsn1",
                firewallIds: [Number(firewall.id)],
                deleteProtection: false,
                rebuildProtection: false,
                backups: false,
                keepDisk: false,
                shutdownBeforeDeletion: false,
                ignoreRemoteFirewallIds: false,
            });
            const order = [rdns, attachment, mx, volume, firewall, ip6, ip4, ssh];
            for (const one of order) {
                await one.delete();
                await one.delete();
                if (one !== rdns) assert.equal(await one.read(), undefined);
            }
            const { server: servers, ...rest } = Object.fromEntries(
                (["server", "volume", "primary_ip", "firewall", "ssh_key"] as const).map((kind) => [
                    kind,
                    cloud.project.store.all(kind).length,
                ]),
            );
            assert.deepEqual([servers, ...Object.values(rest)], [0, 0, 0, 0, 0]);
        }),
    );

    test(
        "a machine that was ended outside shows in its status; a server that is gone is gone",
        closing(async () => {
            const mx = await server();
            await cloud.machine(Number(mx.id)).powerOff();
            assert.equal((await mx.refreshed())["status"], "off");
            await cloud.call("DELETE", `/servers/${mx.id}`);
            assert.equal(await mx.read(), undefined);
        }),
    );

    test(
        "another server type: off, changed, on",
        closing(async () => {
            const mx = await server();
            const base = { name: "mx", image: "debian-13", location: "fsn1" };
            await mx.update({ ...base, serverType: "cx33", keepDisk: true });
            assert.equal(mx.outputs["primaryDiskSize"], 40);
            assert.equal(mx.outputs["status"], "running");
            assert.deepEqual(cloud.machine(Number(mx.id)).calls, [
                "start",
                "powerOff",
                "resize 8192 4",
                "start",
            ]);
        }),
    );

    for (const [serverType, message] of [
        ["cax21", /has x86 processors and can't become a cax21/],
        ["cx23", /has a disk of 80 GB and can't become a cx23/],
        ["cx1", /server type cx1 not found/],
    ] as const) {
        test(
            `a server type that does not fit (${serverType}) is refused before anything stops`,
            closing(async () => {
                const mx = await server({ serverType: "cx33" });
                const change = mx.update({ name: "mx", serverType });
                await assert.rejects(change, { message });
                assert.deepEqual(cloud.machine(Number(mx.id)).calls, ["start"]);
            }),
        );
    }

    test(
        "other addresses: the server is powered off and on",
        closing(async () => {
            const place = { type: "ipv4", location: "fsn1" };
            const a = await Resource.create("PrimaryIp", { name: "a", ...place });
            const b = await Resource.create("PrimaryIp", { name: "b", ...place });
            const base = {
                name: "mx",
                serverType: "cx23",
                image: "debian-13",
                location: "fsn1",
            };
            const net = (ipv4: Resource) => [{ ipv4: Number(ipv4.id), ipv6Enabled: false }];
            const mx = await server({ publicNets: net(a) });
            assert.equal(mx.outputs["ipv4Address"], "198.18.7.10");
            assert.equal(mx.outputs["ipv6Address"], undefined);
            await mx.update({ ...base, publicNets: net(b) });
            assert.equal(mx.outputs["ipv4Address"], "198.18.7.11");
            assert.deepEqual(cloud.machine(Number(mx.id)).calls, ["start", "powerOff", "start"]);
            assert.equal((await a.refreshed())["assigneeId"], 0);
            await mx.update({ ...base, publicNets: [{ ipv4: Number(b.id), ipv6Enabled: true }] });
            assert.equal(mx.outputs["ipv6Address"], "2001:db8:7:c::1");
        }),
    );

    test(
        "shutdownBeforeDeletion shuts the system down first",
        closing(async () => {
            const mx = await server({ shutdownBeforeDeletion: true });
            const machine = cloud.machine(Number(mx.id));
            await mx.delete();
            assert.deepEqual(machine.calls, ["start", "shutdown", "destroy"]);
        }),
    );

    test(
        "what the API refuses is an error in its words",
        closing(async () => {
            await server();
            await assert.rejects(server(), {
                message: /^server name is already used: 'mx' .* \(uniqueness_error\)$/,
            });
            const volume = await Resource.create("Volume", {
                name: "v",
                size: 10,
                location: "fsn1",
                deleteProtection: true,
            });
            await assert.rejects(volume.delete(), { message: /\(protected\)$/ });
            await assert.rejects(
                volume.update({ name: "v", size: 10, location: "fsn1", labels: { a: "-" } }),
                {
                    message: /label value '-' \(key: a\) is not valid.*\(invalid_input\)$/,
                },
            );
            await assert.rejects(server({ name: "other", userData: "x".repeat(32769) }), {
                message: /user_data: longer than 32768 bytes \(invalid_input\)$/,
            });
        }),
    );

    test(
        "a machine that does not start: the server is kept, and the reason told",
        closing(async () => {
            cloud.failures.add("start");
            await assert.rejects(server(), (error: unknown) => {
                assert.ok(error instanceof InitializationFailure);
                assert.match(error.message, /start failed as it was told to/);
                assert.equal(error.id, String(cloud.project.store.all("server")[0]!.id));
                return true;
            });
        }),
    );

    test(
        "a changed firewall: rules, and the program's order of them is kept",
        closing(async () => {
            const rules = [
                { direction: "in", protocol: "tcp", port: "993", sourceIps: ["0.0.0.0/0", "::/0"] },
                { direction: "in", protocol: "tcp", port: "25", sourceIps: ["::/0", "0.0.0.0/0"] },
            ];
            const firewall = await Resource.create("Firewall", { name: "fw", rules });
            assert.deepEqual(firewall.outputs["rules"], rules);
            const fewer = rules.slice(1);
            await firewall.update({ name: "fw", rules: fewer });
            assert.deepEqual(firewall.outputs["rules"], fewer);
            await cloud.call("POST", `/firewalls/${firewall.id}/actions/set_rules`, { rules: [] });
            assert.deepEqual((await firewall.refreshed())["rules"], []);
        }),
    );

    test(
        "getServers and getServer",
        closing(async () => {
            await server({ labels: { role: "mx" } });
            await server({ name: "other" });
            const invoke = (name: string, args: Properties) =>
                hcloudProvider.functions[`hcloud:index/${name}:${name}`]!.invoke(args, context());
            const names = async (args: Properties) =>
                ((await invoke("getServers", args))["servers"] as Properties[]).map(
                    (s) => s["name"],
                );
            assert.deepEqual(await names({}), ["mx", "other"]);
            assert.deepEqual(await names({ withSelector: "role=mx" }), ["mx"]);
            assert.deepEqual(await names({ withStatuses: ["off"] }), []);
            assert.equal((await invoke("getServer", { name: "mx" }))["ipv4Address"], "198.18.7.10");
            await assert.rejects(invoke("getServer", { name: "none" }), /no Server found/);
        }),
    );
});
