import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { host } from "../stack-deploy/simulated-host";
import { fileOf, setService, simulateStatusHost, status, wrong } from "./status-host";

simulateStatusHost();

describe("the status of a host", () => {
    describe("while work is under way", () => {
        const lockText = "a deployment, a set-up or a renewal of certificates is under way";
        let holder: ChildProcess | undefined;
        beforeEach(async () => {
            await host.deploy();
            setService("mx", "unhealthy");
            host.set("logs", "odd\n");
        });
        afterEach(async () => {
            holder?.stdin?.end();
            if (holder) await once(holder, "close");
            holder = undefined;
        });

        /** What a script over SSH, or a renewal, does for as long as it runs. */
        async function holdLock(): Promise<void> {
            holder = spawn(
                "flock",
                [path.join(host.root, "run.lock"), "sh", "-c", "echo; read _"],
                {
                    stdio: ["pipe", "pipe", "ignore"],
                },
            );
            await once(holder.stdout!, "data");
        }

        const odd = "mx: its health check fails. It last said: odd. See mailhost logs mx";

        test("what it may cause is told, and is no fault", async () => {
            await holdLock();
            host.set("failed-units", "docker.service loaded failed failed Docker\n");
            host.set("journal", "can't start\n");
            const { code, status: found } = await status();
            assert.equal(code, 0);
            const { well, underWay, problems, unsettled } = found;
            assert.deepEqual(
                { well, underWay, problems, unsettled },
                {
                    well: true,
                    underWay: lockText,
                    problems: [],
                    unsettled: [odd, "docker.service: can't start"],
                },
            );
        });

        test("what it can't cause is a fault", async () => {
            await holdLock();
            host.set("full", "93");
            host.set("no-rules", "");
            const { code, status: found } = await status();
            assert.deepEqual(
                [code, found.well, found.underWay, found.problems.length, found.unsettled],
                [1, false, lockText, 3, [odd]],
            );
        });

        test("people read it", async () => {
            await holdLock();
            const { code, stdout } = await host.run(fileOf("status"));
            assert.equal(code, 0);
            assert.ok(
                stdout.endsWith(
                    `\n\n${lockText.replace("a", "A")}: look again when that is done.\nUntil then:\n  - ${odd}\n`,
                ),
                stdout,
            );
            setService("mx", "healthy");
            assert.match(
                (await host.run(fileOf("status"))).stdout,
                /: look again when that is done\.\n$/,
            );
        });

        test("a lock that nobody holds is no work", async () => {
            fs.writeFileSync(path.join(host.root, "run.lock"), "");
            await wrong(odd);
        });

        test("as the host starts", async () => {
            host.set("system", "starting\n");
            const { code, status: found } = await status();
            assert.deepEqual(
                [code, found.underWay, found.unsettled],
                [0, "the host is starting", [odd]],
            );
            host.set("system", "degraded\n");
            await wrong(odd);
        });

        test("as the services are started, the first time that is tried", async () => {
            const unit = (restarts: number) =>
                host.set(
                    "stack-unit",
                    `NRestarts=${restarts}\nActiveState=activating\nSubState=start\n`,
                );
            unit(0);
            const { code, status: found } = await status();
            assert.deepEqual(
                [code, found.underWay, found.unsettled],
                [0, "the services are being started", [odd]],
            );
            unit(1);
            await wrong(odd, /^the services do not start \(mailhost-stack\.service\)\. /);
        });
    });

    describe("whose services do not start after a reboot", () => {
        beforeEach(() => host.deploy());

        const states = [
            "ActiveState=failed\nSubState=failed\nNRestarts=0\n",
            "ActiveState=activating\nSubState=auto-restart\nNRestarts=3\n",
        ];
        for (const state of states) {
            test(`names the likely cause (${state.split("\n")[1]})`, async () => {
                host.set("stack-unit", state);
                host.set(
                    "failed-units",
                    "mailhost-stack.service loaded failed failed Mail stack\n",
                );
                host.set("journal", "Error response from daemon: No such image: mail@sha256:01\n");
                await wrong(
                    "the services do not start (mailhost-stack.service). Likely cause: an image of the release is no longer on the host, as after docker image prune --all. docker pull it there, by the name that mailhost logs stack shows, then systemctl restart mailhost-stack.",
                );
            });
        }

        test("says what was said last where the cause is not known, without systemd's own words", async () => {
            host.set("stack-unit", states[0]!);
            host.set(
                "journal",
                "mailhost: error: the stack is not up\nmailhost-stack.service: Main process exited\nFailed to start mailhost-stack.service\n",
            );
            await wrong(
                "the services do not start (mailhost-stack.service). It last said: mailhost: error: the stack is not up. See mailhost logs stack",
            );
            assert.deepEqual(
                host.told("journal-asked").filter((asked) => asked.includes("mailhost-stack")),
                ["-q -b -u mailhost-stack.service -n 30 -o cat"],
            );
        });

        test("since nothing would start them", async () => {
            host.set("stack-unit", "ActiveState=inactive\nSubState=dead\nNRestarts=0\n");
            await wrong(
                "mailhost-stack.service does not run, so nothing starts the services after a reboot: systemctl enable --now mailhost-stack.service on the host",
            );
            fs.rmSync(path.join(host.data, "releases"), { recursive: true });
            await wrong();
        });
    });
});
