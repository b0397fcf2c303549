import assert from "node:assert/strict";
import * as fs from "node:fs";
import { describe, test } from "node:test";
import { createMetadataService } from "../../../local/cloud/metadata-service";
import { withOcean } from "./digitalocean-api-cloud";
import { publicKey } from "./public-key";

const everyone = ["0.0.0.0/0", "::/0"];

describe("Droplets", () => {
    test("one is new, locked and without addresses until its machine runs", () =>
        withOcean(async (ocean) => {
            const keyLine = publicKey();
            const key = (
                await ocean.call("POST", "/account/keys", { name: "k", public_key: keyLine })
            ).body.ssh_key!;
            const { status, body } = await ocean.send("POST", "/droplets", {
                ...{ name: "mx.example.com", size: "s-2vcpu-4gb", image: "debian-13-x64" },
                ...{ region: "fra1", ipv6: true, tags: ["pulumi-mailhost"] },
                ...{ ssh_keys: [key.id], user_data: "#cloud-config\n" },
            });
            assert.equal(status, 202);
            assert.deepEqual(
                [body.droplet!["status"], body.droplet!["locked"], body.droplet!["networks"]],
                ["new", true, { v4: [], v6: [] }],
            );
            await ocean.account.idle();
            const droplet = (await ocean.send("GET", `/droplets/${body.droplet!.id}`)).body
                .droplet!;
            const { ip_address: v4 } = (droplet["networks"] as { v4: { ip_address: string }[] })
                .v4[0]!;
            const { ip_address: v6 } = (droplet["networks"] as { v6: { ip_address: string }[] })
                .v6[0]!;
            assert.deepEqual(
                [droplet["status"], droplet["locked"], v4, v6],
                [...["active", false, "198.18.7.130", "2001:db8:7:83::1"]],
            );
            assert.deepEqual(
                ["memory", "vcpus", "disk", "size_slug", "tags"].map((field) => droplet[field]),
                [4096, 2, 80, "s-2vcpu-4gb", ["pulumi-mailhost"]],
            );
            const { spec } = ocean.machine(droplet.id);
            assert.deepEqual(
                [spec.name, spec.userData, spec.publicKeys, spec.ipv4, spec.ipv6, spec.memoryMb],
                [
                    ...["mx.example.com", "#cloud-config\n", [keyLine]],
                    ...["198.18.7.130", "2001:db8:7:83::1", 4096],
                ],
            );
            const { id } = (body.links as unknown as { actions: { id: number }[] }).actions[0]!;
            const { action } = (await ocean.send("GET", `/actions/${id}`)).body;
            assert.deepEqual(
                [action!.status, action!["type"], action!["resource_id"]],
                ["completed", "create", droplet.id],
            );
        }));

    test("its name is the PTR of both addresses, where it is a qualified one", () =>
        withOcean(async (ocean) => {
            await ocean.droplet();
            await ocean.droplet({ name: "plain" });
            assert.deepEqual(ocean.account.pointers(), [
                { ip: "198.18.7.130", dns_ptr: "mx.example.com" },
                { ip: "2001:db8:7:83::1", dns_ptr: "mx.example.com" },
            ]);
            const [mx] = ocean.account.store.all("droplet");
            const rename = { type: "rename", name: "mail.example.com" };
            await ocean.call("POST", `/droplets/${mx!.id}/actions`, rename);
            assert.equal(ocean.account.pointers()[0]!.dns_ptr, "mail.example.com");
        }));

    test("a deleted one gives back its volume and loses its firewall, and the next has other addresses", () =>
        withOcean(async (ocean) => {
            const droplet = await ocean.droplet();
            const volume = await ocean.volume();
            const attach = { type: "attach", droplet_id: droplet.id };
            await ocean.call("POST", `/volumes/${volume.id}/actions`, attach);
            const firewall = (
                await ocean.call("POST", "/firewalls", {
                    name: "fw",
                    inbound_rules: [{ protocol: "icmp", sources: { addresses: everyone } }],
                    droplet_ids: [droplet.id],
                })
            ).body.firewall!;
            const begun = await ocean.send("DELETE", `/droplets/${droplet.id}`);
            assert.equal(begun.status, 204);
            await ocean.account.idle();
            assert.equal((await ocean.send("GET", `/droplets/${droplet.id}`)).status, 404);
            assert.deepEqual(ocean.machine(droplet.id).calls.slice(-2), [
                `detachVolume ${ocean.account.store.all("volume")[0]!.number}`,
                "destroy",
            ]);
            const kept = (await ocean.send("GET", `/volumes/${volume.id}`)).body.volume!;
            assert.deepEqual(kept["droplet_ids"], []);
            const left = (await ocean.send("GET", `/firewalls/${firewall.id}`)).body.firewall!;
            assert.deepEqual(left["droplet_ids"], []);
            await ocean.droplet();
            assert.equal(ocean.account.servers()[0]!.ipv4, "198.18.7.132");
        }));

    test("power, and another size for one that is off; the disk grows only when that is asked for", () =>
        withOcean(async (ocean) => {
            const { id } = await ocean.droplet();
            const act = async (fields: object) => {
                const { status, body } = await ocean.call(
                    "POST",
                    `/droplets/${id}/actions`,
                    fields,
                );
                return status === 201 ? body.action!.status : `${status} ${body.message}`;
            };
            const shown = async () => {
                const { droplet } = (await ocean.send("GET", `/droplets/${id}`)).body;
                return [droplet!["status"], droplet!["size_slug"], droplet!["disk"]];
            };
            const resize = { type: "resize", size: "s-4vcpu-8gb" };
            assert.equal(await act(resize), "422 Droplet must be powered off to be resized.");
            assert.equal(await act({ type: "power_off" }), "in-progress");
            assert.equal(await act({ type: "power_off" }), "422 Droplet is already powered off.");
            assert.deepEqual(await shown(), ["off", "s-2vcpu-4gb", 80]);
            await act({ ...resize, disk: false });
            assert.deepEqual(await shown(), ["off", "s-4vcpu-8gb", 80]);
            await act({ ...resize, disk: true });
            assert.deepEqual(await shown(), ["off", "s-4vcpu-8gb", 160]);
            assert.equal(
                await act({ type: "resize", size: "s-2vcpu-4gb" }),
                "422 This size is not available because it has a smaller disk.",
            );
            await act({ type: "power_on" });
            assert.deepEqual(await shown(), ["active", "s-4vcpu-8gb", 160]);
            assert.equal(await act({ type: "power_on" }), "422 Droplet is already powered on.");
            assert.equal(
                await act({ type: "snapshot" }),
                "422 the laptop cloud does not simulate the Droplet action snapshot",
            );
        }));

    test("one event at a time", () =>
        withOcean(async (ocean) => {
            const { id } = await ocean.droplet();
            const volume = await ocean.volume();
            let release = (): void => undefined;
            const held = new Promise<void>((resolve) => (release = resolve));
            const object = ocean.account.store.get("droplet", Number(id));
            ocean.account.begin(object, "starting", "reboot", () => held);
            const attach = { type: "attach", droplet_id: id };
            for (const [method, route, body] of [
                ["POST", `/volumes/${volume.id}/actions`, attach],
                ["POST", `/droplets/${id}/actions`, { type: "power_off" }],
                ["DELETE", `/droplets/${id}`, undefined],
            ] as const) {
                const { status, body: answer } = await ocean.send(method, route, body);
                assert.equal(status, 422, route);
                assert.equal(answer.message, "Droplet already has a pending event.");
            }
            const shown = (await ocean.send("GET", `/droplets/${id}`)).body.droplet!;
            assert.deepEqual([shown["status"], shown["locked"]], ["active", true]);
            release();
            await ocean.account.idle();
            const { volume: after } = (await ocean.send("GET", `/volumes/${volume.id}`)).body;
            assert.deepEqual(after!["droplet_ids"], []);
        }));

    test("a machine that does not start is an action that failed", () =>
        withOcean(async (ocean) => {
            ocean.failures.add("start");
            const droplet = await ocean.droplet();
            assert.equal(droplet["status"], "off");
            assert.equal(ocean.account.store.actions[0]!.status, "errored");
        }));
});

describe("volumes", () => {
    test("are found on the machine by their name", () =>
        withOcean(async (ocean) => {
            const droplet = await ocean.droplet();
            const volume = await ocean.volume({ name: "mx-example-com", tags: ["a"] });
            assert.match(String(volume.id), /^[0-9a-f-]{36}$/);
            const attach = { type: "attach", droplet_id: droplet.id };
            const begun = await ocean.call("POST", `/volumes/${volume.id}/actions`, attach);
            assert.deepEqual(
                [begun.status, begun.body.action!.status, begun.body.action!["type"]],
                [202, "in-progress", "attach_volume"],
            );
            const { number } = ocean.account.store.all("volume")[0]!;
            assert.deepEqual(ocean.machine(droplet.id).calls, ["start", `attachVolume ${number}`]);
            const [object] = ocean.account.store.all("volume");
            const { device, file } = ocean.account.attachedVolume(object!);
            assert.equal(device, "/dev/disk/by-id/scsi-0DO_Volume_mx-example-com");
            assert.equal(fs.statSync(file).size, 10 * 1024 ** 3);
            const shown = (await ocean.send("GET", `/droplets/${droplet.id}`)).body.droplet!;
            assert.deepEqual(shown["volume_ids"], [volume.id]);
            const actions = await ocean.send("GET", `/volumes/${volume.id}/actions`);
            assert.equal((actions.body["actions"] as object[]).length, 1);
        }));

    test("grow while attached, and the loss of a mounted one is noted", () =>
        withOcean(async (ocean) => {
            const { id } = await ocean.droplet();
            const volume = await ocean.volume();
            const act = (fields: object) =>
                ocean.call("POST", `/volumes/${volume.id}/actions`, fields);
            await act({ type: "attach", droplet_id: id });
            await act({ type: "resize", size_gigabytes: 20, region: "fra1" });
            const [object] = ocean.account.store.all("volume");
            assert.equal(fs.statSync(ocean.account.volumeFile(object!)).size, 20 * 1024 ** 3);
            assert.equal(ocean.machine(id).calls.at(-1), `growVolume ${object!.number}`);
            assert.equal((await act({ type: "resize", size_gigabytes: 10 })).status, 422);
            ocean.machine(id).mounted.add(object!.number);
            await act({ type: "detach", droplet_id: id });
            assert.deepEqual(ocean.account.volumes(), [
                { id: volume.id, name: "data", server: null, detachedWhileMounted: 1 },
            ]);
            assert.equal((await act({ type: "detach", droplet_id: id })).status, 422);
        }));

    test("a deleted one is gone from disk", () =>
        withOcean(async (ocean) => {
            const volume = await ocean.volume();
            const file = ocean.account.volumeFile(ocean.account.store.all("volume")[0]!);
            assert.equal((await ocean.call("DELETE", `/volumes/${volume.id}`)).status, 204);
            assert.equal(fs.existsSync(file), false);
            assert.equal((await ocean.call("GET", `/volumes/${volume.id}`)).status, 404);
        }));

    test("one that the machine does not take is not attached", () =>
        withOcean(async (ocean) => {
            const { id } = await ocean.droplet();
            const volume = await ocean.volume();
            const { number } = ocean.account.store.all("volume")[0]!;
            ocean.failures.add(`attachVolume ${number}`);
            const attach = { type: "attach", droplet_id: id };
            const { body } = await ocean.call("POST", `/volumes/${volume.id}/actions`, attach);
            const { action } = (await ocean.send("GET", `/actions/${body.action!.id}`)).body;
            assert.equal(action!.status, "errored");
            assert.equal(ocean.account.store.all("volume")[0]!.droplet, null);
        }));
});

test("a firewall shuts what no rule lets through, in both directions", () =>
    withOcean(async (ocean) => {
        const { id } = await ocean.droplet();
        const { id: other } = await ocean.droplet({ name: "other", tags: ["friend"], ipv6: false });
        assert.equal(ocean.machine(id).firewall, undefined);
        const inbound = [
            { protocol: "tcp", ports: "25", sources: { addresses: everyone } },
            { protocol: "tcp", ports: "all", sources: { tags: ["friend"] } },
        ];
        const { status, body } = await ocean.call("POST", "/firewalls", {
            ...{ name: "fw", inbound_rules: inbound, droplet_ids: [id] },
        });
        assert.equal(status, 202);
        const shut = { direction: "out", protocol: "tcp", port: "any", destinationIps: [] };
        assert.deepEqual(ocean.machine(id).firewall, [
            { direction: "in", protocol: "tcp", port: "25", sourceIps: everyone },
            { direction: "in", protocol: "tcp", port: "any", sourceIps: ["198.18.7.132"] },
            { ...shut, sourceIps: [] },
        ]);
        assert.equal(ocean.machine(other).firewall, undefined);
        const put = await ocean.call("PUT", `/firewalls/${body.firewall!.id}`, {
            name: "fw",
            inbound_rules: [{ protocol: "icmp", sources: { addresses: ["::/0"] } }],
            outbound_rules: [
                { protocol: "tcp", ports: "1-65535", destinations: { addresses: everyone } },
            ],
            tags: ["friend"],
        });
        assert.deepEqual(put.body.firewall!["inbound_rules"], [
            { protocol: "icmp", ports: "0", sources: { addresses: ["::/0"] } },
        ]);
        assert.equal(ocean.machine(id).firewall, undefined);
        assert.deepEqual(ocean.machine(other).firewall, [
            { direction: "in", protocol: "icmp", sourceIps: ["::/0"] },
            {
                ...{ direction: "out", protocol: "tcp", port: "1-65535", sourceIps: [] },
                destinationIps: everyone,
            },
        ]);
        await ocean.call("POST", `/firewalls/${body.firewall!.id}/droplets`, { droplet_ids: [id] });
        assert.equal(ocean.machine(id).firewall?.length, 2);
        await ocean.call("DELETE", `/firewalls/${body.firewall!.id}`);
        assert.equal(ocean.machine(id).firewall, undefined);
    }));

test("what is made belongs to the default project until it is put into another", () =>
    withOcean(async (ocean) => {
        const droplet = await ocean.droplet();
        const volume = await ocean.volume();
        const urns = [`do:droplet:${droplet.id}`, `do:volume:${volume.id}`];
        const of = async (id: string) =>
            (await ocean.send("GET", `/projects/${id}/resources`)).body.resources!.map(
                ({ urn }) => urn,
            );
        assert.deepEqual(await of("default"), urns);
        const mail = (await ocean.call("POST", "/projects", { name: "mail", purpose: "Mail" })).body
            .project!;
        const assigned = await ocean.call("POST", `/projects/${mail.id}/resources`, {
            resources: [...urns, "do:droplet:1"],
        });
        assert.deepEqual(
            assigned.body.resources!.map(({ status }) => status),
            ["assigned", "assigned", "not_found"],
        );
        assert.deepEqual([await of("default"), await of(String(mail.id))], [[], urns]);
        assert.equal((await ocean.call("DELETE", `/projects/${mail.id}`)).status, 412);
        await ocean.call("DELETE", `/droplets/${droplet.id}`);
        await ocean.call("DELETE", `/volumes/${volume.id}`);
        assert.equal((await ocean.call("DELETE", `/projects/${mail.id}`)).status, 204);
    }));

test("lists come in pages, whose links lead on", () =>
    withOcean(async (ocean) => {
        for (let i = 0; i < 5; i++) await ocean.volume({ name: `v${i}` });
        const first = await ocean.send("GET", "/volumes?per_page=2&region=fra1");
        assert.deepEqual(first.body.meta, { total: 5 });
        const next = new URL(first.body.links!.pages!["next"]!);
        assert.equal(next.origin, ocean.endpoint);
        const second = await ocean.send("GET", next.pathname.replace("/v2", "") + next.search);
        assert.deepEqual(
            second.body.volumes!.map((volume) => volume["name"]),
            ["v2", "v3"],
        );
        assert.deepEqual(Object.keys(second.body.links!.pages!), ["first", "prev", "next", "last"]);
        const whole = await ocean.send("GET", "/volumes");
        assert.deepEqual(whole.body.links, {});
        assert.equal((await ocean.send("GET", "/volumes?name=v3")).body.volumes!.length, 1);
    }));

test("a tag that is put on a Droplet brings it under the firewalls of that tag", () =>
    withOcean(async (ocean) => {
        const { id } = await ocean.droplet();
        await ocean.call("POST", "/firewalls", {
            ...{ name: "fw", tags: ["guarded"] },
            inbound_rules: [{ protocol: "icmp", sources: { addresses: everyone } }],
        });
        assert.equal(ocean.machine(id).firewall, undefined);
        const resources = [{ resource_id: String(id), resource_type: "droplet" }];
        await ocean.call("POST", "/tags/guarded/resources", { resources });
        assert.equal(ocean.machine(id).firewall?.length, 2);
        assert.equal((await ocean.send("GET", "/droplets?tag_name=guarded")).body.meta!.total, 1);
        await ocean.call("DELETE", "/tags/guarded/resources", { resources });
        assert.equal(ocean.machine(id).firewall, undefined);
    }));

test("the metadata service tells a Droplet of itself", () =>
    withOcean(async (ocean) => {
        await ocean.droplet({ user_data: "#cloud-config\n" });
        const [object] = ocean.account.store.all("droplet");
        // Any address of 127.0.0.0/8 is this computer's.
        object!.ipv4 = "127.0.0.1";
        const service = createMetadataService([ocean.account]);
        await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
        const { port } = service.address() as { port: number };
        const ask = async (path: string) => {
            const response = await fetch(`http://127.0.0.1:${port}/metadata/${path}`);
            return response.ok ? await response.text() : response.status;
        };
        assert.equal(await ask("v1/user-data"), "#cloud-config\n");
        assert.equal(await ask("v1/hostname"), "mx.example.com");
        assert.equal(await ask("v1/interfaces/public/0/ipv6/address"), "2001:db8:7:83::1");
        assert.equal(await ask("v1/none"), 404);
        const whole = JSON.parse(String(await ask("v1.json"))) as { droplet_id: number };
        assert.equal(whole.droplet_id, object!.id);
        service.closeAllConnections();
        service.close();
    }));
