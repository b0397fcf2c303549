// The image registry alone, on loopback, over a store that holds one image of one empty layer.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { issueServicesCertificate, type ServerCertificate } from "../../../local/cloud/authority";
import { startRegistry, type Registry } from "../../../local/cloud/registry/registry";
import { secureRequest } from "../../../local/cloud/secure-request";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "registry-"));
const storage = path.join(folder, "storage");
const repository = "library/empty";
const manifestType = "application/vnd.oci.image.manifest.v1+json";
let certificate: ServerCertificate;
let registry: Registry;
let manifest: { text: string; digest: string };

/** Puts a blob where the registry's file system driver has it, and returns its digest. */
function store(content: string, link: (hash: string) => string): string {
    const hash = createHash("sha256").update(content).digest("hex");
    const root = path.join(storage, "docker", "registry", "v2");
    const write = (file: string, text: string) => {
        fs.mkdirSync(path.dirname(file), { recursive: true });
        fs.writeFileSync(file, text);
    };
    write(path.join(root, "blobs", "sha256", hash.slice(0, 2), hash, "data"), content);
    const digest = `sha256:${hash}`;
    write(path.join(root, "repositories", repository, link(hash), "link"), digest);
    return digest;
}

function storeImage(): { text: string; digest: string } {
    const config = JSON.stringify({
        architecture: "amd64",
        os: "linux",
        rootfs: { type: "layers" },
    });
    const text = JSON.stringify({
        schemaVersion: 2,
        mediaType: manifestType,
        config: {
            mediaType: "application/vnd.oci.image.config.v1+json",
            size: config.length,
            digest: store(config, (hash) => `_layers/sha256/${hash}`),
        },
        layers: [],
    });
    return { text, digest: store(text, (hash) => `_manifests/revisions/sha256/${hash}`) };
}

before(async () => {
    certificate = await issueServicesCertificate(path.join(folder, "ca"), ["127.0.0.1"]);
    manifest = storeImage();
    registry = await startRegistry({
        directory: path.join(folder, "registry"),
        host: "127.0.0.1",
        port: 0,
        storage,
        certificate,
    });
});
after(async () => {
    await registry?.stop();
    fs.rmSync(folder, { recursive: true, force: true });
});

const trust = () => ({
    ca: fs.readFileSync(certificate.caFile),
    headers: { accept: manifestType },
});
const url = (what: string) => `https://127.0.0.1:${registry.port}/v2/${repository}/${what}`;

test("serves an image by its digest under the laptop's authority, and under no other", async () => {
    const asked = await secureRequest(url(`manifests/${manifest.digest}`), trust());
    assert.deepEqual(
        [asked.status, asked.headers["content-type"], asked.headers["docker-content-digest"]],
        [200, manifestType, manifest.digest],
    );
    assert.equal(asked.body, manifest.text);
    const absent = await secureRequest(url(`manifests/sha256:${"0".repeat(64)}`), trust());
    assert.equal(absent.status, 404);
    await assert.rejects(secureRequest(url(`manifests/${manifest.digest}`), {}), {
        code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    });
});

test("takes nothing, and loses nothing", async () => {
    for (const [method, what] of [
        ["POST", "blobs/uploads/"],
        ["DELETE", `manifests/${manifest.digest}`],
    ] as const) {
        const { status } = await secureRequest(url(what), { ...trust(), method });
        assert.equal(status, 405, `${method} ${what}`);
    }
    const { status } = await secureRequest(url(`manifests/${manifest.digest}`), trust());
    assert.equal(status, 200);
});

test("is unreachable while it is stopped, and back at the same port", async () => {
    const ask = () => secureRequest(url(`manifests/${manifest.digest}`), trust());
    await registry.setRunning(false);
    await assert.rejects(ask(), { code: "ECONNREFUSED" });
    await registry.setRunning(false);
    await registry.setRunning(true);
    await registry.setRunning(true);
    assert.equal((await ask()).status, 200);
});
