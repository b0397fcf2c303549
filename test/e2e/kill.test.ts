// `kill -9` of the engine at chosen moments of one host's creation and replacement. After each: `recover`, then `up`.
// Nothing is doubled, nothing is lost.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { killedEngine } from "./support/killed-engine";
import { orderedSteps } from "./support/steps";
import {
    eventually,
    hostProgram,
    hostStackSize,
    suiteLimit,
    TestLaptop,
} from "./support/test-laptop";

describe("kill -9 of the engine", { timeout: suiteLimit }, () => {
    const step = orderedSteps();
    let laptop: TestLaptop;

    before(async () => {
        laptop = await TestLaptop.start("kill", { kind: "container", project: hostProgram });
    });
    after(() => laptop.close());

    const { killAt, killInWindow, recovered } = killedEngine(() => laptop);

    async function inventory(): Promise<Record<string, number>> {
        const counts: Record<string, number> = {};
        for (const kind of ["servers", "volumes", "primary_ips", "firewalls", "ssh_keys"]) {
            const answer = await laptop.api<Record<string, unknown[]>>("GET", `/${kind}`);
            counts[kind] = answer[kind]!.length;
        }
        return counts;
    }

    /** The same count, in the state. */
    async function stateInventory(): Promise<Record<string, number>> {
        const { stdout } = await laptop.pulumi("stack", "export");
        const { deployment } = JSON.parse(stdout) as {
            deployment: { resources?: { type: string }[] };
        };
        const count = (type: string) =>
            (deployment.resources ?? []).filter((r) => r.type.endsWith(`:${type}`)).length;
        return {
            servers: count("Server"),
            volumes: count("Volume"),
            primary_ips: count("PrimaryIp"),
            firewalls: count("Firewall"),
            ssh_keys: count("SshKey"),
        };
    }

    for (const [name, path] of [
        ["a firewall", "/firewalls"],
        ["a volume", "/volumes"],
        ["a primary IP", "/primary_ips"],
        ["an SSH key", "/ssh_keys"],
        ["a server", "/servers"],
    ] as const) {
        step(`between the create of ${name} and the write of the state`, async () => {
            const { code, stdout } = await laptop.pulumi("destroy", "--yes", "--skip-preview");
            assert.equal(code, 0, stdout);
            await killInWindow("POST", `/v1${path}`);
            const left = await inventory();
            const { done, said } = await recovered();
            assert.match(said, /removing the lock of a dead engine/);
            const type = path.slice(1, -1).replace("_", "");
            assert.ok(
                done.adopted.some(({ urn }) => urn.toLowerCase().includes(`:${type}::`)),
                said,
            );
            // Every object at the provider is in the state now, once.
            assert.deepEqual(await inventory(), left);
            assert.deepEqual(await stateInventory(), left);
        });
    }

    step("while the host is being set up over SSH", async () => {
        // The command provider asks for the way before it dials; the machine is up, so the script runs soon after.
        const dials = () =>
            laptop.requestLog().filter(({ path }) => path.startsWith("/_laptop/route")).length;
        const before = dials();
        await killAt(async () => {
            if (dials() === before) return false;
            await new Promise((resolve) => setTimeout(resolve, 2000));
            return true;
        });
        const { said } = await recovered();
        assert.match(said, /dropped command:remote:Command/);
    });

    step("then `up` completes one whole host with nothing doubled", async () => {
        await laptop.up();
        assert.deepEqual(await inventory(), {
            servers: 1,
            volumes: 1,
            primary_ips: 2,
            firewalls: 1,
            ssh_keys: 1,
        });
        const { changes } = await laptop.up("--expect-no-changes");
        assert.deepEqual(changes, { unchanged: hostStackSize });
        assert.deepEqual((await laptop.status(true)).problems, []);
        await laptop.ssh("echo kept >/root/forwardemail.net/self-hosting/kept");
    });

    step("in the middle of a replacement, when the old server is gone", async () => {
        await laptop.configure("mailhost:server", {
            ...(await laptop.server()),
            image: "900000001",
            system: "debian-13",
        });
        await killInWindow("POST", "/v1/servers");
        await recovered();
        await laptop.up();
        assert.deepEqual(await inventory(), {
            servers: 1,
            volumes: 1,
            primary_ips: 2,
            firewalls: 1,
            ssh_keys: 1,
        });
        assert.equal(await laptop.ssh("cat /root/forwardemail.net/self-hosting/kept"), "kept");
        const { changes } = await laptop.up("--expect-no-changes");
        assert.deepEqual(changes, { unchanged: hostStackSize });
    });

    step("leaves no process of the engine behind", async () => {
        await eventually(
            () => Promise.resolve(laptop.engineProcesses().length === 0),
            180,
            "they end",
        );
    });
});
