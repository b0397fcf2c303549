import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, mock, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { lockFile } from "../../../local/cloud/lock-file";
import { identify, isSameProcess } from "../../../local/cloud/machines/process-identity";

let folder: string;
let file: string;
beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-lock-"));
    file = path.join(folder, "build.lock");
});
afterEach(() => {
    mock.restoreAll();
    fs.rmSync(folder, { recursive: true });
});

/** A process of the past, and one that outlives the test. */
const dead = { ...identify(process.pid)!, startTime: 1 };
const living = identify(process.ppid)!;

/** Makes the lock of a process. */
function holds(holder: object): void {
    fs.symlinkSync(JSON.stringify(holder), file);
}

const settled = async (lock: Promise<unknown>) =>
    Promise.race([lock.then(() => true), sleep(500).then(() => false)]);

test("a lock is another's turn when it was given back", async () => {
    const release = await lockFile(file);
    let waits = 0;
    const next = lockFile(file, () => waits++);
    assert.equal(await settled(next), false);
    release();
    (await next)();
    assert.equal(waits, 1);
    assert.deepEqual(fs.readdirSync(folder), []);
});

test("a lock of a process that is gone counts for nothing", async () => {
    assert.ok(!isSameProcess(dead));
    holds(dead);
    (await lockFile(file))();
    assert.deepEqual(fs.readdirSync(folder), []);
});

test("nor does one of an earlier version, whose process may have been killed before it wrote", async () => {
    for (const content of ["", JSON.stringify(dead)]) {
        fs.writeFileSync(file, content);
        (await lockFile(file))();
        assert.deepEqual(fs.readdirSync(folder), []);
    }
});

test("a lock that another has taken over meanwhile is left to it", async () => {
    holds(dead);
    const calls = ["readlinkSync", "readFileSync"] as const;
    let taken = false;
    for (const call of calls) {
        const real = fs[call] as (...args: unknown[]) => string;
        mock.method(fs, call, (...args: unknown[]) => {
            const text = real(...args);
            // The other is quicker, right after this one has seen whose the lock is.
            if (args[0] === file && !taken) {
                taken = true;
                fs.rmSync(file);
                holds(living);
            }
            return text;
        });
    }
    const lock = lockFile(file);
    assert.equal(await settled(lock), false);
    assert.ok(taken);
    assert.deepEqual(fs.readdirSync(folder), ["build.lock"]);
    assert.deepEqual(JSON.parse(fs.readlinkSync(file)), living);
    fs.rmSync(file);
    (await lock)();
});

test("who was killed while taking over blocks nobody", async () => {
    holds(dead);
    fs.symlinkSync(JSON.stringify(dead), `${file}.${dead.pid}-${dead.startTime}`);
    (await lockFile(file))();
    assert.deepEqual(fs.readdirSync(folder), []);
});
