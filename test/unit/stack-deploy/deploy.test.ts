import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { pullScript } from "../../../components/stack/deploy";
import type { VerifiedPort } from "../../../components/stack/model";
import { describedRelease, describedSecrets } from "./described-release";
import { selfSigned, SimulatedHost } from "./simulated-host";

let host: SimulatedHost;
beforeEach(() => {
    host = new SimulatedHost();
});
afterEach(() => host.remove());

const lines = (text: string) => text.split("\n").filter((line) => line !== "");
const changed = describedRelease({ services: { mx: "2 healthy" } });

describe("a deployment on simulated programs", () => {
    test("places a first release, starts it and remembers it as good", async () => {
        const ended = await host.deploy({ release: describedRelease({ documents: ["a.xml"] }) });
        assert.deepEqual([ended.code, ended.stderr], [0, ""]);
        assert.deepEqual(Object.keys(host.placed()).sort(), [
            ".env",
            "docker-compose-self-hosting.yml",
            "nginx/documents/a.xml",
            "nginx/nginx.conf",
            "ssl/dkim.key",
        ]);
        assert.match(host.placed()[".env"] ?? "", /^400 DOMAIN=example\.com\n/);
        assert.match(host.placed()["docker-compose-self-hosting.yml"] ?? "", /^600 /);
        assert.equal(
            fs.readFileSync(path.join(host.root, "state", "owners"), "utf8"),
            `mail ${host.owner}\nrouter ${host.owner}\n`,
        );
        const [release] = host.releases();
        assert.match(release ?? "", /^\d{8}T\d{6}Z-[0-9a-f]{12}$/);
        assert.deepEqual([host.link("current"), host.link("good")], [release, release]);
        assert.deepEqual(host.told("library"), ["certificates install", "certificates hook"]);
        assert.deepEqual(
            host.told("calls").filter((call) => / up /.test(call)),
            [
                `compose --ansi never --project-directory ${host.data} --file ${host.data}/docker-compose-self-hosting.yml --env-file /dev/null up --detach --remove-orphans --pull never`,
            ],
        );
        assert.deepEqual(host.told("asked"), [
            "s_client -connect 127.0.0.1:25 -servername mx.example.com -starttls smtp",
        ]);
        assert.ok(
            host.told("systemctl").includes("systemctl enable --quiet mailhost-stack.service"),
        );
        assert.deepEqual(lines(ended.stdout).slice(-3).map(withoutTime), [
            "mailhost: started anew: mongodb mx",
            "mailhost: untouched: 0 services",
            `mailhost: release ${release} serves after N s`,
        ]);
        assert.equal(fs.existsSync(path.join(host.root, "run", "deploy")), false, "secrets stay");
    });

    test("goes on without the certificate of a further domain, and says so", async () => {
        const release = describedRelease();
        const further: VerifiedPort = {
            port: 443,
            tls: "implicit",
            name: "mta-sts.example.org",
            lineage: "example.org",
            service: "sni-router",
        };
        const ended = await host.deploy({
            release: { ...release, verify: [...release.verify, further] },
        });
        assert.equal(ended.code, 0);
        assert.match(
            ended.stdout + ended.stderr,
            /there is no certificate of example\.org: its names are not served until mailhost renew/,
        );
        assert.deepEqual(host.told("asked"), [
            "s_client -connect 127.0.0.1:25 -servername mx.example.com -starttls smtp",
        ]);
    });

    test("touches nothing the second time", async () => {
        await host.deploy();
        const before = { ...host.containers(), ...host.placed() };
        const again = await host.deploy();
        assert.equal(again.code, 0);
        assert.deepEqual({ ...host.containers(), ...host.placed() }, before);
        assert.equal(host.releases().length, 1);
        assert.doesNotMatch(again.stdout, /wrote|started anew|restarted/);
        assert.match(again.stdout, /untouched: 2 services/);
    });

    test("renews only what changed, and removes files that the new release has not", async () => {
        await host.deploy({ release: describedRelease({ documents: ["a.xml", "b.xml"] }) });
        const before = host.containers();
        const ended = await host.deploy({
            release: describedRelease({ documents: ["b.xml"], services: { mx: "2 healthy" } }),
        });
        assert.equal(ended.code, 0);
        assert.deepEqual(host.containers()["mongodb"], before["mongodb"]);
        assert.notDeepEqual(host.containers()["mx"], before["mx"]);
        assert.match(ended.stdout, /^mailhost: removed nginx\/documents\/a\.xml$/m);
        assert.match(ended.stdout, /^mailhost: wrote docker-compose-self-hosting\.yml$/m);
        assert.equal("nginx/documents/a.xml" in host.placed(), false);
        assert.equal("nginx/documents/b.xml" in host.placed(), true);
    });

    test("removes what a killed deployment left half-made", async () => {
        await host.deploy();
        const whole = host.containers();
        const half = host.makeHalf("mx");
        const ended = await host.deploy({
            release: describedRelease({ services: { mx: "2 healthy" } }),
        });
        assert.equal(ended.code, 0, ended.stderr);
        assert.match(
            ended.stdout,
            new RegExp(
                `^mailhost: removing ${half}, which a killed deployment left half-made$`,
                "m",
            ),
        );
        assert.deepEqual(Object.keys(host.containers()), Object.keys(whole));
    });

    test("keeps five releases, and the images that they name", async () => {
        const image = (n: number) => `registry.example.net/pulled:${n}`;
        host.set("images", `${host.told("images").join("\n")}\nforeign:1\n`);
        for (let n = 1; n <= 7; n++) {
            const release = describedRelease({
                images: { mail: image(n) },
                services: { mx: `${n} healthy` },
            });
            assert.equal((await host.run(pullScript(release.images, []))).code, 0);
            assert.equal((await host.deploy({ release })).code, 0);
            // A second decides the order.
            for (const name of host.releases()) {
                if (host.link("good") !== name) continue;
                const dated = name.replace(/^\d{8}T\d{6}/, `20260101T00000${n}`);
                const folder = path.join(host.data, "releases");
                fs.renameSync(path.join(folder, name), path.join(folder, dated));
                for (const link of ["good", "current"]) {
                    fs.rmSync(path.join(folder, link));
                    fs.symlinkSync(dated, path.join(folder, link));
                }
            }
        }
        assert.deepEqual(
            host.releases().map((name) => name.slice(0, 16)),
            [3, 4, 5, 6, 7].map((n) => `20260101T00000${n}Z`),
        );
        const images = [...new Set(host.told("images"))].sort();
        assert.deepEqual(
            images,
            [
                "foreign:1",
                "mongo:8.0",
                "nginx:1.28",
                "redis:7.4",
                // Was there before anything was pulled.
                describedRelease().images.mail,
                ...[3, 4, 5, 6, 7].map(image),
            ].sort(),
        );
    });
});

const lost = () =>
    `If the data is to be lost: ${path.join(host.root, "library")}/stack stop; mkdir ${host.data}/lost; cd ${host.data} && mv .env releases mongo-data sqlite-data redis-data lost/`;

const withoutTime = (line: string) => line.replace(/after \d+ s$/, "after N s");

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
                `mailhost: error: there is no certificate of example.com in ${host.data}/letsencrypt/live/example.com: mailhost renew on the host obtains what is missing`,
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

describe("services that were ill before", () => {
    const mended = describedRelease({ services: { mongodb: "2 healthy" } });
    const soon = (seconds: number) => `${Math.ceil(Date.now() / 1000) + seconds}\n`;
    const times = { unhealthy_seconds: "1", recovery_seconds: "5" };

    test("may recover while compose works, and for a while after", async () => {
        await host.deploy();
        const before = host.containers()["mx"];
        host.set("compose-seconds", "3\n");
        host.set("ill-mx", soon(5));
        const ended = await host.deploy({ release: mended, healthSeconds: 60 }, times);
        assert.deepEqual([ended.code, ended.stderr], [0, ""]);
        assert.deepEqual(host.containers()["mx"], before);
    });

    test("are waited for where compose does not wait for them", async () => {
        await host.deploy();
        host.set("compose-waits", "");
        host.set("ill-mx", soon(3));
        const ended = await host.deploy({ release: mended, healthSeconds: 60 }, times);
        assert.deepEqual([ended.code, ended.stderr], [0, ""]);
        assert.equal(host.told("calls").filter((call) => / up /.test(call)).length, 3);
    });

    test("and stay ill are to blame in the end", async () => {
        await host.deploy();
        host.set("ill-mx", soon(60));
        const ended = await host.deploy(
            { release: mended, healthSeconds: 60 },
            { unhealthy_seconds: "1", recovery_seconds: "2" },
        );
        assert.equal(ended.code, 1);
        assert.match(ended.stderr, /does not serve: mx: its health check fails$/m);
    });
});

describe("a release that does not serve", () => {
    const secretLog = [
        "mx starts",
        `it logs in with ${describedSecrets.apiSecret}`,
        `${describedSecrets.environment["HOOK_URL"]} and QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=`,
        "Error: listen EACCES: permission denied :::25",
        "",
    ].join("\n");

    test("is explained without its secrets, and the one before serves again", async () => {
        await host.deploy();
        const [good] = host.releases();
        const before = host.placed();
        host.set("logs", secretLog);
        const ended = await host.deploy({
            release: describedRelease({
                services: { mx: "2 unhealthy" },
                documents: ["new.xml"],
            }),
        });
        assert.equal(ended.code, 1);
        const failed = /release (\S+) does not serve/.exec(ended.stderr)?.[1];
        assert.deepEqual(host.releases(), [good]);
        assert.deepEqual(
            lines(ended.stderr).map((line) => line.replace(/after \d+ s/, "after N s")),
            [
                `mailhost: error: release ${failed} does not serve: mx: its health check fails`,
                "mailhost:   | state: running, exit code 0, out of memory: false, restarts: 0",
                "mailhost:   | mx starts",
                "mailhost:   | it logs in with ***",
                "mailhost:   | *** and ***",
                "mailhost:   | Error: listen EACCES: permission denied :::25",
                "mailhost: error: likely cause: the kernel does not let an ordinary user bind ports below 1024. sysctl net.ipv4.ip_unprivileged_port_start has to say 25 on the host: remove what sets it otherwise in /etc/sysctl.d, then sysctl --system.",
                `mailhost: error: release ${failed} was not taken into service. The release before it, ${good}, serves again after N s. Mend the cause and run pulumi up again`,
            ],
        );
        assert.deepEqual(host.placed(), before);
        assert.deepEqual([host.link("current"), host.link("good")], [good, good]);
        assert.equal(host.containers()["mx"]?.content, "1");
    });

    test("that ends again and again is given up before its time is over", async () => {
        await host.deploy();
        const ended = await host.deploy({
            release: describedRelease({ services: { mx: "2 ends" } }),
            healthSeconds: 600,
        });
        assert.equal(ended.code, 1);
        assert.match(ended.stderr, /: mx: it has ended and been restarted 4 times$/m);
        assert.match(ended.stderr, /serves again/);
    });

    test("with nothing before it is left for inspection", async () => {
        const ended = await host.deploy({
            release: describedRelease({ services: { mx: "1 unhealthy" } }),
        });
        assert.equal(ended.code, 1);
        assert.match(
            ended.stderr,
            /no release has served on this host before, .* left as they are/,
        );
        assert.equal(host.link("good"), undefined);
        assert.deepEqual(Object.keys(host.containers()), ["mongodb", "mx"]);
        assert.equal(
            host.told("systemctl").some((call) => call.includes("enable")),
            false,
        );
    });

    test("is not told from a good one by its health alone: another certificate is a fault", async () => {
        await host.deploy();
        host.set("served.pem", selfSigned("other.example").certificate);
        const ended = await host.deploy({ release: changed });
        assert.equal(ended.code, 1);
        assert.match(
            ended.stderr,
            /: mx: port 25 at 127\.0\.0\.1 shows another certificate than that of example\.com in .*subject=CN ?= ?other\.example .*\(asked for 1 s\)$/m,
        );
        assert.match(ended.stderr, /neither release serves now/);
    });

    test("is a fault where nothing answers", async () => {
        host.unset("served.pem");
        const ended = await host.deploy();
        assert.match(
            ended.stderr,
            /: mx: port 25 at 127\.0\.0\.1 does not answer: Connection refused \(asked for 1 s\)$/m,
        );
    });

    test("because certificates can't be installed starts nothing", async () => {
        await host.deploy();
        const before = host.containers();
        host.set("no-certificates", "");
        const ended = await host.deploy({ release: changed });
        assert.equal(ended.code, 1);
        assert.match(ended.stderr, /the certificates could not be installed: they can not$/m);
        assert.deepEqual(host.containers(), before);
    });

    test("because a service does not take its certificate names it", async () => {
        await host.deploy();
        host.set(
            "no-certificates-hook",
            "mailhost: error: mx is not healthy 180 s after its restart for the new certificate\n",
        );
        const ended = await host.deploy({ release: changed });
        assert.equal(ended.code, 1);
        assert.match(
            ended.stderr,
            /does not serve: mx: the services do not take their certificates: .*mx is not healthy/,
        );
    });

    test("though it did before says that the cause is on the host", async () => {
        await host.deploy();
        host.unset("served.pem");
        const ended = await host.deploy();
        assert.match(ended.stderr, /this very release has served before: the cause is on the host/);
    });
});

describe("a deployment that is killed", () => {
    let deployed: SimulatedHost;
    before(async () => {
        deployed = new SimulatedHost();
        const release = describedRelease({ documents: ["a.xml"] });
        assert.equal((await deployed.deploy({ release })).code, 0);
        deployed.unset("calls");
    });
    after(() => deployed.remove());

    const moments: [when: string, flag: string, text: string][] = [
        ["among its checks", "kill-at", "8"],
        ["before it places files", "kill-at", "12"],
        ["among its files", "kill-in-certificates", ""],
        ["before it starts what changed", "kill-at", "16"],
        ["beside compose", "kill-at", "19"],
        ["while it waits for health", "kill-at", "22"],
        ["after it looked at the ports", "kill-at", "24"],
        ["at its end", "kill-at", "26"],
    ];
    for (const [when, flag, text] of moments) {
        test(`${when} converges when it is run again`, async () => {
            const host = new SimulatedHost(deployed);
            const release = describedRelease({
                documents: ["b.xml"],
                services: { mx: "2 healthy" },
            });
            host.set(flag, text === "" ? "" : `${text}\n`);
            assert.equal((await host.deploy({ release })).code, null);
            host.unset(flag);
            const again = await host.deploy({ release });
            assert.deepEqual([again.code, again.stderr], [0, ""]);
            assert.deepEqual(
                Object.keys(host.placed()).filter((file) => file.startsWith("nginx/")),
                ["nginx/documents/b.xml", "nginx/nginx.conf"],
            );
            assert.equal(host.link("current"), host.link("good"));
            assert.equal(host.containers()["mx"]?.content, "2");
            assert.equal(host.containers()["mongodb"]?.content, "1");
            assert.equal(host.releases().length, 2);
            host.remove();
        });
    }
});
