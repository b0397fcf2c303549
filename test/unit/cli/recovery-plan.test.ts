import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExportedStack, PendingOperation, StateResource } from "../../../cli/deployment";
import { planRecovery } from "../../../cli/recovery-plan";

const volumeType = "hcloud:index/volume:Volume";
const urn = (type: string, name: string) => `urn:pulumi:prod::mailhost::${type}::${name}`;

function resource(type: string, name: string, id?: string): StateResource {
    return { urn: urn(type, name), type, id, inputs: { name, size: 40 } };
}

function creating(type: string, name: string): PendingOperation {
    return { type: "creating", resource: resource(type, name) };
}

function state(pending: PendingOperation[], resources: StateResource[] = []): ExportedStack {
    return {
        version: 3,
        deployment: { manifest: { time: "now" }, resources, pending_operations: pending },
    };
}

const volumes = (ids: Record<string, string>) => ({
    [volumeType]: (r: StateResource) => Promise.resolve(ids[r.inputs?.["name"] as string]),
});

test("an object that exists enters the state with its id and the inputs that its create was given", async () => {
    const before = state([creating(volumeType, "data")], [resource("a:b:C", "mail")]);
    const { repaired, ...done } = await planRecovery(before, volumes({ data: "17" }));
    assert.deepEqual(done, {
        adopted: [{ urn: urn(volumeType, "data"), id: "17" }],
        dropped: [],
        unknown: [],
        interrupted: [],
    });
    assert.deepEqual(repaired.deployment, {
        manifest: { time: "now" },
        resources: [
            resource("a:b:C", "mail"),
            { ...resource(volumeType, "data", "17"), outputs: { name: "data", size: 40 } },
        ],
        pending_operations: [],
    });
});

test("an object that was never made is dropped", async () => {
    const { repaired, adopted, dropped } = await planRecovery(
        state([creating(volumeType, "data")]),
        volumes({}),
    );
    assert.deepEqual([adopted, dropped], [[], [urn(volumeType, "data")]]);
    assert.deepEqual(repaired.deployment.resources, []);
    assert.deepEqual(repaired.deployment.pending_operations, []);
});

test("an object that is in the state already is not taken twice", async () => {
    const old = resource(volumeType, "data", "17");
    const { repaired, adopted, dropped } = await planRecovery(
        state([creating(volumeType, "data")], [old]),
        volumes({ data: "17" }),
    );
    assert.deepEqual([adopted, dropped], [[], [urn(volumeType, "data")]]);
    assert.deepEqual(repaired.deployment.resources, [old]);
});

test("creates that leave nothing behind are dropped without a look-up", async () => {
    const pending = [
        creating("command:remote:Command", "setup"),
        creating("random:index/randomPassword:RandomPassword", "password"),
        creating("tls:index/privateKey:PrivateKey", "key"),
        creating("pulumi:providers:tls", "default_5_6_1"),
    ];
    const { dropped } = await planRecovery(state(pending), {});
    assert.deepEqual(
        dropped,
        pending.map((p) => p.resource.urn),
    );
});

test("what can't be looked up stays pending and says why", async () => {
    const unknownType = creating("aws:s3/bucket:Bucket", "logs");
    const unreachable = creating(volumeType, "data");
    const { repaired, unknown } = await planRecovery(state([unknownType, unreachable]), {
        [volumeType]: () => Promise.reject(new Error("the API answered 503")),
    });
    assert.deepEqual(
        unknown.map(({ type, why }) => [type, why]),
        [
            ["aws:s3/bucket:Bucket", "this command can't look up resources of this type"],
            [volumeType, "the API answered 503"],
        ],
    );
    assert.deepEqual(repaired.deployment.pending_operations, [unknownType, unreachable]);
});

test("interrupted updates and deletes are left to the next refresh", async () => {
    const pending: PendingOperation[] = [
        { type: "updating", resource: resource(volumeType, "data", "17") },
        { type: "deleting", resource: resource(volumeType, "old", "16") },
    ];
    const { repaired, interrupted } = await planRecovery(state(pending), {});
    assert.deepEqual(interrupted, [urn(volumeType, "data"), urn(volumeType, "old")]);
    assert.deepEqual(repaired.deployment.pending_operations, []);
});

test("a state without anything pending stays as it is", async () => {
    const before: ExportedStack = {
        version: 3,
        deployment: { resources: [resource("a:b:C", "m")] },
    };
    const { repaired } = await planRecovery(before, {});
    assert.deepEqual(repaired.deployment.resources, before.deployment.resources);
});

test("the adopted half of a replacement takes its predecessor's place, before what depends on it", async () => {
    const first = resource("a:b:C", "mail");
    const dependent = resource("a:b:D", "attachment", "5");
    const gone = { ...resource(volumeType, "data", "16"), pendingReplacement: true };
    const alive = resource(volumeType, "data", "16");
    const adopted = { ...resource(volumeType, "data", "17"), outputs: { name: "data", size: 40 } };
    for (const [old, expected] of [
        [gone, [first, adopted, dependent]],
        [alive, [first, adopted, { ...alive, delete: true }, dependent]],
    ] as const) {
        const { repaired } = await planRecovery(
            state([creating(volumeType, "data")], [first, old, dependent]),
            volumes({ data: "17" }),
        );
        assert.deepEqual(repaired.deployment.resources, expected);
    }
});

test("a look-up is told which objects of its type the state has", async () => {
    const told: string[][] = [];
    await planRecovery(
        state(
            [creating(volumeType, "data"), creating(volumeType, "more")],
            [resource(volumeType, "old", "17"), resource("a:b:C", "mail", "18")],
        ),
        {
            [volumeType]: (_, known) => {
                told.push([...known!]);
                return Promise.resolve("19");
            },
        },
    );
    assert.deepEqual(told, [["17"], ["17", "19"]]);
});
