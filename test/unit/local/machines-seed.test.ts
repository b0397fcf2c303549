import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { parse } from "yaml";
import { parseStat } from "../../../local/cloud/machines/process-identity";
import { renderSeed } from "../../../local/cloud/machines/seed";

const spec = {
    id: 7,
    name: "mail",
    userData: "#cloud-config\n{}\n",
    publicKeys: ["ssh-ed25519 AAAA a"],
    ipv4: "198.18.5.10",
    ipv6: "2001:db8:5:a::1",
};
const network = {
    slot: 5,
    servicesPort: 8080,
    gateway: { ipv4: "172.31.1.1", ipv6: "fe80::1" },
};

test("metadata and user data are the provider's and the user's, untouched", () => {
    const seed = renderSeed(spec, network);
    assert.deepEqual(parse(seed["meta-data"]!), {
        "instance-id": "7",
        "local-hostname": "mail",
        "public-keys": ["ssh-ed25519 AAAA a"],
    });
    assert.equal(seed["user-data"], "#cloud-config\n{}\n");
});

test("addresses are static, IPv4 as a host address", () => {
    assert.deepEqual(parse(renderSeed(spec, network)["network-config"]!), {
        version: 1,
        config: [
            {
                type: "physical",
                name: "eth0",
                "accept-ra": false,
                subnets: [
                    { type: "static", address: "198.18.5.10/32", gateway: "172.31.1.1" },
                    { type: "static6", address: "2001:db8:5:a::1/64", gateway: "fe80::1" },
                ],
            },
        ],
    });
});

test("a server without IPv4 gets IPv6 only", () => {
    const seed = renderSeed({ ...spec, ipv4: undefined }, network);
    const { config } = parse(seed["network-config"]!) as { config: { subnets: object[] }[] };
    assert.deepEqual(config[0]!.subnets, [
        { type: "static6", address: "2001:db8:5:a::1/64", gateway: "fe80::1" },
    ]);
});

test("vendor data is a boothook that a shell understands and names the repository", () => {
    const vendor = renderSeed(spec, network)["vendor-data"]!;
    assert.match(vendor, /^#cloud-boothook\n#!\/bin\/sh\n/);
    assert.match(vendor, /^URIs: http:\/\/198\.18\.5\.2:8080\/debian$/m);
    assert.equal(spawnSync("sh", ["-n"], { input: vendor }).status, 0);
});

const fields = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18";
for (const [state, name, expected] of [
    ["S", "qemu", { pid: 9, startTime: 4711 }],
    ["S", "a) b (c", { pid: 9, startTime: 4711 }],
    ["Z", "qemu", undefined],
] as const) {
    test(`a process in state ${state} called "${name}"`, () => {
        assert.deepEqual(parseStat(9, `9 (${name}) ${state} ${fields} 4711 20`), expected);
    });
}
