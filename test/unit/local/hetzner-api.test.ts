import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, test } from "node:test";
import { publicKey } from "./public-key";
import { withCloud, type Answer } from "./hetzner-api-cloud";

const key = publicKey();

/** Status and error code: what clients decide on. */
function refusal(answer: Answer): [number, string | undefined] {
    return [answer.status, answer.body.error?.code];
}

const plain = { name: "mx", server_type: "cx23", image: "debian-13", location: "fsn1" };

test("a change of a primary IP is kept whole, by one write", (t) =>
    withCloud(async (cloud) => {
        const made = { name: "four", type: "ipv4", location: "fsn1" };
        const { id } = (await cloud.call("POST", "/primary_ips", made)).body.primary_ip!;
        const save = t.mock.method(cloud.project.store, "save");
        const change = { name: "six", labels: { role: "mx" }, auto_delete: true };
        const { body } = await cloud.call("PUT", `/primary_ips/${id}`, change);
        const { name, labels, auto_delete } = body.primary_ip!;
        assert.deepEqual({ name, labels, auto_delete }, change);
        assert.equal(save.mock.callCount(), 1);
        const { body: renamed } = await cloud.call("PUT", `/primary_ips/${id}`, { name: "sixth" });
        assert.deepEqual(renamed.primary_ip, { ...body.primary_ip!, name: "sixth" });
    }));

test("a server boots from exactly what it was given, and gives it back when it goes", () =>
    withCloud(async (cloud) => {
        const ip4 = await cloud.call("POST", "/primary_ips", {
            name: "four",
            type: "ipv4",
            location: "fsn1",
        });
        const ip6 = await cloud.call("POST", "/primary_ips", {
            name: "six",
            type: "ipv6",
            location: "fsn1",
        });
        const ssh = await cloud.call("POST", "/ssh_keys", { name: "k", public_key: `${key}\n` });
        const volume = await cloud.call("POST", "/volumes", {
            name: "data",
            size: 10,
            location: "fsn1",
        });
        const firewall = await cloud.call("POST", "/firewalls", {
            name: "fw",
            rules: [{ direction: "in", protocol: "icmp", source_ips: ["0.0.0.0/0", "::/0"] }],
        });
        const made = await cloud.send("POST", "/v1/servers", {
            ...plain,
            user_data: "#cloud-config\n",
            ssh_keys: [ssh.body.ssh_key!.id],
            volumes: [volume.body.volume!.id],
            firewalls: [{ firewall: firewall.body.firewall!.id }],
            public_net: { ipv4: ip4.body.primary_ip!.id, ipv6: ip6.body.primary_ip!.id },
            labels: { role: "mx" },
        });
        assert.equal(made.status, 201);
        const { id } = made.body.server!;
        await cloud.project.idle();
        const machine = cloud.machine(id);
        assert.deepEqual(machine.calls, ["start"]);
        const { directory, image, ...spec } = machine.spec;
        assert.equal(directory, path.join(cloud.root, "machines", `server-${id}`));
        assert.equal(image.name, "debian-13");
        assert.deepEqual(spec, {
            id,
            name: "mx",
            userData: "#cloud-config\n",
            publicKeys: [key],
            memoryMb: 4096,
            cores: 2,
            diskGb: 40,
            ipv4: "198.18.7.10",
            ipv6: "2001:db8:7:b::1",
            volumes: [
                {
                    id: volume.body.volume!.id,
                    file: path.join(cloud.root, "volumes", `volume-${volume.body.volume!.id}.img`),
                    device: `/dev/disk/by-id/scsi-0HC_Volume_${volume.body.volume!.id}`,
                },
            ],
            firewall: [{ direction: "in", protocol: "icmp", sourceIps: ["0.0.0.0/0", "::/0"] }],
        });
        const shown = await cloud.call("GET", `/servers/${id}`);
        assert.equal(shown.body.server!.status, "running");
        assert.equal(fs.statSync(spec.volumes[0]!.file).size, 10 * 1024 ** 3);

        assert.equal((await cloud.call("DELETE", `/servers/${id}`)).status, 200);
        assert.deepEqual(machine.calls.slice(1), [
            `detachVolume ${volume.body.volume!.id}`,
            "destroy",
        ]);
        assert.equal((await cloud.call("GET", `/servers/${id}`)).status, 404);
        const left = await cloud.call("GET", "/primary_ips");
        assert.deepEqual(
            left.body.primary_ips!.map((ip) => [ip["name"], ip["assignee_id"]]),
            [
                ["four", null],
                ["six", null],
            ],
        );
        assert.equal(fs.existsSync(directory), false);
        assert.equal(
            (await cloud.call("DELETE", `/firewalls/${firewall.body.firewall!.id}`)).status,
            204,
        );
    }));

test("addresses that come with a server go with it, and are not handed out again at once", () =>
    withCloud(async (cloud) => {
        const first = await cloud.call("POST", "/servers", plain);
        const ips = await cloud.call("GET", "/primary_ips");
        assert.deepEqual(
            ips.body.primary_ips!.map((ip) => [ip["type"], ip.ip, ip["auto_delete"]]),
            [
                ["ipv4", "198.18.7.10", true],
                ["ipv6", "2001:db8:7:b::/64", true],
            ],
        );
        await cloud.call("DELETE", `/servers/${first.body.server!.id}`);
        assert.deepEqual((await cloud.call("GET", "/primary_ips")).body.primary_ips, []);
        await cloud.call("POST", "/servers", plain);
        const again = await cloud.call("GET", "/primary_ips");
        assert.equal(again.body.primary_ips![0]!.ip, "198.18.7.12");
    }));

test("a server is locked while an action on it runs", () =>
    withCloud(async (cloud) => {
        const { id } = (await cloud.call("POST", "/servers", plain)).body.server!;
        const server = cloud.project.store.get("server", id);
        let end = () => {};
        cloud.project.begin(
            server,
            "migrating",
            "move_server",
            () => new Promise((resolve) => (end = resolve)),
        );
        const powerOff = () => cloud.send("POST", `/v1/servers/${id}/actions/poweroff`);
        assert.deepEqual(refusal(await powerOff()), [423, "locked"]);
        assert.deepEqual(refusal(await cloud.send("DELETE", `/v1/servers/${id}`)), [423, "locked"]);
        const shown = await cloud.send("GET", `/v1/servers/${id}`);
        assert.equal(shown.body.server!.status, "migrating");
        end();
        await cloud.project.idle();
        assert.equal((await powerOff()).status, 201);
    }));

test("power", () =>
    withCloud(async (cloud) => {
        const { id } = (await cloud.call("POST", "/servers", plain)).body.server!;
        const machine = () => cloud.machine(id);
        const status = async () => (await cloud.call("GET", `/servers/${id}`)).body.server!.status;
        const steps: [action: string, calls: string[], status: string][] = [
            ["poweron", [], "running"],
            ["poweroff", ["powerOff"], "off"],
            ["poweroff", [], "off"],
            ["shutdown", [], "off"],
            ["poweron", ["start"], "running"],
            ["shutdown", ["shutdown"], "off"],
            ["reset", ["start"], "running"],
            ["reboot", ["shutdown", "start"], "running"],
        ];
        for (const [action, calls, after] of steps) {
            const known = machine().calls.length;
            const answer = await cloud.call("POST", `/servers/${id}/actions/${action}`);
            assert.equal(answer.status, 201, action);
            assert.deepEqual(machine().calls.slice(known), calls, action);
            assert.equal(await status(), after, action);
        }
        await machine().powerOff();
        assert.equal(await status(), "off", "killed outside");
        assert.deepEqual(refusal(await cloud.call("POST", `/servers/${id}/actions/rebuild`)), [
            422,
            "unsupported_error",
        ]);
    }));

test("an action that fails says why, and the server stays", () =>
    withCloud(async (cloud) => {
        cloud.failures.add("start");
        const { action, server } = (await cloud.call("POST", "/servers", plain)).body;
        const { actions } = (await cloud.call("GET", `/actions?id=${action!.id}`)).body;
        assert.deepEqual(
            actions!.map((one) => [one.id, one.status, one["error"]]),
            [
                [
                    action!.id,
                    "error",
                    { code: "action_failed", message: "start failed as it was told to" },
                ],
            ],
        );
        const shown = await cloud.call("GET", `/servers/${server!.id}`);
        assert.equal(shown.body.server!.status, "off");
    }));

describe("change_type", () => {
    const cases: [to: string, body: object, code: string][] = [
        [
            "another architecture",
            { server_type: "cax31", upgrade_disk: true },
            "invalid_server_type",
        ],
        ["a smaller disk", { server_type: "cx23", upgrade_disk: true }, "invalid_server_type"],
        ["a type not sold there", { server_type: "cpx51", upgrade_disk: true }, "invalid_input"],
        ["a running server", { server_type: "cx43", upgrade_disk: true }, "server_not_stopped"],
    ];
    for (const [what, body, code] of cases) {
        test(`is refused for ${what}, and nothing stops`, () =>
            withCloud(async (cloud) => {
                const { server } = (
                    await cloud.call("POST", "/servers", { ...plain, server_type: "cx33" })
                ).body;
                const at = `/servers/${server!.id}`;
                const answer = await cloud.call("POST", `${at}/actions/change_type`, body);
                assert.equal(answer.body.error?.code, code);
                assert.deepEqual(cloud.machine(server!.id).calls, ["start"]);
            }));
    }

    for (const upgrade of [true, false]) {
        test(`${upgrade ? "with" : "without"} the larger disk`, () =>
            withCloud(async (cloud) => {
                const { server } = (await cloud.call("POST", "/servers", plain)).body;
                const at = `/servers/${server!.id}`;
                await cloud.call("POST", `${at}/actions/poweroff`);
                await cloud.call("POST", `${at}/actions/change_type`, {
                    server_type: "cx33",
                    upgrade_disk: upgrade,
                });
                const shown = (await cloud.call("GET", at)).body.server!;
                assert.equal(shown["primary_disk_size"], upgrade ? 80 : 40);
                assert.equal(shown.status, "running");
                assert.deepEqual(cloud.machine(server!.id).calls, [
                    "start",
                    "powerOff",
                    "resize 8192 4",
                    "start",
                ]);
                assert.equal(cloud.machine(server!.id).spec.memoryMb, 8192);
            }));
    }
});

test("volumes: attached to one server, detached with a note when mounted, never smaller", () =>
    withCloud(async (cloud) => {
        const { server } = (await cloud.call("POST", "/servers", plain)).body;
        const { volume } = (
            await cloud.call("POST", "/volumes", { name: "data", size: 10, server: server!.id })
        ).body;
        assert.equal(volume!["server"], server!.id);
        assert.equal(volume!["linux_device"], `/dev/disk/by-id/scsi-0HC_Volume_${volume!.id}`);
        const at = `/volumes/${volume!.id}`;
        const attach = { server: server!.id };
        assert.deepEqual(refusal(await cloud.call("POST", `${at}/actions/attach`, attach)), [
            422,
            "volume_already_attached",
        ]);
        assert.equal((await cloud.call("DELETE", at)).status, 422);
        const detach = async () => {
            await cloud.call("POST", `${at}/actions/detach`);
            const status = await cloud.send("GET", "/_laptop/status");
            return status.body.volumes![0]!["detachedWhileMounted"];
        };
        assert.equal(await detach(), 0);
        await cloud.call("POST", `${at}/actions/attach`, attach);
        cloud.machine(server!.id).mounted.add(volume!.id);
        assert.equal(await detach(), 1);
        await cloud.call("POST", `${at}/actions/attach`, attach);
        await cloud.call("DELETE", `/servers/${server!.id}`);
        assert.equal(
            (await cloud.call("GET", at)).body.volume!["laptop_detached_while_mounted"],
            2,
        );
        for (const [size, status] of [
            [10, 422],
            [9, 422],
            [20, 201],
        ] as const) {
            assert.equal(
                (await cloud.call("POST", `${at}/actions/resize`, { size })).status,
                status,
            );
        }
        await cloud.call("POST", `${at}/actions/change_protection`, { delete: true });
        assert.deepEqual(refusal(await cloud.call("DELETE", at)), [423, "protected"]);
        await cloud.call("POST", `${at}/actions/change_protection`, { delete: false });
        assert.equal((await cloud.call("DELETE", at)).status, 204);
        assert.deepEqual(fs.readdirSync(path.join(cloud.root, "volumes")), []);
    }));

test("a primary IP moves only between servers that are off", () =>
    withCloud(async (cloud) => {
        const { server } = (
            await cloud.call("POST", "/servers", {
                ...plain,
                public_net: { enable_ipv4: false },
            })
        ).body;
        const { primary_ip: ip } = (
            await cloud.call("POST", "/primary_ips", {
                name: "a",
                type: "ipv4",
                location: "fsn1",
            })
        ).body;
        const assign = () =>
            cloud.call("POST", `/primary_ips/${ip!.id}/actions/assign`, {
                assignee_id: server!.id,
                assignee_type: "server",
            });
        assert.deepEqual(refusal(await assign()), [422, "server_not_stopped"]);
        await cloud.call("POST", `/servers/${server!.id}/actions/poweroff`);
        assert.equal((await assign()).status, 201);
        assert.equal(cloud.machine(server!.id).spec.ipv4, ip!.ip);
        assert.deepEqual(refusal(await assign()), [422, "primary_ip_already_assigned"]);
        await cloud.call("POST", `/servers/${server!.id}/actions/poweron`);
        assert.deepEqual(refusal(await cloud.call("DELETE", `/primary_ips/${ip!.id}`)), [
            422,
            "server_not_stopped",
        ]);
        await cloud.call("POST", `/servers/${server!.id}/actions/poweroff`);
        assert.equal((await cloud.call("DELETE", `/primary_ips/${ip!.id}`)).status, 204);
        assert.equal(cloud.machine(server!.id).spec.ipv4, undefined);
    }));

test("PTR records are kept with the address and seen at its server", () =>
    withCloud(async (cloud) => {
        const { server } = (await cloud.call("POST", "/servers", plain)).body;
        const [ip4, ip6] = (await cloud.call("GET", "/primary_ips")).body.primary_ips!;
        const at = (id: number) => `/primary_ips/${id}/actions/change_dns_ptr`;
        const set = (id: number, ip: string, name: string | null) =>
            cloud.call("POST", at(id), { ip, dns_ptr: name });
        assert.deepEqual(ip4!["dns_ptr"], [
            { ip: "198.18.7.10", dns_ptr: "static.10.7.18.198.clients.your-server.de" },
        ]);
        assert.deepEqual(ip6!["dns_ptr"], []);
        assert.equal((await set(ip4!.id, "198.18.7.10", "mx.example.com")).status, 201);
        assert.equal((await set(ip6!.id, "2001:DB8:7:b:0::1", "mx.example.com")).status, 201);
        assert.equal((await set(ip6!.id, "2001:db8:7:c::1", "mx.example.com")).status, 422);
        assert.equal((await set(ip4!.id, "198.18.7.10", "not a name")).status, 422);
        const net = (await cloud.call("GET", `/servers/${server!.id}`)).body.server![
            "public_net"
        ] as { ipv4: { dns_ptr: string }; ipv6: { dns_ptr: object[] } };
        assert.equal(net.ipv4.dns_ptr, "mx.example.com");
        assert.deepEqual(net.ipv6.dns_ptr, [{ ip: "2001:db8:7:b::1", dns_ptr: "mx.example.com" }]);
        await cloud.call("POST", `/servers/${server!.id}/actions/change_dns_ptr`, {
            ip: "2001:db8:7:b::1",
            dns_ptr: null,
        });
        const reset = await cloud.call("GET", `/primary_ips/${ip6!.id}`);
        assert.deepEqual(reset.body.primary_ip!["dns_ptr"], []);
    }));

test("a firewall is in force on its servers at once, by number and by label", () =>
    withCloud(async (cloud) => {
        const { server } = (
            await cloud.call("POST", "/servers", { ...plain, labels: { role: "mx" } })
        ).body;
        const rules = () => cloud.machine(server!.id).firewall;
        assert.equal(rules(), undefined);
        const { firewall } = (
            await cloud.call("POST", "/firewalls", {
                name: "fw",
                rules: [],
                apply_to: [{ type: "label_selector", label_selector: { selector: "role=mx" } }],
            })
        ).body;
        assert.deepEqual(rules(), []);
        const smtp = {
            direction: "in",
            protocol: "tcp",
            port: "25",
            source_ips: ["0.0.0.0/0"],
        };
        const at = `/firewalls/${firewall!.id}`;
        await cloud.call("POST", `${at}/actions/set_rules`, { rules: [smtp] });
        const inForce = {
            direction: "in",
            protocol: "tcp",
            port: "25",
            sourceIps: ["0.0.0.0/0"],
        };
        assert.deepEqual(rules(), [inForce]);
        assert.deepEqual(refusal(await cloud.call("DELETE", at)), [422, "resource_in_use"]);
        await cloud.call("PUT", `/servers/${server!.id}`, { labels: {} });
        assert.equal(rules(), undefined);
        const byNumber = [{ type: "server", server: { id: server!.id } }];
        await cloud.call("POST", `${at}/actions/apply_to_resources`, { apply_to: byNumber });
        assert.deepEqual(rules(), [inForce]);
        const again = await cloud.call("POST", `${at}/actions/apply_to_resources`, {
            apply_to: byNumber,
        });
        assert.deepEqual(refusal(again), [422, "firewall_already_applied"]);
        await cloud.call("POST", `${at}/actions/remove_from_resources`, { remove_from: byNumber });
        assert.equal(rules(), undefined);
    }));

test("protected servers stay", () =>
    withCloud(async (cloud) => {
        const { server } = (await cloud.call("POST", "/servers", plain)).body;
        const at = `/servers/${server!.id}`;
        const protect = (body: object) =>
            cloud.call("POST", `${at}/actions/change_protection`, body);
        assert.deepEqual(refusal(await protect({ delete: true })), [422, "invalid_input"]);
        assert.equal((await protect({ delete: true, rebuild: true })).status, 201);
        assert.deepEqual(refusal(await cloud.call("DELETE", at)), [423, "protected"]);
        assert.deepEqual(cloud.machine(server!.id).calls, ["start"]);
    }));

test("lists: filters and pages", () =>
    withCloud(async (cloud) => {
        for (const [name, labels] of [
            ["a", { env: "prod", role: "mx" }],
            ["b", { env: "staging" }],
            ["c", {}],
        ] as const) {
            await cloud.call("POST", "/volumes", { name, size: 10, location: "fsn1", labels });
        }
        const names = async (query: string) =>
            (await cloud.call("GET", `/volumes?${query}`)).body.volumes!.map((one) => one["name"]);
        const selected: [selector: string, names: string[]][] = [
            ["env", ["a", "b"]],
            ["!env", ["c"]],
            ["env=prod", ["a"]],
            ["env==staging", ["b"]],
            ["env!=prod", ["b", "c"]],
            ["env in (prod,staging),role", ["a"]],
            ["env notin (prod)", ["b", "c"]],
        ];
        for (const [selector, expected] of selected) {
            const query = `label_selector=${encodeURIComponent(selector)}`;
            assert.deepEqual(await names(query), expected, selector);
        }
        assert.deepEqual(await names("name=b"), ["b"]);
        const page = (await cloud.call("GET", "/volumes?per_page=2&page=2")).body;
        assert.deepEqual(
            page.volumes!.map((one) => one["name"]),
            ["c"],
        );
        assert.deepEqual(page.meta, {
            pagination: {
                page: 2,
                per_page: 2,
                previous_page: 1,
                next_page: null,
                last_page: 2,
                total_entries: 3,
            },
        });
        const arm = await cloud.call("GET", "/images?name=debian-13&architecture=arm");
        assert.equal(arm.body.images!.length, 1);
    }));
