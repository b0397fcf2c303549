import assert from "node:assert/strict";
import { describe, it, mock as testMock } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import {
    digitalOcean,
    DigitalOceanServer,
    type DigitalOceanArgs,
    type ServerPlan,
} from "../../components";
import { renderCloudConfig } from "../../components/host/cloud-config";
import { RecordingMock, valueOf } from "./support/recording-mock";
import { serverPlan } from "./support/server-plan";

const fqdn = "mx.example.com";
const everyone = ["0.0.0.0/0", "::/0"];
const plan = serverPlan();
const args: DigitalOceanArgs = { sshAllowedCidrs: ["203.0.113.0/24", "2001:db8::/48"] };
const project = "4e1bfbc3-dc3e-41f2-a18f-1b4d7ba71679";

interface Given {
    preview?: boolean;
    args?: Partial<DigitalOceanArgs>;
    plan?: Partial<ServerPlan>;
}

async function make(given: Given = {}) {
    const { mock, result } = await RecordingMock.run(
        given,
        () =>
            new DigitalOceanServer("edge", {
                ...args,
                ...given.args,
                plan: { ...plan, ...given.plan },
            }),
    );
    return { mock, server: result };
}

const droplet = (mock: RecordingMock) =>
    mock.resource("digitalocean:index/droplet:Droplet", "edge-server");

function namesOf(mock: RecordingMock, property: "protect" | "deleteBeforeReplace"): string[] {
    return mock.resources
        .filter((resource) => resource[property])
        .map(({ type, name }) => `${type.split(":").pop() ?? ""} ${name}`)
        .sort();
}

const component = "mailhost:index:DigitalOceanServer";
const expected = [
    "command:local:Command edge-guard-rest < mailhost:index:DataGuard::edge-guard",
    `digitalocean:index/droplet:Droplet edge-server < ${component}::edge`,
    `digitalocean:index/firewall:Firewall edge-firewall < ${component}::edge`,
    `digitalocean:index/sshKey:SshKey edge-login-key < ${component}::edge`,
    `digitalocean:index/volume:Volume edge-data < ${component}::edge`,
    `digitalocean:index/volumeAttachment:VolumeAttachment edge-data < ${component}::edge`,
    `mailhost:index:DataGuard edge-guard < ${component}::edge`,
    `${component} edge < undefined`,
    `tls:index/privateKey:PrivateKey edge-host-key < ${component}::edge`,
    `tls:index/privateKey:PrivateKey edge-login-key < ${component}::edge`,
];
const registered = (mock: RecordingMock) =>
    mock.resources.map(({ type, name, parent }) => `${type} ${name} < ${parent}`).sort();

describe("DigitalOceanServer", () => {
    for (const preview of [false, true]) {
        it(`registers exactly these resources (${preview ? "preview" : "update"})`, async () => {
            assert.deepEqual(registered((await make({ preview })).mock), expected);
        });
    }

    it("puts Droplet and volume into the project that is given", async () => {
        const { mock, server } = await make({ args: { project } });
        const { inputs, parent } = mock.resource(
            "digitalocean:index/projectResources:ProjectResources",
            "edge-project",
        );
        const [id = ""] = (await valueOf(server.machineId)).split("/");
        const [first, second, ...others] = inputs["resources"] as string[];
        assert.equal(inputs["project"], project);
        assert.equal(first, `do:droplet:${id}`);
        assert.match(String(second), /^do:volume:volume-\d+$/);
        assert.deepEqual(others, []);
        assert.equal(parent, `${component}::edge`);
    });

    it("boots the Droplet under the host's name with user data for its plan, volume and keys", async () => {
        const { mock, server } = await make();
        const { inputs, secretInputs, ignoreChanges } = droplet(mock);
        const { userData, sshKeys, ...others } = inputs;
        assert.deepEqual(others, {
            name: fqdn,
            size: "s-4vcpu-8gb",
            image: "debian-13-x64",
            region: "fra1",
            ipv6: true,
            resizeDisk: false,
            tags: ["pulumi-mailhost"],
        });
        assert.match(String((sshKeys as string[])[0]), /^\d+$/);
        assert.deepEqual(secretInputs, ["userData"]);
        assert.deepEqual(ignoreChanges, ["userData", "sshKeys"]);
        assert.equal(
            await valueOf(server.dataDevice),
            "/dev/disk/by-id/scsi-0DO_Volume_mx-example-com",
        );
        assert.equal(
            userData,
            renderCloudConfig(plan.host, {
                dataDevice: "/dev/disk/by-id/scsi-0DO_Volume_mx-example-com",
                hostKey: {
                    privateKey:
                        "-----BEGIN OPENSSH PRIVATE KEY-----\nedge-host-key\n-----END OPENSSH PRIVATE KEY-----\n",
                    publicKey: "ssh-ed25519 ZWRnZS1ob3N0LWtleQ==\n",
                },
                authorizedKeys: ["ssh-ed25519 ZWRnZS1sb2dpbi1rZXk="],
            }),
        );
    });

    it("lets in what the plan opens, and lets everything out", async () => {
        const { mock, server } = await make();
        const { inputs } = mock.resource("digitalocean:index/firewall:Firewall", "edge-firewall");
        const tcp = (portRange: string, sourceAddresses: string[]) => ({
            protocol: "tcp",
            portRange,
            sourceAddresses,
        });
        assert.deepEqual(inputs, {
            name: "mx-example-com",
            dropletIds: [Number((await valueOf(server.machineId)).split("/")[0])],
            inboundRules: [
                tcp("22", ["203.0.113.0/24", "2001:db8::/48"]),
                tcp("25", everyone),
                tcp("443", everyone),
                { protocol: "icmp", sourceAddresses: everyone },
            ],
            outboundRules: [
                { protocol: "tcp", portRange: "1-65535", destinationAddresses: everyone },
                { protocol: "udp", portRange: "1-65535", destinationAddresses: everyone },
                { protocol: "icmp", destinationAddresses: everyone },
            ],
        });
    });

    it("makes a blank volume, attaches it by itself, and guards it from then on", async () => {
        const { mock, server } = await make({ args: { region: "nyc3", volumeSizeGb: 100 } });
        assert.deepEqual(mock.resource("digitalocean:index/volume:Volume", "edge-data").inputs, {
            name: "mx-example-com",
            region: "nyc3",
            size: 100,
            tags: ["pulumi-mailhost"],
        });
        const attachment = mock.resource(
            "digitalocean:index/volumeAttachment:VolumeAttachment",
            "edge-data",
        );
        assert.equal(
            attachment.inputs["dropletId"],
            Number((await valueOf(server.machineId)).split("/")[0]),
        );
        assert.match(String(attachment.inputs["volumeId"]), /^volume-\d+$/);
        assert.equal("volumeIds" in droplet(mock).inputs, false);
        assert.ok(
            mock
                .resource("command:local:Command", "edge-guard-rest")
                .dependsOn.includes(
                    "digitalocean:index/volumeAttachment:VolumeAttachment::edge-data",
                ),
        );
    });

    it("protects keys and volume, never the Droplet, and nothing without protect", async () => {
        assert.deepEqual(namesOf((await make()).mock, "protect"), [
            "PrivateKey edge-host-key",
            "PrivateKey edge-login-key",
            "SshKey edge-login-key",
            "Volume edge-data",
        ]);
        const { mock } = await make({ plan: { protect: false } });
        assert.deepEqual(namesOf(mock, "protect"), []);
    });

    it("frees the volume of the old Droplet before the new one takes it", async () => {
        const { mock } = await make();
        assert.deepEqual(namesOf(mock, "deleteBeforeReplace"), [
            "Command edge-guard-rest",
            "Droplet edge-server",
            "VolumeAttachment edge-data",
        ]);
    });

    it("sends from the addresses at which it receives, the Droplet's own", async () => {
        const { server } = await make();
        assert.equal(await valueOf(server.inbound.ipv4), "192.0.2.26");
        assert.equal(await valueOf(server.inbound.ipv6), "2001:db8:26::1");
        assert.equal(server.outbound, server.inbound);
        assert.equal(await valueOf(pulumi.output(server.ssh.host)), "192.0.2.26");
        assert.equal(await pulumi.isSecret(pulumi.output(server.ssh.privateKey)), true);
    });

    it("boots a snapshot as what it holds, and tells the stack how much memory there is", async () => {
        const snapshot = { ...args, image: "4711", system: "ubuntu-24.04" } as const;
        assert.equal(digitalOcean(snapshot).system, "ubuntu-24.04");
        assert.equal(digitalOcean(snapshot).memoryMb, 8192);
        assert.equal(droplet((await make({ args: snapshot })).mock).inputs["image"], "4711");
    });

    it("refuses wrong arguments before it registers anything", async () => {
        const mock = await RecordingMock.start();
        assert.throws(
            () => new DigitalOceanServer("edge", { sshAllowedCidrs: [], size: "cax21", plan }),
            (error: unknown) => {
                assert.ok(error instanceof pulumi.InputPropertiesError);
                assert.deepEqual(
                    error.errors?.map(({ propertyPath }) => propertyPath),
                    ["server.size", "server.sshAllowedCidrs"],
                );
                return true;
            },
        );
        await pulumi.runtime.disconnect();
        assert.deepEqual(mock.resources, []);
    });

    it("says at preview alone that mail is blocked and that addresses change", async () => {
        const warn = testMock.method(pulumi.log, "warn", () => Promise.resolve());
        try {
            await make();
            assert.equal(warn.mock.callCount(), 0);
            const { server } = await make({ preview: true });
            const said = warn.mock.calls.map((call) => String(call.arguments[0]));
            assert.equal(said.length, 2);
            assert.match(said[0] ?? "", /blocks the outbound ports 25, 465 and 587/);
            assert.match(
                said[1] ?? "",
                /when it is replaced \(another image or region\), both change/,
            );
            assert.match(server.nextSteps[0] ?? "", /support to open the outbound ports/);
            assert.match(server.nextSteps[1] ?? "", /a replaced one has other addresses/);
        } finally {
            warn.mock.restore();
        }
    });
});
