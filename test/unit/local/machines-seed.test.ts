import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
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
    image: { packages: { path: "debian", suite: "trixie" } },
};
const network = {
    slot: 5,
    servicesPort: 8080,
    gateway: { ipv4: "172.31.1.1", ipv6: "fe80::1" },
    dnsOver: "udp" as const,
};
const services = {
    authority: "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n",
    localPorts: { dns: 1, mail: 2, registry: 3, acme: 4 },
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

/** What the boothook writes when it runs, by path; the folders that it needs are there afterwards. */
function runHook(vendor: string): Record<string, string> {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), "seed-"));
    try {
        fs.mkdirSync(path.join(root, "etc"));
        fs.symlinkSync("../run/systemd/resolve/stub-resolv.conf", `${root}/etc/resolv.conf`);
        // The hook names no path in any other way.
        const moved = vendor.replace(/(mkdir -p '|>'|rm -f )\//g, `$1${root}/`);
        const { status, stderr } = spawnSync("sh", ["-eu"], { input: moved, encoding: "utf8" });
        assert.equal(status, 0, stderr);
        return Object.fromEntries(
            fs
                .readdirSync(root, { recursive: true, encoding: "utf8" })
                .filter((name) => fs.lstatSync(path.join(root, name)).isFile())
                .map((name) => [`/${name}`, fs.readFileSync(path.join(root, name), "utf8")]),
        );
    } finally {
        fs.rmSync(root, { recursive: true });
    }
}

const sources =
    "Types: deb\nURIs: http://198.18.5.2:8080/debian\nSuites: trixie\nComponents: main\n" +
    "Signed-By: /usr/share/keyrings/laptop-cloud.asc\n";
const told = {
    "/etc/apt/sources.list.d/laptop-cloud.sources": sources,
    "/etc/docker/certs.d/198.18.5.2:5000/ca.crt": services.authority,
    "/root/.cloudflare/cloudflare.cfg":
        "[CloudFlare]\nbase_url = http://198.18.5.2:8080/client/v4\n",
    "/etc/resolv.conf": "nameserver 198.18.5.2\n",
};

for (const [title, options, expected] of [
    [
        "the package repository alone",
        {},
        { "/etc/apt/sources.list.d/laptop-cloud.sources": sources },
    ],
    [
        "the package repository of another system",
        { image: { packages: { path: "ubuntu", suite: "noble" } } },
        {
            "/etc/apt/sources.list.d/laptop-cloud.sources": sources
                .replace("/debian", "/ubuntu")
                .replace("trixie", "noble"),
        },
    ],
    ["the services", { services }, told],
    [
        "the services to a machine without IPv4",
        { services, ipv4: undefined },
        { ...told, "/etc/resolv.conf": "nameserver 2001:db8:5::2\n" },
    ],
    [
        "the services, and a resolver that is to ask over TCP",
        { services, dnsOver: "tcp" },
        { ...told, "/etc/resolv.conf": "nameserver 198.18.5.2\noptions use-vc\n" },
    ],
] as const) {
    test(`vendor data is a boothook that tells ${title}`, () => {
        const machine = { ...spec, ...options };
        const vendor = renderSeed(machine, { ...network, ...options })["vendor-data"]!;
        assert.match(vendor, /^#cloud-boothook\n#!\/bin\/sh\n/);
        assert.deepEqual(runHook(vendor), expected);
    });
}

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
