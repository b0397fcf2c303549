import * as assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { publicKey } from "./public-key";
import { InitializationFailure, type Outputs } from "../../../local/providers/handler";
import { hcloudProvider } from "../../../local/providers/hcloud/provider";
import type { Properties } from "../../../local/providers/schema";
import { TestCloud, token } from "./hetzner-api-cloud";
import { handlersOf } from "./provider-handlers";
import { testContext } from "./test-context";

const key = publicKey();
const { handlerOf, checked } = handlersOf(hcloudProvider);

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
            const { inputs, failures } = checked(name, given);
            assert.deepEqual(failures, []);
            const made = await handlerOf(name).create(inputs, context());
            return new Resource(name, made.id, inputs, defined(made.outputs));
        }

        async update(given: Properties): Promise<void> {
            const { inputs } = checked(this.name, given, this.inputs);
            const old = { id: this.id, inputs: this.inputs, outputs: this.outputs };
            const { outputs } = await handlerOf(this.name).update!(old, inputs, context());
            this.inputs = inputs;
            this.outputs = defined(outputs);
        }

        read(known = true) {
            const state = { id: this.id, inputs: this.inputs, outputs: this.outputs };
            return handlerOf(this.name).read!(this.id, known ? state : undefined, context());
        }

        async refreshed(): Promise<Properties> {
            return defined((await this.read())!.outputs);
        }

        delete(): Promise<void> {
            const old = { id: this.id, inputs: this.inputs, outputs: this.outputs };
            return handlerOf(this.name).delete!(old, context());
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
