// The options of MailHost that the engine carries out, under the real one: what a mock can't tell. Nothing is brought up.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
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

/** Nobody can log in to it. */
const unreachable: ServerAdapter = {
    ...noServer,
    create: (...given) => {
        const server = noServer.create(...given);
        return { ...server, ssh: { ...server.ssh, privateKey: pulumi.output("no key") } };
    },
};

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
        const printed = await stack.failedUp(() => {
            const mail = new MailHost("mail", { ...args, server: unreachable, protect: false });
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
