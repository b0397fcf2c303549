import * as fs from "node:fs";
import { describe, test } from "node:test";
import {
    accepts,
    addProgram,
    file,
    place,
    refuses,
    set,
    simulateMachine,
} from "./simulated-machine";

describe("the look at the disks of an existing machine", () => {
    simulateMachine();

    const disk = fs
        .readdirSync("/dev", { withFileTypes: true })
        .find((entry) => entry.isBlockDevice())?.name;
    const disks: [what: string, make: () => void, expected?: RegExp][] = [
        ["a blank disk", () => undefined],
        ["a disk of a mail host", () => (set("type", "ext4\n"), set("label", "mailhost-data\n"))],
        [
            "a disk that is mounted where it belongs",
            () => {
                set("mounted", "/root/forwardemail.net/self-hosting\n");
                set("source", `/dev/${disk}\n`);
                place("etc/mailhost/data-device", `/dev/${disk}\n`);
                set("type", "ext4\n");
                set("label", "mailhost-data\n");
            },
        ],
        [
            "a disk by another of its names",
            () => {
                fs.mkdirSync(file("etc/mailhost"), { recursive: true });
                fs.symlinkSync(`/dev/${disk}`, file("etc/by-id"));
                place("etc/mailhost/data-device", `${file("etc/by-id")}\n`);
            },
        ],
        [
            "a disk where another is mounted",
            () => set("source", "/dev/other\n"),
            /the data lies on \/dev\/other, and server\.dataDevice is \/dev\/\S+: nothing moves it\./,
        ],
        [
            "a disk where the data lies on the root disk",
            () => set("source", "/dev/sda1[/root/forwardemail.net/self-hosting]\n"),
            /the data lies on \/dev\/sda1\[\/root.*\], and .* or move the data: docs/,
        ],
        [
            "a disk where another was described, which is not mounted",
            () => place("etc/mailhost/data-device", "/dev/disk/by-id/before\n"),
            /the data lies on \/dev\/disk\/by-id\/before, and .* Describe it as before$/m,
        ],
        [
            "a disk where the root disk was described",
            () =>
                place(
                    "etc/mailhost/data-device",
                    `${file("root/forwardemail.net/self-hosting")}\n`,
                ),
            /the data lies on the root disk, and .* Describe it as before, or move the data: docs\/existing-server\.md of the program says how/,
        ],
        [
            "a disk with a file system of its own",
            () => (set("type", "ext4\n"), set("label", "photos\n")),
            /was not made for a mail host \(label 'photos'\)/,
        ],
        [
            "a disk with another file system",
            () => set("type", "xfs\n"),
            /holds xfs: choose a blank disk/,
        ],
        [
            "a disk with an empty partition table",
            () => set("probe", `/dev/${disk}: PTUUID="4711" PTTYPE="gpt"\n`),
            /is not blank \(.*PTTYPE="gpt"\): if what it holds can go, run wipefs --all \/dev\//,
        ],
        [
            "a disk with a signature that blkid does not know",
            () => set("signatures", "DEVICE OFFSET TYPE\n"),
            /is not blank \(bytes that nobody knows\)/,
        ],
        [
            "a disk with random bytes",
            () => set("bytes", ""),
            /is not blank \(bytes that nobody knows\)/,
        ],
        ["a disk in use", () => set("mounted", "/srv\n"), /is in use at \/srv/],
        ["a disk with partitions", () => set("disks", "sdb\nsdb1\n"), /has partitions or volumes/],
    ];
    for (const [what, make, expected] of disks) {
        test(
            `${expected ? "refuses" : "accepts"} ${what}`,
            { skip: !disk && "no disk here" },
            () => {
                make();
                const change = { dataDevice: `/dev/${disk}` };
                if (expected) refuses([expected], change);
                else accepts(change);
            },
        );
    }

    test("refuses the root disk where the data lies on a disk of its own, mounted or not", () => {
        const leftOut = /, and server\.dataDevice is left out: nothing moves it\./;
        set("source", "/dev/sdb\n");
        // The folder that is mounted there has another device than the one around it.
        addProgram("stat", 'for word; do :; done; echo "$word"\n');
        set("free-kib", "20000000");
        refuses([leftOut]);
        fs.rmSync(file("../fake/source"));
        place("etc/mailhost/data-device", "/dev/disk/by-id/before\n");
        refuses([leftOut]);
        place("etc/mailhost/data-device", `${file("root/forwardemail.net/self-hosting")}\n`);
        accepts();
    });

    test(
        "asks for less of the root disk when the data has its own",
        { skip: !disk && "no disk here" },
        () => {
            set("free-kib", String(7 * 1024 * 1024));
            accepts({ dataDevice: `/dev/${disk}` });
            set("free-kib", String(5 * 1024 * 1024));
            refuses([/the disk of \/var\/lib has 5120 MiB free: 6144/], {
                dataDevice: `/dev/${disk}`,
            });
        },
    );
});
