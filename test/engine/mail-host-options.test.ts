// The options of MailHost that the engine carries out, under the real one: what a mock can't tell. Nothing is brought up.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import { MailHost, manualDns, type MailHostArgs, type ServerAdapter } from "../../components";
import { images } from "../unit/stack/stacks";
import { SimulatedStack } from "./support/simulated-stack";

/** A server that nobody has to lend: only its keys are made. */
const noServer: ServerAdapter = {
    system: "debian-13",
    authorizedKeys: [],
    problems: () => [],
    create: (name, _plan, opts) => {
        const key = new tls.PrivateKey(`${name}-key`, { algorithm: "ED25519" }, opts);
        const addresses = {
            ipv4: pulumi.output("192.0.2.25"),
            ipv6: pulumi.output("2001:db8::25"),
        };
        return {
            inbound: addresses,
            outbound: addresses,
            ssh: {
                host: addresses.ipv4,
                port: 22,
                user: "root",
                privateKey: key.privateKeyOpenssh,
                hostKey: key.publicKeyOpenssh,
            },
            machineId: key.id,
            dataDevice: pulumi.output("/dev/disk/by-id/none"),
            ready: [key],
            nextSteps: [],
        };
    },
};

/** Nobody can log in to it, which is found once `create` has run to its end: a login that fails takes its time. */
const unreachable = (create: string): ServerAdapter => ({
    ...noServer,
    create: (name, plan, opts) => {
        const server = noServer.create(name, plan, opts);
        const wait = new command.local.Command(`${name}-wait`, { create }, opts);
        const ssh = { ...server.ssh, privateKey: pulumi.output("no key") };
        return { ...server, ssh, ready: [...server.ready, wait] };
    },
});

/** The engine has the stack's outputs, and writes them at the end of the run, however that ends. */
function whenOutputsAreRegistered(then: () => void): void {
    const monitor = pulumi.runtime.getMonitor();
    assert.ok(monitor);
    type Monitor = typeof monitor;
    type Register = (
        request: Parameters<Monitor["registerResourceOutputs"]>[0],
        done: (error: Error | null, response: unknown) => void,
    ) => unknown;
    const register: Register = monitor.registerResourceOutputs.bind(monitor);
    const watched: Register = (request, done) =>
        register(request, (error, response) => {
            if (!error && request.getUrn().includes("::pulumi:pulumi:Stack::")) then();
            done(error, response);
        });
    Object.assign(monitor, { registerResourceOutputs: watched });
}

const args: MailHostArgs = {
    domain: "example.com",
    email: "you@example.net",
    server: noServer,
    dns: manualDns(),
    certificate: { cloudflareApiToken: "c".repeat(40) },
    stack: { images },
};

describe("the options of MailHost under the engine", () => {
    let stack: SimulatedStack;
    before(async () => {
        stack = await SimulatedStack.create();
    });
    after(() => stack?.remove());

    test("transforms are asked about every child, and change it", async () => {
        const seen = new Set<string>();
        const steps = await stack.steps(() => {
            const transforms: pulumi.ResourceTransform[] = [
                ({ name, props, opts }) => {
                    seen.add(name);
                    return { props, opts };
                },
            ];
            new MailHost("mail", args, { transforms });
        });
        const made = Object.keys(steps).sort();
        assert.ok(made.includes("mail-stack-keys-helper-encryption"), made.join(" "));
        assert.deepEqual(
            made.filter((name) => !seen.has(name)),
            [],
        );
    });

    test("dependsOn leads to no cycle, together with transforms", async () => {
        const steps = await stack.steps(() => {
            const first = new random.RandomString("first", { length: 8 });
            new MailHost("mail", args, {
                dependsOn: first,
                transforms: [({ props, opts }) => ({ props, opts })],
            });
        });
        assert.equal(steps["first"], "create");
        assert.equal(steps["mail-stack-deploy"], "create");
    });

    test("a domain is one host's in a run, and free again in the next run of the same process", async () => {
        const refusals: string[] = [];
        const program = () => {
            new MailHost("one", args);
            assert.throws(
                () => new MailHost("two", args),
                (error: Error) => refusals.push(error.message) > 0,
            );
        };
        for (let run = 1; run <= 2; run++) {
            const steps = await stack.steps(program);
            assert.equal(steps["one-stack-deploy"], "create");
            assert.deepEqual(
                Object.keys(steps).filter((name) => name.startsWith("two")),
                [],
            );
            assert.equal(refusals.length, run);
        }
        assert.match(refusals[0] ?? "", /domain: "example\.com" is a mail domain of .* "one"/);
    });

    test("a first `up` that fails on the host leaves the outputs, those that log in among them", async () => {
        const registered = path.join(stack.folder, "outputs-registered");
        const server = unreachable(
            `for i in $(seq 600); do [ -e ${registered} ] && exit; sleep 0.1; done; exit 1`,
        );
        const printed = await stack.failedUp(() => {
            whenOutputsAreRegistered(() => fs.writeFileSync(registered, ""));
            const mail = new MailHost("mail", { ...args, server, protect: false });
            const { sshCommand, sshPrivateKey, dns, nextSteps } = mail;
            return { sshCommand, sshPrivateKey, dns, nextSteps };
        });
        assert.match(printed, /mail-host-apply/);
        const { outputs } = (await stack.resources())["simulated-test"] ?? {};
        assert.deepEqual(Object.keys(outputs ?? {}).sort(), [
            "dns",
            "nextSteps",
            "sshCommand",
            "sshPrivateKey",
        ]);
    });
});
