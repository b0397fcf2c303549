import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { chosenAuthority } from "../../components/certificate/authorities";
import { Certificate, type CertificateArgs } from "../../components/certificate/certificate";
import { certificateLineages } from "../../components/certificate/names";
import { renderCertificateScript } from "../../components/certificate/script";
import { receiveCommand } from "../../components/host/ssh-channel";
import { RecordingMock, unhandledErrors, valueOf } from "./support/recording-mock";
import { hostKey, privateKey, standingServer } from "./support/standing-server";

const token = "cf-token-0123456789-0123456789-012345678";

/** A component has to have a child for its dependents to wait for. */
class Step extends pulumi.CustomResource {
    constructor(name: string) {
        super("test:index:Step", name, {});
    }
}

const description = {
    lineages: certificateLineages("example.com", ["example.org"]),
    authority: chosenAuthority({}),
    email: "you@example.net",
};

function args(changes: Partial<CertificateArgs> = {}): CertificateArgs {
    return {
        server: standingServer({ ready: [new Step("attachment")] }),
        ...description,
        cloudflareApiToken: token,
        ...changes,
    };
}

/** The command as it is registered. The mock's host says nothing of its certificates. */
async function register(preview: boolean): Promise<{ mock: RecordingMock; errors: string[] }> {
    let mock: RecordingMock | undefined;
    const program = async () => {
        const run = await RecordingMock.run({ preview }, () => {
            return new Certificate("cert", args({ triggers: ["ssh"] }), {
                dependsOn: [new Step("setup")],
            });
        });
        mock = run.mock;
    };
    const errors = preview ? (await program(), []) : await unhandledErrors(program);
    assert.ok(mock);
    return { mock, errors: errors.map(String) };
}

for (const preview of [false, true]) {
    describe(`Certificate in ${preview ? "preview" : "update"}`, () => {
        test("sends one script over the pinned connection, after the set-up", async () => {
            const { mock, errors } = await register(preview);
            const issue = mock.resource("command:remote:Command", "cert-issue");
            // Without `delete`: another machine replaces the command, and that deletes after it has created.
            assert.deepEqual(issue.inputs, {
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
                stdin: renderCertificateScript({ ...description, propagationSeconds: 20 }, token),
                triggers: ["4711", "ssh"],
                addPreviousOutputInEnv: false,
                logging: "stdoutAndStderr",
            });
            assert.deepEqual(issue.secretInputs, ["connection", "stdin"]);
            assert.equal(issue.parent, "mailhost:index:Certificate::cert");
            assert.deepEqual(issue.dependsOn, [
                "test:index:Step::attachment",
                "test:index:Step::setup",
            ]);
            assert.deepEqual(mock.resource("mailhost:index:Certificate", "cert").inputs, {});
            const known = preview ? [] : errors.slice(0, 1);
            for (const error of known) assert.match(error, /The host did not say what its/);
            assert.equal(known.length, preview ? 0 : 1);
        });
    });
}

describe("Certificate", () => {
    const digests = { "example.com": "a1".repeat(32), "example.org": "b2".repeat(32) };
    const accountUri = "https://acme-v02.api.letsencrypt.org/acme/acct/1";
    const facts = { keyDigests: digests, accountUri };
    const said = `mailhost: certificate of example.com: good for 80 days more\nmailhost: facts ${JSON.stringify(facts)}\n`;

    test("tells what the host says, in plain although the script is secret", async () => {
        await pulumi.runtime.setMocks({
            newResource: ({ type, inputs }) => ({
                id: "1",
                state: {
                    ...(inputs as object),
                    ...(type === "command:remote:Command" && { stdout: pulumi.secret(said) }),
                },
            }),
            call: () => ({}),
        });
        const certificate = new Certificate("cert", args());
        await pulumi.runtime.disconnect();
        const { keyDigests, log } = certificate;
        assert.deepEqual(await valueOf(keyDigests), digests);
        assert.equal(await valueOf(certificate.accountUri), accountUri);
        assert.equal(await valueOf(log), said);
        assert.deepEqual(
            await Promise.all([
                pulumi.isSecret(keyDigests),
                pulumi.isSecret(certificate.accountUri),
                pulumi.isSecret(log),
            ]),
            [false, false, false],
        );
    });

    test("does without the facts of a further domain that has no certificate", async () => {
        const own = { "example.com": digests["example.com"] };
        const printed = `mailhost: facts ${JSON.stringify({ ...facts, keyDigests: own })}\n`;
        await pulumi.runtime.setMocks({
            newResource: ({ type, inputs }) => ({
                id: "1",
                state: {
                    ...(inputs as object),
                    ...(type === "command:remote:Command" && { stdout: printed }),
                },
            }),
            call: () => ({}),
        });
        const certificate = new Certificate("cert", args());
        await pulumi.runtime.disconnect();
        assert.deepEqual(await valueOf(certificate.keyDigests), own);
    });

    test("takes a token that is known later, and keeps it secret", async () => {
        const mock = await RecordingMock.start({ preview: true });
        new Certificate("cert", args({ cloudflareApiToken: pulumi.output(token) }));
        await pulumi.runtime.disconnect();
        const { inputs, secretInputs } = mock.resource("command:remote:Command", "cert-issue");
        assert.match(
            String(inputs["stdin"]),
            new RegExp(`^dns_cloudflare_api_token = ${token}$`, "m"),
        );
        assert.ok(secretInputs.includes("stdin"));
    });

    test("reports everything that is wrong with its arguments before anything is made", async () => {
        const mock = await RecordingMock.start();
        const wrong = args({ lineages: [], email: "you", cloudflareApiToken: "short-secret" });
        assert.throws(
            () => new Certificate("cert", wrong),
            (error: Error) => {
                assert.match(error.message, /^cert: 3 problems, nothing was changed:\n/);
                assert.match(error.message, /^ {2}email: "you" is not an e-mail address\./m);
                assert.match(error.message, /^ {2}lineages: There is none/m);
                assert.match(error.message, /^ {2}cloudflareApiToken: /m);
                assert.doesNotMatch(error.message, /short-secret/);
                return true;
            },
        );
        await pulumi.runtime.disconnect();
        assert.deepEqual(
            mock.resources.filter(
                ({ type }) => !type.startsWith("test:") && !type.startsWith("pulumi:"),
            ),
            [],
        );
    });
});
