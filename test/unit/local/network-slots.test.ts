import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { releaseSlot, reserveSlot } from "../../../local/cloud/network/slots";

let root: string;
let registry: string;
before(() => (root = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-test-"))));
after(() => fs.rmSync(root, { recursive: true }));
beforeEach(() => (registry = fs.mkdtempSync(path.join(root, "registry-"))));

function cloud(): string {
    return fs.mkdtempSync(path.join(root, "cloud-"));
}

test("each cloud has a slot of its own, and keeps it", () => {
    const [a, b] = [cloud(), cloud()];
    const slots = [reserveSlot(a, registry), reserveSlot(b, registry), reserveSlot(a, registry)];
    assert.equal(slots[2], slots[0]);
    assert.notEqual(slots[1], slots[0]);
});

test("a slot that was given back is given again", () => {
    const [a, b] = [cloud(), cloud()];
    const slot = reserveSlot(a, registry);
    releaseSlot(a, registry);
    assert.equal(reserveSlot(b, registry), slot);
});

test("the slot of a deleted cloud is free", () => {
    const a = cloud();
    const slot = reserveSlot(a, registry);
    fs.rmdirSync(a);
    assert.equal(reserveSlot(cloud(), registry), slot);
});

test("what another process is just reserving is left to it", () => {
    const slot = reserveSlot(cloud(), registry);
    fs.writeFileSync(path.join(registry, `pulumi-mailhost-slot-${slot}`), "");
    assert.notEqual(reserveSlot(cloud(), registry), slot);
});

test("when all are taken it says so", () => {
    const a = cloud();
    for (let slot = 1; slot <= 199; slot++) {
        fs.writeFileSync(path.join(registry, `pulumi-mailhost-slot-${slot}`), a);
    }
    assert.throws(
        () => reserveSlot(cloud(), registry),
        /^Error: All 199 slots of laptop clouds on this computer are taken/,
    );
});
