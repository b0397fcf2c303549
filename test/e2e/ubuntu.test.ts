// The whole mail host on Ubuntu 24.04, as an existing machine: made by `pulumi up`, mail, a reboot, and an `up` that has
// nothing to do. What is refused, moved and left behind is tested on Debian 13, in existing.test.ts. The steps build on
// each other.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { BareMachine, makeKeyPair, type KeyPair } from "../../bench/bare-machine";
import { hostPackages } from "../../components/host/packages";
import { whyNotBuilt } from "../../local/image/build-image";
import { localDomain } from "../../local/laptop";
import { allHealthy, allProven, costOf, mailArrives } from "./support/mail-host";
import { whyTooSlow } from "./support/slow";
import { orderedSteps } from "./support/steps";
import { eventually, suiteLimit, TestLaptop } from "./support/test-laptop";

const title = "an existing machine with Ubuntu 24.04";
const system = "ubuntu-24.04";

void (async () => {
    const skip =
        whyTooSlow("another system's image and host take five minutes") ??
        (await whyNotBuilt(system).then(
            (missing) => missing && `its image can't be built here: ${missing}`,
        ));
    if (skip !== undefined) {
        test(title, { skip });
        return;
    }
    describe(title, { timeout: suiteLimit }, () => {
        const step = orderedSteps();
        let laptop: TestLaptop;
        let machine: BareMachine;
        let hostKey: KeyPair;

        before(async () => {
            laptop = await TestLaptop.start("ubuntu", { kind: "container", system });
            const loginKey = await makeKeyPair(laptop.info, "test-login");
            hostKey = await makeKeyPair(laptop.info, "test-host");
            machine = await BareMachine.create(laptop.info, {
                ...{ name: "bare", loginKey, hostKey, image: system },
            });
            await machine.setPointers(`mx.${localDomain}`);
            const { code, stderr } = await laptop.stack.pulumi(
                ["config", "set", "--stack", "local", "--secret", "mailhost:sshPrivateKey"],
                { input: loginKey.privateKey },
            );
            assert.equal(code, 0, stderr);
        });
        after(() => laptop?.close());

        step("`up` makes it a mail host, with Ubuntu's packages", async () => {
            const before = await machine.ssh(
                ". /etc/os-release; echo $ID-$VERSION_ID; dpkg-query -W docker.io 2>&1 || true",
            );
            assert.equal(
                before,
                "ubuntu-24.04\ndpkg-query: no packages found matching docker.io\n",
            );
            await laptop.configure("mailhost:server", {
                ...{ provider: "existing", system, ...machine.addresses },
                sshHostKey: hostKey.publicKey,
            });
            const { printed } = await laptop.up();
            assert.match(printed, /the machine can be made mx\.example\.test/);
            assert.ok(await allHealthy(laptop));
            const states = await laptop.ssh(
                `dpkg-query -W -f '\${db:Status-Status}\n' ${hostPackages(system).join(" ")}`,
            );
            assert.deepEqual([...new Set(states.split("\n"))], ["installed"]);
            assert.match(await laptop.ssh("dpkg-query -W docker.io"), /ubuntu/);
            assert.deepEqual((await laptop.status(true)).problems, []);
        });

        step("mail comes in and goes out", async (t) => {
            await allProven(laptop, t);
        });

        step("after a reboot all is healthy without help", async () => {
            await machine.reboot();
            await eventually(() => allHealthy(laptop), 600, "everything is healthy");
            await mailArrives(laptop);
            assert.deepEqual((await laptop.status(true)).problems, []);
        });

        step("another `up` with nothing changed logs in nowhere and writes nothing", async () => {
            const cost = await costOf(laptop, () => laptop.up("--expect-no-changes"));
            assert.deepEqual(cost, { logins: 0, writes: 0 });
        });
    });
})();
