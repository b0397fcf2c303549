import assert from "node:assert/strict";
import { it } from "node:test";
import { firewallUrns, withAllowedBlock } from "../../../pipeline/ssh-access";

const file = (blocks: string) =>
    `# ours\nencryptionsalt: v1:x\nconfig:\n  mailhost:server:\n    type: cax11 # small\n    sshAllowedCidrs: ${blocks}\n`;

it("one block is added to a stack's file, and nothing else changes", () => {
    assert.equal(
        withAllowedBlock(file("[ 203.0.113.0/24 ]"), "192.0.2.7/32"),
        file("[ 203.0.113.0/24, 192.0.2.7/32 ]"),
    );
    assert.equal(withAllowedBlock(file("[ 2001:db8::/32 ]"), "192.0.2.7/32") !== undefined, true);
});

it("a block that is allowed already is not added", () => {
    for (const blocks of ["[ 192.0.2.0/24 ]", "[ 192.0.2.7/32 ]", "[ 0.0.0.0/0 ]"]) {
        assert.equal(withAllowedBlock(file(blocks), "192.0.2.7/32"), undefined);
    }
});

it("a file without the list is refused with the way to set it", () => {
    for (const text of ["config: {}\n", file("null")]) {
        assert.throws(() => withAllowedBlock(text, "192.0.2.7/32"), /pulumi config set --path/);
    }
});

it("the provider's firewalls are found by their type", () => {
    const resources = ["hcloud:index/firewall:Firewall", "hcloud:index/server:Server"].map(
        (type) => ({ type, urn: `urn:pulumi:s::p::${type}::x` }),
    );
    assert.deepEqual(firewallUrns(JSON.stringify({ deployment: { resources } })), [
        "urn:pulumi:s::p::hcloud:index/firewall:Firewall::x",
    ]);
    assert.deepEqual(firewallUrns('{"deployment":null}'), []);
});
