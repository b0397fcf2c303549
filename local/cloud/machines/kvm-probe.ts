import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { runQuietly } from "../../../cli/run-program";
import { cacheRoot } from "../../paths";

export interface KvmProbe {
    boots: boolean;
    /** Why not, or what showed it: a phrase. */
    reason: string;
}

const device = "/dev/kvm";

/** What a guest writes to its serial port to show that it runs. */
const sign = "K";

/** The smallest guests that write {@link sign} to their serial port and halt, and how QEMU is to load them. */
const guests = {
    x64: {
        program: "qemu-system-x86_64",
        machine: "pc",
        // mov dx, 0x3f8; mov al, 'K'; out dx, al; hlt; jmp $-1: a boot sector.
        code: bootSector([0xba, 0xf8, 0x03, 0xb0, sign.charCodeAt(0), 0xee, 0xf4, 0xeb, 0xfd]),
        load: (file: string) => ["-drive", `file=${file},format=raw,if=ide,snapshot=on`],
    },
    arm64: {
        program: "qemu-system-aarch64",
        machine: "virt",
        // movz x0, #0x900, lsl #16; movz w1, #'K'; strb w1, [x0]; b .: in place of the firmware.
        code: words([0xd2a12000, 0x52800001 | (sign.charCodeAt(0) << 5), 0x39000001, 0x14000000]),
        load: (file: string) => ["-bios", file],
    },
};

function bootSector(code: number[]): Buffer {
    const sector = Buffer.alloc(512);
    sector.set(code);
    sector.writeUInt16LE(0xaa55, 510);
    return sector;
}

function words(code: number[]): Buffer {
    const buffer = Buffer.alloc(code.length * 4);
    code.forEach((word, i) => buffer.writeUInt32LE(word, i * 4));
    return buffer;
}

/**
 * Whether a guest really boots under KVM: there are computers with a /dev/kvm on which none does. The answer is kept
 * for this QEMU and this kernel.
 */
export async function probeKvm(): Promise<KvmProbe> {
    const guest = guests[process.arch as keyof typeof guests] as (typeof guests)["x64"] | undefined;
    if (!guest) return { boots: false, reason: `${process.arch} is not supported` };
    if (!fs.existsSync(device)) return { boots: false, reason: `there is no ${device}` };
    try {
        fs.accessSync(device, fs.constants.R_OK | fs.constants.W_OK);
    } catch {
        return {
            boots: false,
            reason: `you may not use ${device} (join its group, often \`kvm\`)`,
        };
    }
    const { code, stdout } = await runQuietly(guest.program, ["--version"]);
    if (code !== 0) return { boots: false, reason: `${guest.program} is not installed` };
    const key = `${os.release()} ${stdout.split("\n")[0]}`;
    const file = path.join(cacheRoot, "kvm-probe.json");
    const cached = readCache(file);
    if (cached?.key === key) return cached.probe;
    const probe = await bootGuest(guest);
    fs.mkdirSync(cacheRoot, { recursive: true });
    fs.writeFileSync(file, JSON.stringify({ key, probe }));
    return probe;
}

function readCache(file: string): { key: string; probe: KvmProbe } | undefined {
    try {
        return JSON.parse(fs.readFileSync(file, "utf8")) as { key: string; probe: KvmProbe };
    } catch {
        return undefined;
    }
}

async function bootGuest(guest: (typeof guests)["x64"]): Promise<KvmProbe> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-kvm-"));
    const file = path.join(folder, "guest");
    fs.writeFileSync(file, guest.code);
    const child = spawn(
        guest.program,
        [
            ...["-no-user-config", "-nodefaults", "-display", "none", "-m", "64"],
            ...["-machine", guest.machine, "-accel", "kvm", "-cpu", "host"],
            ...["-serial", "stdio", ...guest.load(file)],
        ],
        { stdio: ["ignore", "pipe", "pipe"] },
    );
    try {
        return await new Promise<KvmProbe>((resolve) => {
            let errors = "";
            const timer = setTimeout(
                () => resolve({ boots: false, reason: "a guest did not boot within 10 s" }),
                10_000,
            );
            child.stderr.on("data", (data: Buffer) => (errors += data.toString()));
            child.stdout.on("data", (data: Buffer) => {
                if (data.includes(sign)) resolve({ boots: true, reason: "a guest booted with it" });
            });
            child.on("error", (error) => resolve({ boots: false, reason: error.message }));
            child.on("close", () => {
                clearTimeout(timer);
                const line = errors.trim().split("\n")[0];
                resolve({ boots: false, reason: `a guest does not boot with it: ${line}` });
            });
        });
    } finally {
        child.kill("SIGKILL");
        fs.rmSync(folder, { recursive: true, force: true });
    }
}
