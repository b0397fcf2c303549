import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connectionFrom } from "../../../local/providers/digitalocean/client";
import { digitalOceanProvider } from "../../../local/providers/digitalocean/provider";
import { InitializationFailure } from "../../../local/providers/handler";
import { unknownValue, type Properties } from "../../../local/providers/schema";
import { token, withOcean, type TestOcean } from "./digitalocean-api-cloud";
import { handlersOf } from "./provider-handlers";
import { publicKey } from "./public-key";
import { testContext } from "./test-context";

const { handlerOf, checked, diff } = handlersOf(digitalOceanProvider);

const droplet = {
    name: "mx.example.com",
    image: "debian-13-x64",
    size: "s-2vcpu-4gb",
    region: "fra1",
};
const volume = { name: "data", region: "fra1", size: 10 };
const rule = { protocol: "tcp", portRange: "25", sourceAddresses: ["0.0.0.0/0"] };

describe("check", () => {
    const cases: [resource: string, what: string, inputs: Properties, failing: string[]][] = [
        ["Droplet", "the least", { image: "a", size: "b" }, []],
        ["Droplet", "nothing", {}, ["image", "size"]],
        ["Droplet", "an empty region", { ...droplet, region: "" }, ["region"]],
        ["Droplet", "an unknown property", { ...droplet, location: "a" }, ["location"]],
        ["Droplet", "backups", { ...droplet, backups: true }, ["backups"]],
        ["Droplet", "a part of a GPU", { ...droplet, gpuPartitionMode: "a" }, ["gpuPartitionMode"]],
        ["Droplet", "volumes", { ...droplet, volumeIds: ["a"] }, ["volumeIds"]],
        ["Droplet", "a VPC", { ...droplet, vpcUuid: "a" }, ["vpcUuid"]],
        ["Droplet", "a VPC not known yet", { ...droplet, vpcUuid: unknownValue }, []],
        ["Volume", "the least", volume, []],
        ["Volume", "no region", { size: 1 }, ["region"]],
        ["Volume", "no size", { ...volume, size: 0 }, ["size"]],
        [
            "Volume",
            "another file system",
            { ...volume, initialFilesystemType: "btrfs" },
            ["initialFilesystemType"],
        ],
        ["VolumeAttachment", "no Droplet", { volumeId: "a" }, ["dropletId"]],
        ["Firewall", "no rule", { name: "a" }, ["inboundRules"]],
        ["Firewall", "a rule", { inboundRules: [{ ...rule, action: "allow" }] }, []],
        [
            "Firewall",
            "a rule that denies",
            { inboundRules: [{ ...rule, action: "deny" }] },
            ["inboundRules[0].action"],
        ],
        [
            "Firewall",
            "no port",
            { inboundRules: [{ protocol: "icmp" }, { protocol: "udp" }] },
            ["inboundRules[1].portRange"],
        ],
        [
            "Firewall",
            "a protocol",
            { outboundRules: [{ protocol: "esp" }] },
            ["outboundRules[0].protocol"],
        ],
        ["SshKey", "no key", {}, ["publicKey"]],
        ["ProjectResources", "no project", { resources: [] }, ["project"]],
    ];
    for (const [resource, what, inputs, failing] of cases) {
        test(`${resource}: ${what}`, () => {
            assert.deepEqual(
                checked(resource, inputs).failures.map((failure) => failure.path),
                failing,
            );
        });
    }

    test("Volume: smaller than it is", () => {
        assert.deepEqual(checked("Volume", { ...volume, size: 5 }, volume).failures, [
            { path: "size", reason: "volumes `size` can only be expanded and not shrunk" },
        ]);
    });
});

describe("diff", () => {
    const state = { ...droplet, vpcUuid: "a", volumeIds: ["v"], ipv6Address: "2001:db8::1" };
    const cases: [string, string, Properties, Properties, string[], boolean][] = [
        ["Droplet", "nothing", droplet, droplet, [], false],
        ["Droplet", "size", droplet, { ...droplet, size: "s-4vcpu-8gb" }, ["size"], false],
        ["Droplet", "name", droplet, { ...droplet, name: "b" }, ["name"], false],
        ["Droplet", "image", droplet, { ...droplet, image: "9" }, ["image!"], true],
        ["Droplet", "region", droplet, { ...droplet, region: "ams3" }, ["region!"], true],
        ["Droplet", "user data", droplet, { ...droplet, userData: "a" }, ["userData!"], true],
        ["Droplet", "SSH keys", droplet, { ...droplet, sshKeys: ["1"] }, ["sshKeys![0]"], true],
        ["Droplet", "monitoring", droplet, { ...droplet, monitoring: true }, ["monitoring!"], true],
        ["Droplet", "IPv6 on", droplet, { ...droplet, ipv6: true }, ["ipv6"], false],
        [
            "Droplet",
            "IPv6 off",
            { ...droplet, ipv6: true },
            { ...droplet, ipv6: false },
            ["ipv6!"],
            true,
        ],
        [
            "Droplet",
            "order of tags",
            { ...droplet, tags: ["a", "b"] },
            { ...droplet, tags: ["b", "a"] },
            [],
            false,
        ],
        [
            "Droplet",
            "region left out",
            droplet,
            { name: "mx.example.com", image: "debian-13-x64", size: "s-2vcpu-4gb" },
            [],
            false,
        ],
        ["Volume", "size", volume, { ...volume, size: 20 }, ["size"], false],
        ["Volume", "name", volume, { ...volume, name: "b" }, ["name!"], false],
        ["Volume", "region", volume, { ...volume, region: "ams3" }, ["region!"], true],
        ["Volume", "tags", volume, { ...volume, tags: ["a"] }, ["tags"], false],
        [
            "VolumeAttachment",
            "Droplet",
            { dropletId: 1, volumeId: "a" },
            { dropletId: 2, volumeId: "a" },
            ["dropletId!"],
            false,
        ],
        [
            "SshKey",
            "line end of the key",
            { name: "k", publicKey: "a" },
            { name: "k", publicKey: "a\n" },
            [],
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
        [
            "Firewall",
            "Droplets",
            { name: "f", dropletIds: [1] },
            { name: "f", dropletIds: [2] },
            ["dropletIds[0]"],
            false,
        ],
        [
            "ProjectResources",
            "project",
            { project: "a", resources: [] },
            { project: "b", resources: [] },
            ["project!"],
            false,
        ],
    ];
    for (const [resource, what, olds, news, paths, deleteBeforeReplace] of cases) {
        test(`${resource}: ${what}`, () => {
            const known = resource === "Droplet" ? { ...state, ...olds } : olds;
            const found = diff(resource, olds, news, known);
            const expected = paths.map((path) => path.replace("![0]", "!"));
            assert.deepEqual(found, { paths: expected, deleteBeforeReplace });
        });
    }
});

describe("configuration", () => {
    const apiEndpoint = "http://127.0.0.1:1";
    const cases: [what: string, config: object, message: RegExp | undefined][] = [
        ["whole", { apiEndpoint, token }, undefined],
        ["no token", { apiEndpoint }, /unable to find a token/],
        ["no endpoint", { token }, /digitalocean:apiEndpoint is not set/],
        [
            "the real endpoint",
            { apiEndpoint: "https://api.digitalocean.com", token },
            /talks to a laptop cloud only/,
        ],
    ];
    for (const [what, config, message] of cases) {
        test(what, () => {
            if (message) assert.throws(() => connectionFrom(config, {}), message);
            else assert.equal(connectionFrom(config, {}).endpoint, apiEndpoint);
        });
    }
});

describe("against the simulated API", () => {
    const contextOf = (ocean: TestOcean) => ({
        ...testContext(),
        config: { apiEndpoint: ocean.endpoint, token, httpRetryWaitMin: 0.01 },
    });
    const create = async (ocean: TestOcean, name: string, given: Properties) => {
        const { inputs, failures } = checked(name, given);
        assert.deepEqual(failures, []);
        const made = await handlerOf(name).create(inputs, contextOf(ocean));
        const outputs = JSON.parse(JSON.stringify(made.outputs)) as Properties;
        return { id: made.id, inputs, outputs };
    };
    type Made = Awaited<ReturnType<typeof create>>;
    const remove = (ocean: TestOcean, name: string, made: Made) =>
        handlerOf(name).delete!(made, contextOf(ocean));
    const read = (ocean: TestOcean, name: string, id: string, known?: Made) =>
        handlerOf(name).read!(id, known, contextOf(ocean));

    test("a Droplet has its addresses when it is made, and is gone when it is deleted", () =>
        withOcean(async (ocean) => {
            const key = await create(ocean, "SshKey", { publicKey: publicKey() });
            const made = await create(ocean, "Droplet", {
                ...{ ...droplet, ipv6: true, sshKeys: [key.id], userData: "#cloud-config" },
            });
            const { ipv4Address, ipv6Address, dropletUrn, status, region, userData } = made.outputs;
            assert.deepEqual(
                { ipv4Address, ipv6Address, dropletUrn, status, region },
                {
                    ipv4Address: "198.18.7.130",
                    ipv6Address: "2001:db8:7:83::1",
                    dropletUrn: `do:droplet:${made.id}`,
                    status: "active",
                    region: "fra1",
                },
            );
            assert.notEqual(userData, "#cloud-config");
            assert.deepEqual(
                (await read(ocean, "Droplet", made.id, made))!.inputs,
                made.inputs,
                "a refresh finds no drift",
            );
            const imported = (await read(ocean, "Droplet", made.id))!.inputs;
            assert.equal(imported["image"], "debian-13-x64");
            await remove(ocean, "Droplet", made);
            assert.equal(await read(ocean, "Droplet", made.id, made), undefined);
            assert.equal(ocean.machine(made.id).calls.at(-1), "destroy");
            // As the real one: what is gone already can't be deleted, a refresh has to find it out.
            await assert.rejects(remove(ocean, "Droplet", made), /404 The resource you requested/);
        }));

    test("a Droplet that does not start is kept, with what it has", () =>
        withOcean(async (ocean) => {
            ocean.failures.add("start");
            await assert.rejects(create(ocean, "Droplet", droplet), (error) => {
                assert.ok(error instanceof InitializationFailure);
                assert.equal(error.id, String(ocean.account.store.all("droplet")[0]!.id));
                assert.match(error.message, /unexpected state 'off', wanted target 'active'/);
                return true;
            });
        }));

    test("another size that does not fit leaves the Droplet on, as it was", () =>
        withOcean(async (ocean) => {
            const made = await create(ocean, "Droplet", { ...droplet, size: "s-4vcpu-8gb" });
            const news = { ...made.inputs, size: "s-2vcpu-4gb" };
            await assert.rejects(
                async () => handlerOf("Droplet").update!(made, news, contextOf(ocean)),
                /422 This size is not available because it has a smaller disk/,
            );
            await ocean.account.idle();
            const { calls } = ocean.machine(made.id);
            assert.deepEqual(calls, ["start", "powerOff", "start"]);
            assert.equal(ocean.account.store.all("droplet")[0]!.size, "s-4vcpu-8gb");
        }));

    test("attaching what is attached changes nothing, detaching what is not fails", () =>
        withOcean(async (ocean) => {
            const machine = await create(ocean, "Droplet", droplet);
            const disk = await create(ocean, "Volume", volume);
            const inputs = { dropletId: Number(machine.id), volumeId: disk.id };
            const first = await create(ocean, "VolumeAttachment", inputs);
            const second = await create(ocean, "VolumeAttachment", inputs);
            assert.notEqual(first.id, second.id);
            const attached = ocean.machine(machine.id).calls.filter((c) => c.startsWith("attach"));
            assert.equal(attached.length, 1);
            assert.equal((await read(ocean, "VolumeAttachment", first.id, first))!.id, first.id);
            const imported = await read(
                ocean,
                "VolumeAttachment",
                `${inputs.dropletId},${inputs.volumeId}`,
            );
            assert.deepEqual(imported!.inputs, inputs);
            await assert.rejects(remove(ocean, "Volume", disk), /409 attached volume/);
            await remove(ocean, "VolumeAttachment", first);
            assert.equal(await read(ocean, "VolumeAttachment", second.id, second), undefined);
            await assert.rejects(
                remove(ocean, "VolumeAttachment", second),
                /422 Attachment not found/,
            );
        }));

    test("a firewall comes back as it was given", () =>
        withOcean(async (ocean) => {
            const machine = await create(ocean, "Droplet", droplet);
            const made = await create(ocean, "Firewall", {
                name: "fw",
                dropletIds: [Number(machine.id)],
                inboundRules: [rule, { protocol: "icmp", sourceAddresses: ["::/0"] }],
                outboundRules: [
                    { protocol: "udp", portRange: "all", destinationAddresses: ["::/0"] },
                ],
            });
            const { inputs } = (await read(ocean, "Firewall", made.id, made))!;
            assert.deepEqual(inputs, made.inputs);
        }));

    test("a project takes what is put into it and gives it back to the default one", () =>
        withOcean(async (ocean) => {
            const disk = await create(ocean, "Volume", volume);
            const { body } = await ocean.call("POST", "/projects", { name: "p", purpose: "q" });
            const project = String(body.project!.id);
            const urn = `do:volume:${disk.id}`;
            assert.equal(disk.outputs["volumeUrn"], urn);
            const made = await create(ocean, "ProjectResources", { project, resources: [urn] });
            const holds = () =>
                ocean.account.store.get("project", project).resources.map((one) => one.urn);
            assert.deepEqual([made.id, holds()], [project, [urn]]);
            await remove(ocean, "ProjectResources", made);
            assert.deepEqual(holds(), []);
            const nowhere = { project: project.replace(/./g, "0"), resources: [urn] };
            await assert.rejects(create(ocean, "ProjectResources", nowhere), /404/);
        }));

    test("an answer that is an error of the server's is asked for again", () =>
        withOcean(async (ocean) => {
            const fault = { method: "POST", path: "^/v2/volumes$", kind: "status" } as const;
            ocean.faults.inject({ ...fault, status: 503, times: 2 });
            const made = await create(ocean, "Volume", volume);
            assert.equal(made.outputs["size"], 10);
            ocean.faults.inject({ ...fault, status: 503, times: 5 });
            const other = { ...volume, name: "other" };
            await assert.rejects(create(ocean, "Volume", other), /503 a fault that was asked for/);
        }));

    test("changed tags are put on and taken off", () =>
        withOcean(async (ocean) => {
            const made = await create(ocean, "Volume", { ...volume, tags: ["a", "b"] });
            const news = { ...made.inputs, tags: ["b", "c"], size: 20 };
            await handlerOf("Volume").update!(made, news, contextOf(ocean));
            const [object] = ocean.account.store.all("volume");
            assert.deepEqual([object!.tags, object!.sizeGb], [["b", "c"], 20]);
        }));
});
