import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, test } from "node:test";
import { run, runQuietly } from "../../../cli/run-program";
import { issueServicesCertificate } from "../../../local/cloud/authority";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "authority-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

const names = ["198.18.7.2", "2001:db8:7::2", "127.0.0.1", "mx.sink.test"];

/** `Name: critical` or `Name:` → its lines, as openssl prints them. */
async function extensionsOf(file: string): Promise<string[]> {
    const printed = await run("openssl", ["x509", "-in", file, "-noout", "-text"]);
    const [, text = ""] = printed.split("X509v3 extensions:\n");
    return [...text.matchAll(/^ {12}X509v3 (.+):( critical)? *$/gm)].map(
        ([, name, critical]) => `${name}${critical ?? ""}`,
    );
}

test("the services' certificate is one that strict clients take, for exactly its names", async () => {
    const made = await issueServicesCertificate(folder, names);
    assert.deepEqual(await extensionsOf(made.caFile), [
        "Basic Constraints critical",
        "Key Usage critical",
        "Subject Key Identifier",
    ]);
    assert.deepEqual(await extensionsOf(made.certificateFile), [
        "Basic Constraints critical",
        "Key Usage critical",
        "Extended Key Usage",
        "Subject Key Identifier",
        "Authority Key Identifier",
        "Subject Alternative Name",
    ]);
    const leaf = new X509Certificate(fs.readFileSync(made.certificateFile));
    const ca = new X509Certificate(fs.readFileSync(made.caFile));
    assert.deepEqual([ca.ca, leaf.ca], [true, false]);
    assert.equal(
        leaf.subjectAltName,
        "IP Address:198.18.7.2, IP Address:2001:DB8:7:0:0:0:0:2, IP Address:127.0.0.1, DNS:mx.sink.test",
    );
    const verify = (...args: string[]) =>
        runQuietly("openssl", ["verify", "-x509_strict", ...args, made.certificateFile]);
    const trusted = await verify("-CAfile", made.caFile, "-purpose", "sslserver");
    assert.equal(trusted.code, 0, trusted.stderr);
    assert.notEqual((await verify("-no-CAfile")).code, 0);
});

test("keys are read by their owner alone", async () => {
    await issueServicesCertificate(folder, names);
    const modes = fs
        .readdirSync(folder)
        .filter((name) => name.endsWith(".key"))
        .map((name) => [name, fs.statSync(path.join(folder, name)).mode & 0o777]);
    assert.deepEqual(modes, [
        ["ca.key", 0o600],
        ["services.key", 0o600],
    ]);
});

test("a later start keeps the authority, which machines know, and makes a new certificate", async () => {
    const read = (file: string) => fs.readFileSync(file, "utf8");
    const first = await issueServicesCertificate(folder, names);
    const [ca, certificate] = [read(first.caFile), read(first.certificateFile)];
    const second = await issueServicesCertificate(folder, [...names, "other.test"]);
    assert.equal(read(second.caFile), ca);
    assert.notEqual(read(second.certificateFile), certificate);
    const leaf = new X509Certificate(read(second.certificateFile));
    assert.ok(leaf.verify(new X509Certificate(ca).publicKey));
    assert.equal(leaf.checkHost("other.test"), "other.test");
});
