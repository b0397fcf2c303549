// The host once on a virtual machine, so that kernel, boot, disks and sysctls are real somewhere. The mail services on
// one have a file of their own.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { localDomain, snapshotFor } from "../../local/laptop";
import { buildImage } from "../../local/image/build-image";
import { chooseKind } from "../../local/cloud/machines/choose-kind";
import { whyEmulated } from "./support/slow";
import { orderedSteps } from "./support/steps";
import {
    eventually,
    hostProgram,
    hostStackSize,
    suiteLimit,
    TestLaptop,
} from "./support/test-laptop";

const mountPoint = "/root/forwardemail.net/self-hosting";

const title = "a host on a virtual machine";

void (async () => {
    const { accelerator } = await chooseKind("vm");
    const skip = whyEmulated(accelerator, "eight minutes");
    if (skip !== undefined) {
        test(title, { skip });
        return;
    }
    describe(title, { timeout: suiteLimit }, () => {
        const step = orderedSteps();
        let laptop: TestLaptop;

        before(async () => {
            const { images } = await buildImage();
            laptop = await TestLaptop.start("vm", {
                kind: "vm",
                project: hostProgram,
                image: snapshotFor(accelerator, images),
                // 2 GB, so that the host makes itself swap.
                ...(process.arch === "x64" && { server: { type: "cpx11", location: "ash" } }),
            });
        });
        after(() => laptop.close());

        step("`up` makes it", async (t) => {
            const start = Date.now();
            const { changes } = await laptop.up();
            t.diagnostic(
                `${laptop.info.accelerator}: ${((Date.now() - start) / 1000).toFixed(0)} s for pulumi up`,
            );
            assert.deepEqual(changes, { created: hostStackSize });
            const status = await laptop.status(true);
            assert.deepEqual(
                [status.running, status.machine, status.host, status.problems],
                [true, "vm", `mx.${localDomain}`, []],
            );
            assert.match(status.address.ipv4!, /^127\.0\.\d+\.\d+$/);
            assert.match(status.published.ipv4!, /^198\.18\./);
            assert.equal(status.ports["22"], 22 + laptop.info.portOffset);
        });

        for (const [what, command, expected] of [
            ["its own kernel", "systemd-detect-virt --vm", /^(qemu|kvm)$/],
            ["memory is overcommitted for Redis", "sysctl -n vm.overcommit_memory", /^1$/],
            ["swap below 4 GB", "swapon --show=NAME --noheadings", /^\/swapfile$/],
            [
                "low ports for ordinary users",
                "sysctl -n net.ipv4.ip_unprivileged_port_start",
                /^25$/,
            ],
            [
                "udev names the data volume as the provider does",
                "readlink -f $(cat /etc/mailhost/data-device)",
                /^\/dev\/sd[a-z]$/,
            ],
            ["the data volume is mounted", `findmnt -no FSTYPE ${mountPoint}`, /^ext4$/],
            [
                "the empty mount point below it is immutable",
                `d=$(mktemp -d) && mount --bind / $d && lsattr -d $d${mountPoint} | cut -c1-20; umount $d`,
                /i/,
            ],
            [
                "Docker runs",
                "docker info -f '{{.LiveRestoreEnabled}} {{.Driver}}'",
                /^true overlay2$/,
            ],
            ["the host carries its primary IPv4", "ip -4 -o addr show scope global", /198\.18\./],
            ["nothing failed", "systemctl list-units --failed --no-legend | wc -l", /^0$/],
        ] as const) {
            test(`on the host: ${what}`, async () => {
                assert.match(await laptop.ssh(command), expected);
            });
        }

        step("a second `up` changes nothing", async () => {
            const { changes } = await laptop.up("--expect-no-changes");
            assert.deepEqual(changes, { unchanged: hostStackSize });
        });

        step("a changed host plan arrives over SSH", async () => {
            await laptop.configure("mailhost:rebootTime", "03:15");
            const { changes } = await laptop.up();
            assert.deepEqual(changes, { updated: 1, unchanged: hostStackSize - 1 });
        });

        step("a larger data volume grows in use, its file system with it", async () => {
            await laptop.configure("mailhost:server", {
                ...(await laptop.server()),
                volumeSizeGb: 12,
            });
            const { changes } = await laptop.up();
            assert.deepEqual(changes, { updated: 2, unchanged: hostStackSize - 2 });
            assert.equal(
                Number(await laptop.ssh(`df --output=size -B1G ${mountPoint} | tail -n 1`)),
                12,
            );
        });

        step("after a reboot everything is back", async () => {
            await laptop.ssh(
                `echo kept >${mountPoint}/kept; touch /run/before-reboot; systemctl reboot`,
            );
            await eventually(
                async () =>
                    (
                        await laptop.trySsh(
                            "test ! -e /run/before-reboot && systemctl is-active docker",
                        )
                    ).code === 0,
                900,
                "the host is back",
            );
            assert.equal(await laptop.ssh(`cat ${mountPoint}/kept`), "kept");
            assert.equal(await laptop.ssh("sysctl -n vm.overcommit_memory"), "1");
            assert.deepEqual((await laptop.status(true)).problems, []);
        });

        step("destroy brings the data volume to rest first", async () => {
            const { code, stdout } = await laptop.pulumi("destroy", "--yes", "--skip-preview");
            assert.equal(code, 0, stdout);
            assert.match(stdout, /the data volume is at rest/);
        });
    });
})();
