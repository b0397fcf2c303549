import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { pullScript } from "../../../components/stack/deploy";
import type { VerifiedPort } from "../../../components/stack/model";
import { changedRelease, describedRelease } from "./described-release";
import { host, lines, simulateHost, SimulatedHost } from "./simulated-host";

simulateHost();

const withoutTime = (line: string) => line.replace(/after \d+ s$/, "after N s");

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
        assert.deepEqual(host.told("library"), ["certificates install", "certificates reload"]);
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
            /there is no certificate with its private key of example\.org: its names are not served until mailhost renew/,
        );
        assert.deepEqual(host.told("asked"), [
            "s_client -connect 127.0.0.1:25 -servername mx.example.com -starttls smtp",
        ]);
        // What was not asked does not count as answered.
        assert.match(
            ended.stdout,
            /^mailhost: every port answers with its certificate: 25 at 127\.0\.0\.1$/m,
        );
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

    test("has certificates of former domains removed, once there is no way back to them", async () => {
        host.place("nginx/certificates/example.com/fullchain.pem", "");
        await host.deploy();
        assert.deepEqual(host.told("library"), ["certificates install", "certificates reload"]);
        host.place("nginx/certificates/example.org/fullchain.pem", "");
        host.unset("library");
        const failing = await host.deploy({
            release: describedRelease({ services: { mx: "2 unhealthy" } }),
        });
        assert.equal(failing.code, 1);
        // Of the release that failed, and of the one before it.
        const each = ["certificates install", "certificates reload"];
        assert.deepEqual(host.told("library"), [each[0], ...each]);
        host.unset("library");
        assert.equal((await host.deploy({ release: changedRelease })).code, 0);
        assert.deepEqual(host.told("library"), [...each, "certificates install"]);
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

describe("a deployment that is killed", () => {
    let deployed: SimulatedHost;
    before(async () => {
        deployed = new SimulatedHost();
        const release = describedRelease({ documents: ["a.xml"] });
        assert.equal((await deployed.deploy({ release })).code, 0);
        deployed.unset("asked");
    });
    after(() => deployed.remove());

    const look = "^ps --all --quiet --no-trunc --filter";
    /** At the how many-th call of docker that matches which pattern, once the simulated programs have made which file. */
    const moments: [when: string, count: number, call: string, after?: string][] = [
        ["among its checks", 1, "^info --format"],
        ["before it places files", 2, "^image inspect --format .* nginx"],
        ["before it starts what changed", 1, look],
        ["when it starts what changed", 1, "^compose .* up "],
        ["beside compose", 2, look],
        ["while it waits for health", 3, look],
        ["after it looked at the ports", 1, look, "asked"],
        ["at its end", 2, look, "asked"],
    ];
    const killed = [
        { when: "among its files", flag: "kill-in-certificates", text: "" },
        ...moments.map(([when, count, call, after = ""]) => ({
            ...{ when, flag: "kill-at", text: `${count} ${call}\n${after}\n` },
        })),
    ];
    for (const { when, flag, text } of killed) {
        test(`${when} converges when it is run again`, async () => {
            const host = new SimulatedHost(deployed);
            const release = describedRelease({
                documents: ["b.xml"],
                services: { mx: "2 healthy" },
            });
            host.set(flag, text);
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
