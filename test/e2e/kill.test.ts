// `kill -9` of the engine at chosen moments of one host's creation and replacement. After each: `recover`, then `up`.
// Nothing is doubled, nothing is lost.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe } from "node:test";
import { recover } from "../../cli/recover";
import type { Recovery } from "../../cli/recovery-plan";
import { stackName } from "../../local/engine/stack";
import { orderedSteps } from "./support/steps";
import { eventually, hostProgram, hostStackSize, minutes, TestLaptop } from "./support/test-laptop";

describe("kill -9 of the engine", { timeout: minutes(30) }, () => {
    const step = orderedSteps();
    let laptop: TestLaptop;

    before(async () => {
        laptop = await TestLaptop.start("kill", { kind: "container", project: hostProgram });
    });
    after(() => laptop.close());

    /** Starts `pulumi up`, waits for the moment, kills the engine, and waits until its plugins are gone too. */
    async function killAt(moment: () => Promise<boolean>): Promise<void> {
        const args = laptop.stack.arguments(["up", "--yes", "--skip-preview", "--non-interactive"]);
        const engine = spawn("pulumi", args, {
            cwd: hostProgram,
            env: laptop.stack.environment,
            stdio: ["ignore", "pipe", "pipe"],
        });
        let printed = "";
        for (const stream of [engine.stdout, engine.stderr]) {
            stream.setEncoding("utf8").on("data", (text: string) => (printed += text));
        }
        const ended = new Promise<NodeJS.Signals | null>((resolve) =>
            engine.on("exit", (_code, signal) => resolve(signal)),
        );
        let signal: NodeJS.Signals | null | undefined;
        void ended.then((s) => (signal = s));
        await eventually(
            async () => signal !== undefined || (await moment()),
            180,
            "the moment to kill has come",
        );
        assert.equal(
            signal,
            undefined,
            `the engine ended by itself before the moment came:\n${printed}`,
        );
        process.kill(engine.pid!, "SIGKILL");
        assert.equal(await ended, "SIGKILL");
    }

    /** How many requests have been committed and left without an answer. */
    const hanging = () => laptop.requestLog().filter(({ status }) => status === "hang").length;

    /** A create whose answer never comes: the object exists, and the engine does not know. */
    async function killInWindow(method: string, path: string): Promise<void> {
        const count = hanging();
        await laptop.api("POST", "/_laptop/faults", {
            method,
            path: `^/v1${path}$`,
            kind: "hang-after-commit",
        });
        await killAt(() => Promise.resolve(hanging() > count));
        await laptop.api("DELETE", "/_laptop/faults");
    }

    async function recovered(): Promise<{ done: Recovery; said: string }> {
        const lines: string[] = [];
        const done = await recover({
            stack: stackName,
            pulumi: (args, options) => laptop.stack.pulumi(args, options),
            say: (line) => lines.push(line),
        });
        assert.deepEqual(done.unknown, []);
        return { done, said: lines.join("\n") };
    }

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
            await killInWindow("POST", path);
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
        await killInWindow("POST", "/servers");
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
            15,
            "they end",
        );
    });
});
