import assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";
import { field, measureMemory, total } from "../../../bench/machine-memory";

const rollup = "Rss:  20 kB\nPss:                1684 kB\nPss_Anon:           1236 kB\n";

test("a field is found by its whole name, in bytes", () => {
    assert.equal(field(rollup, "Pss_Anon"), 1236 * 1024);
    assert.equal(field(rollup, "Pss"), 1684 * 1024);
    assert.equal(field(rollup, "Anon"), 0);
});

test("memory that a process takes is counted, and one that has ended is passed over", () => {
    const ended = 4_194_303;
    assert.ok(!fs.existsSync(`/proc/${ended}`));
    const before = measureMemory([process.pid, ended]);
    const taken = Buffer.alloc(64 << 20, 1);
    const now = measureMemory([process.pid, ended]);
    assert.equal(taken.at(-1), 1);
    const more = now.anonymous - before.anonymous;
    assert.ok(more > 48 << 20 && more < 96 << 20, String(more));
    assert.deepEqual(Object.keys(now.programs).length, 1);
    assert.equal(total(now), now.anonymous + now.mapped + now.tmpfs + now.pageTables);
});
