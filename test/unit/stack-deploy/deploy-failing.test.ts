import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { changedRelease, describedRelease, describedSecrets } from "./described-release";
import { host, lines, selfSigned, simulateHost } from "./simulated-host";

simulateHost();

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
        const ended = await host.deploy({ release: changedRelease });
        assert.equal(ended.code, 1);
        assert.match(
            ended.stderr,
            /: mx: port 25 at 127\.0\.0\.1 shows another certificate than that of example\.com in .*subject=CN ?= ?other\.example .*\(asked for 1 s\)$/m,
        );
        assert.match(
            ended.stderr,
            /neither release is in service whole\. Well: mongodb mx; not well: none\. docker ps/,
        );
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
        host.unset("calls");
        host.set("no-certificates", "");
        const ended = await host.deploy({ release: changedRelease });
        assert.equal(ended.code, 1);
        assert.match(ended.stderr, /the certificates could not be installed: they can not$/m);
        assert.match(ended.stderr, /in service whole\. Well: mongodb mx; not well: none\. docker/);
        assert.deepEqual(host.containers(), before);
        assert.deepEqual(
            host.told("calls").filter((call) => / (up|stop|rm) /.test(call)),
            [],
        );
    });

    test("is refused beforehand where the host's own certificate is not its key's", async () => {
        await host.deploy();
        const before = { ...host.containers(), ...host.placed() };
        host.place("letsencrypt/live/example.com/privkey.pem", selfSigned().key);
        const ended = await host.deploy({ release: changedRelease });
        assert.equal(ended.code, 1);
        assert.match(
            ended.stderr,
            /error: there is no certificate with its private key of example\.com in \S+: mailhost renew on the host obtains/,
        );
        assert.deepEqual({ ...host.containers(), ...host.placed() }, before);
    });

    test("because a service does not take its certificate names it", async () => {
        await host.deploy();
        host.set(
            "no-certificates-reload",
            "mailhost: error: mx is not healthy 180 s after its restart for the new certificate\n",
        );
        const ended = await host.deploy({ release: changedRelease });
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
