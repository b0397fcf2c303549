import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { changedRelease, describedRelease } from "./described-release";
import { host, lines, simulateHost } from "./simulated-host";

simulateHost();

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
        host.set("ill-mx", soon(600));
        const deployment = host.deploy(
            { release: mended, healthSeconds: 60 },
            { ...times, recovery_seconds: "60" },
        );
        while (!host.has("compose-failed")) {
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
        host.unset("ill-mx");
        const ended = await deployment;
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

describe("a stack that the unit is starting", () => {
    const starting = "ActiveState=activating\nSubState=start\nJob=7\n";
    const ups = () => host.told("calls").filter((call) => / up /.test(call)).length;
    const stops = () => host.told("systemctl").filter((call) => / stop /.test(call));
    beforeEach(async () => {
        await host.deploy();
        host.unset("calls");
    });

    for (const [what, state] of [
        ["starts", starting],
        ["is about to start", "ActiveState=inactive\nSubState=dead\nJob=7\n"],
    ] as const) {
        test(`is waited for while it ${what}, and nothing is changed before`, async () => {
            const before = host.placed();
            host.set("unit", state);
            const deployment = host.deploy({ release: changedRelease });
            while (host.told("systemctl").filter((call) => / show /.test(call)).length < 10) {
                await new Promise((resolve) => setTimeout(resolve, 20));
            }
            assert.deepEqual(host.placed(), before);
            assert.equal(ups(), 0);
            host.set("unit", "ActiveState=active\nSubState=exited\nJob=0\n");
            const ended = await deployment;
            assert.deepEqual([ended.code, ended.stderr], [0, ""]);
            assert.deepEqual(
                lines(ended.stdout).filter((line) => line.includes("mailhost-stack")),
                [
                    "mailhost: mailhost-stack.service is starting the services: waiting until it has, for 300 s at most",
                ],
            );
            assert.equal(ups(), 1);
            assert.deepEqual(stops(), []);
        });
    }

    test("and does not come up is ended after a while: the deployment may mend it", async () => {
        host.set("unit", starting);
        const ended = await host.deploy({ release: changedRelease }, { unit_seconds: "1" });
        assert.deepEqual([ended.code, ended.stderr], [0, ""]);
        assert.match(
            ended.stdout,
            /^mailhost: mailhost-stack\.service is starting .* for 1 s at most\nmailhost: mailhost-stack\.service has not brought the services up: it is ended, this deployment starts them\nmailhost: release \S+ goes into service$/m,
        );
        assert.deepEqual(stops(), ["systemctl stop mailhost-stack.service"]);
        assert.equal(host.told("systemctl").at(-1), "systemctl start mailhost-stack.service");
    });

    test("and failed is not waited for until it tries again", async () => {
        host.set("unit", "ActiveState=activating\nSubState=auto-restart\nJob=0\n");
        const ended = await host.deploy({ release: changedRelease });
        assert.equal(ended.code, 0);
        assert.doesNotMatch(ended.stdout, /waiting until/);
        assert.deepEqual(stops(), ["systemctl stop mailhost-stack.service"]);
    });

    test("and can't be ended stops the deployment", async () => {
        host.set("unit", starting);
        host.set("unit-does-not-end", "");
        const before = { ...host.containers(), ...host.placed() };
        const ended = await host.deploy({ release: changedRelease }, { unit_seconds: "0" });
        assert.equal(ended.code, 1);
        assert.equal(
            ended.stderr,
            "mailhost: error: mailhost-stack.service does not end, nothing was changed: systemctl status mailhost-stack.service on the host says more\n",
        );
        assert.deepEqual({ ...host.containers(), ...host.placed() }, before);
        assert.equal(ups(), 0);
    });

    test("and was ended is the unit's again when the deployment goes back", async () => {
        host.set("unit", starting);
        const ended = await host.deploy(
            { release: describedRelease({ services: { mx: "2 unhealthy" } }) },
            { unit_seconds: "0" },
        );
        assert.match(ended.stderr, /serves again/);
        assert.equal(host.told("systemctl").at(-1), "systemctl start mailhost-stack.service");
    });
});
