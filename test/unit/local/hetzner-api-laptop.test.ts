import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TestCloud, token, withCloud } from "./hetzner-api-cloud";

const plain = { name: "mx", server_type: "cx23", image: "debian-13", location: "fsn1" };

test("objects survive the process; a running machine is found again, one that was off stays off", async () => {
    const first = await TestCloud.open();
    const on = (await first.call("POST", "/servers", plain)).body.server!;
    const off = (await first.call("POST", "/servers", { ...plain, name: "off" })).body.server!;
    await first.call("POST", `/servers/${off.id}/actions/poweroff`);
    await first.close(true);
    const objects = path.join(first.root, "objects.json");
    assert.equal(fs.statSync(objects).mode & 0o777, 0o600);
    const second = await TestCloud.open(first.root);
    try {
        const { servers } = (await second.call("GET", "/servers")).body;
        assert.deepEqual(
            servers!.map((server) => [server.id, server["status"]]),
            [
                [on.id, "running"],
                [off.id, "off"],
            ],
        );
        assert.deepEqual(second.machine(off.id).calls, []);
    } finally {
        await second.close();
    }
});

describe("what only the laptop cloud has", () => {
    test("where a machine is reached", () =>
        withCloud(async (cloud) => {
            await cloud.call("POST", "/servers", plain);
            const route = (query: string) => cloud.send("GET", `/_laptop/route?${query}`);
            for (const host of ["198.18.7.10", "2001:db8:7:b::1", "2001:DB8:7:B:0:0:0:1"]) {
                const { body } = await route(`host=${host}&port=22`);
                assert.deepEqual(body, { host: "127.0.0.1", port: 20022 });
            }
            assert.equal((await route("host=198.18.7.99&port=22")).status, 404);
            assert.equal((await route("host=mx&port=22")).status, 422);
        }));

    test("a hang after the change was made", () =>
        withCloud(async (cloud) => {
            await cloud.send("POST", "/_laptop/faults", {
                method: "POST",
                path: "^/v1/volumes$",
                kind: "hang-after-commit",
            });
            const body = JSON.stringify({ name: "v", size: 10, location: "fsn1" });
            const given = new AbortController();
            const hanging = fetch(`${cloud.endpoint}/volumes`, {
                method: "POST",
                headers: { authorization: `Bearer ${token}` },
                body,
                signal: given.signal,
            });
            while (!cloud.requests().some(({ status }) => status === "hang")) await sleep(5);
            given.abort();
            await assert.rejects(hanging, { name: "AbortError" });
            assert.equal((await cloud.call("GET", "/volumes?name=v")).body.volumes!.length, 1);
            assert.equal(
                (await cloud.call("POST", "/volumes", JSON.parse(body) as object)).status,
                409,
            );
            assert.deepEqual(
                cloud.requests().map(({ method, path: at, status }) => [method, at, status]),
                [
                    ["POST", "/_laptop/faults", 204],
                    ["POST", "/v1/volumes", "hang"],
                    ["GET", "/v1/volumes?name=v", 200],
                    ["POST", "/v1/volumes", 409],
                ],
            );
        }));

    test("a status instead of the change", () =>
        withCloud(async (cloud) => {
            await cloud.send("POST", "/_laptop/faults", {
                method: "POST",
                path: "^/v1/volumes$",
                kind: "status",
                status: 503,
                times: 2,
                after: 1,
            });
            for (const [name, status] of [
                ["one", 201],
                ["two", 503],
                ["two", 503],
                ["two", 201],
            ] as const) {
                const volume = { name, size: 10, location: "fsn1" };
                assert.equal((await cloud.call("POST", "/volumes", volume)).status, status);
            }
        }));

    test("certificates of another duration, and a registry that is down", () =>
        withCloud(async (cloud) => {
            const post = async (route: string, body: object) =>
                (await cloud.send("POST", `/_laptop/${route}`, body)).status;
            assert.equal(await post("acme", { certificateSeconds: 3600 }), 204);
            assert.equal(await post("registry", { running: false }), 204);
            assert.equal(await post("registry", { running: true }), 204);
            const done = ["acme 3600", "registry false", "registry true"];
            assert.deepEqual(cloud.services, done);
            for (const certificateSeconds of [0, -1, 1.5, "3600"]) {
                assert.equal(await post("acme", { certificateSeconds }), 422);
            }
            assert.equal(await post("registry", {}), 422);
            const url = cloud.endpoint.replace("/v1", "/_laptop/registry");
            assert.equal((await fetch(url, { method: "POST" })).status, 401);
            assert.deepEqual(cloud.services, done);
            cloud.failures.add("acme 60");
            assert.equal(await post("acme", { certificateSeconds: 60 }), 500);
        }));

    test("it ends when asked by someone with the token", () =>
        withCloud(async (cloud) => {
            const url = cloud.endpoint.replace("/v1", "/_laptop/quit");
            assert.equal((await fetch(url, { method: "POST" })).status, 401);
            assert.deepEqual(cloud.quits, []);
            await cloud.send("POST", "/_laptop/quit", { machines: true });
            assert.deepEqual(cloud.quits, [true]);
        }));
});
