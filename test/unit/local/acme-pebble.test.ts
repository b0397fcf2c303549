// The ACME server alone, on loopback, asked by a client of a few lines; certbot asks it in the end-to-end tests.
import assert from "node:assert/strict";
import { generateKeyPairSync, sign, X509Certificate, type KeyObject } from "node:crypto";
import * as fs from "node:fs";
import * as https from "node:https";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { startPebble, type AcmeServer } from "../../../local/cloud/acme/pebble";
import { issueServicesCertificate, type ServerCertificate } from "../../../local/cloud/authority";
import { ensureGoProgram } from "../../../local/go-programs/build";
import { secureRequest } from "../../../local/cloud/secure-request";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pebble-"));
const rootsFile = path.join(folder, "roots.pem");
let certificate: ServerCertificate;
let program: string;
let server: AcmeServer;

const start = () =>
    startPebble({
        program,
        directory: path.join(folder, "acme"),
        host: "127.0.0.1",
        port: 0,
        // Nothing answers there, and nothing asks.
        nameServer: { host: "127.0.0.1", port: 9 },
        certificate,
        rootsFile,
        certificateSeconds: 3600,
    });

before(async () => {
    // Pebble leaves it to this whom a file of its own is for.
    process.umask(0o022);
    certificate = await issueServicesCertificate(path.join(folder, "ca"), ["127.0.0.1"]);
    program = await ensureGoProgram("pebble", () => undefined);
    server = await start();
});
after(async () => {
    await server?.stop();
    fs.rmSync(folder, { recursive: true, force: true });
});

const ca = () => fs.readFileSync(certificate.caFile);
const base = () => `https://127.0.0.1:${server.port}`;

async function directory(): Promise<Record<string, string>> {
    const { status, body } = await secureRequest(`${base()}/dir`, { ca: ca() });
    assert.equal(status, 200);
    return JSON.parse(body) as Record<string, string>;
}

/** Sends a signed request (RFC 8555 §6.2) with the account's key. */
async function post(url: string, payload: object, key: KeyObject) {
    const { headers } = await secureRequest((await directory())["newNonce"]!, {
        ca: ca(),
        method: "HEAD",
    });
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const { kty, crv, x, y } = key.export({ format: "jwk" });
    const jwk = { kty, crv, x, y };
    const protectedHeader = encode({ alg: "ES256", jwk, nonce: headers["replay-nonce"], url });
    const input = `${protectedHeader}.${encode(payload)}`;
    const signature = sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" });
    const body = JSON.stringify({
        protected: protectedHeader,
        payload: encode(payload),
        signature: signature.toString("base64url"),
    });
    return new Promise<{ status: number; location?: string; type?: string }>((resolve, reject) => {
        const request = https.request(url, {
            ...{ method: "POST", ca: ca(), agent: false },
            headers: { "content-type": "application/jose+json", "user-agent": "test" },
        });
        request.on("error", reject);
        request.on("response", (response) => {
            let text = "";
            response.on("data", (part: Buffer) => (text += part.toString()));
            response.on("end", () =>
                resolve({
                    status: response.statusCode ?? 0,
                    location: response.headers.location,
                    type: (JSON.parse(text) as { type?: string }).type,
                }),
            );
        });
        request.end(body);
    });
}

function roots(): X509Certificate[] {
    const text = fs.readFileSync(rootsFile, "utf8");
    return text.split(/(?<=-----END CERTIFICATE-----\n)/).map((pem) => new X509Certificate(pem));
}

test("answers under the laptop's authority and under no other", async () => {
    const { meta, ...endpoints } = (await directory()) as Record<string, unknown>;
    assert.equal(endpoints["newOrder"], `${base()}/order-plz`);
    assert.deepEqual((meta as { profiles: unknown }).profiles, { default: "The laptop cloud's" });
    await assert.rejects(secureRequest(`${base()}/dir`, {}), {
        code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    });
});

test("a restart keeps the accounts, and adds its root to those before", async () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { newAccount = "" } = await directory();
    const made = await post(newAccount, { termsOfServiceAgreed: true }, privateKey);
    assert.equal(made.status, 201);
    const before = roots();
    assert.equal(before.length, 1);
    assert.ok(before[0]!.ca);
    const { port } = server;

    await server.restart(7200);
    assert.equal(server.port, port);
    const after = roots();
    assert.equal(after.length, 2);
    assert.equal(after[0]!.fingerprint256, before[0]!.fingerprint256);
    assert.notEqual(after[1]!.fingerprint256, before[0]!.fingerprint256);

    const found = await post(newAccount, { onlyReturnExisting: true }, privateKey);
    assert.deepEqual([found.status, found.location], [200, made.location]);
    const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    const unknown = await post(newAccount, { onlyReturnExisting: true }, stranger);
    assert.deepEqual(
        [unknown.status, unknown.type],
        [400, "urn:ietf:params:acme:error:accountDoesNotExist"],
    );
});

test("nobody else reads the accounts; the roots are for everyone", () => {
    const mode = (file: string) => fs.statSync(file).mode & 0o777;
    assert.equal(mode(path.join(folder, "acme", "accounts.json")), 0o600);
    assert.equal(mode(rootsFile), 0o644);
});

test("nothing answers after its end, and a start that fails tells why", async () => {
    const { port } = server;
    await server.stop();
    await assert.rejects(secureRequest(`https://127.0.0.1:${port}/dir`, { ca: ca() }), {
        code: "ECONNREFUSED",
    });
    const accounts = path.join(folder, "acme", "accounts.json");
    const kept = fs.readFileSync(accounts);
    fs.writeFileSync(accounts, "{");
    await assert.rejects(start(), (error: Error) => {
        assert.match(
            error.message,
            /^The ACME server \(pebble\) did not start at 127\.0\.0\.1 port \d+: it ended with 1\. It said:\n.*can't read the accounts: unexpected end of JSON input$/s,
        );
        return true;
    });
    fs.writeFileSync(accounts, kept);
    server = await start();
});
