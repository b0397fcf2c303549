import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import * as fc from "fast-check";
import { cachedFolder, hashFiles } from "../../../local/image/stack-cache";
import { mailUser } from "../../../local/image/stack-users";

const containers = path.join(__dirname, "../../../local/image/containers");

let root: string;
/** Programs that print how they were called, in the place of those that the images' scripts start. */
let bin: string;
before(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-test-"));
    bin = path.join(root, "bin");
    fs.mkdirSync(bin);
    for (const name of ["ferretdb", "mongod", "redis-server", "node", "nginx", "real-nginx"]) {
        fs.writeFileSync(
            path.join(bin, name),
            `#!/bin/sh\nprintf '%s\\n' ${name} "$@"\nprintf 'umask %s\\n' "$(umask)" >&2\n`,
            { mode: 0o755 },
        );
    }
    // The scripts leave root, where there is a user to become; the tests run as either.
    fs.writeFileSync(path.join(bin, "id"), "#!/bin/sh\necho 999\n", { mode: 0o755 });
});
after(() => fs.rmSync(root, { recursive: true }));

interface Outcome {
    code: number | null;
    lines: string[];
    errors: string;
}

function call(script: string, ...args: string[]): Outcome {
    const interpreter = fs.readFileSync(script, "utf8").startsWith("#!/bin/sh") ? "sh" : "bash";
    const { status, stdout, stderr } = spawnSync(interpreter, [script, ...args], {
        encoding: "utf8",
        env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}` },
    });
    return { code: status, lines: stdout.split("\n").slice(0, -1), errors: stderr };
}

const entrypoint = (image: string, ...args: string[]) =>
    call(path.join(containers, image, "docker-entrypoint.sh"), ...args).lines;
const mongod = (...args: string[]) => call(path.join(containers, "mongodb", "mongod"), ...args);

test("MongoDB's entry point opens mongod to all addresses unless told where to listen", () => {
    assert.deepEqual(entrypoint("mongodb", "mongod"), ["mongod", "--bind_ip_all"]);
    assert.deepEqual(entrypoint("mongodb", "--quiet"), ["mongod", "--quiet", "--bind_ip_all"]);
    for (const told of [["--bind_ip", "127.0.0.1"], ["--bind_ip=127.0.0.1"], ["--bind_ip_all"]]) {
        assert.deepEqual(entrypoint("mongodb", ...told), ["mongod", ...told]);
    }
    assert.deepEqual(entrypoint("mongodb", "echo", "--bind"), ["--bind"]);
});

test("the simulated mongod says what it is and listens where its options say", () => {
    const data = path.join(root, "data");
    fs.mkdirSync(data, { recursive: true });
    const started = (address: string, port: number, shown: string) => ({
        code: 0,
        lines: [
            `simulated mongod 8.0: FerretDB 1.24.2 over SQLite in ${data}, at ${shown} port ${port}`,
            ...["ferretdb", "-listen-addr", `${address}:${port}`],
            ...["-sqlite-url", `file:${data}/`],
        ],
    });
    const table: [string[], ReturnType<typeof started>][] = [
        [[], started("127.0.0.1", 27017, "127.0.0.1")],
        [["--bind_ip_all"], started("", 27017, "all addresses")],
        [["--bind_ip", "localhost", "--port=27018"], started("127.0.0.1", 27018, "127.0.0.1")],
        [["--bind_ip", "::1"], started("[::1]", 27017, "[::1]")],
        [
            ["--wiredTigerCacheSizeGB", "0.25", "--quiet", "--setParameter", "x=1"],
            started("127.0.0.1", 27017, "127.0.0.1"),
        ],
    ];
    for (const [options, expected] of table) {
        const { code, lines } = mongod("--dbpath", data, ...options);
        assert.deepEqual({ code, lines }, expected, options.join(" "));
    }
});

test("the simulated mongod refuses what the real one refuses, with its exit codes", () => {
    const table: [string[], number, RegExp][] = [
        [["--bogus"], 2, /unrecognised option '--bogus'/],
        [["--bogus=1"], 2, /unrecognised option '--bogus'/],
        [["start"], 2, /too many positional options/],
        [["--port"], 2, /required argument for option '--port' is missing/],
        [["--port", "x"], 2, /the argument \('x'\) for option '--port' is invalid/],
        [["--wiredTigerCacheSizeGB", "0.2"], 2, /between 0\.25 and 10000/],
        [["--wiredTigerCacheSizeGB", "256MB"], 2, /is invalid/],
        [["--bind_ip", "127.0.0.1,::1"], 2, /one address or at all/],
        [["--auth"], 2, /the simulated mongod has no '--auth'/],
        [["--dbpath", "/nonexistent"], 100, /Data directory \/nonexistent not found/],
    ];
    for (const [options, code, error] of table) {
        const outcome = mongod(...options);
        assert.equal(outcome.code, code, options.join(" "));
        assert.match(outcome.errors, error);
        assert.ok(!outcome.lines.includes("ferretdb"));
    }
});

test("Redis's entry point turns protected mode off before what was asked for", () => {
    const off = ["--protected-mode", "no"];
    assert.deepEqual(entrypoint("redis", "redis-server"), ["redis-server", ...off]);
    assert.deepEqual(entrypoint("redis", "--bind", "127.0.0.1"), [
        ...["redis-server", ...off],
        ...["--bind", "127.0.0.1"],
    ]);
    assert.deepEqual(entrypoint("redis", "redis-server", "/r.conf", "--save", ""), [
        ...["redis-server", "/r.conf", ...off],
        ...["--save", ""],
    ]);
    const script = path.join(containers, "redis", "docker-entrypoint.sh");
    assert.equal(call(script, "redis-server").errors, "umask 0077\n");
});

test("the mail image's entry point hands scripts and options to Node alone", () => {
    assert.deepEqual(entrypoint("mail", "web.js"), ["node", "web.js"]);
    assert.deepEqual(entrypoint("mail", "node", "web.js"), ["node", "web.js"]);
    assert.deepEqual(entrypoint("mail", "--version"), ["node", "--version"]);
    assert.deepEqual(entrypoint("mail", "echo", "web.js"), ["web.js"]);
});

test("the router's nginx has the stream module beside whatever -g says", () => {
    const script = path.join(root, "nginx");
    const text = fs.readFileSync(path.join(containers, "router", "nginx"), "utf8");
    fs.writeFileSync(script, text.replaceAll("/usr/lib/nginx/nginx", "real-nginx"));
    const load = "load_module /usr/lib/nginx/modules/ngx_stream_module.so;";
    const table: [string[], string[]][] = [
        [[], ["-g", load]],
        [
            ["-c", "/n.conf", "-g", "daemon off;"],
            ["-c", "/n.conf", "-g", `${load} daemon off;`],
        ],
        [
            ["-gdaemon off;", "-t"],
            ["-t", "-g", `${load} daemon off;`],
        ],
        [
            ["-s", "reload"],
            ["-s", "reload", "-g", load],
        ],
        [["-t", "-g"], ["-g"]],
    ];
    for (const [args, expected] of table) {
        assert.deepEqual(call(script, ...args).lines, ["real-nginx", ...expected]);
    }
    assert.deepEqual(entrypoint("router", "nginx", "-t"), ["nginx", "-t"]);
    assert.deepEqual(entrypoint("router", "-t"), ["nginx", "-t"]);
});

test("the mail image's user has numbers that nobody would expect, and two of them", () => {
    fc.assert(
        fc.property(fc.infiniteStream(fc.integer({ min: 0, max: 1500 })), (numbers) => {
            const { name, uid, gid } = mailUser(() => numbers.next().value as number);
            assert.equal(name, "forwardemail");
            assert.notEqual(uid, gid);
            for (const id of [uid, gid]) assert.ok(![101, 999, 1000].includes(id));
        }),
    );
    const { uid, gid } = mailUser();
    for (const id of [uid, gid]) assert.ok(id >= 200 && id < 900);
});

test("a hash changes with a file's content and name, and not with the folder that it is in", () => {
    const [a, b] = [path.join(root, "a", "sources"), path.join(root, "b", "sources")];
    for (const folder of [a, b]) {
        fs.mkdirSync(path.join(folder, "deep"), { recursive: true });
        fs.writeFileSync(path.join(folder, "deep", "one.ts"), "1");
    }
    const hash = hashFiles([a], "amd64");
    assert.match(hash, /^[0-9a-f]{16}$/);
    assert.equal(hashFiles([b], "amd64"), hash);
    assert.notEqual(hashFiles([b], "arm64"), hash);
    fs.renameSync(path.join(b, "deep", "one.ts"), path.join(b, "deep", "two.ts"));
    assert.notEqual(hashFiles([b], "amd64"), hash);
    fs.writeFileSync(path.join(a, "deep", "one.ts"), "2");
    assert.notEqual(hashFiles([a], "amd64"), hash);
});

test("a cached folder is built once for those that need it at once, and old ones make room", async () => {
    const parent = path.join(root, "cache");
    let builds = 0;
    const folder = (hash: string) =>
        cachedFolder({
            ...{ parent, hash, title: "a sample", keep: 2, report: () => undefined },
            build: async (building) => {
                builds++;
                await new Promise((resolve) => setTimeout(resolve, 20));
                fs.writeFileSync(path.join(building, "made"), hash);
            },
        });
    const [first, second] = await Promise.all([folder("one"), folder("one")]);
    assert.equal(first, path.join(parent, "one"));
    assert.equal(second, first);
    assert.equal(builds, 1);
    assert.equal(fs.readFileSync(path.join(first, "made"), "utf8"), "one");

    fs.mkdirSync(path.join(parent, "killed.building"));
    await folder("two");
    await folder("one");
    await folder("three");
    assert.deepEqual(fs.readdirSync(parent).sort(), ["one", "three"]);
    assert.equal(builds, 3);
});

test("a build that fails leaves nothing behind, and the next one builds", async () => {
    const parent = path.join(root, "failing");
    let fails = true;
    const folder = () =>
        cachedFolder({
            ...{ parent, hash: "one", title: "a sample", keep: 1, report: () => undefined },
            build: (building) => {
                fs.writeFileSync(path.join(building, "made"), "");
                return fails ? Promise.reject(new Error("no network")) : Promise.resolve();
            },
        });
    await assert.rejects(folder(), /^Error: no network$/);
    assert.deepEqual(fs.readdirSync(parent), []);
    fails = false;
    assert.deepEqual(fs.readdirSync(await folder()), ["made"]);
});
