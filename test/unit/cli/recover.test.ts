import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import type { ExportedStack } from "../../../cli/deployment";
import type { RunPulumi } from "../../../cli/pulumi-output";
import { lockHolders, recover, recovered } from "../../../cli/recover";

const pendingCommand: ExportedStack = {
    version: 3,
    deployment: {
        resources: [],
        pending_operations: [
            {
                type: "creating",
                resource: {
                    urn: "urn:pulumi:s::p::command:remote:Command::setup",
                    type: "command:remote:Command",
                },
            },
        ],
    },
};

const locked = (host: string, pid: number) =>
    "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock " +
    `file with \`pulumi cancel\`.\n  file:///s/lock.json: created by root@${host} (pid ${pid}) at 2026-01-01T00:00:00Z`;

/** A `pulumi` that answers what a test says and remembers what it was asked. */
function recorder(answers: Record<string, { code: number; stdout?: string; stderr?: string }[]>) {
    const calls: string[] = [];
    const pulumi: RunPulumi = (args) => {
        const call = args.join(" ");
        calls.push(call);
        const answer = answers[call]?.shift() ?? { code: 0 };
        return Promise.resolve({ stdout: "", stderr: "", ...answer });
    };
    return { calls, pulumi };
}

const exported = (stack: ExportedStack) => [{ code: 0, stdout: JSON.stringify(stack) }];

test("says whether there was anything to recover, and how to go on", () => {
    const nothing = {
        ...{ adopted: [], dropped: [], unknown: [], interrupted: [], unlocked: false },
        repaired: pendingCommand,
    };
    assert.equal(
        recovered({ ...nothing, dropped: ["urn"] }, "pulumi up"),
        "Recovered. Now run `pulumi up`.",
    );
    assert.match(recovered({ ...nothing, interrupted: ["urn"] }, "pulumi up"), /^Recovered\./);
    assert.match(recovered({ ...nothing, unlocked: true }, "pulumi up"), /^Recovered\./);
    assert.equal(
        recovered(nothing, "pulumi up"),
        "Nothing was left half-made, so nothing had to be recovered. If an update was cut off, run `pulumi up` again.",
    );
});

test("reads the holders of a lock from the engine's message", () => {
    assert.deepEqual(lockHolders(locked("box", 7)), [{ user: "root", host: "box", pid: 7 }]);
    assert.deepEqual(lockHolders("x: created by Jane Doe@box (pid 7) at 2026"), [
        { user: "Jane Doe", host: "box", pid: 7 },
    ]);
    assert.deepEqual(lockHolders("error: no such stack"), []);
});

test("removes a dead engine's lock, whatever digits it has, then imports and refreshes", async () => {
    const { calls, pulumi } = recorder({
        "stack export --stack s": exported(pendingCommand),
        "stack import --stack s": [{ code: 255, stderr: locked(hostname(), 14094) }],
    });
    const options = { stack: "s", pulumi, say: () => undefined, isAlive: () => false };
    assert.equal((await recover(options)).unlocked, true);
    assert.deepEqual(calls, [
        "stack export --stack s",
        "stack import --stack s",
        "cancel --yes --stack s",
        "stack import --stack s",
        "refresh --yes --skip-preview --stack s",
    ]);
});

test("refuses while the engine that holds the lock lives", async () => {
    const { calls, pulumi } = recorder({
        "stack export": exported(pendingCommand),
        "stack import": [{ code: 255, stderr: locked(hostname(), 7) }],
    });
    await assert.rejects(
        recover({ pulumi, say: () => undefined, isAlive: () => true }),
        /locked by pid 7 on this computer, and that process lives/,
    );
    assert.deepEqual(calls, ["stack export", "stack import"]);
});

test("names the stack in what it says to type, where it was named", async () => {
    const { pulumi } = recorder({
        "stack export --stack prod": exported(pendingCommand),
        "stack import --stack prod": [{ code: 255, stderr: locked(hostname(), 7) }],
    });
    await assert.rejects(
        recover({ stack: "prod", pulumi, say: () => undefined, isAlive: () => true }),
        /run `pulumi cancel --stack prod` first\.$/,
    );
});

test("refuses when another computer holds the lock", async () => {
    const { calls, pulumi } = recorder({
        "stack export": exported(pendingCommand),
        "stack import": [{ code: 255, stderr: locked("elsewhere", 7) }],
    });
    await assert.rejects(
        recover({
            ...{ pulumi, say: () => undefined, isAlive: () => false },
            typed: (command) => `npm run pulumi -- ${command}`,
        }),
        /locked by root@elsewhere \(pid 7\), another computer.*run `npm run pulumi -- cancel` and/,
    );
    assert.deepEqual(calls, ["stack export", "stack import"]);
});

test("says what to do when Pulumi Cloud holds the update as running", async () => {
    const { calls, pulumi } = recorder({
        "stack export": exported(pendingCommand),
        "stack import": [
            {
                code: 255,
                stderr: "error: [409] Conflict: Another update is currently in progress.",
            },
        ],
    });
    await assert.rejects(
        recover({ pulumi, say: () => undefined }),
        /Make sure that none runs any more, run `pulumi cancel`/,
    );
    assert.deepEqual(calls, ["stack export", "stack import"]);
});

test("asks for a token before it touches anything", async () => {
    const pending: ExportedStack = {
        version: 3,
        deployment: {
            pending_operations: [
                {
                    type: "creating",
                    resource: {
                        urn: "urn:pulumi:s::p::hcloud:index/volume:Volume::data",
                        type: "hcloud:index/volume:Volume",
                        inputs: { name: "data" },
                    },
                },
            ],
        },
    };
    const { calls, pulumi } = recorder({
        "stack export --stack prod": exported(pending),
        "config get hcloud:token --stack prod": [{ code: 255 }],
    });
    await assert.rejects(
        recover({ stack: "prod", pulumi, say: () => undefined, environment: {} }),
        /set hcloud:token in the stack's configuration or HCLOUD_TOKEN/,
    );
    assert.deepEqual(calls, ["stack export --stack prod", "config get hcloud:token --stack prod"]);
});
