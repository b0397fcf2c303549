import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
    changesOf,
    longestReport,
    parsePreview,
    renderReport,
    secretsOf,
    warningsOf,
    type Preview,
    type PreviewStep,
} from "../../../pipeline/report";

const urn = (type: string, name: string) =>
    `urn:pulumi:prod::mailhost::mailhost:index:MailHost$${type}::${name}`;
const step = (op: string, type: string, name: string, diffReasons?: string[]): PreviewStep => ({
    op,
    urn: urn(type, name),
    diffReasons,
});
const server = "hcloud:index/server:Server";
const preview = (steps: PreviewStep[], messages: [string, string][] = []): Preview => ({
    steps,
    diagnostics: messages.map(([severity, message]) => ({ severity, message })),
});
const options = { stack: "prod", kind: "preview", failed: false } as const;

describe("the report of a preview", () => {
    it("tells each change once, and nothing that stays", () => {
        const steps = [
            step("same", server, "same"),
            step("update", "pulumi:providers:hcloud", "default"),
            step("create", "cloudflare:index/dnsRecord:DnsRecord", "mx"),
            step("create-replacement", server, "mail-server", ["image", "labels.a"]),
            step("replace", server, "mail-server", ["image"]),
            step("delete-replaced", server, "mail-server"),
        ];
        assert.deepEqual(changesOf(preview(steps)), [
            {
                action: "create",
                type: "cloudflare:index/dnsRecord:DnsRecord",
                name: "mx",
                properties: [],
            },
            {
                action: "replace",
                type: server,
                name: "mail-server",
                properties: ["image", "labels"],
            },
        ]);
        assert.equal(
            renderReport(preview(steps), options),
            [
                "<!-- pulumi-mailhost preview prod -->",
                "### Preview of `prod`",
                "",
                "1 to create, 1 to replace.",
                "",
                "> **Careful.** The server mail-server is replaced: mail stops for the minutes until the new one serves.",
                "",
                "| action | resource | type | what differs |",
                "| --- | --- | --- | --- |",
                "| create | `mx` | `cloudflare:index/dnsRecord:DnsRecord` |  |",
                "| replace | `mail-server` | `hcloud:index/server:Server` | image, labels |",
            ].join("\n"),
        );
    });

    it("warns of what stops mail or loses something, and of nothing else", () => {
        const warned = (op: string, type: string, reasons: string[] = []) =>
            warningsOf(changesOf(preview([step(op, type, "x", reasons)]))).join();
        assert.match(warned("delete", server), /is deleted: mail stops/);
        assert.match(warned("update", server, ["serverType"]), /switched off while its type/);
        assert.equal(warned("update", server, ["labels"]), "");
        assert.equal(warned("create", server), "");
        assert.match(warned("delete", "hcloud:index/volume:Volume"), /every mailbox on it/);
        assert.equal(warned("update", "hcloud:index/volume:Volume", ["size"]), "");
        assert.match(warned("replace", "hcloud:index/primaryIp:PrimaryIp"), /reputation/);
    });

    it("says plainly when nothing would change, and when it failed", () => {
        assert.match(renderReport(preview([]), options), /\n\nNothing would change\.$/);
        assert.match(
            renderReport(preview([]), { ...options, kind: "drift" }),
            /^<!-- pulumi-mailhost drift prod -->\n### Drift of `prod`\n\nNothing differs/,
        );
        const failed = renderReport(preview([], [["error", "no domain"]]), {
            ...options,
            failed: true,
        });
        assert.match(failed, /\*\*The preview failed\.\*\*[^]*~~~text\nerror: no domain\n~~~$/);
    });

    it("names the severity of a message once, whether the engine did or not", () => {
        const messages: [string, string][] = [
            ["error", "error: no domain"],
            ["error", "\u001b[31merror: \u001b[0mtwo\nlines"],
            ["error", "no error: none"],
            ["warning", "warning: slow"],
            ["warning", "error: of a warning"],
        ];
        const text = renderReport(preview([], messages), { ...options, failed: true });
        assert.match(
            text,
            /~~~text\nerror: no domain\nerror: two\nlines\nerror: no error: none\nwarning: slow\nwarning: error: of a warning\n~~~$/,
        );
    });

    it("tells nothing as drift that a deployment may be about to do", () => {
        const text = renderReport(preview([step("replace", server, "s")], [["error", "why"]]), {
            ...{ stack: "prod", kind: "drift", failed: true },
            unsettled: "A deployment worked on the stack meanwhile.",
        });
        assert.equal(
            text,
            [
                "<!-- pulumi-mailhost drift prod -->",
                "### Drift of `prod`",
                "",
                "**Nothing can be said about drift now.** A deployment worked on the stack meanwhile.",
                "",
                "~~~text",
                "error: why",
                "~~~",
            ].join("\n"),
        );
    });

    it("shows no secret of the environment, and no value of a resource", () => {
        const secrets = secretsOf({ HCLOUD_TOKEN: "h".repeat(64), HOME: "/home/somebody" });
        assert.deepEqual(secrets, ["h".repeat(64)]);
        const steps = [
            { ...step("update", server, "s"), newState: { inputs: { a: "plain-value" } } },
        ];
        const text = renderReport(preview(steps, [["error", `token ${"h".repeat(64)} refused`]]), {
            ...options,
            secrets,
        });
        assert.match(text, /error: token \[secret\] refused/);
        assert.doesNotMatch(text, /hhhh|plain-value/);
    });

    it("takes for secrets what is named as one, but for values that stand everywhere", () => {
        const secret = {
            CLOUDFLARE_API_KEY: "c".repeat(37),
            PULUMI_CONFIG_PASSPHRASE: "kurz",
            SSH_PRIVATE_KEY: "-----BEGIN-----\nabc\n",
            MAIL_PASSWORD: "kurz-und-gut",
        };
        const plain = {
            ...{ HOME: "/home/somebody", EMPTY_TOKEN: "", SHORT_TOKEN: "abc", BLANK_KEY: "     " },
            ...{ KIND_TOKEN: undefined },
        };
        // The longest first: what is left of one that begins like another would be shown.
        assert.deepEqual(secretsOf({ ...plain, ...secret }), [
            ...["c".repeat(37), "-----BEGIN-----\nabc", "kurz-und-gut", "kurz"],
        ]);
        const messages: [string, string][] = [["error", "kurz-und-gut and kurz refused"]];
        assert.match(
            renderReport(preview([], messages), { ...options, secrets: secretsOf(secret) }),
            /error: \[secret\] and \[secret\] refused/,
        );
    });

    it("stays in its frame whatever names and messages hold", () => {
        const text = renderReport(
            preview(
                [step("create", server, "a|b`<img>@all")],
                [["warning", "\u001b[31mred\u001b[0m\n~~~\n@all"]],
            ),
            options,
        );
        assert.match(text, /\| create \| `a b {2}img {2}all` \|/);
        assert.match(text, /~~~text\nwarning: red\n~ ~ ~\n@all\n~~~$/);
    });

    it("is bounded, and closes what it cut", () => {
        const many = Array.from({ length: 300 }, (_, n) => step("create", server, `s${n}`));
        const text = renderReport(preview(many), options);
        assert.match(text, /300 to create\.[^]*And 200 more\.$/);
        const long = renderReport(
            preview(
                many.map((s, n) => ({ ...s, urn: urn(server, "n".repeat(300) + n) })),
                [["warning", "w".repeat(9000)]],
            ),
            options,
        );
        assert.equal(long.length, longestReport);
        assert.match(long, /\n~~~\n\nThe rest was cut off\.$/);
    });

    it("refuses what is no preview, without repeating it", () => {
        for (const text of ["geheim-7351", "[]", "null", '"geheim-7351"']) {
            assert.throws(
                () => parsePreview(text),
                (error: Error) => {
                    assert.match(error.message, /printed no (JSON|object)/);
                    return !error.message.includes("geheim");
                },
            );
        }
    });
});
