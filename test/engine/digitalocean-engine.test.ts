// A server at DigitalOcean under the real engine: the library's component and its DNS records, the simulated provider and
// API in this process. Its machines do nothing, so `ssh` is a program that notes when it is called.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import {
    cloudflare,
    DigitalOceanServer,
    planHost,
    SystemDkim,
    type DigitalOceanArgs,
} from "../../components";
import { hostDnsValues } from "../../components/dns/values";
import { describeDns } from "../../components/mail-host-arguments";
import { TestOcean, token } from "../unit/local/digitalocean-api-cloud";
import { CloudflareAccount, cloudflareToken } from "./support/cloudflare-account";
import { SimulatedStack } from "./support/simulated-stack";

const [domain, fqdn] = ["example.com", "mx.example.com"];
const openTcpPorts = [25, 443];
const host = (rebootTime: string) =>
    planHost({
        ...{ system: "debian-13", fqdn, domain, email: "you@example.net", openTcpPorts },
        ...{ authBasicUsername: "admin", authorizedKeys: [], debug: false, secretDelivery: "ssh" },
        rebootTime,
    });

/** A host without its services, as the program would make it. */
function program({
    rebootTime = "04:30",
    part = false,
    ...args
}: Partial<DigitalOceanArgs> & { rebootTime?: string; part?: boolean }) {
    return () => {
        const server = new DigitalOceanServer(
            "mail",
            {
                ...{ sshAllowedCidrs: ["203.0.113.0/24"], volumeSizeGb: 10, size: "s-2vcpu-4gb" },
                ...args,
                plan: { fqdn, host: host(rebootTime), openTcpPorts, protect: false },
            },
            part ? { parent: new pulumi.ComponentResource("test:index:Whole", "whole") } : {},
        );
        const dkim = new SystemDkim("mail-dkim", { protect: false });
        const { plan } = describeDns({ domain, email: "you@example.net" }, false);
        cloudflare({}).open("mail-dns", plan, {}).write("base", hostDnsValues(server, dkim), {});
        return { ipv4: server.inbound.ipv4, ipv6: server.inbound.ipv6 };
    };
}

const kinds = ["droplet", "volume", "key", "firewall"] as const;

describe("a server at DigitalOcean under the engine", () => {
    let ocean: TestOcean;
    let account: CloudflareAccount;
    let stack: SimulatedStack;
    const searchPath = process.env["PATH"];

    before(async () => {
        ocean = await TestOcean.open();
        account = await CloudflareAccount.open();
        await account.addZone(domain);
        const programs = path.join(ocean.root, "programs");
        fs.mkdirSync(programs);
        const note = JSON.stringify({ method: "SSH", path: "", status: 0 });
        const log = path.join(ocean.root, "requests.log");
        fs.writeFileSync(
            path.join(programs, "ssh"),
            `#!/bin/sh\ncat >/dev/null\nprintf '%s\\n' '${note}' >>'${log}'\n`,
            { mode: 0o755 },
        );
        process.env["PATH"] = `${programs}${path.delimiter}${searchPath}`;
        stack = await SimulatedStack.create({
            "digitalocean:apiEndpoint": ocean.endpoint,
            "digitalocean:token": token,
            "cloudflare:baseUrl": account.baseUrl,
            "cloudflare:apiToken": cloudflareToken,
        });
    });
    after(async () => {
        await stack?.remove();
        process.env["PATH"] = searchPath;
        await account?.close();
        await ocean?.close();
    });

    /** What was asked of the API beside questions, and when the guard came to the host. */
    const writes = () =>
        ocean
            .requests()
            .filter(({ method }) => method !== "GET")
            .map(({ method, path: at }) =>
                `${method} ${at.replace(/[0-9a-f-]{36}|\d{6,}/g, "ID")}`.trim(),
            );
    const only = <K extends (typeof kinds)[number]>(kind: K) => {
        const all = ocean.account.store.all(kind);
        assert.equal(all.length, 1, kind);
        return all[0]!;
    };

    /** DNS says what the Droplet has. */
    async function isPublished(): Promise<string[]> {
        const { ipv4, ipv6 } = ocean.account.servers()[0]!;
        const records = await account.records(domain);
        const contents = (type: string, name: string) =>
            records.filter((r) => r.type === type && r.name === name).map((r) => r.content);
        assert.deepEqual(contents("A", fqdn), [ipv4]);
        assert.deepEqual(contents("AAAA", fqdn), [ipv6]);
        assert.deepEqual([contents("A", domain), contents("AAAA", domain)], [[ipv4], [ipv6]]);
        // SPF names the addresses by the domain's own records, so it follows with them.
        const spf = contents("TXT", domain).filter((text) => text.startsWith('"v=spf1'));
        assert.deepEqual(spf, ['"v=spf1 a mx -all"']);
        assert.deepEqual(
            ocean.account.pointers().map(({ ip, dns_ptr }) => [ip, dns_ptr]),
            [
                [ipv4, fqdn],
                [ipv6, fqdn],
            ],
        );
        return [ipv4!, ipv6!];
    }

    test("everything of it is made", async () => {
        const { outputs } = await stack.up(program({}));
        const [ipv4, ipv6] = await isPublished();
        assert.deepEqual([outputs["ipv4"]!.value, outputs["ipv6"]!.value], [ipv4, ipv6]);
        const droplet = only("droplet");
        const volume = only("volume");
        assert.equal(droplet.name, fqdn);
        assert.equal(volume.droplet, droplet.id);
        assert.equal(volume.name, "mx-example-com");
        assert.ok(droplet.userData.startsWith("#cloud-config\n"));
        assert.deepEqual(droplet.publicKeys, [only("key").publicKey]);
        assert.deepEqual(only("firewall").dropletIds, [droplet.id]);
        assert.deepEqual(ocean.machine(droplet.id).firewall?.slice(0, 2), [
            { direction: "in", protocol: "tcp", port: "22", sourceIps: ["203.0.113.0/24"] },
            {
                ...{ direction: "in", protocol: "tcp", port: "25" },
                sourceIps: ["0.0.0.0/0", "::/0"],
            },
        ]);
    });

    test("a second up changes nothing, and a refresh finds no drift", async () => {
        const before = writes();
        await stack.expectNoDrift(program({}));
        const { changes } = await stack.up(program({}));
        assert.deepEqual(Object.keys(changes), ["same"]);
        assert.deepEqual(writes(), before);
    });

    const replaced = {
        "mail-server": "replace",
        "mail-data": "replace",
        "mail-guard-rest": "replace",
        "mail-firewall": "update",
    };
    const cases: [what: string, args: Parameters<typeof program>[0], steps: object][] = [
        ["another size", { size: "s-4vcpu-8gb" }, { "mail-server": "update" }],
        ["a larger volume", { volumeSizeGb: 20 }, { "mail-data": "update" }],
        ["other user data, which only first boot reads", { rebootTime: "05:00" }, {}],
        ["a whole, as whose part the server came back", { part: true }, { whole: "create" }],
    ];
    for (const [what, args, steps] of cases) {
        test(`${what}: ${JSON.stringify(steps)}`, async () => {
            assert.deepEqual(await stack.steps(program(args)), steps);
        });
    }

    test("another image replaces the Droplet, and the records of its addresses with it", async () => {
        const steps = await stack.steps(program({ image: "9", system: "debian-13" }));
        const records = Object.entries(steps).filter(([name]) => name.startsWith("mail-dns"));
        assert.ok(records.length >= 3, JSON.stringify(steps));
        for (const [name, op] of records) assert.equal(op, "update", name);
        const others = Object.entries(steps).filter(([name]) => !name.startsWith("mail-dns"));
        assert.deepEqual(Object.fromEntries(others), replaced);
    });

    test("a replaced Droplet: at rest first, then the volume, then the old one goes; DNS follows", async () => {
        const addresses = await isPublished();
        const [old, volume] = [only("droplet").id, only("volume").id];
        const before = writes().length;
        await stack.up(program({ image: "9", system: "debian-13" }));
        const done = writes().slice(before);
        assert.deepEqual(done.slice(0, 4), [
            "SSH",
            "POST /v2/volumes/ID/actions",
            "DELETE /v2/droplets/ID",
            "POST /v2/droplets",
        ]);
        // The volume and the firewall don't wait for each other.
        assert.deepEqual(done.slice(4).sort(), [
            "POST /v2/volumes/ID/actions",
            "PUT /v2/firewalls/ID",
        ]);
        assert.notEqual(only("droplet").id, old);
        assert.deepEqual([only("volume").id, only("volume").droplet], [volume, only("droplet").id]);
        assert.equal(only("volume").detachedWhileMounted, 0);
        assert.deepEqual(only("firewall").dropletIds, [only("droplet").id]);
        const now = await isPublished();
        assert.notDeepEqual(now, addresses);
        const text = JSON.stringify(await account.records(domain));
        for (const gone of addresses) assert.ok(!text.includes(`"${gone}"`), gone);
        await stack.expectNoDrift(program({ image: "9", system: "debian-13" }));
    });

    test("another size is an update with the power off between", async () => {
        const { id } = only("droplet");
        await stack.up(program({ image: "9", system: "debian-13", size: "s-4vcpu-8gb" }));
        assert.deepEqual(ocean.machine(id).calls.slice(-3), ["powerOff", "resize 8192 4", "start"]);
        assert.deepEqual([only("droplet").id, only("droplet").diskGb], [id, 80]);
    });

    test("destroy leaves nothing at the provider", async () => {
        await stack.destroy();
        assert.deepEqual(
            kinds.flatMap((kind) => ocean.account.store.all(kind)),
            [],
        );
        assert.deepEqual(ocean.account.defaultProject().resources, []);
    });
});
