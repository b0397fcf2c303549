import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it, mock as testMock } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { hetzner, HetznerServer, type HetznerArgs, type ServerPlan } from "../../components";
import { renderCloudConfig } from "../../components/host/cloud-config";
import { RecordingMock, unhandledErrors, valueOf } from "./support/recording-mock";
import { serverPlan } from "./support/server-plan";

const fqdn = "mx.example.com";
const labels = { "managed-by": "pulumi-mailhost", host: fqdn };
const everyone = ["0.0.0.0/0", "::/0"];
const planFor = (authorizedKeys: string[]) => serverPlan({ authorizedKeys });
const plan = serverPlan();

const args: HetznerArgs = { sshAllowedCidrs: ["203.0.113.0/24", "2001:db8::/48"] };

interface Given {
    preview?: boolean;
    args?: Partial<HetznerArgs>;
    plan?: Partial<ServerPlan>;
    runningServers?: { name: string; serverType: string }[];
}

async function make(given: Given = {}) {
    const { mock, result } = await RecordingMock.run(
        given,
        () =>
            new HetznerServer("edge", { ...args, ...given.args, plan: { ...plan, ...given.plan } }),
    );
    return { mock, server: result };
}

/** Type and name of each resource that has the property. */
function namesOf(mock: RecordingMock, property: "protect" | "deleteBeforeReplace"): string[] {
    return mock.resources
        .filter((resource) => resource[property])
        .map(({ type, name }) => `${type.split(":").pop() ?? ""} ${name}`)
        .sort();
}

describe("HetznerServer", () => {
    it("registers exactly these resources, all of them its children", async () => {
        const { mock } = await make();
        assert.deepEqual(
            mock.resources.map(({ type, name, parent }) => `${type} ${name} < ${parent}`).sort(),
            [
                "command:local:Command edge-guard-rest < mailhost:index:DataGuard::edge-guard",
                "hcloud:index/firewall:Firewall edge-firewall < mailhost:index:HetznerServer::edge",
                "hcloud:index/primaryIp:PrimaryIp edge-ipv4 < mailhost:index:HetznerServer::edge",
                "hcloud:index/primaryIp:PrimaryIp edge-ipv6 < mailhost:index:HetznerServer::edge",
                "hcloud:index/rdns:Rdns edge-ptr-ipv4 < mailhost:index:HetznerServer::edge",
                "hcloud:index/rdns:Rdns edge-ptr-ipv6 < mailhost:index:HetznerServer::edge",
                "hcloud:index/server:Server edge-server < mailhost:index:HetznerServer::edge",
                "hcloud:index/sshKey:SshKey edge-login-key < mailhost:index:HetznerServer::edge",
                "hcloud:index/volume:Volume edge-data < mailhost:index:HetznerServer::edge",
                "hcloud:index/volumeAttachment:VolumeAttachment edge-data < mailhost:index:HetznerServer::edge",
                "mailhost:index:DataGuard edge-guard < mailhost:index:HetznerServer::edge",
                "mailhost:index:HetznerServer edge < undefined",
                "tls:index/privateKey:PrivateKey edge-host-key < mailhost:index:HetznerServer::edge",
                "tls:index/privateKey:PrivateKey edge-login-key < mailhost:index:HetznerServer::edge",
            ],
        );
    });

    it("gives keys, addresses, firewall and volume these inputs", async () => {
        const { mock } = await make({ args: { location: "hel1", volumeSizeGb: 100 } });
        const inputs = (type: string, name: string) => mock.resource(type, name).inputs;
        const tcp = (port: string, sourceIps: string[]) => ({
            direction: "in",
            protocol: "tcp",
            port,
            sourceIps,
        });

        for (const key of ["edge-host-key", "edge-login-key"]) {
            assert.deepEqual(inputs("tls:index/privateKey:PrivateKey", key), {
                algorithm: "ED25519",
            });
        }
        assert.deepEqual(inputs("hcloud:index/sshKey:SshKey", "edge-login-key"), {
            name: fqdn,
            publicKey: "ssh-ed25519 ZWRnZS1sb2dpbi1rZXk=",
            labels,
        });
        for (const type of ["ipv4", "ipv6"]) {
            assert.deepEqual(inputs("hcloud:index/primaryIp:PrimaryIp", `edge-${type}`), {
                name: `${fqdn}-${type}`,
                type,
                location: "hel1",
                autoDelete: false,
                deleteProtection: true,
                labels,
            });
        }
        assert.deepEqual(inputs("hcloud:index/firewall:Firewall", "edge-firewall"), {
            name: fqdn,
            labels,
            rules: [
                tcp("22", ["203.0.113.0/24", "2001:db8::/48"]),
                tcp("25", everyone),
                tcp("443", everyone),
                { direction: "in", protocol: "icmp", sourceIps: everyone },
            ],
        });
        assert.deepEqual(inputs("hcloud:index/volume:Volume", "edge-data"), {
            name: fqdn,
            size: 100,
            location: "hel1",
            deleteProtection: true,
            labels,
        });
    });

    it("boots the server with user data for its plan, volume and keys, as a secret", async () => {
        const { mock, server } = await make();
        const { inputs, secretInputs, ignoreChanges } = mock.resource(
            "hcloud:index/server:Server",
            "edge-server",
        );
        const { userData, sshKeys, firewallIds, publicNets, ...others } = inputs;
        assert.deepEqual(others, {
            name: fqdn,
            serverType: "cax21",
            image: "debian-13",
            location: "fsn1",
            keepDisk: true,
            labels,
        });
        // Ids are texts in Pulumi; servers want numbers, except of SSH keys.
        assert.match(String((sshKeys as string[])[0]), /^\d+$/);
        assert.equal(typeof (firewallIds as number[])[0], "number");
        const [net] = publicNets as Record<string, unknown>[];
        assert.deepEqual(
            { ...net, ipv4: typeof net?.["ipv4"], ipv6: typeof net?.["ipv6"] },
            { ipv4Enabled: true, ipv6Enabled: true, ipv4: "number", ipv6: "number" },
        );
        assert.deepEqual(secretInputs, ["userData"]);
        assert.deepEqual(ignoreChanges, ["userData", "sshKeys"]);
        assert.equal(
            userData,
            renderCloudConfig(plan.host, {
                dataDevice: await valueOf(server.dataDevice),
                hostKey: {
                    privateKey:
                        "-----BEGIN OPENSSH PRIVATE KEY-----\nedge-host-key\n-----END OPENSSH PRIVATE KEY-----\n",
                    publicKey: "ssh-ed25519 ZWRnZS1ob3N0LWtleQ==\n",
                },
                authorizedKeys: ["ssh-ed25519 ZWRnZS1sb2dpbi1rZXk="],
            }),
        );
    });

    it("points both addresses back at the host's name, on the addresses themselves", async () => {
        const { mock, server } = await make();
        const pointer = (name: string) => {
            const { primaryIpId, ...rest } = mock.resource("hcloud:index/rdns:Rdns", name).inputs;
            assert.equal(typeof primaryIpId, "number");
            return rest;
        };
        assert.deepEqual(pointer("edge-ptr-ipv4"), { ipAddress: "192.0.2.25", dnsPtr: fqdn });
        assert.deepEqual(pointer("edge-ptr-ipv6"), { ipAddress: "2001:db8:25::1", dnsPtr: fqdn });
        assert.equal(await valueOf(server.inbound.ipv6), "2001:db8:25::1");
        assert.deepEqual(mock.resource("hcloud:index/rdns:Rdns", "edge-ptr-ipv6").dependsOn, [
            "hcloud:index/primaryIp:PrimaryIp::edge-ipv6",
        ]);
    });

    it("guards the data once the volume is attached", async () => {
        const { mock, server } = await make();
        const { inputs, dependsOn } = mock.resource(
            "hcloud:index/volumeAttachment:VolumeAttachment",
            "edge-data",
        );
        assert.deepEqual(
            { ...inputs, volumeId: typeof inputs["volumeId"] },
            {
                serverId: Number((await valueOf(server.machineId)).split("/")[0]),
                volumeId: "number",
                automount: false,
            },
        );
        assert.deepEqual(dependsOn, [
            "hcloud:index/server:Server::edge-server",
            "hcloud:index/volume:Volume::edge-data",
        ]);
        assert.ok(
            mock
                .resource("command:local:Command", "edge-guard-rest")
                .dependsOn.includes("hcloud:index/volumeAttachment:VolumeAttachment::edge-data"),
        );
    });

    it("protects keys, addresses and volume, never the server", async () => {
        const { mock } = await make();
        assert.deepEqual(namesOf(mock, "protect"), [
            "PrimaryIp edge-ipv4",
            "PrimaryIp edge-ipv6",
            "PrivateKey edge-host-key",
            "PrivateKey edge-login-key",
            "SshKey edge-login-key",
            "Volume edge-data",
        ]);
    });

    it("protects nothing without protect", async () => {
        const { mock } = await make({ plan: { protect: false } });
        assert.deepEqual(namesOf(mock, "protect"), []);
        assert.deepEqual(
            mock.resources.filter(({ inputs }) => inputs["deleteProtection"] === true),
            [],
        );
    });

    it("frees addresses and volume of the old server before the new one takes them", async () => {
        const { mock } = await make();
        assert.deepEqual(namesOf(mock, "deleteBeforeReplace"), [
            "Command edge-guard-rest",
            "Server edge-server",
            "VolumeAttachment edge-data",
        ]);
    });

    it("registers the same resources, with the same names and options, at preview", async () => {
        const identity = (mock: RecordingMock) =>
            mock.resources
                .map(({ type, name, parent, protect, ignoreChanges }) => ({
                    type,
                    name,
                    parent,
                    protect,
                    ignoreChanges,
                }))
                .sort((a, b) => `${a.type}${a.name}`.localeCompare(`${b.type}${b.name}`));
        const update = await make();
        const preview = await make({ preview: true });
        assert.deepEqual(identity(preview.mock), identity(update.mock));
        assert.equal(
            preview.mock.resource("hcloud:index/server:Server", "edge-server").inputs["serverType"],
            "cax21",
        );
    });

    it("gives what stands on it how to log in, the key as a secret", async () => {
        const { server } = await make();
        assert.deepEqual(
            {
                host: await valueOf(pulumi.output(server.ssh.host)),
                port: server.ssh.port,
                user: server.ssh.user,
                hostKey: await valueOf(pulumi.output(server.ssh.hostKey)),
            },
            {
                host: "192.0.2.25",
                port: 22,
                user: "root",
                hostKey: "ssh-ed25519 ZWRnZS1ob3N0LWtleQ==",
            },
        );
        assert.equal(await pulumi.isSecret(pulumi.output(server.ssh.privateKey)), true);
        assert.equal(await pulumi.isSecret(pulumi.output(server.ssh.hostKey)), false);
        assert.equal(server.outbound, server.inbound);
    });

    it("boots a snapshot as what it holds", async () => {
        assert.equal(
            hetzner({ ...args, image: "4711", system: "ubuntu-24.04" }).system,
            "ubuntu-24.04",
        );
        const { mock } = await make({ args: { image: "4711", system: "ubuntu-24.04" } });
        assert.equal(
            mock.resource("hcloud:index/server:Server", "edge-server").inputs["image"],
            "4711",
        );
    });

    it("accepts a type that is newer than the catalogue", async () => {
        const { mock } = await make({ args: { type: "cax99", architecture: "arm" } });
        assert.equal(
            mock.resource("hcloud:index/server:Server", "edge-server").inputs["serverType"],
            "cax99",
        );
    });

    it("refuses wrong arguments before it registers anything", async () => {
        const mock = await RecordingMock.start();
        const wrong = { sshAllowedCidrs: [], type: "cax22", plan };
        assert.throws(
            () => new HetznerServer("edge", wrong),
            (error: unknown) => {
                assert.ok(error instanceof pulumi.InputPropertiesError);
                assert.deepEqual(
                    error.errors?.map(({ propertyPath }) => propertyPath),
                    ["server.type", "server.sshAllowedCidrs"],
                );
                assert.match(
                    error.message,
                    /^edge: 2 problems, nothing was changed:\n {2}server\.type: "cax22" is not/,
                );
                return true;
            },
        );
        await pulumi.runtime.disconnect();
        assert.deepEqual(mock.resources, []);
    });

    it("refuses more operators' keys than fit into user data", async () => {
        await RecordingMock.start();
        // Random ones, since user data is compressed.
        const keys = Array.from(
            { length: 400 },
            () => `ssh-ed25519 ${randomBytes(51).toString("base64")} operator`,
        );
        assert.throws(
            () => new HetznerServer("edge", { ...args, plan: planFor(keys) }),
            /server\.authorizedKeys: With these keys the server's user data has \d+ bytes; Hetzner takes 32768 \(32 KiB\)\./,
        );
    });
});

describe("a server that runs already", () => {
    const running = (serverType: string) => [{ name: fqdn, serverType }];

    it("is looked for by its labels, at preview too", async () => {
        for (const preview of [true, false]) {
            const { mock } = await make({ preview });
            assert.deepEqual(
                mock.calls.map(({ token, inputs }) => ({ token, inputs: inputs as unknown })),
                [
                    {
                        token: "hcloud:index/getServers:getServers",
                        inputs: { withSelector: "managed-by=pulumi-mailhost,host=mx.example.com" },
                    },
                ],
            );
        }
    });

    it("may become a type of its architecture", async () => {
        const { mock } = await make({ runningServers: running("cax11"), args: { type: "cax31" } });
        assert.equal(
            mock.resource("hcloud:index/server:Server", "edge-server").inputs["serverType"],
            "cax31",
        );
    });

    for (const preview of [true, false]) {
        it(`is not touched for another architecture (${preview ? "preview" : "update"})`, async () => {
            const errors = await unhandledErrors(() =>
                make({ preview, runningServers: running("cx23"), args: { type: "cax21" } }),
            );
            const [error] = errors;
            assert.equal(errors.length, 1);
            assert.ok(pulumi.ResourceError.isInstance(error));
            assert.equal(error.hideStack, true);
            assert.equal(error.stack, undefined);
            assert.match(
                error.message,
                /server\.type: "cax21" is arm, but the running server mx\.example\.com \(cx23\) is x86/,
            );
        });
    }
});

describe("warnings", () => {
    async function warnings(given: Given): Promise<string[]> {
        const warn = testMock.method(pulumi.log, "warn", () => Promise.resolve());
        try {
            await make(given);
            return warn.mock.calls.map((call) => String(call.arguments[0]));
        } finally {
            warn.mock.restore();
        }
    }
    const blocked =
        "Hetzner blocks the outbound ports 25 and 465 of an account until asked; until then no mail leaves. " +
        "How to ask: https://docs.hetzner.com/cloud/servers/faq/#why-can-i-not-send-any-mails-from-my-server";

    it("tell at preview that mail can't leave yet", async () => {
        assert.deepEqual(await warnings({ preview: true }), [blocked]);
    });

    it("tell at preview that everyone may try to log in", async () => {
        const open = { sshAllowedCidrs: ["203.0.113.0/24", "0.0.0.0/0", "::/0"] };
        assert.deepEqual(await warnings({ preview: true, args: open }), [
            blocked,
            "sshAllowedCidrs has 0.0.0.0/0 and ::/0: every computer in the world may try to log in. " +
                "Name the address blocks that you administer from.",
        ]);
    });

    it("are not repeated by the update", async () => {
        assert.deepEqual(await warnings({ args: { sshAllowedCidrs: ["0.0.0.0/0"] } }), []);
    });
});
