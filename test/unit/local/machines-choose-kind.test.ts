import assert from "node:assert/strict";
import { test } from "node:test";
import { decideKind, type Computer } from "../../../local/cloud/machines/choose-kind";

const good = { boots: true, reason: "a guest booted with it" };
const bad = { boots: false, reason: "there is no /dev/kvm" };
const user = "you are not root";

const cases: [string, Computer, object][] = [
    [
        "KVM, as anybody",
        { kvm: good },
        { kind: "vm", accelerator: "kvm", reason: "KVM boots a guest" },
    ],
    [
        "root without KVM",
        { kvm: bad },
        {
            kind: "container",
            reason: "no KVM, since there is no /dev/kvm; root may use namespaces",
        },
    ],
    [
        "an ordinary user without KVM",
        { kvm: bad, containerObstacle: user },
        {
            kind: "vm",
            accelerator: "tcg",
            reason: "software emulation, which is slow: no KVM, since there is no /dev/kvm; no container, since you are not root",
        },
    ],
];
for (const [name, computer, expected] of cases) {
    test(name, () => assert.deepEqual(decideKind(computer), expected));
}

test("a container can be asked for where KVM boots", () => {
    assert.deepEqual(decideKind({ kvm: good }, "container"), {
        kind: "container",
        reason: "asked for",
    });
});

test("a VM can be asked for where it is slow", () => {
    assert.deepEqual(decideKind({ kvm: bad }, "vm"), {
        kind: "vm",
        accelerator: "tcg",
        reason: "asked for; without KVM, since there is no /dev/kvm",
    });
});

test("a container that can't be had is refused, with the reason", () => {
    assert.throws(
        () => decideKind({ kvm: good, containerObstacle: user }, "container"),
        new Error(
            "A container machine can't be made here: you are not root. Use --machine vm, or leave the choice to the program.",
        ),
    );
});

test("an ordinary user whose laptop cloud is of containers is told how to go on", () => {
    const computer = { kvm: good, containerObstacle: user };
    assert.throws(
        () => decideKind(computer, "container", true),
        new Error(
            "The laptop cloud that is here has a container machine, which can't run now: you are not root. Go on as the user who made it; or delete it (`npm run local -- down --delete`), then use --machine vm.",
        ),
    );
    assert.deepEqual(decideKind({ kvm: good }, "container", true).kind, "container");
});
