import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as http from "node:http";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { Server } from "ssh2";
import { cloudVariable } from "../../local/paths";
import { buildPrograms } from "../../local/programs";
import { dial, type Clock } from "../../local/providers/command/dial";
import type { Connection } from "../../local/providers/command/properties";
import { commandProvider } from "../../local/providers/command/provider";
import { connectProgram } from "../../local/providers/command/routed-ssh";
import { checkProperties, unknownValue, type Properties } from "../../local/providers/schema";
import { makeKey } from "../../local/providers/tls/private-key";
import { testContext } from "../unit/local/test-context";
import { startSshServer, unusedPort, type SshServer } from "./support/sshd";

const local = commandProvider.resources["command:local:Command"]!;
const remote = commandProvider.resources["command:remote:Command"]!;
const copy = commandProvider.resources["command:remote:CopyToRemote"]!;

const otherKey = makeKey({ algorithm: "ED25519", rsaBits: 2048, ecdsaCurve: "P224" });
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-command-"));
let server: SshServer;

before(async () => {
    delete process.env["SSH_AUTH_SOCK"];
    await buildPrograms([connectProgram]);
    server = await startSshServer();
});
after(async () => {
    await server.stop();
    fs.rmSync(folder, { recursive: true });
});

function connection(changes: Partial<Connection> = {}): Connection {
    return {
        host: "127.0.0.1",
        port: server.port,
        user: server.user,
        privateKey: server.userKey.privateKeyOpenssh,
        hostKey: server.hostKey.publicKeyOpenssh,
        dialErrorLimit: 0,
        perDialTimeout: 15,
        ...changes,
    };
}

const asProperties = (value: unknown) => value as Properties;

describe("remote.Command", () => {
    const create = async (inputs: object, to: Partial<Connection> = {}) =>
        (
            await remote.create(
                asProperties({ ...inputs, connection: connection(to) }),
                testContext(),
            )
        ).outputs;

    test("runs in the login shell with standard input", async () => {
        const outputs = await create({ create: "cat; echo err >&2", stdin: "line\n" });
        assert.deepEqual([outputs.stdout, outputs.stderr], ["line", "err"]);
    });

    test("a large standard input arrives whole", async () => {
        const stdin = "0123456789abcdef".repeat(1 << 16);
        const outputs = await create({ create: "wc -c", stdin });
        assert.equal(outputs.stdout, String(1 << 20));
    });

    test("without standard input the command reads its end at once", async () => {
        assert.equal((await create({ create: "cat; echo done" })).stdout, "done");
    });

    test("a command that doesn't read its input is no failure", async () => {
        const outputs = await create({ create: "exec true", stdin: "x".repeat(1 << 20) });
        assert.equal(outputs.stdout, "");
    });

    test("a failure tells status, command and all output, whatever is logged", async () => {
        await assert.rejects(
            create({ create: 'echo "out"; echo err >&2; exit 4', logging: "none" }),
            {
                message:
                    'Process exited with status 4: running "echo \\"out\\"; echo err >&2; exit 4":\nout\nerr\n',
            },
        );
    });

    test("a command whose connection is cut fails", async () => {
        await assert.rejects(create({ create: "kill -9 $PPID; sleep 1" }), {
            message:
                'wait: remote command exited without exit status or exit signal: running "kill -9 $PPID; sleep 1":\n',
        });
    });

    test("a command that is over when this side hears that it has begun is no failure", async () => {
        const daemon = new Server({ hostKeys: [server.hostKey.privateKeyOpenssh] });
        const listener = net.createServer((socket) => daemon.injectSocket(socket));
        daemon.on("connection", (client) => {
            client.on("authentication", (asked) => asked.accept());
            client.on("session", (accept) =>
                accept().on("exec", (accepted) => {
                    // One packet of the network has everything, as a busy computer meets it.
                    const { _sock: socket } = client as unknown as { _sock: net.Socket };
                    socket.cork();
                    const channel = accepted();
                    channel.write("out\n");
                    channel.exit(0);
                    channel.end();
                    setTimeout(() => socket.uncork(), 100);
                }),
            );
        });
        await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
        const { port } = listener.address() as net.AddressInfo;
        try {
            assert.equal((await create({ create: "echo out" }, { port })).stdout, "out");
        } finally {
            listener.close();
        }
    });

    test("variables arrive where the server takes them, else the command isn't run", async () => {
        const outputs = await create({ create: "echo $ALLOWED", environment: { ALLOWED: "a b" } });
        assert.equal(outputs.stdout, "a b");
        const file = path.join(folder, "not-run");
        await assert.rejects(create({ create: `touch ${file}`, environment: { OTHER: "x" } }), {
            message: 'could not set environment variable "OTHER": ssh: setenv failed',
        });
        assert.equal(fs.existsSync(file), false);
    });

    test("the output before is handed over, with a warning where the server takes it not", async () => {
        const inputs = asProperties({
            create: "echo $PULUMI_COMMAND_STDOUT$PULUMI_COMMAND_STDERR",
            connection: connection(),
        });
        const context = testContext();
        const old = { id: "x", inputs, outputs: { ...inputs, stdout: "O", stderr: "E" } };
        const { outputs } = await remote.update!(old, inputs, context);
        assert.equal(outputs.stdout, "O");
        assert.match(context.said[0]!, /^warning: Unable to set 'PULUMI_COMMAND_STDERR'/);
    });

    test("delete runs the delete command", async () => {
        const file = path.join(folder, "deleted");
        const inputs = asProperties({ delete: `touch ${file}`, connection: connection() });
        await remote.delete!({ id: "x", inputs, outputs: inputs }, testContext());
        assert.ok(fs.existsSync(file));
    });

    test("a wrong host key is refused before the user's key is shown", async () => {
        await assert.rejects(create({ create: "true" }, { hostKey: otherKey.publicKeyOpenssh }), {
            message: "after 0 failed attempts: ssh: handshake failed: ssh: host key mismatch",
        });
        assert.doesNotMatch(lastConnection(), /publickey/);
    });

    test("the pinned key's type is the only one that is asked for", async () => {
        const rsa = makeKey({ algorithm: "RSA", rsaBits: 2048, ecdsaCurve: "P224" });
        await assert.rejects(create({ create: "true" }, { hostKey: rsa.publicKeyOpenssh }), {
            message: /^after 0 failed attempts: ssh: handshake failed: .*host key/,
        });
    });

    test("a key that may not log in is refused", async () => {
        await assert.rejects(
            create({ create: "true" }, { privateKey: otherKey.privateKeyOpenssh }),
            {
                message:
                    "after 0 failed attempts: ssh: handshake failed: ssh: unable to authenticate, no supported methods remain",
            },
        );
    });

    test("keys that are none fail at once and are not shown", async () => {
        for (const changes of [{ privateKey: "geheim" }, { hostKey: "geheim" }]) {
            const error = await create({ create: "true" }, { ...changes, dialErrorLimit: 5 }).then(
                () => assert.fail(),
                (error: Error) => error,
            );
            assert.doesNotMatch(error.message, /geheim|attempts/);
        }
    });

    test("a stale agent socket fails, needed or not", async () => {
        await assert.rejects(create({ create: "true" }, { agentSocketPath: "/nowhere/agent" }), {
            message: "dial unix /nowhere/agent: connect: ENOENT",
        });
    });

    test("leads through a bastion", async () => {
        const bastion = connection();
        assert.equal((await create({ create: "echo in" }, { proxy: bastion })).stdout, "in");
        await assert.rejects(create({ create: "true" }, { proxy: { ...bastion, port: 1 } }), {
            message:
                "proxy: after 0 failed attempts: dial tcp 127.0.0.1:1: connect: connection refused",
        });
    });

    test("unknown keys of a connection are refused without a value", () => {
        const { failures } = checkProperties(
            remote.inputs,
            asProperties({ connection: { host: "h", privatKey: "geheim" } }),
        );
        assert.deepEqual(
            failures.map((f) => f.path),
            ["connection.privatKey"],
        );
        assert.doesNotMatch(JSON.stringify(failures), /geheim/);
    });

    function lastConnection(): string {
        return server.log().split("Connection from").pop()!;
    }
});

describe("retries", () => {
    function recording(): { clock: Clock; slept: number[] } {
        const slept: number[] = [];
        return {
            slept,
            clock: {
                sleep: (milliseconds) => {
                    slept.push(milliseconds);
                    return Promise.resolve();
                },
            },
        };
    }

    test("start at 0.1 s, grow by half up to 5 s, and end after the limit", async () => {
        const port = await unusedPort();
        const { clock, slept } = recording();
        const context = testContext();
        const to = connection({ port, dialErrorLimit: 12 });
        await assert.rejects(dial(to, context, clock), {
            message: `after 12 failed attempts: dial tcp 127.0.0.1:${port}: connect: connection refused`,
        });
        assert.deepEqual(
            slept.map((ms) => Math.round(ms)),
            [100, 150, 225, 338, 506, 759, 1139, 1709, 2563, 3844, 5000, 5000],
        );
        assert.equal(context.said[0], "Dial 1/12 failed: retrying");
        assert.equal(context.said.length, 12);
    });

    test("refused keys and host keys are tried again", async () => {
        for (const changes of [
            { hostKey: otherKey.publicKeyOpenssh },
            { privateKey: otherKey.privateKeyOpenssh },
        ]) {
            const { clock, slept } = recording();
            const to = connection({ ...changes, dialErrorLimit: 2 });
            await assert.rejects(dial(to, testContext(), clock));
            assert.equal(slept.length, 2);
        }
    });

    test("wait for a host that boots", async () => {
        const port = await unusedPort();
        let booted: SshServer | undefined;
        const clock: Clock = {
            async sleep() {
                booted ??= await startSshServer(port);
            },
        };
        const wait = connection({ port, dialErrorLimit: 3, hostKey: undefined });
        // The booted host has keys of its own: its answer proves that a second attempt was made.
        await assert.rejects(dial(wait, testContext(), clock), { message: /authenticate/ });
        const { userKey } = booted!;
        const client = await dial(
            { ...wait, privateKey: userKey.privateKeyOpenssh },
            testContext(),
        );
        client.end();
        await booted!.stop();
    });

    test("a host that never speaks is given up after perDialTimeout", async () => {
        const silent = net.createServer((socket) => socket.resume());
        await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
        const { port } = silent.address() as net.AddressInfo;
        const to = connection({ port, perDialTimeout: 1 });
        await assert.rejects(dial(to, testContext()), { message: /i\/o timeout/ });
        silent.close();
    });

    test("end when the resource's custom timeout is over", async () => {
        const to = connection({ port: await unusedPort(), dialErrorLimit: -1 });
        await assert.rejects(dial(to, testContext(AbortSignal.timeout(50))), {
            message: "context deadline exceeded",
        });
    });

    test("end when the user cancels", async () => {
        const cancellation = new AbortController();
        const context = testContext(cancellation.signal);
        const to = connection({ port: await unusedPort(), dialErrorLimit: -1 });
        const dialled = dial(to, context);
        while (context.said.length === 0) await new Promise(setImmediate);
        cancellation.abort();
        await assert.rejects(dialled, { message: "context canceled" });
        assert.equal(context.said[0], "Dial 1/inf failed: retrying");
    });
});

describe("remote.CopyToRemote", () => {
    const source = path.join(folder, "source");
    before(() => {
        fs.mkdirSync(path.join(source, "deep"), { recursive: true });
        fs.writeFileSync(path.join(source, "a.txt"), "A");
        fs.writeFileSync(path.join(source, "deep", "b.txt"), "B");
    });
    let number = 0;
    const copied = async (from: object, remotePath: string) => {
        await copy.create(
            asProperties({ connection: connection(), source: { hash: "h", ...from }, remotePath }),
            testContext(),
        );
    };
    const target = () => path.join(folder, `target-${number++}`);
    const read = (...at: string[]) => fs.readFileSync(path.join(...at), "utf8");

    test("text goes to a file, whose folders are made", async () => {
        const at = target();
        await copied({ text: "text" }, `${at}/x/y.txt`);
        assert.equal(read(at, "x/y.txt"), "text");
        await assert.rejects(copied({ text: "text" }, `${at}/x`), {
            message: /^remote path .* is a directory/,
        });
    });

    test("a file goes to the path, or into a folder that is there", async () => {
        const at = target();
        await copied({ path: path.join(source, "a.txt") }, `${at}/new.txt`);
        assert.equal(read(at, "new.txt"), "A");
        await copied({ path: path.join(source, "a.txt") }, at);
        assert.equal(read(at, "a.txt"), "A");
    });

    test("a folder goes into the path, with a slash its content alone", async () => {
        const [whole, content] = [target(), target()];
        await copied({ path: source }, whole);
        assert.equal(read(whole, "source/deep/b.txt"), "B");
        await copied({ path: `${source}/` }, content);
        assert.equal(read(content, "deep/b.txt"), "B");
    });

    test("an update copies only what is another content or path", async () => {
        const at = target();
        const inputs = asProperties({
            connection: connection(),
            source: { hash: "1", text: "new" },
            remotePath: at,
        });
        const old = { id: "x", inputs, outputs: inputs };
        await copy.update!(old, inputs, testContext());
        assert.equal(fs.existsSync(at), false);
        await copy.update!(
            { ...old, inputs: { ...inputs, source: { hash: "0", text: "old" } } },
            inputs,
            testContext(),
        );
        assert.equal(read(at), "new");
    });

    test("a source that is unknown at preview is refused, and what can't be copied", () => {
        const reasons = (given: unknown) =>
            copy.check!(asProperties({ source: given }), undefined, testContext()).failures;
        assert.deepEqual(reasons(unknownValue), [
            { path: "asset", reason: "either asset or archive must be set" },
        ]);
        assert.equal(reasons({ hash: "h", uri: "https://example.com" })?.length, 1);
        assert.deepEqual(reasons({ hash: "h", text: "" }), []);
    });
});

describe("the laptop cloud's network", () => {
    const root = path.join(folder, "cloud");
    let api: http.Server;
    let asked: string[] = [];

    before(async () => {
        api = http.createServer((request, response) => {
            asked.push(request.url!);
            const to = new URL(request.url!, "http://x").searchParams;
            if (to.get("host") === "198.18.0.9") response.writeHead(404).end("powered off");
            else response.end(JSON.stringify({ host: "127.0.0.1", port: server.port }));
        });
        await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
        fs.mkdirSync(root);
        const { port } = api.address() as net.AddressInfo;
        fs.writeFileSync(
            path.join(root, "cloud.json"),
            JSON.stringify({ name: "test", hcloudEndpoint: `http://127.0.0.1:${port}/v1` }),
        );
        process.env[cloudVariable] = root;
    });
    after(() => {
        delete process.env[cloudVariable];
        api.close();
        api.closeAllConnections();
    });

    test("a remote command goes where the cloud says", async () => {
        asked = [];
        const to = connection({ host: "198.18.5.2", port: 22 });
        const { outputs } = await remote.create(
            asProperties({ create: "echo there", connection: to }),
            testContext(),
        );
        assert.equal(outputs.stdout, "there");
        assert.deepEqual(asked, ["/_laptop/route?host=198.18.5.2&port=22"]);
    });

    test("a machine without a route fails as one that doesn't answer", async () => {
        await assert.rejects(dial(connection({ host: "198.18.0.9", port: 22 }), testContext()), {
            message:
                'after 0 failed attempts: no route to 198.18.0.9:22 in the laptop cloud "test": powered off',
        });
    });

    test("ssh in a local command goes there too, with the host's own name and key", async () => {
        const key = path.join(folder, "key");
        fs.writeFileSync(key, server.userKey.privateKeyOpenssh, { mode: 0o600 });
        const known = path.join(folder, "known");
        fs.writeFileSync(known, `mx.example.com ${server.hostKey.publicKeyOpenssh}`);
        const { outputs } = await local.create(
            {
                create: `ssh -F none -o UserKnownHostsFile=${known} -o BatchMode=yes -i ${key} ${server.user}@mx.example.com 'echo "a  b"'`,
            },
            testContext(),
        );
        assert.equal(outputs.stdout, "a  b");
    });
});
