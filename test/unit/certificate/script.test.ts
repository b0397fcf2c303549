import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { readFacts } from "../../../components/certificate/facts";
import { certificateLineages } from "../../../components/certificate/names";
import type { CertificatePlan } from "../../../components/certificate/plan";
import { renderCertificateScript, renderDescription } from "../../../components/certificate/script";
import { dataMountPoint } from "../../../components/host/data-volume";
import { planHost } from "../../../components/host/plan";
import { planArguments } from "../host/arguments";
import { authorityPem } from "./authority-certificate";

const plan: CertificatePlan = {
    authority: { directoryUrl: "https://ca.example.net/dir", issuer: "ca.example.net" },
    ca: authorityPem,
    email: "you@example.net",
    lineages: certificateLineages("example.com", ["example.org"]),
    propagationSeconds: 20,
};
const token = "cf-token-0123456789-0123456789-012345678";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-certificate-"));
after(() => fs.rmSync(folder, { recursive: true }));

function shellcheck(name: string, content: string): void {
    const file = path.join(folder, name);
    fs.writeFileSync(file, content);
    execFileSync("bash", ["-n", file], { stdio: "pipe" });
    const check = spawnSync("shellcheck", [file], { encoding: "utf8" });
    assert.equal(check.error, undefined);
    assert.equal(check.stdout, "");
}

/** The script as it would run on a host whose files lie below a folder. */
function run(script: string, root: string, options: string[] = []) {
    const program = path.join(root, "usr/local/lib/mailhost/certificates");
    fs.mkdirSync(path.dirname(program), { recursive: true });
    fs.mkdirSync(path.join(root, "root"), { recursive: true });
    fs.writeFileSync(program, '#!/bin/sh\necho "asked to $*"\n', { mode: 0o755 });
    return spawnSync("bash", options, {
        input: script.replaceAll(/(?<=[ =])\/(?=root|etc|usr)/g, `${root}/`),
        encoding: "utf8",
    });
}

describe("renderDescription", () => {
    it("is a setting a line, the host's own certificate first", () => {
        assert.equal(
            renderDescription(plan),
            `directory https://ca.example.net/dir
email you@example.net
propagation 20
lineage example.com example.com *.example.com
lineage example.org mta-sts.example.org autoconfig.example.org autodiscover.example.org
`,
        );
    });
});

describe("renderCertificateScript", () => {
    it("is clean bash, with the authority's own certificate and without", () => {
        shellcheck("with", renderCertificateScript(plan, token));
        shellcheck("without", renderCertificateScript({ ...plan, ca: undefined }, token));
    });

    it("writes what the host goes by, and obtains", () => {
        const root = path.join(folder, "host");
        const { status, stdout, stderr } = run(renderCertificateScript(plan, token), root);
        assert.deepEqual([status, stdout, stderr], [0, "asked to issue\n", ""]);
        const files = [
            "root/.cloudflare.ini",
            "etc/mailhost/acme-ca.pem",
            "etc/mailhost/certificates",
        ];
        assert.deepEqual(
            files.map((file) => [
                fs.readFileSync(path.join(root, file), "utf8"),
                (fs.statSync(path.join(root, file)).mode & 0o777).toString(8),
            ]),
            [
                [`dns_cloudflare_api_token = ${token}\n`, "600"],
                [authorityPem, "644"],
                [renderDescription(plan), "644"],
            ],
        );
        run(renderCertificateScript({ ...plan, ca: undefined }, token), root);
        assert.equal(fs.existsSync(path.join(root, "etc/mailhost/acme-ca.pem")), false);
        assert.deepEqual(fs.readdirSync(path.join(root, "root")), [".cloudflare.ini"]);
    });

    it("says so where the host is not set up", () => {
        const root = path.join(folder, "bare");
        fs.mkdirSync(path.join(root, "root"), { recursive: true });
        const script = renderCertificateScript(plan, token).replace(
            "program=/usr/local/lib/mailhost/certificates",
            "program=/usr/local/lib/mailhost/none",
        );
        const { status, stderr } = run(script, root);
        assert.equal(status, 1);
        assert.match(stderr, /^mailhost: error: \S+ is missing: the host is not set up as planned/);
    });

    it("prints no token when bash prints its commands", () => {
        const { status, stderr } = run(
            renderCertificateScript(plan, token),
            path.join(folder, "verbose"),
            ["-x"],
        );
        assert.equal(status, 0);
        assert.match(stderr, /write_whole \S+\.cloudflare\.ini 0600/);
        assert.ok(!stderr.includes(token));
    });

    it("refuses a token that would be more than a word, without showing it", () => {
        const text = fc.string({ unit: "binary" }).filter((value) => !/^[!-~]+$/.test(value));
        fc.assert(
            fc.property(text, (value) => {
                assert.throws(
                    () => renderCertificateScript(plan, value),
                    (error: Error) => value.length < 8 || !error.message.includes(value),
                );
            }),
            { numRuns: 60 },
        );
    });

    it("does not depend on the host's own script", () => {
        const script = renderCertificateScript(plan, token);
        assert.doesNotMatch(script, /certbot/);
        assert.ok(script.length < 4096, `${script.length} characters`);
    });
});

describe("the host's script for certificates", () => {
    const { files, units } = planHost(planArguments);
    const contentOf = (name: string) => files.find((file) => file.path === name)?.content ?? "";

    it("is clean as a whole", () => {
        const script = contentOf("/usr/local/lib/mailhost/certificates");
        assert.match(script, /^#!\/bin\/bash\n/);
        shellcheck("certificates", script);
        shellcheck("mailhost", contentOf("/usr/local/bin/mailhost"));
    });

    it("runs by a timer that is enabled, after the volume's mount but without causing it", () => {
        assert.ok(units.enabled.includes("mailhost-renew.timer"));
        const unit = contentOf("/etc/systemd/system/mailhost-renew.service");
        assert.match(unit, /^After=root-forwardemail\.net-self\\x2dhosting\.mount /m);
        assert.doesNotMatch(unit, /^Requires/m);
        assert.match(unit, /^ExecStart=\/usr\/local\/lib\/mailhost\/certificates renew$/m);
    });

    it("writes to the data volume alone what has to outlive the host", () => {
        assert.match(
            contentOf("/usr/local/lib/mailhost/certificates"),
            new RegExp(`^data=${dataMountPoint}\nstore=\\$data/letsencrypt$`, "m"),
        );
    });
});

describe("readFacts", () => {
    const digest = "a1".repeat(32);
    const facts = {
        keyDigests: { "example.com": digest },
        accountUri: "https://ca.example.net/acct/1",
    };
    const line = `mailhost: facts ${JSON.stringify(facts)}`;

    it("finds the last line of facts among what was said", () => {
        const earlier = line.replace("/acct/1", "/acct/0");
        assert.deepEqual(readFacts(`${earlier}\nmailhost: x\n${line}\nend`, "example.com"), facts);
    });

    it("takes further lineages as they come", () => {
        const keyDigests = { ...facts.keyDigests, "example.org": "b2".repeat(32) };
        const more = { ...facts, keyDigests };
        assert.deepEqual(readFacts(`mailhost: facts ${JSON.stringify(more)}`, "example.com"), more);
    });

    const cases: Record<string, string> = {
        "that are missing": "mailhost: certificate of example.com: good for 80 days more",
        "that are no JSON": "mailhost: facts {",
        "that are null": "mailhost: facts null",
        "without an account": line.replace("https://ca.example.net/acct/1", ""),
        "with a digest of another form": line.replace(digest, digest.toUpperCase()),
        "of other lineages": line.replace("example.com", "example.org"),
        "amid a line": `> ${line}`,
    };
    for (const [what, printed] of Object.entries(cases)) {
        it(`refuses facts ${what}`, () => {
            assert.throws(
                () => readFacts(printed, "example.com"),
                /^Error: The host did not say what its certificates are/,
            );
        });
    }
});
