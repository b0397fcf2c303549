// A part of a mail host that stands alone in a program: what it depends on holds its children back.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import {
    digitalOcean,
    existing,
    hetzner,
    HostSetup,
    Stack,
    StackKeys,
    SystemDkim,
} from "../../components";
import { existingMachine } from "../../components/server/existing-arguments";
import { fineMachine } from "../unit/server/existing-machine";
import { describedRelease } from "../unit/stack-deploy/described-release";
import { RecordingMock } from "./support/recording-mock";
import { serverPlan } from "./support/server-plan";
import { standingServer } from "./support/standing-server";

const plan = { ...serverPlan(), protect: false };
const rented = { sshAllowedCidrs: ["203.0.113.0/24"] };

const parts: Record<string, (opts: pulumi.ComponentResourceOptions) => unknown> = {
    HetznerServer: (opts) => hetzner(rented).create("part", plan, opts),
    DigitalOceanServer: (opts) => digitalOcean(rented).create("part", plan, opts),
    ExistingServer: (opts) =>
        existing(fineMachine).create(
            "part",
            serverPlan({ existing: existingMachine(fineMachine) }),
            opts,
        ),
    HostSetup: (opts) => new HostSetup("part", { server: standingServer(), plan: plan.host }, opts),
    SystemDkim: (opts) => new SystemDkim("part", { protect: false }, opts),
    StackKeys: (opts) =>
        new StackKeys(
            "part",
            {
                authBasicPassword: "password",
                dkim: { privateKey: pulumi.output("key") },
                protect: false,
            },
            opts,
        ),
    Stack: (opts) =>
        new Stack(
            "part",
            {
                server: standingServer(),
                release: describedRelease(),
                images: describedRelease().images,
                facts: { ehloName: "mx.example.com", openTcpPorts: [25, 443] },
            },
            opts,
        ),
};

describe("what a part alone depends on", () => {
    const first = "random:index/randomPet:RandomPet::first";
    for (const [part, make] of Object.entries(parts)) {
        it(`is waited for by each child: ${part}`, async () => {
            const { mock } = await RecordingMock.run({}, () => {
                make({ dependsOn: new random.RandomPet("first") });
            });
            const children = mock.resources.filter(
                ({ custom, name }) => custom && name !== "first",
            );
            assert.ok(children.length > 0);
            assert.deepEqual(
                children.filter((child) => !child.dependsOn.includes(first)).map((r) => r.name),
                [],
            );
        });
    }
});

describe("what `pulumi state move` has left without a parent", () => {
    for (const [part, make] of Object.entries(parts).filter(([name]) => name.endsWith("Server"))) {
        it(`is the same ${part} in a whole`, async () => {
            const { mock } = await RecordingMock.run({}, () => {
                make({ parent: new pulumi.ComponentResource("test:index:Whole", "whole") });
            });
            const { parent, aliasWithoutParent } = mock.resource(`mailhost:index:${part}`, "part");
            assert.deepEqual([parent, aliasWithoutParent], ["test:index:Whole::whole", true]);
        });
    }
});
