import { ipv6NetworkOf, slotAddresses } from "../network/addresses";
import { openPorts, type OpenPort } from "../network/cloud-firewall";
import { servicePorts, type Service } from "../network/service-ports";
import type { AttachedVolume, FirewallRule, MachineOptions, MachineSpec } from "./machine";

export type Accelerator = "kvm" | "tcg";

/** A port of the machine and where this computer reaches it. */
export interface Forward extends OpenPort {
    hostAddress: string;
    hostPort: number;
    guestAddress: string;
}

/** Of a firewall that opens wide ranges or everything, the ports that a mail host may serve. */
const mailHostPorts: OpenPort[] = [
    ...[22, 25, 80, 110, 143, 443, 465, 587, 993, 995, 2525, 4000, 4190, 8080, 8443].map(
        (port): OpenPort => ({ protocol: "tcp", port }),
    ),
    { protocol: "udp", port: 443 },
];

/**
 * The router of a VM, played by QEMU's user-mode network: this computer's address in the cloud, from which forwarded
 * connections seem to come.
 */
export function vmGateways(slot: number): { ipv4: string; ipv6: string } {
    return { ipv4: slotAddresses(slot).computer.ipv4, ipv6: "fe80::2" };
}

/** Where this computer reaches the machines of a slot: 127.0.(10+slot).K for 198.18.slot.K. */
export function loopbackAddress(slot: number, ipv4: string): string {
    return `127.0.${10 + slot}.${ipv4.split(".")[3]}`;
}

/** What stands for "this computer" in the sources of a firewall rule: what the machine sees, and what one types. */
function computerAddresses(slot: number): string[] {
    return [slotAddresses(slot).computer.ipv4, "127.0.0.1"];
}

/** The ports that the cloud firewall opens to this computer. A machine without IPv4 is not reached. */
export function planForwards(
    spec: Pick<MachineSpec, "ipv4">,
    rules: FirewallRule[] | undefined,
    options: Pick<MachineOptions, "slot" | "portOffset">,
): Forward[] {
    const { ipv4 } = spec;
    if (ipv4 === undefined) return [];
    return openPorts(rules, computerAddresses(options.slot), mailHostPorts).map((open) => ({
        ...open,
        hostAddress: loopbackAddress(options.slot, ipv4),
        hostPort: open.port < 1024 ? open.port + options.portOffset : open.port,
        guestAddress: ipv4,
    }));
}

/** As QEMU's `hostfwd` option and `hostfwd_add` take it. */
export function renderForward(forward: Forward): string {
    return `${renderForwardHost(forward)}-${forward.guestAddress}:${forward.port}`;
}

/** As `hostfwd_remove` takes it. */
export function renderForwardHost(forward: Omit<Forward, "guestAddress" | "port">): string {
    return `${forward.protocol}:${forward.hostAddress}:${forward.hostPort}`;
}

/** Names within QEMU. */
export const networkId = "net";
const scsiBus = "scsi.0";

/** A volume as QMP's `blockdev-add` and `device_add` take it. */
export function volumeDevices(volume: AttachedVolume) {
    const name = `volume-${volume.id}`;
    return {
        name,
        node: fileNode(name, volume.file),
        // From these udev in the guest makes scsi-0HC_Volume_ID, as from the real provider's disks.
        device: {
            driver: "scsi-hd",
            id: name,
            drive: name,
            bus: scsiBus,
            vendor: "HC",
            product: "Volume",
            device_id: String(volume.id),
        },
    };
}

function fileNode(name: string, filename: string, readOnly = false) {
    return {
        driver: "raw",
        "node-name": name,
        "read-only": readOnly,
        // The file is in this computer's cache, which outlives the machine: waiting for its disk proves nothing.
        cache: { "no-flush": true },
        file: { driver: "file", filename },
    };
}

export interface QemuCommand {
    program: string;
    /** To be run in the machine's folder. */
    args: string[];
}

/** The command line of a machine; all of its own files are relative to its folder. */
export function renderQemuCommand(
    spec: Omit<MachineSpec, "directory" | "userData" | "publicKeys">,
    options: MachineOptions,
    accelerator: Accelerator,
): QemuCommand {
    const { boot } = spec.image;
    if (boot === undefined) {
        throw new Error(
            `${spec.image.description} is here for machines of the kind "container" alone: its image has no kernel.`,
        );
    }
    const isArm = spec.image.architecture === "arm";
    const block = (node: object) => ["-blockdev", JSON.stringify(node)];
    return {
        program: isArm ? "qemu-system-aarch64" : "qemu-system-x86_64",
        args: [
            ...["-name", spec.name, "-no-user-config", "-nodefaults", "-display", "none"],
            ...["-machine", isArm ? "virt" : "q35"],
            ...["-accel", accelerator === "kvm" ? "kvm" : "tcg,thread=multi"],
            ...["-cpu", accelerator === "kvm" ? "host" : "max"],
            ...["-smp", String(spec.cores), "-m", String(spec.memoryMb)],
            ...["-kernel", boot.kernel, "-initrd", boot.initrd],
            "-append",
            `root=/dev/vda rw net.ifnames=0 quiet console=${isArm ? "ttyAMA0" : "ttyS0"}`,
            ...["-chardev", "file,id=console,path=console.log,append=on"],
            ...["-serial", "chardev:console"],
            ...["-qmp", "unix:qmp.sock,server=on,wait=off"],
            ...["-device", "virtio-rng-pci"],
            ...block(fileNode("root", "disk.img")),
            ...["-device", "virtio-blk-pci,drive=root"],
            ...block(fileNode("seed", "seed.iso", true)),
            ...["-device", "virtio-blk-pci,drive=seed"],
            ...["-device", "virtio-scsi-pci,id=scsi"],
            ...spec.volumes.flatMap((volume) => {
                const { node, device } = volumeDevices(volume);
                const properties = Object.entries(device).map(([key, value]) =>
                    key === "driver" ? value : `${key}=${value}`,
                );
                return [...block(node), "-device", properties.join(",")];
            }),
            ...["-netdev", renderNetwork(spec, options)],
            ...["-device", `virtio-net-pci,netdev=${networkId},romfile=`],
        ],
    };
}

/** The ports of the services' address, and where each leads to on this computer. TCP alone passes. */
function planServiceForwards(options: MachineOptions): { port: number; localPort: number }[] {
    const { servicesPort, services } = options;
    return [
        { port: servicesPort, localPort: servicesPort },
        ...Object.entries(services?.localPorts ?? {}).map(([name, localPort]) => ({
            port: servicePorts[name as Service],
            localPort,
        })),
    ];
}

/**
 * Carries one connection of a VM on, and the end of either direction as well: a server's end of an idle connection must
 * be seen. `-t`: seconds for the other direction's rest. A comma within an option of QEMU's is doubled.
 */
const relay = "socat -t 60 STDIO,,shut-down";

function renderNetwork(
    spec: Pick<MachineSpec, "ipv4" | "ipv6" | "firewall">,
    options: MachineOptions,
): string {
    const { ipv4Network, computer, services } = slotAddresses(options.slot);
    const parts = ["user", `id=${networkId}`, "restrict=on"];
    if (spec.ipv4) {
        parts.push(
            ...[`net=${ipv4Network}`, `host=${computer.ipv4}`, `dns=198.18.${options.slot}.3`],
            ...planServiceForwards(options).map(
                ({ port, localPort }) =>
                    `guestfwd=tcp:${services.ipv4}:${port}-cmd:${relay} TCP:127.0.0.1:${localPort}`,
            ),
            ...planForwards(spec, spec.firewall, options).map(
                (forward) => `hostfwd=${renderForward(forward)}`,
            ),
        );
    } else parts.push("ipv4=off");
    if (spec.ipv6) {
        const [prefix, bits] = ipv6NetworkOf(spec.ipv6).split("/");
        parts.push(`ipv6-prefix=${prefix}`, `ipv6-prefixlen=${bits}`);
    } else parts.push("ipv6=off");
    return parts.join(",");
}
