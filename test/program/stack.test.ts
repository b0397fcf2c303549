import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { receiveCommand } from "../../components/host/ssh-channel";
import { deployScript, pullScript, releaseHash } from "../../components/stack/deploy";
import { reachabilityInput, reachabilityProgram } from "../../components/stack/reachability";
import { pullCommand, Stack, type StackArgs } from "../../components/stack/stack";
import { describedRelease, describedSecrets } from "../unit/stack-deploy/described-release";
import { RecordingMock, valueOf } from "./support/recording-mock";
import { hostKey, privateKey, standingServer } from "./support/standing-server";

/** Stands for what a stack waits for. */
class Earlier extends pulumi.CustomResource {
    constructor(name: string) {
        super("test:index:Earlier", name, {});
    }
}

const release = describedRelease();
const ports = [{ port: 3000, service: "web" }];
const common = {
    connection: {
        host: "192.0.2.25",
        port: 2222,
        user: "root",
        privateKey,
        hostKey,
        dialErrorLimit: 60,
        perDialTimeout: 10,
    },
    triggers: ["4711"],
    addPreviousOutputInEnv: false,
    logging: "stdoutAndStderr",
};
const deployment = {
    release,
    secrets: describedSecrets,
    ports,
    addresses: { ipv4: "192.0.2.25", ipv6: "2001:db8:25::1" },
    login: "ssh -p 2222 root@192.0.2.25",
};

function stack(further: Partial<StackArgs> = {}): Stack {
    return new Stack(
        "stack",
        {
            server: standingServer(),
            release: pulumi.secret(release),
            images: release.images,
            secrets: pulumi.secret(describedSecrets),
            ports,
            waitFor: [new Earlier("certificate")],
            facts: { ehloName: "mx.example.com", openTcpPorts: [25, 443] },
            ...further,
        },
        { dependsOn: [new Earlier("setup")] },
    );
}

for (const preview of [false, true]) {
    describe(`Stack in ${preview ? "preview" : "update"}`, () => {
        test("pulls without a secret and beside the certificate, under a lock of its own", async () => {
            const { mock } = await RecordingMock.run({ preview }, stack);
            const pull = mock.resource("command:remote:Command", "stack-pull");
            assert.deepEqual(pull.inputs, {
                ...common,
                create: pullCommand,
                stdin: pullScript(release.images, []),
            });
            assert.notEqual(pullCommand, receiveCommand);
            assert.deepEqual(pull.secretInputs, ["connection"]);
            assert.deepEqual(pull.dependsOn, ["test:index:Earlier::setup"]);
            assert.equal(pull.parent, "mailhost:index:Stack::stack");
        });

        test("deploys after pull and certificate, its secrets on standard input alone", async () => {
            const { mock } = await RecordingMock.run({ preview }, stack);
            const deploy = mock.resource("command:remote:Command", "stack-deploy");
            assert.deepEqual(deploy.inputs, {
                ...common,
                create: receiveCommand,
                stdin: deployScript(deployment),
            });
            assert.deepEqual(deploy.secretInputs, ["connection", "stdin"]);
            assert.deepEqual(deploy.dependsOn, [
                "command:remote:Command::stack-pull",
                "test:index:Earlier::certificate",
                "test:index:Earlier::setup",
            ]);
            const open = JSON.stringify({ ...deploy.inputs, connection: "", stdin: "" });
            for (const secret of [describedSecrets.helperEncryptionKey, privateKey]) {
                assert.equal(open.includes(secret), false);
            }
        });

        test("is told another way to log in", async () => {
            const login = "$(pulumi stack output sshCommand)";
            const { mock } = await RecordingMock.run({ preview }, () =>
                stack({ login: pulumi.output(login) }),
            );
            const { inputs } = mock.resource("command:remote:Command", "stack-deploy");
            assert.equal(inputs["stdin"], deployScript({ ...deployment, login }));
        });

        test("looks again from here when the release is another, with nothing that is secret", async () => {
            const { mock } = await RecordingMock.run({ preview }, () =>
                stack({ spki: { "example.com": "ab" } }),
            );
            const look = mock.resource("command:local:Command", "stack-reachability");
            assert.deepEqual(look.inputs, {
                create: reachabilityProgram,
                interpreter: ["node", "-e"],
                stdin: reachabilityInput({
                    addresses: ["192.0.2.25", "2001:db8:25::1"],
                    ports: release.verify,
                    spki: { "example.com": "ab" },
                }),
                triggers: ["4711", releaseHash(deployment)],
                addPreviousOutputInEnv: false,
                logging: "stdoutAndStderr",
            });
            assert.deepEqual(look.secretInputs, []);
            assert.ok(look.dependsOn.includes("command:remote:Command::stack-deploy"));
        });

        test("registers what policies ask, and no secret", async () => {
            const { mock, result } = await RecordingMock.run({ preview }, stack);
            assert.deepEqual(mock.resource("mailhost:index:Stack", "stack").inputs, {});
            const { log, reachability, ...known } = mock.outputs["mailhost:index:Stack::stack"]!;
            assert.deepEqual(known, {
                releaseId: releaseHash(deployment),
                images: release.images,
                furtherImages: [],
                ehloName: "mx.example.com",
                openTcpPorts: [25, 443],
            });
            if (preview) return;
            assert.deepEqual([log, reachability], ["", ""]);
            assert.equal(await valueOf(result.log), "");
            assert.equal(await pulumi.isSecret(result.log), false);
        });
    });
}
