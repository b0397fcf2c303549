import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, test } from "node:test";
import { describedRelease, describedSecrets } from "./described-release";
import { host, lines, simulateHost } from "./simulated-host";

simulateHost();

const lost = () =>
    `If the data is to be lost: ${path.join(host.root, "library")}/stack stop; mkdir ${host.data}/lost; cd ${host.data} && mv .env releases mongo-data sqlite-data redis-data lost/`;

describe("a host that is not ready", () => {
    test("is told everything at once, without a key, and nothing is changed", async () => {
        await host.deploy();
        const before = { ...host.containers(), ...host.placed() };
        const calls = host.told("library");
        host.set("images", "mongo:8.0\nredis:7.4\nnginx:1.28\n");
        host.set("free", "100\n");
        host.set(
            "listeners",
            `LISTEN 0 128 127.0.0.1:25 0.0.0.0:* users:(("exim4",pid=${process.pid},fd=3))\nLISTEN 0 128 0.0.0.0:2525 0.0.0.0:* users:(("other",pid=1,fd=3))\n`,
        );
        fs.rmSync(path.join(host.data, "letsencrypt"), { recursive: true });
        const keys = { helperEncryptionKey: "x".repeat(32), txtEncryptionKey: "y".repeat(32) };
        const other = describedRelease({ services: { mx: "broken healthy" } });
        const ended = await host.deploy({
            release: {
                ...other,
                files: other.files.map((file) => ({
                    ...file,
                    content: file.content
                        .replace(describedSecrets.helperEncryptionKey, keys.helperEncryptionKey)
                        .replace(describedSecrets.txtEncryptionKey, keys.txtEncryptionKey),
                })),
            },
        });
        assert.equal(ended.code, 1);
        const library = path.join(host.root, "library");
        assert.deepEqual(
            lines(ended.stderr.replace(/\(\d+\)( of \S+: systemctl disable --now \S+)?/, "(PID)")),
            [
                "mailhost: error: the image registry.example.net/mail:1 is not on this host: docker pull registry.example.net/mail:1",
                `mailhost: error: the disk of ${host.data} is full: 100 MB free of 9980 MB on /somewhere; 256 MB are needed at least. Give the data volume a larger disk, or remove what it does not need`,
                `mailhost: error: the disk of ${host.fake} is full: 100 MB free of 9980 MB on /somewhere; 256 MB are needed at least. Give the server a larger disk, or remove what it does not need`,
                `mailhost: error: port 25 is taken by the process ${fs.readFileSync("/proc/self/comm", "utf8").trim()} (PID) (it is needed by mx)`,
                `mailhost: error: there is no certificate with its private key of example.com in ${host.data}/letsencrypt/live/example.com: mailhost renew on the host obtains what is missing`,
                `mailhost: error: the data volume holds data that is encrypted with other keys than this program's (HELPER_ENCRYPTION_KEY TXT_ENCRYPTION_KEY in ${host.data}/.env): with these nobody could read it any more. Adopt the keys of the volume, which shows none of them:`,
                `  eval "ssh -p 22 root@192.0.2.25 ${library}/stack data-key HELPER_ENCRYPTION_KEY" | pulumi config set --secret mailhost:helperEncryptionKey`,
                `  eval "ssh -p 22 root@192.0.2.25 ${library}/stack data-key TXT_ENCRYPTION_KEY" | pulumi config set --secret mailhost:txtEncryptionKey`,
                "  pulumi up",
                `In a program of your own these are the arguments helperEncryptionKey and txtEncryptionKey of MailHost. ${lost()}`,
                "mailhost: error: compose does not take the services as they are set (settings stack.services): yaml: line 1: did not find",
                "mailhost: error: 7 of the things that a deployment needs are not as they should be, see above: nothing was changed, what runs goes on running",
            ],
        );
        assert.deepEqual({ ...host.containers(), ...host.placed() }, before);
        assert.deepEqual(host.told("library"), calls);
        assert.equal(host.releases().length, 1);
        const { environment, ...secrets } = describedSecrets;
        for (const key of [keys, environment, secrets].flatMap((group) => Object.values(group))) {
            assert.equal((ended.stdout + ended.stderr).includes(key), false);
        }
    });

    test("is told what compose says of the services, without a secret", async () => {
        host.set(
            "compose-refuses",
            `services.web.environment: ${describedSecrets.environment["HOOK_URL"]} is wrong\nand ${describedSecrets.apiSecret} too\n`,
        );
        const ended = await host.deploy({
            release: describedRelease({ services: { mx: "broken healthy" } }),
        });
        assert.equal(ended.code, 1);
        assert.deepEqual(lines(ended.stderr).slice(0, 2), [
            "mailhost: error: compose does not take the services as they are set (settings stack.services): services.web.environment: *** is wrong",
            "and *** too",
        ]);
    });

    test("without its data volume is touched nowhere", async () => {
        host.set("not-mounted", "");
        const ended = await host.deploy();
        assert.equal(ended.code, 1);
        assert.match(ended.stderr, /^mailhost: error: the data volume is not mounted at /);
        assert.deepEqual(host.placed(), {});
    });
});

describe("keys that the data is encrypted with", () => {
    const keyProblem = async (release = describedRelease()) => {
        const { code, stderr } = await host.deploy({ release });
        return {
            code,
            lines: lines(stderr).filter((line) => !/things that a deployment/.test(line)),
        };
    };

    test("that nothing tells are asked for where there are databases", async () => {
        host.place("mongo-data/WiredTiger", "data");
        host.place(".env", "HELPER_ENCRYPTION_KEY=\nDOMAIN=example.com\n");
        assert.deepEqual(await keyProblem(), {
            code: 1,
            lines: [
                `mailhost: error: the data volume holds databases, and nothing on it tells the keys that they are encrypted with (HELPER_ENCRYPTION_KEY TXT_ENCRYPTION_KEY): put the .env that belongs to them in ${host.data}, from a backup or as NAME=KEY lines. ${lost()}`,
            ],
        });
        assert.equal(host.releases().length, 0);
        host.place(
            ".env",
            `HELPER_ENCRYPTION_KEY=${describedSecrets.helperEncryptionKey}\nTXT_ENCRYPTION_KEY=${describedSecrets.txtEncryptionKey}\n`,
        );
        assert.deepEqual(await keyProblem(), { code: 0, lines: [] });
    });

    test("are no question where there is no database", async () => {
        fs.mkdirSync(path.join(host.data, "mongo-data"));
        assert.deepEqual(await keyProblem(), { code: 0, lines: [] });
    });

    for (const kept of ["good", "current"]) {
        test(`are those of the ${kept} release without .env`, async () => {
            await host.deploy();
            fs.rmSync(path.join(host.data, ".env"));
            fs.rmSync(path.join(host.data, "releases", kept === "good" ? "current" : "good"));
            host.place("sqlite-data/a.sqlite", "data");
            const other = describedRelease();
            const refused = await keyProblem({
                ...other,
                files: other.files.map((file) => ({
                    ...file,
                    content: file.content.replace(
                        describedSecrets.helperEncryptionKey,
                        "x".repeat(32),
                    ),
                })),
            });
            assert.equal(refused.code, 1);
            assert.match(
                refused.lines[0] ?? "",
                new RegExp(
                    `\\(HELPER_ENCRYPTION_KEY in ${host.data}/releases/${kept}/files/\\.env\\): with these`,
                ),
            );
            assert.deepEqual(await keyProblem(), { code: 0, lines: [] });
        });
    }
});
