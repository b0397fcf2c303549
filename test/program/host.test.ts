import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { DataGuard, guardDeleteCommand } from "../../components/host/data-guard";
import { HostSetup, setupScript } from "../../components/host/host-setup";
import { planHost, type HostPlanArgs } from "../../components/host/plan";
import { receiveCommand } from "../../components/host/ssh-channel";
import type { Server } from "../../components/server/server";
import { RecordingMock, valueOf } from "./support/recording-mock";
import { hostKey, privateKey, standingServer } from "./support/standing-server";

const planArguments: HostPlanArgs = {
    system: "debian-13",
    fqdn: "mx.example.com",
    domain: "example.com",
    email: "postmaster@example.com",
    authBasicUsername: "admin",
    authorizedKeys: [],
    openTcpPorts: [25, 443],
    rebootTime: "03:30",
    debug: false,
    secretDelivery: "ssh",
};
const plan = planHost(planArguments);
const planWithSecrets = planHost({ ...planArguments, secretDelivery: "user-data" });

const dataDevice = "/dev/disk/by-id/scsi-0HC_Volume_101";

/** A component has to have a child for its dependents to wait for. */
class Attachment extends pulumi.CustomResource {
    constructor(name: string) {
        super("test:index:Attachment", name, {});
    }
}

function server(): Server {
    return standingServer({
        dataDevice: pulumi.output(dataDevice),
        dataSizeGb: pulumi.output(20),
        ready: [new Attachment("attachment")],
    });
}

const secrets = { authBasicPassword: "p@ss'word", cloudflareApiToken: "token-0123456789" };

for (const preview of [false, true]) {
    describe(`HostSetup in ${preview ? "preview" : "update"}`, () => {
        test("sends one script, known as far as the server is, over the pinned connection", async () => {
            const { mock, result } = await RecordingMock.run({ preview }, () => {
                return new HostSetup("host", { server: server(), plan });
            });
            const command = mock.resource("command:remote:Command", "host-apply");
            // Without `delete`: another machine replaces the command, and that deletes after it has created.
            assert.deepEqual(command.inputs, {
                connection: {
                    host: "192.0.2.25",
                    port: 2222,
                    user: "root",
                    privateKey,
                    hostKey,
                    dialErrorLimit: 60,
                    perDialTimeout: 10,
                },
                create: receiveCommand,
                stdin: setupScript(plan, { dataDevice, dataSizeGb: 20 }),
                triggers: ["4711"],
                addPreviousOutputInEnv: false,
                logging: "stdoutAndStderr",
            });
            assert.deepEqual(command.secretInputs, ["connection"]);
            assert.equal(command.parent, "mailhost:index:HostSetup::host");
            assert.deepEqual(command.dependsOn, ["test:index:Attachment::attachment"]);
            assert.deepEqual(mock.resource("mailhost:index:HostSetup", "host").inputs, {});
            if (!preview) assert.equal(await valueOf(result.log), "");
        });
    });
}

describe("HostSetup with secrets", () => {
    test("sends them on standard input alone, as a secret, even when they came in plain", async () => {
        const { mock } = await RecordingMock.run({}, () => {
            return new HostSetup("host", { server: server(), plan: planWithSecrets, secrets });
        });
        const command = mock.resource("command:remote:Command", "host-apply");
        assert.equal(
            command.inputs["stdin"],
            setupScript(planWithSecrets, { dataDevice, dataSizeGb: 20, secrets }),
        );
        assert.deepEqual(command.secretInputs, ["connection", "stdin"]);
        const open = { ...command.inputs, connection: undefined, stdin: undefined };
        for (const secret of Object.values(secrets)) {
            assert.ok(!JSON.stringify(open).includes(secret));
        }
    });

    test("sends none where the plan has no place for them", async () => {
        const { mock } = await RecordingMock.run({}, () => {
            return new HostSetup("host", { server: server(), plan, secrets });
        });
        const command = mock.resource("command:remote:Command", "host-apply");
        assert.equal(command.inputs["stdin"], setupScript(plan, { dataDevice, dataSizeGb: 20 }));
        assert.deepEqual(command.secretInputs, ["connection"]);
    });
});

for (const preview of [false, true]) {
    describe(`DataGuard in ${preview ? "preview" : "update"}`, () => {
        test("runs here when it goes, with the key on standard input alone", async () => {
            const { mock, result } = await RecordingMock.run({ preview }, () => {
                const { ssh, machineId, ready } = server();
                return new DataGuard("guard", { ssh, machineId }, { dependsOn: ready });
            });
            const command = mock.resource("command:local:Command", "guard-rest");
            assert.deepEqual(
                { ...command.inputs, create: "" },
                {
                    create: "",
                    delete: guardDeleteCommand,
                    interpreter: ["/bin/sh", "-c"],
                    stdin: `192.0.2.25\n2222\nroot\n${hostKey}\n\n${privateKey}`,
                    triggers: ["4711"],
                    addPreviousOutputInEnv: false,
                    logging: "stdoutAndStderr",
                },
            );
            assert.match(
                String(command.inputs["create"]),
                /^command -v ssh .*Install the OpenSSH client/,
            );
            assert.deepEqual(command.secretInputs, ["stdin"]);
            assert.equal(command.parent, "mailhost:index:DataGuard::guard");
            assert.ok(command.dependsOn.includes("test:index:Attachment::attachment"));
            // The old machine is brought to rest before it goes, so before another guard stands.
            assert.equal(command.deleteBeforeReplace, true);
            assert.deepEqual(mock.resource("mailhost:index:DataGuard", "guard").inputs, {});
            if (!preview) assert.match(await valueOf(result.generation), /^\d+$/);
        });
    });
}
