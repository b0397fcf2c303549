// What users of Pulumi expect of a component: its options reach its children, and it can stand anywhere, many times.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as cloudflareSdk from "@pulumi/cloudflare";
import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
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

describe("mail hosts", () => {
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
