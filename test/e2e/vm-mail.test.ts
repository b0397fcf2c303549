// The main path once on a virtual machine: the real program, from nothing to a mail that is read. Where no KVM boots
// machines it takes a quarter of an hour or more, most of it for unpacking images, so it waits to be asked for there.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { chooseKind } from "../../local/cloud/machines/choose-kind";
import { buildImage } from "../../local/image/build-image";
import { snapshotFor } from "../../local/laptop";
import { allHealthy, allProven, mailArrives } from "./support/mail-host";
import { whyEmulated } from "./support/slow";
import { orderedSteps } from "./support/steps";
import { eventually, stackSize, suiteLimit, TestLaptop } from "./support/test-laptop";

void (async () => {
    const { accelerator } = await chooseKind("vm");
    const skip = whyEmulated(accelerator, "a quarter of an hour");
    if (skip !== undefined) {
        test("a mail host on a virtual machine", { skip });
        return;
    }
    describe("a mail host on a virtual machine", { timeout: suiteLimit }, () => {
        const step = orderedSteps();
        let laptop: TestLaptop;

        before(async () => {
            const { images } = await buildImage();
            laptop = await TestLaptop.start("vm-mail", {
                kind: "vm",
                image: snapshotFor(accelerator, images),
            });
        });
        after(() => laptop?.close());

        step("`up` makes it", async () => {
            const { changes } = await laptop.up();
            assert.deepEqual(changes, { created: stackSize });
            assert.deepEqual((await laptop.status(true)).problems, []);
        });

        step("a mail comes in and is read, another goes out and passes every check", async () => {
            await allProven(laptop);
        });

        step("after a reboot all is healthy without help", async () => {
            await laptop.ssh("touch /run/before-reboot; systemctl reboot");
            await eventually(
                async () => (await laptop.trySsh("test ! -e /run/before-reboot")).code === 0,
                900,
                "the host is back",
            );
            await eventually(() => allHealthy(laptop), 1800, "all is healthy");
            await mailArrives(laptop);
        });
    });
})();
