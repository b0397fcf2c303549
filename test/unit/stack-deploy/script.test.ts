import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { endMarker } from "../../../components/host/seal";
import { deployScript, pullScript, releaseHash } from "../../../components/stack/deploy";
import { hiddenTexts } from "../../../components/stack/deploy-secrets";
import type { Release } from "../../../components/stack/model";
import { describedRelease, describedSecrets } from "./described-release";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-deploy-script-"));
after(() => fs.rmSync(folder, { recursive: true }));

const deployment = (release: Release) => ({
    release,
    secrets: describedSecrets,
    addresses: { ipv4: "192.0.2.25", ipv6: "2001:db8::25" },
    login: "ssh -p 22 root@192.0.2.25",
});

/** Runs the script as far as its release is received, and keeps what arrived. */
function received(script: string, ...options: string[]): { work: string; trace: string } {
    const work = fs.mkdtempSync(path.join(folder, "work-"));
    fs.mkdirSync(path.join(work, "release", "files"), { recursive: true });
    const file = path.join(work, "script");
    fs.writeFileSync(
        file,
        script
            .replace("work=/run/mailhost/deploy", `work=${work}`)
            .replace(/\ndeploy\n# mailhost: [^\n]*\n$/, "\nreceive_release\n"),
    );
    const ended = spawnSync("bash", [...options, file], { encoding: "utf8" });
    assert.equal(ended.status, 0, ended.stderr);
    return { work, trace: ended.stderr };
}

function withContent(content: string): Release {
    const release = describedRelease();
    return {
        ...release,
        files: release.files.map((file) =>
            file.path === "nginx/nginx.conf" ? { ...file, content } : file,
        ),
    };
}

describe("the script of a deployment", () => {
    test("carries every file as it is, whatever it holds", () => {
        const texts = fc.oneof(
            fc.string({ unit: "binary" }),
            fc
                .array(
                    fc.constantFrom(
                        "END_OF_FILE",
                        "END_OF_FILE_1",
                        "$(id)",
                        "`id`",
                        "\\",
                        "'",
                        "a b",
                    ),
                )
                .map((words) => words.join("\n")),
        );
        fc.assert(
            fc.property(texts, (text) => {
                // Files have no NUL; a lone surrogate has no UTF-8.
                const content = `${text.replaceAll("\0", "").replace(/[\ud800-\udfff]/gu, "")}\n`;
                const { work } = received(deployScript(deployment(withContent(content))));
                const file = path.join(work, "release", "files", "nginx", "nginx.conf");
                assert.equal(fs.readFileSync(file, "utf8"), content);
            }),
            { numRuns: 15 },
        );
    });

    test("keeps secrets out of every command, even when bash shows what it does", () => {
        const { trace } = received(deployScript(deployment(describedRelease())), "-x");
        assert.match(trace, /release_file \.env 0400 mail/);
        const { environment, ...secrets } = describedSecrets;
        for (const secret of [environment, secrets].flatMap((group) => Object.values(group))) {
            assert.equal(trace.includes(secret.trim()), false);
        }
    });

    test("has its tables beside the files", () => {
        const { work } = received(deployScript(deployment(describedRelease())));
        const read = (name: string) => fs.readFileSync(path.join(work, "release", name), "utf8");
        assert.equal(
            read("manifest"),
            ".env|0400|mail\nssl/dkim.key|0400|mail\nnginx/nginx.conf|0444|router\ndocker-compose-self-hosting.yml|0600|root\n",
        );
        assert.equal(
            read("images"),
            "mail|registry.example.net/mail:1\nmongodb|mongo:8.0\nredis|redis:7.4\nrouter|nginx:1.28\n",
        );
        assert.equal(read("services"), "mongodb\nmx\n");
        assert.equal(read("verify"), "25|smtp-starttls|mx.example.com|example.com|mx\n");
        assert.equal(read("folders"), "mongo-data|mongodb|mongodb\nsqlite-data|mail|\n");
        assert.equal(read("ports"), "25|mx\n");
        assert.equal(
            read("secrets"),
            hiddenTexts(describedRelease(), describedSecrets).join("\n") + "\n",
        );
    });

    test("is sealed, as the pull is", () => {
        for (const script of [
            deployScript(deployment(describedRelease())),
            pullScript(describedRelease().images, ["further:1"]),
        ]) {
            assert.match(script, new RegExp(`^#!/bin/bash\\n[^]*\\n${endMarker}[0-9a-f]{64}\\n$`));
        }
    });
});

describe("the hash of a release", () => {
    const hash = (release: Release) => releaseHash(deployment(release));

    test("is that of its content alone, and of all of it", () => {
        const release = describedRelease();
        assert.match(hash(release), /^[0-9a-f]{12}$/);
        assert.equal(hash(release), hash(structuredClone(release)));
        assert.equal(
            hash(release),
            releaseHash({
                ...deployment(release),
                login: "other",
                addresses: { ipv4: "", ipv6: "" },
            }),
        );
        const [first, ...files] = release.files;
        assert.ok(first);
        const [verified] = release.verify;
        assert.ok(verified);
        const others: Release[] = [
            { ...release, files: [{ ...first, content: "DOMAIN=example.org\n" }, ...files] },
            { ...release, files: [{ ...first, mode: "0440" }, ...files] },
            { ...release, files: [{ ...first, owner: "root" }, ...files] },
            { ...release, files: [{ ...first, path: ".env2" }, ...files] },
            { ...release, images: { ...release.images, mail: "registry.example.net/mail:2" } },
            { ...release, furtherImages: ["further:1"] },
            { ...release, services: ["mx"] },
            { ...release, verify: [{ ...verified, port: 2525 }] },
            { ...release, folders: [] },
        ];
        const hashes = [release, ...others].map(hash);
        assert.equal(new Set(hashes).size, hashes.length);
    });
});

describe("what is hidden in logs", () => {
    const release = (environment: string) => describedRelease({ environment });

    test("is every secret that is known, in each of its spellings", () => {
        const hidden = hiddenTexts(release(""), describedSecrets);
        for (const text of [
            describedSecrets.helperEncryptionKey,
            describedSecrets.apiSecret,
            `${describedSecrets.apiSecret},`,
            "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=",
            'https://hooks.example.net/a"b',
            'https://hooks.example.net/a\\"b',
            "https%3A%2F%2Fhooks.example.net%2Fa%22b",
        ]) {
            assert.ok(hidden.includes(text), text);
        }
        assert.deepEqual(
            hidden.filter((text) => /[\r\n]|-----|^.{0,3}$/.test(text)),
            [],
        );
    });

    test("is each element of a secret list, whatever the variable is called", () => {
        const hidden = hiddenTexts(release(""), {
            ...describedSecrets,
            environment: {
                UPSTREAMS: "first-element, second.element.org ,6chars,5char,",
                ONE_LINE: "wholevalue",
            },
        });
        for (const text of [
            "first-element, second.element.org ,6chars,5char,",
            "first-element",
            "second.element.org",
            "6chars",
            "wholevalue",
        ]) {
            assert.ok(hidden.includes(text), text);
        }
        for (const text of ["5char", "", "second.element.org "]) {
            assert.equal(hidden.includes(text), false, text);
        }
    });

    test("is each element of a list with the name of a secret", () => {
        const hidden = hiddenTexts(release("MY_TOKENS='first-token, second-token'\n"));
        for (const text of ["first-token", "second-token"]) assert.ok(hidden.includes(text), text);
    });

    test("is what has the name of a secret, where nobody says what is one", () => {
        const hidden = hiddenTexts(
            release(
                "S3_SECRET_ACCESS_KEY='quoted key here'\nDKIM_PRIVATE_KEY_PATH=/app/ssl/dkim.key\nAUTH_BASIC_ENABLED=true\nAUTH_HOST=smtp.example.com\nSMTP_MESSAGE_MAX_SIZE=52428800\nMY_TOKEN=tokentoken\n",
            ),
        );
        assert.ok(hidden.includes("quoted key here"));
        assert.ok(hidden.includes("tokentoken"));
        for (const text of [
            "/app/ssl/dkim.key",
            "true",
            "smtp.example.com",
            "52428800",
            "example.com",
        ]) {
            assert.equal(hidden.includes(text), false, text);
        }
    });
});
