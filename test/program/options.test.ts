// What users of Pulumi expect of a component: its options reach its children, and it can stand anywhere, many times.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as cloudflareSdk from "@pulumi/cloudflare";
import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { MailHost } from "../../components";
import { args } from "./support/mail-host-dns";
import { RecordingMock, valueOf } from "./support/recording-mock";

const ofPackage = (mock: RecordingMock, name: string) =>
    mock.resources.filter(({ type, custom }) => custom && type.startsWith(`${name}:`));

describe("the options of MailHost", () => {
    it("hand providers down to everything that is theirs, and to what is asked of them", async () => {
        const { mock } = await RecordingMock.run({}, () => {
            const providers = [
                new hcloud.Provider("own-hcloud", { token: "t".repeat(64) }),
                new cloudflareSdk.Provider("own-cloudflare", { apiToken: "c".repeat(40) }),
            ];
            return new MailHost("mail", args, { providers });
        });
        for (const name of ["hcloud", "cloudflare"]) {
            const resources = ofPackage(mock, name);
            assert.ok(resources.length > 5, name);
            for (const { name: child, provider } of resources)
                assert.equal(provider, `pulumi:providers:${name}::own-${name}`, child);
            const calls = mock.calls.filter(({ token }) => token.startsWith(`${name}:`));
            assert.ok(calls.length > 0, name);
            for (const { token, provider } of calls)
                assert.match(provider ?? "", new RegExp(`::own-${name}::`), token);
        }
    });

    it("protect every child when they say so, and only what lasts when the argument says so", async () => {
        const protectedNames = async (protect: boolean, opts: pulumi.ComponentResourceOptions) => {
            const { mock } = await RecordingMock.run(
                {},
                () => new MailHost("mail", { ...args, protect }, opts),
            );
            return mock.resources.filter(({ custom }) => custom).map((r) => [r.name, r.protect]);
        };
        for (const protect of [true, false]) {
            const all = await protectedNames(protect, { protect: true });
            assert.deepEqual(
                all.filter(([, isProtected]) => !isProtected),
                [],
            );
        }
        const some = new Map((await protectedNames(true, {})) as [string, boolean][]);
        assert.deepEqual(
            ["mail-server", "mail-data", "mail-ipv4", "mail-login-key"].map((n) => some.get(n)),
            [false, false, true, true],
        );
        const none = await protectedNames(false, {});
        assert.deepEqual(
            none.filter(([, isProtected]) => isProtected),
            [],
        );
    });
});

describe("what MailHost depends on", () => {
    const first = "random:index/randomPet:RandomPet::first";

    for (const [form, dependsOn] of [
        ["a resource", (pet: pulumi.Resource) => pet],
        ["a list", (pet: pulumi.Resource) => [pet]],
        ["an output", (pet: pulumi.Resource) => pulumi.output([pet])],
    ] as const) {
        it(`is waited for by every child: ${form}`, async () => {
            const { mock } = await RecordingMock.run({}, () => {
                const pet = new random.RandomPet("first");
                return new MailHost("mail", args, { dependsOn: dependsOn(pet) });
            });
            const children = mock.resources.filter(
                ({ custom, name }) => custom && name !== "first",
            );
            assert.ok(children.length > 100, `${children.length} children`);
            assert.deepEqual(
                children.filter((child) => !child.dependsOn.includes(first)).map((r) => r.name),
                [],
            );
            // What a child waits for of its own is still waited for.
            const { dependsOn: ofStack } = mock.resource(
                "command:remote:Command",
                "mail-stack-deploy",
            );
            assert.ok(ofStack.includes("command:remote:Command::mail-certificate-issue"));
        });
    }

    it("leaves the children alone where nothing is given", async () => {
        const { mock } = await RecordingMock.run({}, () => {
            new random.RandomPet("first");
            return new MailHost("mail", args);
        });
        assert.deepEqual(
            mock.resources.filter(({ dependsOn }) => dependsOn.includes(first)),
            [],
        );
    });
});

describe("mail hosts", () => {
    const refusal = (make: () => unknown): pulumi.InputPropertiesError["errors"] => {
        try {
            make();
        } catch (error) {
            return (error as pulumi.InputPropertiesError).errors ?? [];
        }
        return [];
    };

    it("refuse a domain that another host of the program has, whichever list it stands in", async () => {
        const { mock, result } = await RecordingMock.run({}, () => {
            new MailHost("first", args);
            return refusal(
                () =>
                    new MailHost("second", {
                        ...args,
                        rebootTime: "noon",
                        domain: "example.org",
                        domains: [{ name: "example.com" }, { name: "example.net" }],
                    }),
            );
        });
        const remedy = "Give each domain to one host alone.";
        assert.deepEqual(
            result.filter(({ reason }) => reason.includes("mail host")),
            [
                {
                    propertyPath: "domain",
                    reason: `"example.org" is a mail domain of the mail host "first" in this program, and their records would clash. ${remedy}`,
                },
                {
                    propertyPath: "domains[0].name",
                    reason: `"example.com" is a mail domain of the mail host "first" in this program, and their records would clash. ${remedy}`,
                },
            ],
        );
        assert.ok(result.some(({ propertyPath }) => propertyPath === "rebootTime"));
        assert.deepEqual(
            mock.resources.filter(({ name }) => name.startsWith("second")),
            [],
        );
    });

    it("may have the domain of a host that was refused, or of another run in the same process", async () => {
        for (let run = 0; run < 2; run++) {
            const { result } = await RecordingMock.run({}, () => {
                const refused = refusal(() => new MailHost("a", { ...args, rebootTime: "noon" }));
                assert.deepEqual(
                    refused.map(({ propertyPath }) => propertyPath),
                    ["rebootTime"],
                );
                return refusal(() => new MailHost("b", args));
            });
            assert.deepEqual(result, []);
        }
    });

    it("stand beside each other in one program", async () => {
        const { mock, result } = await RecordingMock.run({}, () => [
            new MailHost("first", args),
            new MailHost("second", { ...args, domain: "example.net", domains: [] }),
        ]);
        const parents = new Set(
            mock.resources.flatMap(({ parent }) =>
                parent?.startsWith("mailhost:index:MailHost::") ? [parent] : [],
            ),
        );
        assert.deepEqual([...parents].sort(), [
            "mailhost:index:MailHost::first",
            "mailhost:index:MailHost::second",
        ]);
        assert.deepEqual(await Promise.all(result.map(({ hostName }) => valueOf(hostName))), [
            "mx.example.com",
            "mx.example.net",
        ]);
        // What a provider names for the whole account is each host's own.
        const named = mock.resources
            .filter(({ type }) => type.startsWith("hcloud:"))
            .flatMap(({ type, inputs }) =>
                typeof inputs["name"] === "string" ? [`${type} ${inputs["name"]}`] : [],
            );
        assert.deepEqual(named, [...new Set(named)]);
    });

    it("stand within a component of somebody else's", async () => {
        class Company extends pulumi.ComponentResource {
            readonly mail: MailHost;
            constructor(name: string) {
                super("acme:index:Company", name);
                this.mail = new MailHost(`${name}-mail`, args, { parent: this });
                this.registerOutputs({ web: this.mail.webUrl });
            }
        }
        const { mock, result } = await RecordingMock.run({}, () => new Company("acme"));
        assert.equal(
            mock.resource("mailhost:index:MailHost", "acme-mail").parent,
            "acme:index:Company::acme",
        );
        assert.equal(await valueOf(result.mail.webUrl), "https://example.com");
        for (const { name, parent } of mock.resources) assert.ok(parent || name === "acme", name);
    });
});
