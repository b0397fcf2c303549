import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { run, runQuietly } from "../../../cli/run-program";
import { makeSigningKey, publishRepository } from "../../../local/image/repository";

let root: string;
before(() => {
    // dpkg-deb takes no package whose files are for one user alone.
    process.umask(0o022);
    root = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-test-"));
});
after(() => fs.rmSync(root, { recursive: true }));

test("a repository lists its packages by plain names and verifies with the key that made it", async () => {
    const [tree, archives] = [path.join(root, "tree"), path.join(root, "archives")];
    fs.mkdirSync(path.join(tree, "DEBIAN"), { recursive: true });
    fs.mkdirSync(archives);
    fs.writeFileSync(
        path.join(tree, "DEBIAN", "control"),
        "Package: sample\nVersion: 2:1.0-1\nArchitecture: all\nMaintainer: Nobody <n@example.test>\nDescription: sample\n",
    );
    await run("dpkg-deb", ["--build", tree, path.join(archives, "sample_2%3a1.0-1_all.deb")]);
    const packages = path.join(root, "packages.tar");
    await run("tar", ["-C", archives, "-cf", packages, "."]);

    const folder = path.join(root, "debian");
    const key = await makeSigningKey();
    try {
        await publishRepository({
            ...{ packages, folder, key },
            ...{ suite: "trixie", architecture: "amd64" },
        });
    } finally {
        await key.destroy();
    }

    const dists = path.join(folder, "dists", "trixie");
    const index = fs.readFileSync(path.join(dists, "main", "binary-amd64", "Packages"), "utf8");
    assert.match(index, /^Filename: pool\/sample_1\.0-1_all\.deb$/m);
    assert.ok(fs.existsSync(path.join(folder, "pool", "sample_1.0-1_all.deb")));

    const ring = path.join(root, "ring");
    fs.mkdirSync(ring, { mode: 0o700 });
    const gpg = (args: string[], input?: string) =>
        runQuietly("gpg", ["--homedir", ring, "--no-autostart", "--batch", ...args], { input });
    assert.equal((await gpg(["--import"], key.publicKey)).code, 0);
    const signed = path.join(dists, "InRelease");
    assert.equal((await gpg(["--verify", signed])).code, 0);
    const release = fs.readFileSync(signed, "utf8");
    assert.match(release, /^Codename: trixie$/m);
    fs.writeFileSync(signed, release.replace("Codename: trixie", "Codename: sid"));
    assert.equal((await gpg(["--verify", signed])).code, 1);
});

test("the signing key is nowhere once it was destroyed", async () => {
    // Of its own: another run may make a key at the same time.
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-key-test-"));
    const { TMPDIR: before } = process.env;
    process.env["TMPDIR"] = folder;
    try {
        const key = await makeSigningKey();
        assert.equal(fs.readdirSync(folder).length, 1);
        await key.destroy();
        assert.deepEqual(fs.readdirSync(folder), []);
    } finally {
        if (before === undefined) delete process.env["TMPDIR"];
        else process.env["TMPDIR"] = before;
        fs.rmSync(folder, { recursive: true, force: true });
    }
});
