import assert from "node:assert/strict";
import { test } from "node:test";
import type { FirewallRule, MachineSpec } from "../../../local/cloud/machines/machine";
import {
    loopbackAddress,
    planForwards,
    renderForward,
    renderForwardHost,
    renderQemuCommand,
} from "../../../local/cloud/machines/qemu-command";
import { parseForwards } from "../../../local/cloud/machines/vm";

const firewall: FirewallRule[] = [
    { direction: "in", protocol: "tcp", port: "22", sourceIps: ["198.18.0.0/15"] },
    { direction: "in", protocol: "tcp", port: "8025", sourceIps: ["0.0.0.0/0"] },
    { direction: "in", protocol: "tcp", port: "2222", sourceIps: ["192.0.2.1/32"] },
];
const spec = {
    id: 7,
    name: "mail",
    image: {
        id: 1,
        description: "Debian 13",
        architecture: "x86",
        rootDisk: "/cache/stock.img",
        boot: { kernel: "/cache/vmlinuz", initrd: "/cache/initrd" },
        packages: { path: "debian", suite: "trixie" },
    },
    memoryMb: 4096,
    cores: 2,
    diskGb: 40,
    ipv4: "198.18.5.10",
    ipv6: "2001:db8:5:a::1",
    volumes: [{ id: 101, file: "/v,1.img", device: "/dev/disk/by-id/scsi-0HC_Volume_101" }],
    firewall,
} satisfies Omit<MachineSpec, "directory" | "userData" | "publicKeys">;
const options = { slot: 5, servicesPort: 8080, portOffset: 0 };

function block(name: string, filename: string, isReadOnly = false): string {
    return `{"driver":"raw","node-name":"${name}","read-only":${isReadOnly},"cache":{"no-flush":true},"file":{"driver":"file","filename":"${filename}"}}`;
}

test("the command line on x86 without KVM", () => {
    assert.deepEqual(renderQemuCommand(spec, options, "tcg"), {
        program: "qemu-system-x86_64",
        args: [
            ...["-name", "mail", "-no-user-config", "-nodefaults", "-display", "none"],
            ...["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max"],
            ...["-smp", "2", "-m", "4096"],
            ...["-kernel", "/cache/vmlinuz", "-initrd", "/cache/initrd"],
            ...["-append", "root=/dev/vda rw net.ifnames=0 quiet console=ttyS0"],
            ...["-chardev", "file,id=console,path=console.log,append=on"],
            ...["-serial", "chardev:console", "-qmp", "unix:qmp.sock,server=on,wait=off"],
            ...["-device", "virtio-rng-pci"],
            ...["-blockdev", block("root", "disk.img"), "-device", "virtio-blk-pci,drive=root"],
            ...["-blockdev", block("seed", "seed.iso", true)],
            ...["-device", "virtio-blk-pci,drive=seed", "-device", "virtio-scsi-pci,id=scsi"],
            ...["-blockdev", block("volume-101", "/v,1.img"), "-device"],
            "scsi-hd,id=volume-101,drive=volume-101,bus=scsi.0,vendor=HC,product=Volume,device_id=101",
            "-netdev",
            "user,id=net,restrict=on,net=198.18.5.0/24,host=198.18.5.1,dns=198.18.5.3," +
                "guestfwd=tcp:198.18.5.2:8080-cmd:socat -t 60 STDIO,,shut-down TCP:127.0.0.1:8080," +
                "hostfwd=tcp:127.0.15.10:22-198.18.5.10:22," +
                "hostfwd=tcp:127.0.15.10:8025-198.18.5.10:8025," +
                "ipv6-prefix=2001:db8:5:a::,ipv6-prefixlen=64",
            ...["-device", "virtio-net-pci,netdev=net,romfile="],
        ],
    });
});

test("a VM reaches every service at the port that others know, wherever it listens", () => {
    const services = {
        authority: "",
        localPorts: { dns: 40053, mail: 40025, registry: 45000, acme: 44000 },
    };
    const { args } = renderQemuCommand(spec, { ...options, services }, "tcg");
    const forwards = args[args.indexOf("-netdev") + 1]!.split(/(?<!,),(?!,)/).filter((part) =>
        part.startsWith("guestfwd="),
    );
    assert.deepEqual(forwards, [
        "guestfwd=tcp:198.18.5.2:8080-cmd:socat -t 60 STDIO,,shut-down TCP:127.0.0.1:8080",
        "guestfwd=tcp:198.18.5.2:53-cmd:socat -t 60 STDIO,,shut-down TCP:127.0.0.1:40053",
        "guestfwd=tcp:198.18.5.2:25-cmd:socat -t 60 STDIO,,shut-down TCP:127.0.0.1:40025",
        "guestfwd=tcp:198.18.5.2:5000-cmd:socat -t 60 STDIO,,shut-down TCP:127.0.0.1:45000",
        "guestfwd=tcp:198.18.5.2:14000-cmd:socat -t 60 STDIO,,shut-down TCP:127.0.0.1:44000",
    ]);
});

test("the command line on arm64 with KVM differs in machine, processor and console", () => {
    const arm = { ...spec, image: { ...spec.image, architecture: "arm" as const } };
    const [x86, arm64] = [
        renderQemuCommand(spec, options, "tcg"),
        renderQemuCommand(arm, options, "kvm"),
    ];
    assert.equal(arm64.program, "qemu-system-aarch64");
    const changed = arm64.args.filter((argument) => !x86.args.includes(argument));
    assert.deepEqual(changed, [
        "virt",
        "kvm",
        "host",
        "root=/dev/vda rw net.ifnames=0 quiet console=ttyAMA0",
    ]);
    assert.equal(arm64.args.length, x86.args.length);
});

test("without addresses the machine has a link and nothing on it", () => {
    const { args } = renderQemuCommand(
        { ...spec, ipv4: undefined, ipv6: undefined },
        options,
        "tcg",
    );
    assert.equal(args[args.indexOf("-netdev") + 1], "user,id=net,restrict=on,ipv4=off,ipv6=off");
});

test("an image without a kernel boots no virtual machine", () => {
    const image = { ...spec.image, description: "Ubuntu 24.04", boot: undefined };
    assert.throws(() => renderQemuCommand({ ...spec, image }, options, "tcg"), {
        message:
            'Ubuntu 24.04 is here for machines of the kind "container" alone: its image has no kernel.',
    });
});

test("an ordinary user's ports below 1024 are shifted, the others are not", () => {
    const forwards = planForwards(spec, firewall, { slot: 5, portOffset: 20_000 });
    assert.deepEqual(forwards.map(renderForward), [
        "tcp:127.0.15.10:20022-198.18.5.10:22",
        "tcp:127.0.15.10:8025-198.18.5.10:8025",
    ]);
});

test("a machine without IPv4 has no forwards", () => {
    assert.deepEqual(planForwards({ ipv4: undefined }, firewall, options), []);
});

test("the last slot's loopback address is one", () => {
    assert.equal(loopbackAddress(199, "198.18.199.254"), "127.0.209.254");
});

test("forwards are read back from the monitor as they were asked for", () => {
    const text = `Hub -1 (net):\r
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r
  TCP[ESTABLISHED]   40     127.0.15.10    22     198.18.5.10    22     0     0\r
  TCP[HOST_FORWARD]  12     127.0.15.10    22     198.18.5.10    22     0     0\r
  UDP[HOST_FORWARD]  13     127.0.15.10   443     198.18.5.10   443     0     0\r
`;
    assert.deepEqual(parseForwards(text).map(renderForwardHost), [
        "tcp:127.0.15.10:22",
        "udp:127.0.15.10:443",
    ]);
});
