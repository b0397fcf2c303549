import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { createFileService } from "../../../local/cloud/file-service";
import { createMetadataService } from "../../../local/cloud/metadata-service";
import { TestCloud } from "./hetzner-api-cloud";

const plain = { server_type: "cx23", image: "debian-13", location: "fsn1" };

/** Sends the path as it stands: `fetch` would tidy it up. */
async function get(server: http.Server, target: string, from = "127.0.0.1") {
    await new Promise<void>((resolve) => server.listen(0, from, resolve));
    const { port } = server.address() as AddressInfo;
    try {
        return await new Promise<{ status: number; text: string }>((resolve, reject) => {
            const request = http.get({ host: from, localAddress: from, port, path: target });
            request.on("error", reject).on("response", (response) => {
                let text = "";
                response
                    .setEncoding("utf8")
                    .on("data", (chunk: string) => (text += chunk))
                    .on("end", () => resolve({ status: response.statusCode ?? 0, text }));
            });
        });
    } finally {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
    }
}

test("the package repository gives its files and nothing beside them", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-files-"));
    try {
        const served = path.join(folder, "repository");
        fs.mkdirSync(path.join(served, "debian"), { recursive: true });
        fs.writeFileSync(path.join(served, "debian", "a+b.deb"), "package");
        fs.writeFileSync(path.join(folder, "secret"), "secret");
        fs.symlinkSync(path.join(folder, "secret"), path.join(served, "debian", "link"));
        const cases: [target: string, status: number, text: string][] = [
            ["/debian/a+b.deb", 200, "package"],
            ["/debian/a%2Bb.deb", 200, "package"],
            ["/debian/none", 404, ""],
            ["/debian/", 404, ""],
            ["/../secret", 404, ""],
            ["/debian/..%2f..%2fsecret", 404, ""],
            ["/debian/link", 404, ""],
            ["/%", 404, ""],
        ];
        for (const [target, status, text] of cases) {
            assert.deepEqual(
                await get(http.createServer(createFileService(served)), target),
                { status, text },
                target,
            );
        }
    } finally {
        fs.rmSync(folder, { recursive: true });
    }
});

test("the metadata service tells a server of itself, by its address, and nobody else", async () => {
    const cloud = await TestCloud.open();
    try {
        await cloud.call("POST", "/servers", {
            ...plain,
            name: "mx",
            user_data: "#cloud-config\n",
        });
        const ip = cloud.project.store.all("primary_ip").find(({ type }) => type === "ipv4");
        assert.ok(ip);
        const ask = (target: string, from?: string) =>
            get(createMetadataService([cloud.project]), target, from);
        assert.equal((await ask("/hetzner/v1/userdata")).status, 404);
        // Any address of 127.0.0.0/8 is this computer's; here the server has one.
        ip.ip = "127.0.0.7";
        const id = cloud.project.store.all("server")[0]!.id;
        const cases: [target: string, status: number, text: RegExp][] = [
            ["/hetzner/v1/userdata", 200, /^#cloud-config\n$/],
            ["/hetzner/v1/metadata/hostname", 200, /^mx$/],
            ["/hetzner/v1/metadata/instance-id", 200, new RegExp(`^${id}$`)],
            ["/hetzner/v1/metadata", 200, /^hostname: mx\n(.*\n)*public-ipv4: 127\.0\.0\.7\n/],
            ["/hetzner/v1/metadata/none", 404, /^not found\n$/],
            ["/latest/user-data", 404, /^not found\n$/],
        ];
        for (const [target, status, text] of cases) {
            const answer = await ask(target, "127.0.0.7");
            assert.equal(answer.status, status, target);
            assert.match(answer.text, text);
        }
    } finally {
        await cloud.close();
    }
});

test("what was on when the cloud went down comes up with it, and nothing else", async () => {
    const cloud = await TestCloud.open();
    try {
        const create = async (name: string) =>
            (await cloud.call("POST", "/servers", { ...plain, name })).body.server!.id;
        const [on, off, killed] = [await create("on"), await create("off"), await create("killed")];
        await cloud.call("POST", `/servers/${off}/actions/shutdown`);
        await cloud.machine(killed).powerOff();
        const running = async () => {
            await cloud.project.idle();
            return [on, off, killed].map((id) => cloud.machine(id).isRunning());
        };
        cloud.project.powerUp("first boot");
        assert.deepEqual(await running(), [true, false, true], "a new cloud's first start");
        await cloud.machine(killed).powerOff();
        cloud.project.powerUp("first boot");
        assert.deepEqual(
            await running(),
            [true, false, false],
            "the daemon alone was started again",
        );
        await cloud.project.powerDown();
        assert.deepEqual(await running(), [false, false, false]);
        assert.deepEqual(cloud.machine(on).calls.slice(-2), ["shutdown", "destroy"]);
        cloud.project.powerUp("first boot");
        assert.deepEqual(await running(), [true, false, true], "the cloud was stopped");
        for (const id of [on, killed]) await cloud.machine(id).powerOff();
        cloud.project.powerUp("second boot");
        assert.deepEqual(await running(), [true, false, true], "the computer was restarted");
    } finally {
        await cloud.close();
    }
});
