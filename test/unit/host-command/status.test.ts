import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { beforeEach, describe, test } from "node:test";
import { planHost } from "../../../components/host/plan";
import { failureCauses } from "../../../components/stack/deploy-causes";
import { planArguments } from "../host/arguments";
import { describedSecrets } from "../stack-deploy/described-release";
import { host } from "../stack-deploy/simulated-host";
import { fileOf, setService, simulateStatusHost, status, wrong } from "./status-host";

simulateStatusHost();

describe("the status of a host", () => {
    test("before anything is deployed", async () => {
        const { facts } = await wrong();
        assert.equal(facts["services"], "nothing is deployed yet: pulumi up does that");
    });

    test("on which all is well", async () => {
        await host.deploy();
        const { host: name, facts } = await wrong();
        assert.equal(name, "mx.example.com");
        assert.deepEqual(
            { ...facts, memory: "", upgrades: "" },
            {
                services: "2 of 2 run",
                release: host.link("good"),
                "data volume": "12 % of 40 GB used",
                "system disk": "12 % of 40 GB used",
                memory: "",
                clock: "synchronised",
                upgrades: "",
            },
        );
        assert.match(facts["memory"]!, /^\d+\.\d of \d+\.\d GB available$/);
        const { code, stdout } = await host.run(fileOf("status"));
        assert.equal(code, 0);
        assert.match(
            stdout,
            /^mx\.example\.com, \d{4}-\d\d-\d\d \d\d:\d\d UTC\n\nservices {6}2 of 2 run\n/,
        );
        assert.match(stdout, /\n\nAll is well\.\n$/);
    });

    describe("names the service that does not run, and why", () => {
        beforeEach(() => host.deploy());

        const signs: [log: string, cause: RegExp][] = [
            ["Error: listen EACCES: permission denied 0.0.0.0:25", /ports below 1024/],
            ["MISSING CONFIG VALUES: WEBHOOK_SIGNATURE_KEY", /finds variables missing/],
            [
                "Error: EACCES: permission denied, open '/app/ssl/privkey.pem'",
                /can't read its certificate/,
            ],
            ["connect ECONNREFUSED 127.0.0.1:27017", /does not reach MongoDB/],
            ["Error: ENOSPC: no space left on device, write", /a disk is full/],
        ];
        for (const [log, cause] of signs) {
            test(log, async () => {
                host.set("logs", `it begins\n${log}\n`);
                setService("mx", "unhealthy");
                const { facts, problems } = await wrong(
                    /^mx: its health check fails\. Likely cause: /,
                );
                assert.match(problems[0]!, cause);
                const { mend } = failureCauses.find((known) => problems[0]!.includes(known.cause))!;
                assert.ok(problems[0]!.endsWith(mend), problems[0]);
                assert.equal(facts["services"], "1 of 2 run");
            });
        }

        test("one whose log tells nothing that is known", async () => {
            host.set("logs", `key ${describedSecrets.apiSecret}\nsomething "odd"\n\n`);
            setService("mx", "unhealthy");
            await wrong(
                'mx: its health check fails. It last said: something "odd". See mailhost logs mx',
            );
        });

        test("no secret is said", async () => {
            host.set("logs", `key ${describedSecrets.apiSecret}\n`);
            setService("mx", "unhealthy");
            await wrong("mx: its health check fails. It last said: key ***. See mailhost logs mx");
        });

        test("one that is not there, and one that ends again and again", async () => {
            host.set("logs", "odd\n");
            fs.rmSync(path.join(host.fake, "containers", "mongodb"));
            setService("mx", "ends");
            await wrong(
                /^mongodb: it is not there\./,
                "mx: it is restarting, with exit code 1, after 4 restarts. It last said: odd. See mailhost logs mx",
            );
        });

        test("one that was stopped, and one that has ended", async () => {
            host.set("logs", "bye\n");
            setService("mx", "stopped");
            await wrong("mx: it was stopped. It last said: bye. See mailhost logs mx");
            host.set("exit-code", "3");
            await wrong(
                "mx: it has ended with exit code 3. It last said: bye. See mailhost logs mx",
            );
        });

        test("one that has been starting for long", async () => {
            setService("mx", "starting");
            await wrong(/^mx: it has not become healthy in 180 s\./);
        });

        test("but not one whose health a restart of Docker has forgotten", async () => {
            setService("mx", "starting");
            const now = new Date();
            const day = now.toUTCString().slice(0, 3);
            host.set(
                "docker-start",
                `${day} ${now.toISOString().slice(0, 19).replace("T", " ")} UTC\n`,
            );
            await wrong();
        });
    });

    test("with a deployment that was cut off", async () => {
        await host.deploy();
        fs.rmSync(path.join(host.data, "releases", "good"));
        await wrong(
            /^release \S+ was not seen to serve: a deployment was cut off\. pulumi up goes on$/,
        );
    });

    test("without Docker, without the volume, without a firewall: all at once", async () => {
        host.set("no-docker", "");
        host.set("not-mounted", "");
        host.set("no-firewall", "");
        host.set("journal", "the device is not there\n");
        await wrong(
            "Docker does not answer: systemctl status docker says why",
            `the data volume is not mounted at ${host.data}: the device is not there`,
            "the host's firewall is not loaded: systemctl status mailhost-firewall says why",
        );
    });

    test("with a disk that fills up", async () => {
        host.set("full", "93");
        await wrong(
            "the data volume is 93 % full: enlarge it (mailhost:server.volumeSizeGb), then pulumi up",
            /^the system disk is 93 % full: /,
        );
    });

    test("with a unit that failed", async () => {
        host.set("failed-units", "docker.service loaded failed failed Docker\n");
        host.set("journal", "can't start\n");
        await wrong("docker.service: can't start");
    });

    test("with a renewal that failed is said once", async () => {
        const records = path.join(host.root, "state", "certificates");
        fs.mkdirSync(records, { recursive: true });
        fs.writeFileSync(
            path.join(records, "last-renew"),
            "2026-01-01T00:00:00+00:00 failed: not renewed: example.com\n",
        );
        host.set("failed-units", "mailhost-renew.service loaded failed failed Renewal\n");
        const { facts } = await wrong(
            "the renewal of certificates failed at 2026-01-01T00:00:00+00:00: not renewed: example.com; mend that, then on the host: mailhost renew",
        );
        assert.equal(facts["renewal"], "last 2026-01-01T00:00:00+00:00: failed; next something");
    });

    describe("with certificates", () => {
        const certificates = (script: string) => {
            fs.mkdirSync(path.join(host.root, "etc"), { recursive: true });
            fs.writeFileSync(path.join(host.root, "etc", "certificates"), "");
            fs.writeFileSync(
                path.join(host.root, "library", "certificates"),
                `#!/bin/sh\n${script}\n`,
                { mode: 0o755 },
            );
        };

        test("says how long each is valid", async () => {
            certificates("echo example.com 5270400; echo example.org 86399");
            const { facts } = await wrong();
            assert.equal(facts["certificates"], "example.com 61 days, example.org 0 days");
        });

        test("that are not there, or are not what is served", async () => {
            certificates(
                "echo example.com 86400; echo example.org 0; echo 'mailhost: error: these do not serve it: mx:25 (mx)' >&2; exit 1",
            );
            await wrong(
                "these do not serve it: mx:25 (mx)",
                "there is no valid certificate of example.org: mailhost renew on the host obtains one, or says why not",
            );
        });
    });

    for (const options of ["ro,nosuid,noatime", "rw,noatime,emergency_ro"]) {
        test(`whose data volume is mounted read-only (${options})`, async () => {
            host.set("mount-options", `${options}\n`);
            await wrong(/^the data volume is mounted read-only, so no mail can be kept: /);
        });
    }

    test("whose data volume may not be read as read-only", async () => {
        host.set("mount-options", "rw,errors=remount-ro,nosuid\n");
        await wrong();
    });

    test("whose firewall's rules are gone, or let everything in", async () => {
        const gone =
            /^the firewall's rules are gone, so every port of the host is open: systemctl restart mailhost-firewall on the host/;
        host.set("no-rules", "");
        await wrong(gone);
        host.unset("no-rules");
        host.set("policy", "accept");
        await wrong(gone);
    });

    test("of which a timer is not active", async () => {
        const { units } = planHost(planArguments);
        const timers = units.enabled.filter((unit) => unit.endsWith(".timer"));
        assert.equal(timers.length, 3);
        for (const timer of timers) {
            host.set("inactive", `${timer}\n`);
            await wrong(
                new RegExp(
                    `^${timer} is not active: .*\\. systemctl enable --now ${timer} on the host$`,
                ),
            );
        }
    });

    test("is root's, and takes no other word", async () => {
        host.set("uid", "1000");
        assert.deepEqual(await host.run(fileOf("status")), {
            code: 1,
            stdout: "",
            stderr: "mailhost: error: what the services say is root's: sudo mailhost status\n",
        });
        host.unset("uid");
        assert.equal((await host.run(fileOf("status"), ["--yaml"])).code, 64);
    });

    test("leaves nothing behind", async () => {
        await host.deploy();
        setService("mx", "unhealthy");
        await status();
        assert.deepEqual(
            fs.readdirSync(host.root).filter((name) => name.startsWith("run-")),
            [],
        );
    });
});
