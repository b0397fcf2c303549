// The start of Redis with its planned command, in a folder of its own; the server is a script that says what it was given.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, it } from "node:test";
import { planOf } from "./stacks";

let folder: string;
beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "redis-start-"));
    fs.mkdirSync(path.join(folder, "bin"));
    fs.mkdirSync(path.join(folder, "data"));
    fs.writeFileSync(path.join(folder, "bin", "redis-server"), '#!/bin/sh\nprintf "%s\\n" "$@"\n', {
        mode: 0o755,
    });
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const data = (...names: string[]) => path.join(folder, "data", ...names);

/** Starts it, and returns the arguments that the server got. */
function start(): string[] {
    const [program = "", ...args] =
        planOf().services.find(({ name }) => name === "redis")?.command ?? [];
    const { status, stdout, stderr } = spawnSync(program, args, {
        cwd: data(),
        encoding: "utf8",
        env: { ...process.env, PATH: `${path.join(folder, "bin")}:${process.env["PATH"]}` },
    });
    assert.equal(status, 0, stderr);
    return stdout.trimEnd().split("\n");
}

const options = [
    ...["--bind", "127.0.0.1", "--protected-mode", "yes", "--dir", "/data", "--appendonly", "yes"],
    ...["--maxmemory-policy", "noeviction", "--maxmemory", "436mb"],
];

it("an empty folder is left as it is", () => {
    assert.deepEqual(start(), options);
    assert.deepEqual(fs.readdirSync(data()), []);
});

it("a snapshot alone becomes the base of the append-only file, once", () => {
    fs.writeFileSync(data("dump.rdb"), "REDIS0010");
    fs.mkdirSync(data("appendonlydir.new"));
    fs.writeFileSync(data("appendonlydir.new", "rest"), "of a start that was killed");
    assert.deepEqual(start(), options);
    assert.deepEqual(fs.readdirSync(data()).sort(), ["appendonlydir", "dump.rdb"]);
    assert.deepEqual(fs.readdirSync(data("appendonlydir")).sort(), [
        "appendonly.aof.1.base.rdb",
        "appendonly.aof.manifest",
    ]);
    const read = (name: string) => fs.readFileSync(data("appendonlydir", name), "utf8");
    assert.equal(read("appendonly.aof.1.base.rdb"), "REDIS0010");
    assert.equal(read("appendonly.aof.manifest"), "file appendonly.aof.1.base.rdb seq 1 type b\n");

    fs.writeFileSync(data("dump.rdb"), "a newer snapshot");
    assert.deepEqual(start(), options);
    assert.equal(read("appendonly.aof.1.base.rdb"), "REDIS0010");
});
