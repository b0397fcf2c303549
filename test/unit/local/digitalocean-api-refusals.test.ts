import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TestOcean, withOcean } from "./digitalocean-api-cloud";
import { publicKey } from "./public-key";

const droplet = { name: "mx", size: "s-2vcpu-4gb", image: "debian-13-x64", region: "fra1" };
const volume = { name: "data", size_gigabytes: 10, region: "fra1" };
const sources = { addresses: ["0.0.0.0/0"] };
const rule = { protocol: "tcp", ports: "25", sources };

type Case = [what: string, request: string, body: object, status: number, message: RegExp];

const cases: Case[] = [
    ["an unknown size", "POST /droplets", { ...droplet, size: "s-9" }, 422, /invalid size/],
    ["an unknown region", "POST /droplets", { ...droplet, region: "x" }, 422, /invalid region/],
    ["an unknown image", "POST /droplets", { ...droplet, image: "x" }, 422, /invalid image/],
    [
        "an image that is not here",
        "POST /droplets",
        { ...droplet, image: "ubuntu-24-04-x64" },
        422,
        /it has debian-13-x64, 9$/,
    ],
    ["an unknown key", "POST /droplets", { ...droplet, ssh_keys: [1] }, 422, /invalid key/],
    ["a name that no host has", "POST /droplets", { ...droplet, name: "a_b" }, 422, /hostname/],
    [
        "user data of more than 64 KiB",
        "POST /droplets",
        { ...droplet, user_data: "#".repeat(65537) },
        422,
        /user_data: is longer than 65536 bytes/,
    ],
    ["backups", "POST /droplets", { ...droplet, backups: true }, 422, /does not simulate/],
    ["another VPC", "POST /droplets", { ...droplet, vpc_uuid: "x" }, 422, /does not simulate/],
    ["no volume", "POST /droplets", { ...droplet, volumes: ["x"] }, 404, /could not be found/],
    ["a Droplet that is not there", "GET /droplets/1", {}, 404, /could not be found/],
    ["no number", "GET /droplets/x", {}, 404, /could not be found/],
    ["a capital in a volume's name", "POST /volumes", { ...volume, name: "Data" }, 422, /name/],
    ["a dot in a volume's name", "POST /volumes", { ...volume, name: "a.b" }, 422, /name/],
    ["65 characters", "POST /volumes", { ...volume, name: "a".repeat(65) }, 422, /64 at most/],
    ["no size", "POST /volumes", { ...volume, size_gigabytes: 0 }, 422, /size_gigabytes/],
    ["16385 GB", "POST /volumes", { ...volume, size_gigabytes: 16385 }, 422, /size_gigabytes/],
    ["a volume nowhere", "POST /volumes", { ...volume, region: "x" }, 422, /region x not found/],
    ["the name of another volume", "POST /volumes", { ...volume, name: "taken" }, 409, /exists/],
    ["another file system", "POST /volumes", { ...volume, filesystem_type: "b" }, 422, /ext4/],
    ["a firewall without rules", "POST /firewalls", { name: "a" }, 422, /at least one rule/],
    [
        "the name of another firewall",
        "POST /firewalls",
        { name: "taken", inbound_rules: [rule] },
        409,
        /duplicate name/,
    ],
    [
        "a rule without ports",
        "POST /firewalls",
        { name: "a", inbound_rules: [{ protocol: "tcp", sources }] },
        422,
        /inbound_rules\.0\.ports: '' is no port/,
    ],
    [
        "a rule with no source",
        "POST /firewalls",
        { name: "a", inbound_rules: [{ ...rule, sources: {} }] },
        422,
        /sources: must have at least one/,
    ],
    [
        "a port past the last",
        "POST /firewalls",
        { name: "a", inbound_rules: [{ ...rule, ports: "1-65536" }] },
        422,
        /'1-65536' is no port/,
    ],
    [
        "a source that is no address",
        "POST /firewalls",
        { name: "a", inbound_rules: [{ ...rule, sources: { addresses: ["x"] } }] },
        422,
        /addresses\.0: is neither/,
    ],
    [
        "a Droplet that is not there, under a firewall",
        "POST /firewalls",
        { name: "a", inbound_rules: [rule], droplet_ids: [1] },
        422,
        /droplet 1 not found/,
    ],
    [
        "51 rules",
        "POST /firewalls",
        { name: "a", inbound_rules: Array(51).fill(rule) },
        422,
        /at most 50 rules, not 51/,
    ],
    ["no key", "POST /account/keys", { name: "a", public_key: "x" }, 422, /Key invalid/],
    ["no name of a key", "POST /account/keys", { name: "", public_key: "x" }, 422, /name/],
    ["what there is not", "GET /kubernetes/clusters", {}, 404, /could not be found/],
    ["a method that there is not", "PUT /droplets", {}, 405, /not allowed/],
];

describe("the API refuses", () => {
    for (const [what, request, body, status, message] of cases) {
        test(what, () =>
            withOcean(async (ocean) => {
                await ocean.volume({ name: "taken" });
                await ocean.call("POST", "/firewalls", { name: "taken", inbound_rules: [rule] });
                const before = JSON.stringify([
                    ocean.account.store.all("droplet"),
                    ocean.account.store.all("volume"),
                    ocean.account.store.all("firewall"),
                    ocean.account.store.all("key"),
                ]);
                const [method = "", path = ""] = request.split(" ");
                const answer = await ocean.call(method, path, method === "GET" ? undefined : body);
                assert.equal(answer.status, status, JSON.stringify(answer.body));
                assert.match(answer.body.message!, message);
                const after = JSON.stringify([
                    ocean.account.store.all("droplet"),
                    ocean.account.store.all("volume"),
                    ocean.account.store.all("firewall"),
                    ocean.account.store.all("key"),
                ]);
                assert.equal(after, before);
            }),
        );
    }

    test("a wrong token, before anything else", () =>
        withOcean(async (ocean) => {
            const wrong = `dop_v1_${"b".repeat(64)}`;
            for (const path of ["/droplets", "/nothing"]) {
                assert.deepEqual(await ocean.send("GET", path, undefined, wrong), {
                    status: 401,
                    body: { id: "Unauthorized", message: "Unable to authenticate you" },
                });
            }
        }));

    test("the same key twice, whatever its name", () =>
        withOcean(async (ocean) => {
            const key = publicKey();
            const post = (name: string) =>
                ocean.call("POST", "/account/keys", { name, public_key: key });
            assert.equal((await post("a")).status, 201);
            assert.deepEqual((await post("b")).body, {
                id: "unprocessable_entity",
                message: "SSH Key is already in use on your account",
            });
        }));

    const attachmentOf = async (ocean: TestOcean, fields: object) => {
        const { id } = await ocean.droplet();
        const { id: volumeId } = await ocean.volume(fields);
        const act = (type: string, droplet: unknown = id) =>
            ocean.call("POST", `/volumes/${volumeId}/actions`, { type, droplet_id: droplet });
        return { act, volumeId };
    };

    test("a volume of another region", () =>
        withOcean(async (ocean) => {
            const { act } = await attachmentOf(ocean, { region: "ams3" });
            const { status, body } = await act("attach");
            assert.equal(status, 422);
            assert.match(body.message!, /volume is in ams3, the Droplet in fra1/);
            const made = await ocean.call("POST", "/droplets", {
                ...{ ...droplet, volumes: [ocean.account.store.all("volume")[0]!.id] },
            });
            assert.equal(made.status, 422);
        }));

    test("a volume that is attached: to attach it again, and to delete it", () =>
        withOcean(async (ocean) => {
            const { act, volumeId } = await attachmentOf(ocean, {});
            assert.equal((await act("attach")).status, 202);
            assert.match((await act("attach")).body.message!, /already attached to Droplet/);
            assert.deepEqual(await ocean.call("DELETE", `/volumes/${volumeId}`), {
                status: 409,
                body: { id: "conflict", message: "attached volume cannot be deleted" },
            });
            assert.equal((await act("detach", 1)).body.message, "Attachment not found");
            assert.equal((await act("detach")).status, 202);
            assert.equal((await ocean.call("DELETE", `/volumes/${volumeId}`)).status, 204);
        }));

    test("more Droplets than there are addresses", () =>
        withOcean(async (ocean) => {
            for (let i = 0; i < 20; i++) await ocean.droplet({ name: `d${i}` });
            const { status, body } = await ocean.call("POST", "/droplets", droplet);
            assert.equal(status, 422);
            assert.match(body.message!, /all 20 ipv4 addresses/);
        }));
});
