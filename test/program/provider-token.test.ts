import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import * as digitalocean from "@pulumi/digitalocean";
import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import {
    digitalOcean,
    DigitalOceanServer,
    hetzner,
    HetznerServer,
    MailHost,
} from "../../components";
import { args } from "./support/mail-host-dns";
import { RecordingMock } from "./support/recording-mock";
import { serverPlan } from "./support/server-plan";

const sshAllowedCidrs = ["203.0.113.0/24"];
const plan = serverPlan();

type Options = pulumi.ComponentResourceOptions;

const providers = [
    {
        key: "hcloud:token",
        variable: "HCLOUD_TOKEN",
        right: "h".repeat(64),
        wrong: "h".repeat(63),
        fault: (origin: string) =>
            `The value ${origin}(not shown) has 63 characters; a token of Hetzner Cloud has 64. Make one with read and write access (https://console.hetzner.com: project, Security, API tokens), and set it with: pulumi config set --secret hcloud:token, or in the environment variable HCLOUD_TOKEN.`,
        mailHost: (opts?: Options) =>
            new MailHost("mail", { ...args, server: hetzner({ sshAllowedCidrs }) }, opts),
        server: (opts?: Options) => new HetznerServer("mail", { sshAllowedCidrs, plan }, opts),
        provider: () => new hcloud.Provider("own", { token: "h".repeat(64) }),
        other: () => new digitalocean.Provider("other", { token: "a".repeat(64) }),
    },
    {
        key: "digitalocean:token",
        variable: "DIGITALOCEAN_TOKEN",
        right: `dop_v1_${"a".repeat(64)}`,
        wrong: `dop_v1_${"a".repeat(63)}`,
        fault: (origin: string) =>
            `The value ${origin}(not shown) does not have the form of a token: dop_v1_ and 64 hexadecimal digits. Make one with full access (https://cloud.digitalocean.com/account/api/tokens), and set it with: pulumi config set --secret digitalocean:token, or in the environment variable DIGITALOCEAN_TOKEN.`,
        mailHost: (opts?: Options) =>
            new MailHost("mail", { ...args, server: digitalOcean({ sshAllowedCidrs }) }, opts),
        server: (opts?: Options) => new DigitalOceanServer("mail", { sshAllowedCidrs, plan }, opts),
        provider: () => new digitalocean.Provider("own", { token: "a".repeat(64) }),
        other: () => new hcloud.Provider("other", { token: "h".repeat(64) }),
    },
];

for (const { key, variable, right, wrong, fault, mailHost, server, provider, other } of providers) {
    describe(`the token ${key} in a program of one's own`, () => {
        afterEach(() => {
            Reflect.deleteProperty(process.env, variable);
            pulumi.runtime.setAllConfig({});
        });

        /** What the program is refused for, nothing being made; undefined where it is not. */
        async function refusal(
            program: () => unknown,
            { config, environment }: { config?: string; environment?: string } = {},
        ): Promise<string | undefined> {
            pulumi.runtime.setAllConfig(config === undefined ? {} : { [key]: config });
            if (environment === undefined) Reflect.deleteProperty(process.env, variable);
            else process.env[variable] = environment;
            const mock = await RecordingMock.start();
            let refused: string | undefined;
            try {
                program();
            } catch (error) {
                assert.ok(error instanceof pulumi.InputPropertiesError);
                assert.ok(!error.message.includes(wrong));
                refused = (error.errors ?? [])
                    .map(({ propertyPath, reason }) => `${propertyPath}: ${reason}`)
                    .join("\n");
            }
            await pulumi.runtime.disconnect();
            const made = mock.resources.filter(({ type }) => !type.startsWith("pulumi:providers:"));
            if (refused !== undefined) assert.deepEqual(made, []);
            return refused;
        }
        const wrongConfig = { config: wrong };

        for (const make of [mailHost, server]) {
            const what = make === mailHost ? "MailHost" : "the server alone";

            it(`is refused by ${what} when it has another form, wherever it stands`, async () => {
                assert.equal(await refusal(() => make(), wrongConfig), `${key}: ${fault("")}`);
                assert.equal(
                    await refusal(() => make(), { environment: wrong }),
                    `${key}: ${fault(`of the variable ${variable} `)}`,
                );
                assert.equal(
                    await refusal(() => make(), { config: wrong, environment: right }),
                    `${key}: ${fault("")}`,
                );
            });

            it(`is taken by ${what} when it has its form, or is not known here`, async () => {
                assert.equal(await refusal(() => make(), { config: right }), undefined);
                assert.equal(await refusal(() => make(), { environment: right }), undefined);
                assert.equal(
                    await refusal(() => make(), { config: right, environment: wrong }),
                    undefined,
                );
                assert.equal(await refusal(() => make()), undefined);
                assert.equal(await refusal(() => make(), { environment: "" }), undefined);
            });

            it(`is not looked at by ${what} where another provider is given`, async () => {
                const given: (() => Options)[] = [
                    () => ({ provider: provider() }),
                    () => ({ providers: [other(), provider()] }),
                    () => ({ providers: { [key.split(":")[0] ?? ""]: provider() } }),
                    () => ({
                        parent: new pulumi.ComponentResource(
                            "x:y:Z",
                            "z",
                            {},
                            { providers: [provider()] },
                        ),
                    }),
                ];
                for (const options of given)
                    assert.equal(
                        await refusal(() => make(options()), wrongConfig),
                        undefined,
                        String(options),
                    );
            });

            it(`is looked at by ${what} where the given provider is for something else`, async () => {
                assert.equal(
                    await refusal(() => make({ providers: [other()] }), wrongConfig),
                    `${key}: ${fault("")}`,
                );
            });
        }
    });
}
