// One mail host's life on the container kind: certificate, services, mail in and out; then changes, faults and a reboot.
// The steps build on each other.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { HttpsClient } from "../../local/proof/https-client";
import { buildStackImages, type StackImageSet } from "../../local/image/stack-images";
import { demandedVariable } from "../../local/image/stack-layers";
import { gradeTls, type GradedPort } from "./support/grade-tls";
import { blocksRunBy } from "./support/documented";
import { checkOutFor, Operator } from "./support/operator";
import { answering, scanAllTcpPorts } from "./support/scan";
import {
    allHealthy,
    allProven,
    costOf,
    databases,
    everyService,
    failedUp,
    logins,
    mailArrives,
    nodeServices,
    outsideOf,
    restartedSince,
    startTimes,
} from "./support/mail-host";
import { orderedSteps } from "./support/steps";
import { eventually, stackSize, suiteLimit, TestLaptop } from "./support/test-laptop";

const data = "/root/forwardemail.net/self-hosting";

/**
 * Leaves what compose does when it is killed after it has made the container that is to replace another, and before the
 * other is gone; unless it has just done so.
 */
function leaveHalfMade(service: string): string {
    const labels = ["project", "service", "container-number", "oneoff"].map((name) => {
        const label = `com.docker.compose.${name}`;
        return `--label ${label}=$(docker inspect -f '{{index .Config.Labels "${label}"}}' ${service})`;
    });
    return [
        `name=$(docker inspect -f '{{slice .Id 0 12}}' ${service})_${service}`,
        "if docker container inspect $name >/dev/null 2>&1; then exit; fi",
        `docker create --name $name ${labels.join(" ")} $(docker inspect -f '{{.Image}}' ${service})`,
    ].join("\n");
}

const blocks = blocksRunBy(__filename);

describe("a mail host on the container kind", { timeout: suiteLimit }, () => {
    const step = orderedSteps();
    let laptop: TestLaptop;
    let images: StackImageSet;
    /** The present `mailhost:stack`. */
    let services: { images: Record<string, string> } & Record<string, unknown>;

    before(async () => {
        images = await buildStackImages();
        laptop = await TestLaptop.start("mail", { kind: "container" });
        services = { images: { ...laptop.info.images } };
    });
    after(() => laptop?.close());

    async function configure(changes: Record<string, unknown>): Promise<void> {
        services = { ...services, ...changes };
        await laptop.configure("mailhost:stack", services);
    }

    /** The pinned reference of another image of the mail services. */
    function mailImage({ repository, tag, digest }: StackImageSet["upgrade"]) {
        return {
            images: {
                ...services.images,
                mail: `${laptop.info.registry.host}/${repository}:${tag}@${digest}`,
            },
        };
    }

    /** Everything runs as before, from the release that was good. */
    async function stillServes(before: ReadonlyMap<string, string>): Promise<void> {
        assert.deepEqual(
            (await restartedSince(laptop, before)).filter((name) => databases.includes(name)),
            [],
        );
        await eventually(() => allHealthy(laptop), 400, "everything is healthy");
        await mailArrives(laptop);
    }

    step("the first `up` makes it, with at most eight logins", async (t) => {
        const { changes, printed } = await laptop.up();
        assert.deepEqual(changes, { created: stackSize });
        assert.doesNotMatch(printed, /error|first boot did not finish|warning/i);
        const made = (await logins(laptop)) - 1;
        t.diagnostic(`logins in a first up: ${made}`);
        assert.ok(made <= 8, String(made));
        assert.ok(await allHealthy(laptop));
        assert.deepEqual([...(await startTimes(laptop)).keys()].sort(), everyService);
    });

    step("a mail comes in and is read, another goes out and passes every check", async (t) => {
        const proofs = await allProven(laptop, t);
        assert.deepEqual(
            proofs.map(({ name }) => name),
            [
                ...["web site over HTTPS", "administrator", "domain and mailbox"],
                ...["mail in, port 25", "mail read, IMAP 993", "mail read, POP3 995"],
                ...["no open relay", "the domain's own values", "nothing sent too early"],
                ...["second pulumi up", "DNS records found by host", "mail out, port 465"],
                ...["certificate at every port", "TLSA = the served key", "MTA-STS policies"],
                ...["mail programs set up", "inner ports closed"],
            ],
        );
    });

    step("another `up` with nothing changed logs in nowhere and writes nothing", async () => {
        const cost = await costOf(laptop, () => laptop.up("--expect-no-changes"));
        assert.deepEqual(cost, { logins: 0, writes: 0 });
    });

    step("a variable restarts the service that reads it, with at most two logins", async (t) => {
        const before = await startTimes(laptop);
        await configure({ environment: { AUTH_BASIC_ALWAYS: true } });
        const { logins: made, writes } = await costOf(laptop, () => laptop.up());
        assert.deepEqual(await restartedSince(laptop, before), ["web"]);
        t.diagnostic(`logins for one variable: ${made}`);
        assert.ok(made <= 2, String(made));
        assert.equal(writes, 0);
    });

    step(
        "a variable of nobody in particular restarts every Node service and no other",
        async () => {
            const before = await startTimes(laptop);
            await configure({ environment: { LAPTOP_TEST_VALUE: "one" } });
            await laptop.up();
            assert.deepEqual(await restartedSince(laptop, before), nodeServices);
            await mailArrives(laptop);
        },
    );

    step("a changed policy is really served afterwards", async () => {
        const before = await startTimes(laptop);
        const domains = JSON.parse(
            (await laptop.pulumi("config", "get", "mailhost:domains")).stdout,
        ) as { name: string }[];
        await laptop.configure(
            "mailhost:domains",
            domains.map((domain) =>
                domain.name === "second.test" ? { ...domain, mtaSts: { mode: "enforce" } } : domain,
            ),
        );
        await laptop.up();
        const { text } = await new HttpsClient(await outsideOf(laptop)).request(
            "GET",
            "https://mta-sts.second.test/.well-known/mta-sts.txt",
        );
        assert.match(text, /^mode: enforce\r$/m);
        assert.deepEqual(await restartedSince(laptop, before), ["sni-router"]);
    });

    step(
        "another tag, pinned as documented, rolls the services of the mail image alone",
        async () => {
            const before = await startTimes(laptop);
            const operator = new Operator({
                blocks,
                folder: await checkOutFor(laptop, { packages: true }),
                environment: laptop.stack.environment,
                examples: { "v1.3.0": images.upgrade.tag },
            });
            await operator.follow("docs/upgrading.md", "npm run mailhost -- pin --mail-tag v1.3.0");
            services = { ...services, ...mailImage(images.upgrade) };
            const { stdout } = await laptop.pulumi("config", "get", "mailhost:stack");
            assert.deepEqual(JSON.parse(stdout), services);
            assert.deepEqual(await restartedSince(laptop, before), nodeServices);
            assert.match(await laptop.ssh("docker logs --tail 50 mx 2>&1"), /v1\.1\.0/);
            await mailArrives(laptop);
        },
    );

    step("a broken image: the release before serves again, and the error says why", async () => {
        const before = await startTimes(laptop);
        const good = services;
        await configure(mailImage(images.broken));
        const printed = await failedUp(laptop);
        assert.match(printed, /does not serve: web: it has ended and been restarted 3 times/);
        assert.match(printed, /mailhost: {3}\| TypeError: Cannot read properties of undefined/);
        assert.match(printed, /The release before it, \S+, serves again after \d+ s/);
        // It has printed one, so that something is there to be hidden.
        assert.match(printed, /mailhost: {3}\| web: starting with HELPER_ENCRYPTION_KEY=\*\*\*$/m);
        const secrets = new Map(
            [
                ...(await laptop.ssh(`cat ${data}/.env`)).matchAll(
                    /^(\w*(?:KEY|SECRETS?|PASS(?:WORD)?))=["']?([^"',\n]+)/gm,
                ),
            ].map(([, name = "", value = ""]) => [name, value]),
        );
        assert.deepEqual([...secrets.keys()].sort(), [
            "API_SECRETS",
            "AUTH_BASIC_PASSWORD",
            "HELPER_ENCRYPTION_KEY",
            "SMTP_TRANSPORT_PASS",
            "SRS_SECRET",
            "TXT_ENCRYPTION_KEY",
            "WEBHOOK_SIGNATURE_KEY",
        ]);
        for (const [name, value] of secrets) {
            assert.ok(value.length >= 32, name);
            assert.ok(!printed.includes(value), name);
        }
        await stillServes(before);
        assert.match(await laptop.ssh("docker logs --tail 50 mx 2>&1"), /v1\.1\.0/);
        services = good;
    });

    step(
        "a variable that a release wants and nobody set: named, and the release before serves",
        async () => {
            const before = await startTimes(laptop);
            const good = services;
            await configure(mailImage(images.demanding));
            const printed = await failedUp(laptop);
            assert.match(printed, new RegExp(`MISSING CONFIG VALUES: ${demandedVariable}`));
            assert.match(printed, /likely cause: the service finds variables missing/);
            assert.match(printed, /serves again after \d+ s/);
            await stillServes(before);
            await configure({
                ...good,
                environment: { ...(good["environment"] as object), [demandedVariable]: "given" },
                ...mailImage(images.demanding),
            });
            await laptop.up();
            assert.match(await laptop.ssh("docker logs --tail 50 mx 2>&1"), /v1\.3\.0/);
            await mailArrives(laptop);
            await configure(good);
            await laptop.up();
        },
    );

    step("a registry that is down: nothing is touched, and the error names it", async () => {
        const before = await startTimes(laptop);
        const good = services;
        await configure({ images: { ...laptop.info.images } });
        await laptop.ssh(`docker image rm -f ${laptop.info.images.mail} >/dev/null 2>&1 || true`);
        await laptop.api("POST", "/_laptop/registry", { running: false });
        try {
            const printed = await failedUp(laptop);
            assert.match(printed, new RegExp(laptop.info.registry.host.replaceAll(".", "\\.")));
            assert.match(printed, /refused/);
        } finally {
            await laptop.api("POST", "/_laptop/registry", { running: true });
        }
        assert.deepEqual(await restartedSince(laptop, before), []);
        await stillServes(before);
        await configure(good);
    });

    step("a full disk: nothing is touched, and the error says how full it is", async () => {
        const before = await startTimes(laptop);
        await laptop.ssh(
            `fallocate -l $(($(df --output=avail -B1 ${data} | tail -1) - 20000000)) ${data}/filler`,
        );
        try {
            await configure({ environment: { LAPTOP_TEST_VALUE: "two" } });
            const printed = await failedUp(laptop);
            assert.match(printed, /mailhost: error: the disk of \S+self-hosting is full: /);
            assert.deepEqual(await restartedSince(laptop, before), []);
            await mailArrives(laptop);
        } finally {
            await laptop.ssh(`rm ${data}/filler`);
        }
        await laptop.up();
        assert.deepEqual(await restartedSince(laptop, before), nodeServices);
    });

    step("a port that is taken: nothing is touched, and the error names who has it", async () => {
        const before = await startTimes(laptop);
        await laptop.ssh(
            "systemd-run --quiet --unit=squatter python3 -c 'import socket,time; s=socket.create_server((\"\",587)); time.sleep(3600)'",
        );
        await configure({ startTlsSubmission: true });
        const printed = await failedUp(laptop);
        assert.match(
            printed,
            /port 587 is taken by the process python3 \(\d+\) of squatter\.service/,
        );
        assert.deepEqual(await restartedSince(laptop, before), []);
        await laptop.ssh("systemctl stop squatter");
        await laptop.up();
        assert.deepEqual(await restartedSince(laptop, before), ["smtp_starttls"]);
        // With a release that succeeds goes what was pulled for one that did not.
        const digests = await laptop.ssh("docker image ls --digests");
        assert.doesNotMatch(digests, new RegExp(images.broken.digest));
        for (const { digest } of [images.upgrade, images.demanding])
            assert.match(digests, new RegExp(digest));
        const outside = await outsideOf(laptop);
        (await outside.connect(587, outside.hostName, { starttls: true })).destroy();
    });

    step("killed in the middle of a deployment, the next `up` converges", async () => {
        await configure({ environment: { LAPTOP_TEST_VALUE: "three" } });
        const failing = failedUp(laptop);
        // From the moment at which containers are made anew, nothing on the host is as any release has it.
        await eventually(
            async () =>
                (await laptop.trySsh("pgrep -f '[c]ompose .*self-hosting.* up' >/dev/null"))
                    .code === 0,
            400,
            "the deployment starts services",
        );
        await laptop.ssh(
            "pkill -KILL -f '^bash -euo pipefail /dev/fd/3$' ; pkill -KILL -f '[c]ompose .*self-hosting.* up' ; true",
        );
        await failing;
        await laptop.ssh(leaveHalfMade("web"));
        const { printed } = await laptop.up();
        assert.match(
            printed,
            /removing [0-9a-f]{12}_web, which a killed deployment left half-made/,
        );
        assert.ok(await allHealthy(laptop));
        assert.match(await laptop.ssh(`cat ${data}/.env`), /^LAPTOP_TEST_VALUE=["']?three/m);
        await mailArrives(laptop);
        const { changes } = await laptop.up("--expect-no-changes");
        assert.deepEqual(Object.keys(changes), ["unchanged"]);
    });

    step("a deployment waits for the unit that is starting the stack", async () => {
        // It starts nothing before a deployment has kept its release, with time to be met in that.
        const untilKept = `until test ${data}/releases -nt /run/before-deployment; do sleep 1; done; sleep 20`;
        await laptop.ssh(
            [
                "touch /run/before-deployment",
                "mkdir -p /run/systemd/system/mailhost-stack.service.d",
                `printf '[Service]\\nExecStartPre=/bin/sh -c "${untilKept}"\\n' >/run/systemd/system/mailhost-stack.service.d/slow.conf`,
                "systemctl daemon-reload",
                "systemctl stop mailhost-stack.service",
                "systemctl start --no-block mailhost-stack.service",
            ].join("\n"),
        );
        await configure({ environment: { LAPTOP_TEST_VALUE: "four" } });
        const { printed } = await laptop.up();
        assert.match(
            printed,
            /mailhost-stack\.service is starting the services: waiting until it has, for 300 s at most/,
        );
        assert.doesNotMatch(printed, /it is ended/);
        await laptop.ssh(
            "rm -r /run/systemd/system/mailhost-stack.service.d; systemctl daemon-reload",
        );
        assert.equal(await laptop.ssh("systemctl is-active mailhost-stack.service"), "active");
        assert.ok(await allHealthy(laptop));
        assert.match(await laptop.ssh(`cat ${data}/.env`), /^LAPTOP_TEST_VALUE=["']?four/m);
        await mailArrives(laptop);
    });

    step("a stack that does not come up at a boot is mended by a deployment", async () => {
        await laptop.ssh(
            [
                "mkdir -p /run/systemd/system/mailhost-stack.service.d",
                "cd /run/systemd/system/mailhost-stack.service.d",
                "printf '[Service]\\nExecStartPre=/bin/false\\n' >broken.conf",
                // Its next attempt is not what this is about.
                "printf '[Service]\\nRestartSec=600\\n' >patient.conf",
                "systemctl daemon-reload",
                "systemctl stop mailhost-stack.service",
                "systemctl start mailhost-stack.service || true",
                "rm broken.conf",
                "systemctl daemon-reload",
            ].join("\n"),
        );
        assert.equal(
            await laptop.ssh("systemctl show -P SubState mailhost-stack.service"),
            "auto-restart",
        );
        await configure({ environment: { LAPTOP_TEST_VALUE: "five" } });
        const { printed } = await laptop.up();
        assert.match(
            printed,
            /mailhost-stack\.service has not brought the services up: it is ended/,
        );
        assert.equal(await laptop.ssh("systemctl is-active mailhost-stack.service"), "active");
        assert.ok(await allHealthy(laptop));
        await laptop.ssh(
            "rm -r /run/systemd/system/mailhost-stack.service.d; systemctl daemon-reload",
        );
    });

    step("after a reboot all is healthy without help", async () => {
        const before = await startTimes(laptop);
        const boot = await laptop.ssh("systemctl show -P UserspaceTimestamp");
        await laptop.trySsh("systemctl reboot");
        await eventually(
            async () => {
                const { code, stdout } = await laptop.trySsh(
                    "systemctl show -P UserspaceTimestamp",
                );
                return code === 0 && stdout.trim() !== boot;
            },
            600,
            "the host has booted",
        );
        await eventually(() => allHealthy(laptop), 600, "all is healthy");
        assert.deepEqual(
            (await restartedSince(laptop, before)).sort(),
            [...everyService, "smtp_starttls"].sort(),
        );
        await mailArrives(laptop);
        assert.deepEqual((await laptop.status(true)).problems, []);
    });

    step("on the host, `mailhost status` says what runs, and what does not", async () => {
        const well = await laptop.trySsh("mailhost status");
        assert.equal(well.code, 0, well.stdout);
        assert.match(well.stdout, /^services {6}16 of 16 run$/m);
        assert.match(
            well.stdout,
            /^certificates {2}example\.test \d+ days, second\.test \d+ days$/m,
        );
        assert.match(well.stdout, /\nAll is well\.\n$/);
        await laptop.ssh("docker stop pop3");
        const ill = await laptop.trySsh("mailhost status");
        assert.equal(ill.code, 1, ill.stdout);
        assert.match(ill.stdout, /\nWrong:\n {2}- pop3: it was stopped\. [^\n]*\n$/);
        assert.match(await laptop.ssh("mailhost logs pop3 --lines 3"), /^pop3 /m);
        await laptop.ssh("docker start pop3");
        await eventually(() => allHealthy(laptop), 180, "all is healthy");
    });

    step("from outside only the planned ports answer, over both families", async () => {
        const { address } = await laptop.status();
        const scans = [address.ipv4!, address.ipv6!].map(async (one) =>
            assert.deepEqual(
                answering(await scanAllTcpPorts(one)),
                [22, 25, 80, 443, 465, 587, 993, 995],
                one,
            ),
        );
        await Promise.all(scans);
    });

    step("TLS has no severe fault at any kind of port, and no protocol before 1.2", async (t) => {
        const { address, acme } = await laptop.status();
        const at = (name: string, port: number, startTls?: "smtp"): GradedPort => ({
            ...{ name, address: address.ipv4!, port, startTls },
        });
        // The router's own, one of Node's over TLS, and one behind STARTTLS; the others are the same code.
        const graded = [
            at("mta-sts.second.test", 443),
            at("mx.example.test", 993),
            at("mx.example.test", 25, "smtp"),
        ].map(async (one) => {
            const { severe, ofTestAuthority, protocols } = await gradeTls(one, acme!.caFile);
            for (const finding of ofTestAuthority) {
                t.diagnostic(`${one.port}, not counted, of the test's authority alone: ${finding}`);
            }
            assert.deepEqual(severe, [], `${one.name}:${one.port}`);
            assert.deepEqual(protocols, ["TLS1_2", "TLS1_3"], `${one.name}:${one.port}`);
        });
        await Promise.all(graded);
    });

    step("databases answer on loopback alone, whatever the firewalls say", async () => {
        const listening = await laptop.ssh(
            "ss -Hltn 'sport = :27017 or sport = :6379' | awk '{print $4}'",
        );
        assert.deepEqual(listening.split("\n").sort(), ["127.0.0.1:27017", "127.0.0.1:6379"]);
    });
});
