import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineEvents } from "../../../bench/engine-events";

let folder: string;
before(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-events-"))));
after(() => fs.rmSync(folder, { recursive: true }));

const seconds = () => performance.now() / 1000;
const event = (kind: string, urn: string) =>
    `${JSON.stringify({ sequence: 1, timestamp: 1, [kind]: { metadata: { urn, op: "create" } } })}\n`;

test("steps have the times at which their lines were written, in order", async () => {
    const file = path.join(folder, "events.log");
    const beforeStart = seconds();
    const events = new EngineEvents(file);
    const afterStart = seconds();
    // The engine empties the file and appends.
    const write = (text: string) => fs.appendFileSync(file, text);
    fs.truncateSync(file);
    write('{"sequence":0,"timestamp":1,"preludeEvent":{"config":{"a":"ü"}}}\n');
    write(event("resourcePreEvent", "urn:a"));
    await sleep(100);
    const seen = seconds();
    const done = event("resOutputsEvent", "urn:a");
    // A line that is written in two parts counts when it is whole.
    write(done.slice(0, 20));
    await sleep(100);
    const whole = seconds();
    write(done.slice(20) + event("resourcePreEvent", "urn:b"));
    write(event("resOpFailedEvent", "urn:b") + event("resOutputsEvent", "urn:never-begun"));
    events.close();
    assert.deepEqual([...events.steps.keys()], ["urn:a"]);
    const { begun, ended } = events.steps.get("urn:a")!;
    assert.ok(begun >= 0 && begun <= seen - beforeStart, `${begun} ${seen - beforeStart}`);
    assert.ok(ended >= whole - afterStart, `${ended} ${whole - afterStart}`);
});
