import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, test } from "node:test";
import { pullScript } from "../../../components/stack/deploy";
import { describedRelease } from "./described-release";
import { host, simulateHost } from "./simulated-host";

simulateHost();

const { images } = describedRelease();
const pull = () => host.run(pullScript(images, []));
const refusing = (image: string, ...answers: string[]) =>
    host.set(`pull-${image.replace(/[/:]/g, "_")}`, `${answers.join("\n")}\n`);

describe("the pull on a simulated docker", () => {
    test("asks no registry for what is here, and learns the users of the images", async () => {
        assert.deepEqual(await pull(), {
            code: 0,
            stdout: "mailhost: all 4 images are here\n",
            stderr: "",
        });
        assert.equal(
            host.told("calls").some((call) => call.startsWith("pull")),
            false,
        );
        const known = fs.readFileSync(path.join(host.root, "state", "image-users"), "utf8");
        assert.deepEqual(
            known
                .trimEnd()
                .split("\n")
                .map((line) => line.split("\t").slice(1))
                .sort(),
            ["", "mongodb", "nginx", "redis"].map((user) => [user, host.owner]),
        );
    });

    test("pulls what is missing, and tries again where a registry falters", async () => {
        host.set("images", "mongo:8.0\nredis:7.4\n");
        refusing("nginx:1.28", "Get https://x/v2/: dial tcp: connection refused", "received 503");
        const { code, stdout, stderr } = await pull();
        assert.deepEqual([code, stderr], [0, ""]);
        assert.match(stdout, /^mailhost: pulled registry\.example\.net\/mail:1 in \d+ s$/m);
        assert.match(
            stdout,
            /^mailhost: attempt 2 of 5 to pull nginx:1\.28 failed: received 503$/m,
        );
        assert.deepEqual(host.told("images").sort(), Object.values(images).sort());
    });

    const down = Array.from({ length: 5 }, () => "dial tcp 192.0.2.9:443: connection refused");
    const fatal: [what: string, image: string, answers: string[], says: RegExp][] = [
        [
            "a registry that is down",
            "registry.example.net/mail:1",
            down,
            /its registry registry\.example\.net does not answer as it should: dial tcp .*: connection refused\. What runs goes on running\./,
        ],
        [
            "an image that there is not",
            "nginx:1.28",
            ["Error response from daemon: manifest for nginx:1.28 not found: manifest unknown"],
            /the registry docker\.io has no image nginx:1\.28: look at the tag and the digest in the setting stack\.images/,
        ],
        [
            "an image that is not given",
            "registry.example.net/mail:1",
            ["Error response from daemon: pull access denied for mail, repository does not exist"],
            /the registry registry\.example\.net does not give the image .*\(docker login registry\.example\.net/,
        ],
        [
            "a disk that fills up",
            "mongo:8.0",
            ["write /var/lib/docker/tmp/GetImageBlob1: no space left on device"],
            /there is no room for the image mongo:8\.0: 5000 MB free of 9980 MB on \/somewhere; give the server a larger disk/,
        ],
        [
            "another processor",
            "redis:7.4",
            ["no matching manifest for linux/arm64/v8 in the manifest list entries"],
            /the image redis:7\.4 is not made for this host's processor/,
        ],
        [
            "a certificate that is not trusted",
            "redis:7.4",
            ["Get https://x/v2/: tls: x509: certificate signed by unknown authority"],
            /no certificate that this host trusts: .*unknown authority/,
        ],
    ];
    for (const [what, image, answers, says] of fatal) {
        test(`says what ${what} needs, once`, async () => {
            host.set("images", "");
            refusing(image, ...answers);
            const { code, stderr } = await pull();
            assert.equal(code, 1);
            const [first = "", ...further] = stderr.trimEnd().split("\n");
            assert.match(first, says);
            assert.deepEqual(further, [
                "mailhost: error: 1 of 4 images could not be pulled, see above",
            ]);
            // The others are there for the next time.
            assert.equal(host.told("images").length, 3);
        });
    }

    test("begins nothing on a disk that is full", async () => {
        host.set("images", "");
        host.set("free", "100\n");
        const { code, stderr } = await pull();
        assert.equal(code, 1);
        assert.match(
            stderr,
            /^mailhost: error: there is no room for images \(100 MB free of 9980 MB/,
        );
        assert.deepEqual(host.told("images"), []);
    });
});
