import assert from "node:assert/strict";
import { before, describe, it, mock as testMock } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import {
    cloudflare,
    digitalOcean,
    hetzner,
    MailHost,
    manualDns,
    type MailHostArgs,
    type ServerAdapter,
    type StackOptions,
} from "../../components";
import { digest, images } from "../unit/stack/stacks";
import { generated } from "./support/computed-outputs";
import {
    args,
    cloudflareApiToken,
    dnsRecord,
    make as makeOfMany,
    type Given,
} from "./support/mail-host-dns";
import { propertyFaults } from "./support/property-tables";
import {
    RecordingMock,
    registryDigest,
    valueOf,
    type RecordedResource,
} from "./support/recording-mock";
import { isSecretValue, withoutSecretValues } from "./support/secret-values";

const remote = "command:remote:Command";
const setup = `${remote}::mail-host-apply`;
const issue = `${remote}::mail-certificate-issue`;
const pull = `${remote}::mail-stack-pull`;
const deploy = `${remote}::mail-stack-deploy`;

/** A mail host of one domain: it is quicker made. */
const make = (given: Given = {}) => makeOfMany({ ...given, args: { domains: [], ...given.args } });

/** What one of the host's commands reads. */
function stdin(mock: RecordingMock, name: string): string {
    return String(mock.resource(remote, name).inputs["stdin"]);
}

/** `name.input` for everything that is another. */
function differences(before: RecordingMock, after: RecordingMock): string[] {
    const key = ({ type, name }: RecordedResource) => `${type}::${name}`;
    assert.deepEqual(after.resources.map(key).sort(), before.resources.map(key).sort());
    return after.resources
        .flatMap(({ type, name, inputs }) =>
            Object.keys(inputs)
                .filter((input) => {
                    const other = before.resource(type, name).inputs[input];
                    return JSON.stringify(inputs[input]) !== JSON.stringify(other);
                })
                .map((input) => `${name}.${input}`),
        )
        .sort();
}

/** The paths of what a mail host is refused for; nothing was registered. */
async function refusals(changes: Partial<MailHostArgs>): Promise<[path: string, why: string][]> {
    const mock = await RecordingMock.start();
    let problems: [string, string][] = [];
    assert.throws(
        () => new MailHost("mail", { ...args, ...changes }),
        (error: unknown) => {
            assert.ok(error instanceof pulumi.InputPropertiesError);
            problems = (error.errors ?? []).map((e) => [e.propertyPath, e.reason]);
            return true;
        },
    );
    await pulumi.runtime.disconnect();
    assert.deepEqual(mock.resources, []);
    return problems;
}

for (const preview of [false, true]) {
    describe(`the parts of a mail host at ${preview ? "preview" : "update"}`, () => {
        const signed: Given = { preview, args: { dns: cloudflare({ dnssec: true }) } };

        it("begin when what they need is there, and wait for nothing else", async () => {
            const { mock } = await make(signed);
            const waits = (name: string) => mock.resource(remote, name).dependsOn;
            const records = (phase: "Base" | "Certified" | "Serving") =>
                mock.resources
                    .filter(
                        ({ parent }) =>
                            parent === `mailhost:index:CloudflareZone${phase}::mail-dns`,
                    )
                    .map(({ name }) => `${dnsRecord}::${name}`);
            const names = (list: string[], type: string) =>
                list.filter((one) => one.startsWith(type));

            // The authority looks for the CAA records, which are of the first phase.
            const certificate = waits("mail-certificate-issue");
            assert.deepEqual(names(certificate, dnsRecord).sort(), records("Base").sort());
            assert.ok(records("Base").includes(`${dnsRecord}::mail-dns-CAA-example.com-issue`));
            assert.deepEqual(names(certificate, remote), [setup]);

            // Images come while the certificate does.
            assert.deepEqual(names(waits("mail-stack-pull"), remote), [setup]);
            assert.deepEqual(names(waits("mail-stack-pull"), dnsRecord), []);

            assert.deepEqual(
                names(waits("mail-stack-deploy"), remote).sort(),
                [issue, pull, setup].sort(),
            );
            const look = mock.resource("command:local:Command", "mail-stack-reachability");
            assert.ok(look.dependsOn.includes(deploy));

            // Base records need no host that runs: they and its boot go side by side.
            const all = [issue, pull, deploy, setup];
            const waitsOf = (phase: Parameters<typeof records>[0]) =>
                records(phase).map((name) => {
                    const { dependsOn } = mock.resource(dnsRecord, name.split("::")[1] ?? "");
                    return all.filter((step) => dependsOn.includes(step)).join(" ");
                });
            assert.deepEqual([...new Set(waitsOf("Base"))], [""]);
            assert.deepEqual([...new Set(waitsOf("Certified"))], [issue]);
            assert.deepEqual([...new Set(waitsOf("Serving"))], [`${pull} ${deploy}`]);
        });

        it("are what their providers take, whatever is chosen", async () => {
            for (const stack of [
                { images, profile: "forwarding", startTlsSubmission: true },
                { images, services: { extra: { image: `ghcr.io/example/extra:1@${digest}` } } },
            ] as const) {
                const { mock } = await make({ ...signed, args: { ...signed.args, stack } });
                const custom = mock.resources.filter((resource) => resource.custom);
                assert.deepEqual(custom.flatMap(propertyFaults), []);
            }
        });
    });
}

describe("a mail host at its first preview", () => {
    it("shows everything that update makes, and knows what depends on nothing made", async () => {
        const signed = { args: { dns: cloudflare({ dnssec: true }) } };
        const update = await make(signed);
        const { mock, mail } = await make({ ...signed, preview: true });
        const names = ({ resources }: RecordingMock) =>
            resources.map(({ type, name }) => `${type} ${name}`).sort();
        assert.deepEqual(names(mock), names(update.mock));
        assert.equal(stdin(mock, "mail-stack-pull"), stdin(update.mock, "mail-stack-pull"));
        assert.equal(
            stdin(mock, "mail-certificate-issue"),
            stdin(update.mock, "mail-certificate-issue"),
        );
        assert.equal(mock.resource(remote, "mail-stack-deploy").inputs["stdin"], undefined);
        assert.equal(await valueOf(mail.webUrl), "https://example.com");
        assert.equal((await valueOf(mail.clientSettings)).length, 3);
    });
});

describe("the secrets of the mail services", () => {
    const given = {
        helperEncryptionKey: "Adopted1".repeat(4),
        txtEncryptionKey: "ad0b7ed1".repeat(4),
    };
    const environment = { SMTP_TRANSPORT_PASS: "their-own-pass" };
    const ours = [
        ...["srs", "smtp-transport", "webhook-signature"].map((key) =>
            generated(`mail-stack-keys-${key}`, 32),
        ),
        generated("mail-stack-keys-api", 64),
        generated("mail-auth-basic-password", 32),
    ];
    const dataKeys = ["helper-encryption", "txt-encryption"].map((key) =>
        generated(`mail-stack-keys-${key}`, 32),
    );
    const dkimKey = Buffer.from("private mail-dkim-default").toString("base64");

    it("reach the host on standard input alone, and stand nowhere in plain", async () => {
        const { mock } = await make({
            args: { stack: { images, secretEnvironment: environment }, ...given },
        });
        const sent = stdin(mock, "mail-stack-deploy");
        const used = [...Object.values(given), ...Object.values(environment), dkimKey, ...ours];
        for (const value of used) assert.ok(sent.includes(value), value);
        const state = JSON.stringify([
            mock.resources.map((resource) => withoutSecretValues(resource.sent)),
            withoutSecretValues(mock.outputs),
        ]);
        assert.ok(state.includes("mx.example.com"));
        for (const value of [...used, ...dataKeys, cloudflareApiToken, "PRIVATE KEY"]) {
            assert.ok(!state.includes(value), value);
        }
        for (const name of ["mail-stack-deploy", "mail-certificate-issue"]) {
            assert.deepEqual(mock.resource(remote, name).secretInputs, ["connection", "stdin"]);
        }
        assert.deepEqual(mock.resource(remote, "mail-stack-pull").secretInputs, ["connection"]);
        const { secrets } = mock.outputs["mailhost:index:StackKeys::mail-stack-keys"]!;
        assert.ok(isSecretValue(secrets));
    });

    it("are made once: those of a volume are taken instead, without a change to the others", async () => {
        const first = await make();
        const after = await make({ args: given });
        const made = generated("mail-stack-keys-helper-encryption", 32);
        assert.ok(stdin(first.mock, "mail-stack-deploy").includes(made));
        assert.ok(!stdin(after.mock, "mail-stack-deploy").includes(made));
        assert.match(
            stdin(after.mock, "mail-stack-deploy"),
            new RegExp(`^HELPER_ENCRYPTION_KEY=${given.helperEncryptionKey}$`, "m"),
        );
        assert.match(
            stdin(after.mock, "mail-stack-deploy"),
            new RegExp(`^TXT_ENCRYPTION_KEY=${given.txtEncryptionKey}$`, "m"),
        );
        // The key that was made stays in the state: what it encrypted may be wanted again.
        assert.deepEqual(differences(first.mock, after.mock), [
            "mail-stack-deploy.stdin",
            "mail-stack-reachability.triggers",
        ]);
        const kept = after.mock.resource(
            "random:index/randomPassword:RandomPassword",
            "mail-stack-keys-helper-encryption",
        );
        assert.equal(kept.protect, true);
    });

    it("may be known later", async () => {
        const later = pulumi.secret(Promise.resolve(given.helperEncryptionKey));
        const { mock } = await make({ args: { helperEncryptionKey: later } });
        assert.ok(stdin(mock, "mail-stack-deploy").includes(given.helperEncryptionKey));
    });
});

describe("changes to the mail services", () => {
    const cases: [what: string, stack: Partial<MailHostArgs["stack"]>, changed: string[]][] = [
        ["nothing", {}, []],
        [
            "a variable",
            { environment: { SMTP_MESSAGE_MAX_SIZE: "75mb" } },
            ["mail-stack-deploy.stdin", "mail-stack-reachability.triggers"],
        ],
        [
            "a secret variable",
            { secretEnvironment: { GOOGLE_CLIENT_SECRET: "their-secret" } },
            ["mail-stack-deploy.stdin", "mail-stack-reachability.triggers"],
        ],
        [
            "memory",
            { memory: { mongodb: 1024 } },
            ["mail-stack-deploy.stdin", "mail-stack-reachability.triggers"],
        ],
        [
            "another release",
            { images: { ...images, mail: images.mail.replace("v1.0.0", "v1.1.0") } },
            [
                "mail-stack-deploy.stdin",
                "mail-stack-pull.stdin",
                "mail-stack-reachability.triggers",
            ],
        ],
    ];
    let unchanged: RecordingMock;
    before(async () => {
        unchanged = (await make()).mock;
    });
    for (const [what, stack, changed] of cases) {
        it(`send the host no more than is needed: ${what}`, async () => {
            const { mock } = await make({ args: { stack: { images, ...stack } } });
            assert.deepEqual(differences(unchanged, mock), changed);
        });
    }

    it("open their ports in both firewalls, and no other", async () => {
        const ports = async (stack: Partial<MailHostArgs["stack"]>) => {
            const { mock } = await make({ args: { stack: { images, ...stack } } });
            const { rules } = mock.resource(
                "hcloud:index/firewall:Firewall",
                "mail-firewall",
            ).inputs;
            const cloud = (rules as { port?: string; protocol: string }[])
                .filter(({ protocol }) => protocol === "tcp")
                .map(({ port }) => Number(port))
                .filter((port) => port !== 22);
            const own = /elements = \{ ([0-9, ]+) \}/.exec(stdin(mock, "mail-host-apply"))?.[1];
            assert.equal(own, cloud.join(", "));
            const stackOutputs = mock.outputs["mailhost:index:Stack::mail-stack"]!;
            assert.deepEqual(stackOutputs["openTcpPorts"], cloud);
            return cloud;
        };
        assert.deepEqual(await ports({}), [25, 80, 443, 465, 993, 995]);
        assert.deepEqual(
            await ports({ startTlsSubmission: true }),
            [25, 80, 443, 465, 587, 993, 995],
        );
        assert.deepEqual(await ports({ profile: "forwarding" }), [25, 80, 443, 465]);
        const extra = { image: `ghcr.io/example/extra:1@${digest}`, ports: [8448] };
        assert.deepEqual(await ports({ services: { extra } }), [25, 80, 443, 465, 993, 995, 8448]);
    });

    it("leave no client settings where there are no mailboxes", async () => {
        const { mail } = await make({ args: { stack: { images, profile: "forwarding" } } });
        assert.deepEqual(await valueOf(mail.clientSettings), []);
    });

    it("pull images of one's own as well", async () => {
        const image = `ghcr.io/example/extra:1@${digest}`;
        const { mock } = await make({
            args: { stack: { images, services: { extra: { image } } } },
        });
        assert.ok(stdin(mock, "mail-stack-pull").includes(image));
        assert.deepEqual(mock.outputs["mailhost:index:Stack::mail-stack"]?.["furtherImages"], [
            image,
        ]);
    });
});

describe("images", () => {
    const mail = "ghcr.io/forwardemail/forwardemail.net-selfhosted:v1.0.0";

    it("that are pinned are asked for nowhere", async () => {
        const { mock } = await make();
        assert.deepEqual(
            mock.calls.filter(({ token }) => token.startsWith("docker:")),
            [],
        );
        for (const image of Object.values(images)) {
            assert.ok(stdin(mock, "mail-stack-pull").includes(image), image);
        }
    });

    it("that are not are pinned to what the registry has, without a daemon, and preview warns", async () => {
        const warn = testMock.method(pulumi.log, "warn", () => Promise.resolve());
        let warnings: string[];
        let mock: RecordingMock;
        try {
            const stack = { images: { ...images, mail } };
            ({ mock } = await make({ preview: true, args: { stack } }));
            warnings = warn.mock.calls.map((call) => String(call.arguments[0]));
        } finally {
            warn.mock.restore();
        }
        assert.deepEqual(
            mock.calls
                .filter(({ token }) => token.startsWith("docker:"))
                .map(({ inputs }): unknown => inputs),
            [{ name: mail }],
        );
        const provider = mock.resource("pulumi:providers:docker", "mail-registry");
        assert.deepEqual(provider.inputs, { disableDockerDaemonCheck: "true" });
        assert.ok(stdin(mock, "mail-stack-pull").includes(`${mail}@${registryDigest}`));
        assert.deepEqual(
            warnings.filter((warning) => warning.startsWith("stack.")),
            [
                `stack.images.mail: ${mail} is not pinned by its digest, so it is looked up at every up. Run \`npm run mailhost -- pin\`, which looks up the digests and writes them into the stack's configuration.`,
            ],
        );
    });
});

describe("the token that the host answers the authority with", () => {
    const tokenLine = (mock: RecordingMock) =>
        /^dns_cloudflare_api_token = (.*)$/m.exec(stdin(mock, "mail-certificate-issue"))?.[1];
    const apiToken = "a".repeat(40);
    const withVariable = async (value: string, run: () => Promise<void>) => {
        const old = process.env["CLOUDFLARE_API_TOKEN"];
        process.env["CLOUDFLARE_API_TOKEN"] = value;
        try {
            await run();
        } finally {
            if (old === undefined) delete process.env["CLOUDFLARE_API_TOKEN"];
            else process.env["CLOUDFLARE_API_TOKEN"] = old;
        }
    };

    it("is the host's own, which keeps the program's off the host", async () => {
        const { mock } = await make({ args: { dns: cloudflare({ apiToken }) } });
        assert.equal(tokenLine(mock), cloudflareApiToken);
        for (const { inputs } of mock.resources.filter(({ type }) => type === remote)) {
            assert.ok(!JSON.stringify(inputs).includes(apiToken));
        }
    });

    it("is that of the DNS records where it has none of its own", async () => {
        const { mock } = await make({
            args: { dns: cloudflare({ apiToken }), certificate: undefined },
        });
        assert.equal(tokenLine(mock), apiToken);
        assert.ok(mock.resource(remote, "mail-certificate-issue").secretInputs.includes("stdin"));
    });

    it("is that of the environment, as the provider finds it", async () => {
        await withVariable("e".repeat(40), async () => {
            const { mock } = await make({ args: { dns: cloudflare(), certificate: {} } });
            assert.equal(tokenLine(mock), "e".repeat(40));
        });
    });

    it("is checked before anything is made, wherever it comes from", async () => {
        await withVariable("short", async () => {
            assert.deepEqual(await refusals({ dns: cloudflare(), certificate: {} }), [
                [
                    "dns.apiToken",
                    'The value of the variable CLOUDFLARE_API_TOKEN (not shown, 5 characters) is not a token of Cloudflare: those have 40 or more of A-Z, a-z, 0-9, "_" and "-". Make one with Zone:Read and DNS:Edit at https://dash.cloudflare.com/profile/api-tokens.',
                ],
            ]);
        });
    });

    it("is asked for before anything is made", async () => {
        const missing = [
            "certificate.cloudflareApiToken",
            "The token for Cloudflare is missing: the host answers the certificate authority's DNS challenge in the zones there. Make one at https://dash.cloudflare.com/profile/api-tokens that may edit the domain's DNS.",
        ];
        assert.deepEqual(await refusals({ dns: manualDns(), certificate: {} }), [missing]);
    });
});

describe("the certificates of a mail host", () => {
    it("are looked at again when the host's set-up may have taken the token away", async () => {
        const triggers = async (secretDelivery: "ssh" | "user-data") => {
            const { mock } = await make({ args: { secretDelivery } });
            return mock.resource(remote, "mail-certificate-issue").inputs["triggers"];
        };
        assert.notDeepEqual(await triggers("ssh"), await triggers("user-data"));
    });

    it("are one a mail domain, of the chosen authority, told how long the zones take", async () => {
        const { mock } = await make({
            args: {
                certificate: {
                    cloudflareApiToken,
                    authority: "https://ca.example.net/directory",
                    issuer: "ca.example.net",
                    propagationSeconds: 60,
                },
                domains: [{ name: "example.com" }, { name: "example.org" }],
            },
        });
        const [, description = ""] =
            /certificates 0644 <<'END_OF_FILE'\n([\s\S]*?)END_OF_FILE/.exec(
                stdin(mock, "mail-certificate-issue"),
            ) ?? [];
        assert.deepEqual(description.split("\n"), [
            "directory https://ca.example.net/directory",
            "email you@example.net",
            "propagation 60",
            "lineage example.com example.com *.example.com",
            "lineage example.org mta-sts.example.org autoconfig.example.org autodiscover.example.org",
            "",
        ]);
        const caa = mock.resource(dnsRecord, "mail-dns-CAA-example.org-issue");
        assert.deepEqual(caa.inputs["data"], {
            flags: 0,
            tag: "issue",
            value: "ca.example.net; validationmethods=dns-01",
        });
    });
});

describe("a mail host refuses", () => {
    const withMemory = (memoryMb: number): ServerAdapter => ({
        ...hetzner({ sshAllowedCidrs: ["203.0.113.0/24"] }),
        memoryMb,
        memoryFrom: undefined,
    });

    it("a server that is too small for the services", async () => {
        assert.deepEqual(await refusals({ server: withMemory(1024) }), [
            [
                "stack.memory",
                "The host has 1024 MiB of memory; the stack needs 2048, and 4096 are advised. Choose a larger server.",
            ],
        ]);
    });

    it("a configuration into which no images were written yet, and says what writes them", async () => {
        const pin =
            "Run `npm run mailhost -- pin`, which looks up the digests and writes them into the stack's configuration.";
        const expected = [
            [
                "stack.images.mail",
                `It is not chosen which release of the mail services runs. ${pin} It takes a release with --mail-tag, e.g. --mail-tag v1.2.3.`,
            ],
            ...["mongodb docker.io/library/mongo:8.0", "redis docker.io/library/redis:7.4"].map(
                (one) => [
                    `stack.images.${one.split(" ")[0]}`,
                    `"${one.split(" ")[1]}" is not pinned by its digest: the database would change with whatever the tag stands for. ${pin}`,
                ],
            ),
        ];
        const stack = new pulumi.Config("mailhost").getObject<StackOptions>("stack");
        assert.equal(stack, undefined);
        assert.deepEqual(await refusals({ stack }), expected);
        assert.deepEqual(await refusals({ stack: {} }), expected);
    });

    it("no server that is just large enough: preview names the argument, and a type that fits", async () => {
        const warn = testMock.method(pulumi.log, "warn", () => Promise.resolve());
        const sshAllowedCidrs = ["203.0.113.0/24"];
        const warned = async (server: ServerAdapter) => {
            warn.mock.resetCalls();
            await make({ preview: true, args: { server } });
            return warn.mock.calls
                .map((call) => String(call.arguments[0]))
                .filter((warning) => warning.includes("MiB"));
        };
        const advice = (has: string, fits: string) =>
            `${has} has 2048 MiB of memory: the authors of the stack advise 4096. Watch for services that are ended for lack of it, or choose ${fits} or a larger one.`;
        try {
            assert.deepEqual(
                await warned(hetzner({ sshAllowedCidrs, type: "cpx11", location: "ash" })),
                [advice("server.type: cpx11", "cpx21")],
            );
            assert.deepEqual(await warned(digitalOcean({ sshAllowedCidrs, size: "s-1vcpu-2gb" })), [
                advice("server.size: s-1vcpu-2gb", "s-2vcpu-4gb"),
            ]);
            assert.deepEqual(await warned(hetzner({ sshAllowedCidrs, type: "cax11" })), []);
        } finally {
            warn.mock.restore();
        }
    });

    it("names that the services would read as something else", async () => {
        const wrong = (path: string, value: string, read: string) => [
            path,
            `"${value}" would be read as ${read} instead of a text. Choose a value that has other characters too, e.g. letters.`,
        ];
        assert.deepEqual(
            await refusals({ authBasicUsername: "1234", systemDkim: { selectors: ["2027"] } }),
            [
                wrong("authBasicUsername", "1234", "a number"),
                wrong("systemDkim.signing", "2027", "a number"),
            ],
        );
        assert.deepEqual(await refusals({ authBasicUsername: "true" }), [
            wrong("authBasicUsername", "true", "true or false"),
        ]);
    });

    it("keys of the wrong form, without showing them", async () => {
        const reasons = await refusals({
            helperEncryptionKey: "hunter2",
            txtEncryptionKey: "hunter2,".repeat(4),
        });
        assert.deepEqual(reasons, [
            [
                "helperEncryptionKey",
                "The value (not shown) has 7 characters instead of 32. Give the one that stands in the file .env of the data volume.",
            ],
            [
                "txtEncryptionKey",
                "The value (not shown) would be read as a list instead of a text. Use no comma.",
            ],
        ]);
    });
});
