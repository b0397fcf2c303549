import assert from "node:assert/strict";
import { describe, it, mock as testMock } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import {
    cloudflare,
    existing,
    ExistingServer,
    MailHost,
    type ExistingArgs,
    type ServerPlan,
} from "../../components";
import { guardLeaveCommand } from "../../components/host/data-guard";
import type { ExistingMachine } from "../../components/host/plan";
import { receiveCommand } from "../../components/host/ssh-channel";
import { admissionScript } from "../../components/server/admission";
import { existingMachine, keyFingerprint } from "../../components/server/existing-arguments";
import { fineMachine, openSshKey } from "../unit/server/existing-machine";
import { images } from "../unit/stack/stacks";
import { RecordingMock, valueOf } from "./support/recording-mock";
import { serverPlan } from "./support/server-plan";
import { withoutSecretValues } from "./support/secret-values";

const planOf = (machine: ExistingMachine | undefined) => serverPlan({ existing: machine });

const machine: ExistingArgs = {
    ...fineMachine,
    sshHostKey: `${fineMachine.sshHostKey} root@there`,
};
const device = "/dev/disk/by-id/scsi-0QEMU_disk";

async function make(given: { preview?: boolean; args?: Partial<ExistingArgs> } = {}) {
    const args = { ...machine, ...given.args };
    const plan = planOf(existingMachine(args));
    const { mock, result } = await RecordingMock.run(
        given,
        () => new ExistingServer("edge", { ...args, plan }),
    );
    return { mock, server: result, plan };
}

const admissionOf = (mock: RecordingMock) =>
    mock.resource("command:remote:Command", "edge-admission");
const guardOf = (mock: RecordingMock) => mock.resource("command:local:Command", "edge-guard-rest");
const component = "mailhost:index:ExistingServer";

describe("ExistingServer", () => {
    for (const preview of [false, true]) {
        const kind = preview ? "preview" : "update";

        it(`registers exactly these resources (${kind})`, async () => {
            const { mock } = await make({ preview });
            assert.deepEqual(
                mock.resources
                    .map(({ type, name, parent }) => `${type} ${name} < ${parent}`)
                    .sort(),
                [
                    "command:local:Command edge-guard-rest < mailhost:index:DataGuard::edge-guard",
                    `command:remote:Command edge-admission < ${component}::edge`,
                    `mailhost:index:DataGuard edge-guard < ${component}::edge`,
                    `${component} edge < undefined`,
                ],
            );
            assert.deepEqual(
                mock.resources.filter(({ protect }) => protect),
                [],
            );
        });

        it(`looks at the machine first, over the pinned connection (${kind})`, async () => {
            const { mock, plan } = await make({ preview });
            const { inputs, secretInputs, dependsOn } = admissionOf(mock);
            assert.deepEqual(inputs, {
                connection: {
                    host: "203.0.113.7",
                    port: 22,
                    user: "root",
                    privateKey: openSshKey(),
                    hostKey: fineMachine.sshHostKey,
                    dialErrorLimit: 4,
                    perDialTimeout: 10,
                },
                create: receiveCommand,
                stdin: admissionScript({ ...machine, plan }),
                triggers: [keyFingerprint(machine.sshHostKey)],
                addPreviousOutputInEnv: false,
                logging: "stdoutAndStderr",
            });
            assert.deepEqual(secretInputs, ["connection"]);
            assert.deepEqual(dependsOn, []);
        });

        it(`knows its addresses, so that a preview shows every record (${kind})`, async () => {
            const { server } = await make({ preview, args: { ipv6: "2001:DB8:0::7" } });
            assert.equal(await valueOf(server.inbound.ipv4), "203.0.113.7");
            assert.equal(await valueOf(server.inbound.ipv6), "2001:db8::7");
            assert.equal(server.outbound, server.inbound);
        });
    }

    it("lets go of the machine after everything that stands on it", async () => {
        const { mock } = await make();
        const { inputs, secretInputs, dependsOn, deleteBeforeReplace } = guardOf(mock);
        assert.deepEqual(
            { ...inputs, create: "" },
            {
                create: "",
                delete: guardLeaveCommand,
                interpreter: ["/bin/sh", "-c"],
                stdin: `203.0.113.7\n22\nroot\n${fineMachine.sshHostKey}\n\n${openSshKey()}`,
                triggers: [keyFingerprint(machine.sshHostKey)],
                addPreviousOutputInEnv: false,
                logging: "stdoutAndStderr",
            },
        );
        assert.deepEqual(secretInputs, ["stdin"]);
        assert.ok(dependsOn.includes("command:remote:Command::edge-admission"));
        assert.equal(deleteBeforeReplace, true);
    });

    it("looks for a silent machine at its public addresses too", async () => {
        const lineOf = async (args: Partial<ExistingArgs>) =>
            String(guardOf((await make({ args })).mock).inputs["stdin"]).split("\n")[4];
        assert.equal(await lineOf({}), "");
        assert.equal(await lineOf({ ipv6: "2001:DB8::7" }), "2001:db8::7");
        assert.equal(await lineOf({ sshHost: "10.0.0.7" }), "203.0.113.7");
        const everywhere = { sshHost: "console.example.net", ipv6: "2001:db8::7" };
        assert.equal(await lineOf(everywhere), "203.0.113.7 2001:db8::7");
    });

    it("is another machine with another host key alone", async () => {
        const idOf = async (args: Partial<ExistingArgs>) => {
            const { mock, server } = await make({ args });
            return {
                triggers: admissionOf(mock).inputs["triggers"],
                machine: (await valueOf(server.machineId)).split("/").slice(0, -1).join("/"),
            };
        };
        const fingerprint = keyFingerprint(machine.sshHostKey);
        const same = { triggers: [fingerprint], machine: fingerprint };
        assert.deepEqual(await idOf({}), same);
        assert.deepEqual(await idOf({ ipv4: "203.0.113.8", sshPort: 2222 }), same);
        const otherKey = fineMachine.sshHostKey.replace(/CQkJ/, "CQkK");
        assert.notDeepEqual(await idOf({ sshHostKey: otherKey }), same);
    });

    it("has its data on the root disk, or on the disk that is given", async () => {
        assert.equal(
            await valueOf((await make()).server.dataDevice),
            "/root/forwardemail.net/self-hosting",
        );
        const { server } = await make({ args: { dataDevice: device } });
        assert.equal(await valueOf(server.dataDevice), device);
    });

    it("is reached where SSH is said to be", async () => {
        const { mock } = await make({ args: { sshHost: "console.example.net", sshPort: 2222 } });
        const { host, port } = admissionOf(mock).inputs["connection"] as Record<string, unknown>;
        assert.deepEqual({ host, port }, { host: "console.example.net", port: 2222 });
    });

    it("leaves PTR records to the operator, a step for each address", async () => {
        const step = (address: string) =>
            `Set the PTR record of ${address} to mx.example.com where the machine is rented: others refuse its mail without.`;
        assert.deepEqual((await make()).server.nextSteps, [step("203.0.113.7")]);
        const { server } = await make({ args: { ipv6: "2001:db8::7" } });
        assert.deepEqual(server.nextSteps, [step("203.0.113.7"), step("2001:db8::7")]);
    });

    it("keeps the login key a secret, though it came in plain", async () => {
        const { mock, server } = await make();
        assert.equal(await pulumi.isSecret(pulumi.output(server.ssh.privateKey)), true);
        const open = JSON.stringify([
            mock.resources.map(({ sent }) => withoutSecretValues(sent)),
            withoutSecretValues(mock.outputs),
        ]);
        assert.ok(!open.includes("OPENSSH PRIVATE KEY"), open);
    });

    it("uses the login key in the form that OpenSSH reads", async () => {
        const sshPrivateKey = pulumi.secret(` ${openSshKey().replaceAll("\n", "\r\n")}`);
        const { server } = await make({ args: { sshPrivateKey } });
        assert.equal(await valueOf(pulumi.output(server.ssh.privateKey)), openSshKey());
    });

    it("says from where SSH is let in, and warns of everywhere at preview", async () => {
        const warnings = async (given: Parameters<typeof make>[0]) => {
            const warn = testMock.method(pulumi.log, "warn", () => Promise.resolve());
            try {
                const { server, mock } = await make(given);
                const blocks = await valueOf(server.sshAllowedCidrs);
                assert.ok(JSON.stringify(mock.outputs).includes("sshAllowedCidrs"));
                return { blocks, said: warn.mock.calls.map((call) => String(call.arguments[0])) };
            } finally {
                warn.mock.restore();
            }
        };
        const everywhere = ["0.0.0.0/0", "::/0"];
        const open = await warnings({ preview: true });
        assert.deepEqual(open.blocks, everywhere);
        assert.equal(open.said.length, 1);
        assert.match(
            open.said[0]!,
            /^sshAllowedCidrs has 0\.0\.0\.0\/0 and ::\/0, .*every computer/,
        );
        const narrow = { sshAllowedCidrs: ["203.0.113.0/24"] };
        assert.deepEqual(await warnings({ preview: true, args: narrow }), {
            blocks: narrow.sshAllowedCidrs,
            said: [],
        });
        assert.deepEqual(await warnings({}), { blocks: everywhere, said: [] });
    });

    it("refuses wrong arguments, or a plan for another machine, before it registers anything", async () => {
        const mock = await RecordingMock.start();
        const wrong = (change: Partial<ExistingArgs>, plan: ServerPlan, paths: string[]) =>
            assert.throws(
                () => new ExistingServer("edge", { ...machine, ...change, plan }),
                (error: unknown) => {
                    assert.ok(error instanceof pulumi.InputPropertiesError);
                    assert.deepEqual(
                        error.errors?.map(({ propertyPath }) => propertyPath),
                        paths,
                    );
                    return true;
                },
            );
        const onRootDisk = planOf({ data: "root-disk" });
        wrong({ ipv4: "10.0.0.1", sshHostKey: "" }, onRootDisk, [
            "server.ipv4",
            "server.sshHostKey",
        ]);
        wrong({}, planOf(undefined), ["server.plan.host"]);
        wrong({ dataDevice: device }, onRootDisk, ["server.plan.host"]);
        await pulumi.runtime.disconnect();
        assert.deepEqual(mock.resources, []);
    });
});

describe("a mail host on an existing machine", () => {
    async function mailHost(args: Partial<ExistingArgs> = {}, preview = false) {
        const { mock } = await RecordingMock.run({ preview }, () => {
            return new MailHost("mail", {
                domain: "example.com",
                email: "you@example.net",
                server: existing({ ...machine, ...args }),
                dns: cloudflare({ apiToken: "c".repeat(40) }),
                stack: { images },
            });
        });
        return mock;
    }
    const dnsNames = (mock: RecordingMock) =>
        mock.resources.filter(({ type }) => type === "cloudflare:index/dnsRecord:DnsRecord");

    it("has no AAAA record without an IPv6 address, and asks nobody at one", async () => {
        const types = (mock: RecordingMock) => new Set(dnsNames(mock).map((r) => r.inputs["type"]));
        const ipv4Only = await mailHost();
        assert.equal(types(ipv4Only).has("A"), true);
        assert.equal(types(ipv4Only).has("AAAA"), false);
        assert.equal(types(await mailHost({ ipv6: "2001:db8::7" })).has("AAAA"), true);
        const look = JSON.parse(
            String(
                ipv4Only.resource("command:local:Command", "mail-stack-reachability").inputs[
                    "stdin"
                ],
            ),
        ) as { addresses: string[] };
        assert.deepEqual(look.addresses, ["203.0.113.7"]);
    });

    it("says nothing of the machine in DNS, and sends nothing to it, before it was accepted", async () => {
        const mock = await mailHost();
        const admission = "command:remote:Command::mail-admission";
        const waiting = mock.resources.filter(
            ({ type, name }) =>
                type === "cloudflare:index/dnsRecord:DnsRecord" || name === "mail-host-apply",
        );
        assert.ok(waiting.length > 20);
        const early = waiting.filter(({ dependsOn }) => !dependsOn.includes(admission));
        // The later phases wait for the certificate, and that for the set-up.
        assert.deepEqual(
            early.filter(
                ({ dependsOn }) =>
                    !dependsOn.some((other) => /mail-certificate-issue|mail-stack-/.test(other)),
            ),
            [],
        );
    });

    it("sets the machine up as one that was there, with its data on the root disk", async () => {
        const mock = await mailHost({ sshAllowedCidrs: ["203.0.113.0/24"] });
        const script = String(
            mock.resource("command:remote:Command", "mail-host-apply").inputs["stdin"],
        );
        assert.match(script, /\nOptions=bind,noatime,nodev,nosuid\n/);
        assert.match(script, /\n {8}ip saddr 203\.0\.113\.0\/24 tcp dport \$ssh_ports accept\n/);
        assert.doesNotMatch(script, /\nwait_for_first_boot\n/);
    });

    it("is one mail host's alone in a program", async () => {
        const refused: string[] = [];
        const host = (name: string, domain: string, args: Partial<ExistingArgs> = {}) =>
            new MailHost(name, {
                domain,
                email: "you@example.net",
                server: existing({ ...machine, ...args }),
                dns: cloudflare({ apiToken: "c".repeat(40) }),
                stack: { images },
            });
        const otherKey = machine.sshHostKey.replace(/CQkJ/, "CQkK");
        await RecordingMock.run({}, () => {
            const first = host("one", "example.com");
            for (const args of [{ sshHostKey: otherKey }, { ipv4: "203.0.113.8" }]) {
                try {
                    host("two", "example.org", args);
                } catch (error) {
                    assert.ok(error instanceof pulumi.InputPropertiesError);
                    refused.push(
                        ...(error.errors ?? []).map((e) => `${e.propertyPath}: ${e.reason}`),
                    );
                }
            }
            host("three", "example.org", { ipv4: "203.0.113.8", sshHostKey: otherKey });
            return first;
        });
        assert.equal(refused.length, 2);
        assert.match(
            refused[0]!,
            /^server: The machine with the address 203\.0\.113\.7 is that of the mail host "one" in/,
        );
        assert.match(refused[1]!, /^server: The machine with the host key SHA256:\S+ is that of/);
    });

    it("is shown whole by the first preview", async () => {
        const a = dnsNames(await mailHost({}, true)).find(({ inputs }) => inputs["type"] === "A");
        assert.equal(a?.inputs["content"], "203.0.113.7");
    });
});
