// The simulated hcloud provider under the real engine, against the simulated API in this process.
import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { ensureEngine } from "../../local/engine/find-engine";
import { LocalStack, stackName } from "../../local/engine/stack";
import { cloudPaths, projectRoot } from "../../local/paths";
import { makeKey } from "../../local/providers/tls/private-key";
import { TestCloud, token } from "../unit/local/hetzner-api-cloud";

const program = `
import * as hcloud from "@pulumi/hcloud";

const plan = JSON.parse(process.env.PLAN ?? "{}");
const location = plan.location ?? "fsn1";
const key = new hcloud.SshKey("key", { publicKey: plan.publicKey });
const [ipv4, ipv6] = ["ipv4", "ipv6"].map(
    (type) => new hcloud.PrimaryIp(type, { name: type, type, location, autoDelete: false }),
);
const firewall = new hcloud.Firewall("firewall", {
    name: "firewall",
    rules: [{ direction: "in", protocol: "tcp", port: "25", sourceIps: ["::/0", "0.0.0.0/0"] }],
});
const volume = new hcloud.Volume("volume", { name: "data", size: plan.size ?? 10, location });
const server = new hcloud.Server(
    "server",
    {
        name: "mx",
        serverType: plan.type ?? "cx23",
        image: plan.image ?? "debian-13",
        location,
        userData: plan.userData ?? "#cloud-config",
        sshKeys: [key.id],
        firewallIds: [firewall.id.apply(Number)],
        publicNets: [{ ipv4: ipv4.id.apply(Number), ipv6: ipv6.id.apply(Number) }],
        labels: { role: "mx" },
        ...plan.server,
    },
    { ignoreChanges: plan.ignore },
);
new hcloud.VolumeAttachment("attachment", {
    volumeId: volume.id.apply(Number),
    serverId: server.id.apply(Number),
});
new hcloud.Rdns("ptr", {
    primaryIpId: ipv4.id.apply(Number),
    ipAddress: ipv4.ipAddress,
    dnsPtr: plan.ptr ?? "mx.example.com",
});
export const serverId = server.id;
export const address = server.ipv4Address;
export const servers = server.id.apply(() =>
    hcloud.getServers({ withSelector: "role=mx" }).then((found) => found.servers.map((s) => s.name)),
);
`;

interface Plan {
    publicKey?: string;
    size?: number;
    location?: string;
    type?: string;
    image?: string;
    userData?: string;
    ptr?: string;
    server?: object;
    ignore?: string[];
}

const publicKey = makeKey({
    algorithm: "ED25519",
    rsaBits: 2048,
    ecdsaCurve: "P224",
}).publicKeyOpenssh;
const name = `test-hcloud-engine-${process.pid}`;
let cloud: TestCloud;
let stack: LocalStack;
let project: string;

before(async () => {
    const engine = await ensureEngine(() => undefined);
    cloud = await TestCloud.open();
    project = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-hcloud-engine-"));
    fs.writeFileSync(path.join(project, "Pulumi.yaml"), "name: hcloud-engine\nruntime: nodejs\n");
    fs.writeFileSync(path.join(project, "index.ts"), program);
    fs.writeFileSync(path.join(project, "package.json"), '{ "name": "hcloud-engine" }');
    fs.writeFileSync(
        path.join(project, "tsconfig.json"),
        '{ "compilerOptions": { "strict": false } }',
    );
    fs.symlinkSync(path.join(projectRoot, "node_modules"), path.join(project, "node_modules"));
    const info = {
        name,
        kind: "container" as const,
        slot: 7,
        pid: process.pid,
        hcloudEndpoint: cloud.endpoint,
        hcloudToken: token,
        digitalOceanEndpoint: "http://127.0.0.1:1",
        digitalOceanToken: "none",
        servicesUrl: "http://127.0.0.1:1",
        cloudflareApi: "http://127.0.0.1:1/client/v4",
        cloudflareToken: "c".repeat(40),
        dns: { host: "127.0.0.1", port: 1 },
        acme: {
            directory: "https://127.0.0.1:1/dir",
            localDirectory: "https://127.0.0.1:1/dir",
            caFile: "none.pem",
            rootsFile: "none.pem",
            certificateSeconds: 1,
        },
        registry: { host: "127.0.0.1:1", localHost: "127.0.0.1:1", caFile: "none.pem" },
        images: { mail: "none", mongodb: "none", redis: "none", router: "none" },
        mailSink: { host: "127.0.0.1", port: 1 },
        portOffset: 0,
    };
    stack = new LocalStack(engine, info, project);
    await stack.prepare({ "hcloud:pollInterval": "10ms" });
});
after(async () => {
    await cloud?.close();
    if (project) fs.rmSync(project, { recursive: true, force: true });
    fs.rmSync(cloudPaths(name).root, { recursive: true, force: true });
});

async function pulumi(args: string[], plan: Plan = {}) {
    const env = {
        PLAN: JSON.stringify({ publicKey, ...plan }),
        PULUMI_NODEJS_TRANSPILE_ONLY: "true",
    };
    const { code, stdout, stderr } = await stack.pulumi([...args, "--stack", stackName], { env });
    return { code, stdout, printed: stdout + stderr };
}

async function up(plan: Plan = {}, ...flags: string[]): Promise<string> {
    const { code, printed } = await pulumi(["up", "--yes", "--skip-preview", ...flags], plan);
    assert.equal(code, 0, printed);
    return printed;
}

/** What a plan would do, by logical name; unchanged resources left out. */
async function preview(plan: Plan): Promise<Record<string, string>> {
    const { code, stdout, printed } = await pulumi(["preview", "--json"], plan);
    assert.equal(code, 0, printed);
    const { steps } = JSON.parse(stdout) as { steps: { op: string; urn: string }[] };
    return Object.fromEntries(
        steps
            .filter(({ op }) => op !== "same" && op !== "read")
            .map(({ op, urn }) => [urn.split("::").pop() ?? "", op] as const),
    );
}

const writes = () => cloud.requests().filter(({ method }) => method !== "GET").length;
const serverId = () => cloud.project.store.all("server")[0]!.id;

describe("a whole host", () => {
    test("is created, every resource of it", async () => {
        await up();
        const counts = (["ssh_key", "primary_ip", "firewall", "volume", "server"] as const).map(
            (kind) => cloud.project.store.all(kind).length,
        );
        assert.deepEqual(counts, [1, 2, 1, 1, 1]);
        const { serverId: id, address, servers } = await stack.outputs();
        assert.deepEqual(
            { id, address: /^198\.18\.7\.1[01]$/.test(String(address)), servers },
            { id: String(serverId()), address: true, servers: ["mx"] },
        );
        assert.match(cloud.project.store.all("ssh_key")[0]!.name, /^key-[0-9a-f]{7}$/);
        const pointers = cloud.project.store
            .all("primary_ip")
            .map((ip) => Object.values(ip.pointers));
        assert.deepEqual(pointers.flat(), ["mx.example.com"]);
    });

    test("a second up changes nothing and writes nothing", async () => {
        const before = writes();
        assert.deepEqual(await preview({}), {});
        await up({}, "--expect-no-changes");
        assert.equal(writes(), before);
    });

    test("a refresh finds no drift", async () => {
        const flags = ["--yes", "--skip-preview", "--expect-no-changes"];
        const { code, printed } = await pulumi(["refresh", ...flags]);
        assert.equal(code, 0, printed);
        await up({}, "--expect-no-changes");
    });

    const cases: [what: string, plan: Plan, steps: Record<string, string>][] = [
        ["another type", { type: "cx33" }, { server: "update" }],
        ["another PTR", { ptr: "b.example.com" }, { ptr: "update" }],
        ["a larger volume", { size: 20 }, { volume: "update" }],
        [
            "other user data",
            { userData: "#cloud-config\n{}\n" },
            { server: "replace", attachment: "replace" },
        ],
        ["other user data, ignored", { userData: "b", ignore: ["userData"] }, {}],
        ["another image", { image: "9" }, { server: "replace", attachment: "replace" }],
    ];
    for (const [what, plan, expected] of cases) {
        test(`${what}: ${JSON.stringify(expected)}`, async () => {
            const steps = await preview(plan);
            assert.deepEqual(steps, expected);
        });
    }

    test("a changed type is an update of the running server", async () => {
        const id = serverId();
        await up({ type: "cx33" });
        assert.equal(serverId(), id);
        assert.deepEqual(cloud.machine(id).calls.slice(-3), ["powerOff", "resize 8192 4", "start"]);
    });

    test("a type of other processors is refused before anything stops", async () => {
        const calls = cloud.machine(serverId()).calls.length;
        const { code, printed } = await pulumi(["up", "--yes", "--skip-preview"], {
            type: "cax31",
        });
        assert.notEqual(code, 0);
        assert.match(printed, /has x86 processors and can't become a cax31/);
        assert.equal(cloud.machine(serverId()).calls.length, calls);
    });

    test("a replaced server: the old one goes first, addresses, PTR and volume stay", async () => {
        const old = serverId();
        const kept = () =>
            JSON.stringify([
                cloud.project.store
                    .all("primary_ip")
                    .map(({ id, ip, pointers }) => [id, ip, pointers]),
                cloud.project.store.all("volume").map((volume) => volume.id),
            ]);
        const before = kept();
        await up({ type: "cx33", image: "9" });
        assert.notEqual(serverId(), old);
        assert.equal(kept(), before);
        assert.equal(cloud.machine(old).calls.at(-1), "destroy");
        assert.equal(cloud.project.store.all("volume")[0]!.server, serverId());
        await up({ type: "cx33", image: "9" }, "--expect-no-changes");
    });

    test("a datacenter is refused at preview", async () => {
        const { code, printed } = await pulumi(["preview"], {
            server: { datacenter: "fsn1-dc14" },
        });
        assert.notEqual(code, 0);
        assert.match(printed, /datacenter attribute was removed/);
    });

    test("a machine that was ended outside is noticed, and not replaced", async () => {
        await cloud.machine(serverId()).powerOff();
        const { code, printed } = await pulumi(["refresh", "--yes", "--skip-preview"], {
            type: "cx33",
            image: "9",
        });
        assert.equal(code, 0, printed);
        const { stdout } = await pulumi(["stack", "export"]);
        const { deployment } = JSON.parse(stdout) as {
            deployment: { resources: { type: string; outputs?: { status?: string } }[] };
        };
        const state = deployment.resources.find(({ type }) => type.endsWith(":Server"));
        assert.equal(state?.outputs?.status, "off");
        assert.deepEqual(await preview({ type: "cx33", image: "9" }), {});
    });

    test("a server that is gone is made again", async () => {
        await cloud.call("DELETE", `/servers/${serverId()}`);
        const { code, printed } = await pulumi(["refresh", "--yes", "--skip-preview"]);
        assert.equal(code, 0, printed);
        assert.deepEqual(await preview({}), { server: "create", attachment: "create" });
        await up();
    });

    test("a volume that the state lost is imported by its number", async () => {
        const urn = async () =>
            (await pulumi(["stack", "--show-urns"])).stdout.match(/urn:\S+::volume$/m)?.[0];
        const [lost] = [await urn()];
        assert.ok(lost);
        const dropped = await pulumi(["state", "delete", lost, "--yes", "--target-dependents"]);
        assert.equal(dropped.code, 0, dropped.printed);
        const { id } = cloud.project.store.all("volume")[0]!;
        const imported = await pulumi([
            ...["import", "hcloud:index/volume:Volume", "volume", String(id)],
            ...["--yes", "--skip-preview", "--protect=false", "--generate-code=false"],
        ]);
        assert.equal(imported.code, 0, imported.printed);
        assert.deepEqual(await preview({}), { attachment: "create" });
    });

    test("destroy leaves nothing", async () => {
        const { code, printed } = await pulumi(["destroy", "--yes", "--skip-preview"]);
        assert.equal(code, 0, printed);
        const left = (["ssh_key", "primary_ip", "firewall", "volume", "server"] as const).flatMap(
            (kind) => cloud.project.store.all(kind),
        );
        assert.deepEqual(left, []);
    });
});
