import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { afterEach, beforeEach, describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { images } from "../unit/stack/stacks";
import { RecordingMock, valueOf } from "./support/recording-mock";
import { withoutSecretValues } from "./support/secret-values";

const secretKeys = [
    ...["hcloud:token", "cloudflare:apiToken", "mailhost:cloudflareApiToken"],
    ...["mailhost:helperEncryptionKey", "mailhost:secretEnvironment"],
];
const helperEncryptionKey = "Adopted1".repeat(4);
const config = {
    "mailhost:domain": "example.com",
    "mailhost:email": "you@example.net",
    "mailhost:server": JSON.stringify({ sshAllowedCidrs: ["203.0.113.0/24"], type: "cx23" }),
    "mailhost:protect": "false",
    "mailhost:secretDelivery": "user-data",
    "mailhost:cloudflareApiToken": "c".repeat(40),
    "mailhost:domains": JSON.stringify([{ name: "example.org" }]),
    "mailhost:dns": JSON.stringify({ dnssec: true }),
    "mailhost:stack": JSON.stringify({ images, environment: { APP_NAME: "Post" } }),
    "mailhost:helperEncryptionKey": helperEncryptionKey,
    "mailhost:secretEnvironment": JSON.stringify({ GOOGLE_CLIENT_SECRET: "their-secret" }),
    "mailhost:certificate": JSON.stringify({
        authority: "letsencrypt-staging",
        propagationSeconds: 45,
    }),
    "hcloud:token": "h".repeat(64),
    "cloudflare:apiToken": "a".repeat(40),
};

const pin =
    "Run `npm run mailhost -- pin`, which looks up the digests and writes them into the stack's configuration.";

/** An output, with what Pulumi's SDK keeps to itself. */
type Dependent = pulumi.Output<unknown> & { allResources(): Promise<Set<pulumi.Resource>> };

type Exports = Record<string, pulumi.Output<unknown>>;

/** Runs index.ts as the engine does, with that configuration. */
async function runProgram(entries: Record<string, string>) {
    const load = createRequire(__filename);
    const entry = load.resolve("../../index");
    const mock = await RecordingMock.start();
    pulumi.runtime.setAllConfig(entries, secretKeys);
    // As the engine does: a program runs once in a process.
    delete load.cache[entry];
    let result: { exports: Exports } | { error: unknown };
    try {
        result = { exports: load(entry) as Exports };
    } catch (error) {
        result = { error };
    }
    await pulumi.runtime.disconnect();
    return { mock, ...result };
}

describe("the program", () => {
    const own = { ...process.env };
    beforeEach(() => {
        process.env["PULUMI_CONFIG_SECRET_KEYS"] = JSON.stringify(secretKeys);
        delete process.env["HCLOUD_TOKEN"];
        delete process.env["CLOUDFLARE_API_TOKEN"];
    });
    afterEach(() => {
        delete process.env["PULUMI_CONFIG_SECRET_KEYS"];
        Object.assign(process.env, own);
    });

    it("has outputs that wait for nothing on the host: an `up` that fails there keeps them", async () => {
        const result = await runProgram(config);
        assert.ok("exports" in result);
        const waits: string[] = [];
        for (const [name, output] of Object.entries(result.exports)) {
            const resources = await (output as Dependent).allResources();
            for (const resource of resources) {
                const urn = await valueOf(resource.urn);
                const [, , type = "", own = ""] = urn.split("::");
                if (type.includes("command:")) waits.push(`${name}: ${own}`);
            }
        }
        assert.deepEqual(waits, []);
    });

    it("makes one MailHost named mail of what the configuration says", async () => {
        const { mock } = await runProgram(config);
        const mailHosts = mock.resources.filter(({ type }) => type === "mailhost:index:MailHost");
        assert.deepEqual(
            mailHosts.map(({ name }) => name),
            ["mail"],
        );
        assert.equal(
            mock.resource("hcloud:index/server:Server", "mail-server").inputs["serverType"],
            "cx23",
        );
        assert.deepEqual(
            mock.resources.filter(({ protect }) => protect),
            [],
        );
        const remote = (name: string) => mock.resource("command:remote:Command", name);
        for (const name of ["mail-host-apply", "mail-certificate-issue", "mail-stack-deploy"]) {
            assert.deepEqual(remote(name).secretInputs, ["connection", "stdin"]);
        }
        const issue = String(remote("mail-certificate-issue").inputs["stdin"]);
        assert.match(issue, /^directory https:\/\/acme-staging-v02\./m);
        assert.match(issue, /^propagation 45$/m);
        assert.match(issue, new RegExp(`^dns_cloudflare_api_token = ${"c".repeat(40)}$`, "m"));
        const deploy = String(remote("mail-stack-deploy").inputs["stdin"]);
        assert.match(deploy, /^APP_NAME=Post$/m);
        assert.match(deploy, /^GOOGLE_CLIENT_SECRET=their-secret$/m);
        assert.match(deploy, new RegExp(`^HELPER_ENCRYPTION_KEY=${helperEncryptionKey}$`, "m"));
    });

    it("keeps every secret of the configuration out of plain state", async () => {
        const { mock } = await runProgram(config);
        const state = JSON.stringify([
            mock.resources.map(({ sent }) => withoutSecretValues(sent)),
            withoutSecretValues(mock.outputs),
        ]);
        assert.ok(state.includes("mx.example.com"));
        for (const value of ["c".repeat(40), helperEncryptionKey, "their-secret"]) {
            assert.ok(!state.includes(value), value);
        }
    });

    it("exports the outputs of the host, key and password as secrets", async () => {
        const result = await runProgram(config);
        assert.ok("exports" in result);
        const secret: string[] = [];
        const names = Object.keys(result.exports).filter(
            (name) => !["__esModule", "default"].includes(name),
        );
        for (const name of names) {
            if (await pulumi.isSecret(result.exports[name] as pulumi.Output<unknown>))
                secret.push(name);
        }
        assert.deepEqual(names.sort(), [
            "authBasicPassword",
            "authBasicUsername",
            "clientSettings",
            "dns",
            "dnssec",
            "hostName",
            "ipv4",
            "ipv6",
            "missingDomainValues",
            "nextSteps",
            "sshCommand",
            "sshHostKey",
            "sshPrivateKey",
            "webUrl",
        ]);
        assert.deepEqual(secret.sort(), ["authBasicPassword", "sshPrivateKey"]);
        assert.equal(
            await valueOf(result.exports["hostName"] as pulumi.Output<unknown>),
            "mx.example.com",
        );
    });

    it("ends with every problem in one message, without a stack trace, and registers nothing", async () => {
        const result = await runProgram({ "mailhost:domain": "co.uk", "mailhost:protect": "no" });
        assert.ok("error" in result);
        assert.ok(pulumi.RunError.isInstance(result.error));
        assert.deepEqual(result.error.message.split("\n"), [
            "The configuration has 9 problems; nothing was changed.",
            '  mailhost:protect: "no" is not true or false. Write true or false.',
            '  mailhost:domain: "co.uk" is a public suffix, below which others register their domains. Give a domain of your own, e.g. example.co.uk.',
            "  mailhost:email: The e-mail address is missing. Give one that you read: the certificate authority and the host write to it, e.g. you@example.net.",
            `  mailhost:stack.images.mail: It is not chosen which release of the mail services runs. ${pin} It takes a release with --mail-tag, e.g. --mail-tag v1.2.3.`,
            ...[
                ["mongodb", "docker.io/library/mongo:8.0"],
                ["redis", "docker.io/library/redis:7.4"],
            ].map(
                ([name, image]) =>
                    `  mailhost:stack.images.${name}: "${image}" is not pinned by its digest: the database would change with whatever the tag stands for. ${pin}`,
            ),
            "  mailhost:server.sshAllowedCidrs: Nothing says who may connect over SSH; no default is safe. List the address blocks that you administer from, e.g. 203.0.113.0/24 (0.0.0.0/0 is everyone).",
            "  hcloud:token: The token for Hetzner Cloud is missing. Make one with read and write access (https://console.hetzner.com: project, Security, API tokens), and set it with: pulumi config set --secret hcloud:token, or in the environment variable HCLOUD_TOKEN.",
            "  cloudflare:apiToken: The token for Cloudflare is missing: the program publishes the DNS records there. Make one with Zone:Read and DNS:Edit for the zones of your mail domains (https://dash.cloudflare.com/profile/api-tokens), and set it with: pulumi config set --secret cloudflare:apiToken, or in the environment variable CLOUDFLARE_API_TOKEN. To write the records in those zones yourself, set mailhost:dns.provider to manual.",
            "Mend it in Pulumi.test.yaml, or with: pulumi config set [--path] KEY VALUE, or pulumi config rm [--path] KEY",
        ]);
        assert.deepEqual(result.mock.resources, []);
    });
});
