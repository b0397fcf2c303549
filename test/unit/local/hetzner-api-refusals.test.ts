import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { publicKey } from "./public-key";
import { TestCloud, token } from "./hetzner-api-cloud";

const key = publicKey();
const otherKey = publicKey();
const plain = { name: "mx", server_type: "cx23", image: "debian-13", location: "fsn1" };

describe("requests that the API refuses", () => {
    let cloud: TestCloud;
    before(async () => {
        cloud = await TestCloud.open();
        await cloud.call("POST", "/ssh_keys", { name: "taken", public_key: key });
        await cloud.call("POST", "/servers", { ...plain, name: "taken" });
        await cloud.call("POST", "/volumes", { name: "taken", size: 10, location: "nbg1" });
        await cloud.call("POST", "/primary_ips", {
            name: "taken",
            type: "ipv4",
            location: "hel1",
        });
        await cloud.call("POST", "/firewalls", { name: "taken", rules: [] });
    });
    after(() => cloud.close());

    const rule = { direction: "in", protocol: "tcp", port: "25", source_ips: ["0.0.0.0/0"] };
    const cases: [what: string, method: string, path: string, body: object, code: string][] = [
        ["unknown endpoint", "GET", "/load_balancers", {}, "not_found"],
        ["unknown object", "GET", "/servers/1", {}, "not_found"],
        ["id that is no number", "GET", "/servers/mx", {}, "not_found"],
        ["wrong method", "PUT", "/servers", {}, "method_not_allowed"],
        ["label value", "POST", "/firewalls", { name: "a", labels: { a: "-" } }, "invalid_input"],
        ["label selector", "GET", "/servers?label_selector=a%20b", {}, "invalid_input"],
        ["page 0", "GET", "/servers?page=0", {}, "invalid_input"],
        ["server name", "POST", "/servers", { ...plain, name: "a_b" }, "invalid_input"],
        ["server name taken", "POST", "/servers", { ...plain, name: "taken" }, "uniqueness_error"],
        ["no server type", "POST", "/servers", { name: "a", image: "x" }, "invalid_input"],
        ["server type", "POST", "/servers", { ...plain, server_type: "cx1" }, "invalid_input"],
        [
            "server type of other processors",
            "POST",
            "/servers",
            { ...plain, server_type: "cax21" },
            "resource_unavailable",
        ],
        ["type not sold there", "POST", "/servers", { ...plain, location: "ash" }, "invalid_input"],
        ["location", "POST", "/servers", { ...plain, location: "mars" }, "invalid_input"],
        ["datacenter", "POST", "/servers", { ...plain, datacenter: "fsn1-dc14" }, "invalid_input"],
        ["image", "POST", "/servers", { ...plain, image: "windows" }, "invalid_input"],
        [
            "image without a disk here",
            "POST",
            "/servers",
            { ...plain, image: "ubuntu-24.04" },
            "resource_unavailable",
        ],
        [
            "user data over 32 KiB",
            "POST",
            "/servers",
            { ...plain, user_data: "x".repeat(32 * 1024 + 1) },
            "invalid_input",
        ],
        ["SSH key", "POST", "/servers", { ...plain, ssh_keys: [1] }, "not_found"],
        ["firewall", "POST", "/servers", { ...plain, firewalls: [{ firewall: 1 }] }, "not_found"],
        ["volume", "POST", "/servers", { ...plain, volumes: [1] }, "not_found"],
        ["networks", "POST", "/servers", { ...plain, networks: [1] }, "unsupported_error"],
        [
            "no public network",
            "POST",
            "/servers",
            { ...plain, public_net: { enable_ipv4: false, enable_ipv6: false } },
            "unsupported_error",
        ],
        [
            "public key",
            "POST",
            "/ssh_keys",
            { name: "a", public_key: "ssh-rsa x" },
            "invalid_input",
        ],
        [
            "SSH key name taken",
            "POST",
            "/ssh_keys",
            { name: "taken", public_key: otherKey },
            "uniqueness_error",
        ],
        [
            "SSH key already there",
            "POST",
            "/ssh_keys",
            { name: "a", public_key: key },
            "uniqueness_error",
        ],
        [
            "volume too small",
            "POST",
            "/volumes",
            { name: "a", size: 9, location: "fsn1" },
            "invalid_input",
        ],
        ["volume nowhere", "POST", "/volumes", { name: "a", size: 10 }, "invalid_input"],
        [
            "volume automount without server",
            "POST",
            "/volumes",
            { name: "a", size: 10, location: "fsn1", automount: true },
            "invalid_input",
        ],
        [
            "volume name taken",
            "POST",
            "/volumes",
            { name: "taken", size: 10, location: "fsn1" },
            "uniqueness_error",
        ],
        [
            "primary IP name taken",
            "POST",
            "/primary_ips",
            { name: "taken", type: "ipv4", location: "fsn1" },
            "uniqueness_error",
        ],
        [
            "primary IP type",
            "POST",
            "/primary_ips",
            { name: "a", type: "ipv5", location: "fsn1" },
            "invalid_input",
        ],
        [
            "primary IP nowhere",
            "POST",
            "/primary_ips",
            { name: "a", type: "ipv4" },
            "invalid_input",
        ],
        [
            "primary IP datacenter",
            "POST",
            "/primary_ips",
            { name: "a", type: "ipv4", datacenter: "fsn1-dc14" },
            "invalid_input",
        ],
        ["firewall name taken", "POST", "/firewalls", { name: "taken" }, "uniqueness_error"],
        [
            "rule without port",
            "POST",
            "/firewalls",
            { name: "a", rules: [{ ...rule, port: null }] },
            "invalid_input",
        ],
        [
            "rule port",
            "POST",
            "/firewalls",
            { name: "a", rules: [{ ...rule, port: "25-24" }] },
            "invalid_input",
        ],
        [
            "icmp with port",
            "POST",
            "/firewalls",
            { name: "a", rules: [{ ...rule, protocol: "icmp" }] },
            "invalid_input",
        ],
        [
            "host bits in a network",
            "POST",
            "/firewalls",
            { name: "a", rules: [{ ...rule, source_ips: ["10.0.0.1/8"] }] },
            "invalid_input",
        ],
        [
            "inbound rule without sources",
            "POST",
            "/firewalls",
            { name: "a", rules: [{ ...rule, source_ips: [] }] },
            "invalid_input",
        ],
        [
            "firewall on an unknown server",
            "POST",
            "/firewalls",
            { name: "a", apply_to: [{ type: "server", server: { id: 1 } }] },
            "firewall_resource_not_found",
        ],
    ];
    for (const [what, method, route, body, code] of cases) {
        test(what, async () => {
            const before = fs.readFileSync(path.join(cloud.root, "objects.json"), "utf8");
            const answer = await cloud.send(
                method,
                `/v1${route}`,
                method === "GET" ? undefined : body,
            );
            assert.equal(answer.body.error?.code, code, JSON.stringify(answer.body));
            assert.equal(fs.readFileSync(path.join(cloud.root, "objects.json"), "utf8"), before);
        });
    }

    test("the message names what would fit", async () => {
        const type = await cloud.call("POST", "/servers", { ...plain, server_type: "cax21" });
        assert.match(
            type.body.error?.message ?? "",
            /cax21 has arm .* this computer has x86.*cx23/,
        );
        const image = await cloud.call("POST", "/servers", { ...plain, image: "ubuntu-24.04" });
        assert.match(image.body.error?.message ?? "", /it has debian-13/);
    });

    test("a token other than the cloud's", async () => {
        for (const given of ["", "Bearer", `Bearer ${token}x`, `Bearer ${"u".repeat(64)}`]) {
            const response = await fetch(`${cloud.endpoint}/servers`, {
                headers: { authorization: given },
            });
            assert.equal(response.status, 401);
            assert.deepEqual(await response.json(), {
                error: { code: "unauthorized", message: "unable to authenticate", details: null },
            });
        }
    });

    test("a body that is no JSON", async () => {
        const response = await fetch(`${cloud.endpoint}/servers`, {
            method: "POST",
            headers: { authorization: `Bearer ${token}` },
            body: "{",
        });
        assert.equal(response.status, 400);
    });
});
