import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import { SimulatedStack } from "./support/simulated-stack";
import { startSshServer, type SshServer } from "./support/sshd";

let server: SshServer;
before(async () => {
    delete process.env["SSH_AUTH_SOCK"];
    server = await startSshServer();
});
after(() => server.stop());

const connection = () => ({
    host: "127.0.0.1",
    port: server.port,
    user: server.user,
    privateKey: server.userKey.privateKeyOpenssh,
    hostKey: server.hostKey.publicKeyOpenssh,
    dialErrorLimit: 0,
});

const connections = () => server.log().split("Connection from 127.0.0.1").length - 1;

describe("the life of a stack", () => {
    let stack: SimulatedStack;
    let marks: string;
    let password: string;
    before(async () => {
        stack = await SimulatedStack.create();
        marks = path.join(stack.folder, "marks");
    });
    after(() => stack.remove());

    interface Variant {
        stdin?: string;
        trigger?: string;
        keeper?: string;
        password?: Partial<random.RandomPasswordArgs>;
    }
    const program =
        (variant: Variant = {}) =>
        () => {
            const made = new random.RandomPassword("password", {
                length: 24,
                special: false,
                keepers: { of: variant.keeper ?? "1" },
                ...variant.password,
            });
            const key = new tls.PrivateKey("key", { algorithm: "ED25519" });
            const sent = new command.remote.Command("sent", {
                connection: connection(),
                create: `echo create >> ${marks}; cat > ${marks}.stdin; hostname`,
                update: `echo update >> ${marks}; cat > ${marks}.stdin`,
                delete: `echo delete >> ${marks}`,
                stdin: pulumi.interpolate`${made.result} ${variant.stdin ?? "1"}`,
                triggers: [variant.trigger ?? "1"],
                logging: "none",
                addPreviousOutputInEnv: false,
            });
            return { password: made.result, publicKey: key.publicKeyOpenssh, stdout: sent.stdout };
        };
    const marked = () => fs.readFileSync(marks, "utf8").trim().split("\n");

    test("a preview creates nothing", async () => {
        assert.deepEqual(await stack.preview(program()), { create: 3 });
        assert.equal(connections(), 1, "the one of the test's own wait for the server");
        assert.equal(fs.existsSync(marks), false);
    });

    test("an up creates everything, and secrets reach the host over standard input", async () => {
        const { changes, outputs } = await stack.up(program());
        assert.deepEqual(changes, { create: 3 });
        assert.equal(outputs.password?.secret, true);
        assert.equal(outputs.publicKey?.secret, false);
        password = String(outputs.password?.value);
        assert.match(password, /^[A-Za-z0-9]{24}$/);
        assert.equal(fs.readFileSync(`${marks}.stdin`, "utf8"), `${password} 1`);
        assert.deepEqual(marked(), ["create"]);
    });

    test("no secret lies plain in the state", async () => {
        const state = stack.stateText();
        const { key } = await stack.resources();
        assert.ok(key, "the state holds the key");
        assert.ok(state.includes("127.0.0.1") === false, "the connection is secret as a whole");
        assert.equal(state.includes(password), false);
        assert.equal(state.includes("PRIVATE KEY"), false);
        assert.equal(state.includes(server.userKey.privateKeyOpenssh.split("\n")[2]!), false);
    });

    test("a second up does nothing: no change, no connection", async () => {
        const count = connections();
        assert.deepEqual((await stack.up(program())).changes, { same: 3 });
        assert.equal(connections(), count);
    });

    test("a refresh finds no drift", async () => {
        const count = connections();
        assert.deepEqual(await stack.refresh(), { same: 3 });
        assert.equal(connections(), count);
    });

    test("another standard input updates in place", async () => {
        assert.deepEqual((await stack.up(program({ stdin: "2" }))).changes, { same: 2, update: 1 });
        assert.equal(fs.readFileSync(`${marks}.stdin`, "utf8"), `${password} 2`);
        assert.deepEqual(marked(), ["create", "update"]);
    });

    test("another trigger replaces: the new one is made before the old one goes", async () => {
        const changed = program({ stdin: "2", trigger: "2" });
        assert.deepEqual((await stack.up(changed)).changes, { same: 2, replace: 1 });
        assert.deepEqual(marked(), ["create", "update", "create", "delete"]);
    });

    test("another keeper makes another password", async () => {
        const { changes, outputs } = await stack.up(program({ trigger: "2", keeper: "2" }));
        assert.deepEqual(changes, { same: 1, update: 1, replace: 1 });
        assert.notEqual(outputs.password?.value, password);
    });

    test("what the provider refuses changes nothing, and every fault is told", async () => {
        const count = connections();
        const told = await stack.failedUp(program({ password: { length: 0, minLower: 2 } }));
        assert.match(told, /value must be at least 1, got: 0/);
        assert.match(
            told,
            /at least sum of minUpper \+ minLower \+ minNumeric \+ minSpecial \(2\)/,
        );
        assert.equal(connections(), count);
    });

    test("a destroy runs the delete command", async () => {
        await stack.destroy();
        assert.equal(marked().pop(), "delete");
        assert.deepEqual(await stack.resources(), {});
    });
});

describe("failures", () => {
    let stack: SimulatedStack;
    before(async () => {
        stack = await SimulatedStack.create();
    });
    after(() => stack.remove());

    test("an unknown key of a connection is refused without its value", async () => {
        const told = await stack.failedUp(() => {
            const mistyped = { ...connection(), privatKey: "geheim-7351" };
            new command.remote.Command("refused", { connection: mistyped, create: "true" });
        });
        assert.match(told, /connection\.privatKey/);
        assert.match(told, /Invalid or unknown key/);
        assert.doesNotMatch(told, /geheim-7351|PRIVATE KEY/);
    });

    test("a failed command shows its output, no stack, and leaves no resource", async () => {
        const told = await stack.failedUp(() => {
            new command.remote.Command("failing", {
                connection: connection(),
                create: "echo seen; exit 7",
                logging: "none",
            });
        });
        assert.match(told, /Process exited with status 7: running "echo seen; exit 7":\s+seen/);
        assert.doesNotMatch(told, /\.ts:\d|node_modules|PRIVATE KEY/);
        assert.equal((await stack.resources())["failing"], undefined);
    });
});

test("a password is imported by its value", async () => {
    const stack = await SimulatedStack.create();
    const program = (opts: pulumi.CustomResourceOptions) => () => {
        const made = new random.RandomPassword("known", { length: 12 }, opts);
        return { result: made.result };
    };
    const { outputs } = await stack.up(program({ import: "kept-geheim1" }));
    assert.deepEqual(outputs.result, { value: "kept-geheim1", secret: true });
    assert.deepEqual((await stack.up(program({}))).changes, { same: 1 });
    assert.equal((await stack.resources())["known"]?.id, "none");
    await stack.remove();
});

test("a killed engine takes its plugins and their processes with it", async () => {
    const stack = await SimulatedStack.create();
    const started = path.join(stack.folder, "started");
    const up = stack.failedUp(() => {
        new command.local.Command("long", { create: `touch ${started}; sleep 300` });
    });
    while (!fs.existsSync(started)) await pause();
    while (!stack.processes().some(({ args }) => args.startsWith("sleep 300"))) await pause();
    await stack.killEngine();
    await up;
    await stack.cancel();
    await stack.remove();
});

function pause(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 100));
}
