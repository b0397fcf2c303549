import * as fs from "node:fs";

/** What a machine holds in this computer's memory, in bytes. */
export interface MachineMemory {
    /** Memory of its processes' own. */
    anonymous: number;
    /** Files that its processes have mapped, shared ones by share: programs and libraries. */
    mapped: number;
    /** Files in its tmpfs file systems. */
    tmpfs: number;
    /** Page tables of its processes. */
    pageTables: number;
    /** Program → bytes of its processes, anonymous and mapped. */
    programs: Record<string, number>;
}

/** Those that systemd mounts at boot. */
const tmpfsFolders = ["/run", "/tmp", "/dev/shm"];
const tmpfsType = 0x01021994;

/** @param processes all of a machine's, its first one among them. */
export function measureMemory(processes: readonly number[]): MachineMemory {
    const memory: MachineMemory = {
        ...{ anonymous: 0, mapped: 0, tmpfs: 0, pageTables: 0 },
        programs: {},
    };
    for (const pid of processes) {
        try {
            const shares = fs.readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
            const status = fs.readFileSync(`/proc/${pid}/status`, "utf8");
            const program = fs.readFileSync(`/proc/${pid}/comm`, "utf8").trim();
            const anonymous = field(shares, "Pss_Anon");
            const mapped = field(shares, "Pss_File");
            memory.anonymous += anonymous;
            memory.mapped += mapped;
            memory.pageTables += field(status, "VmPTE");
            memory.programs[program] = (memory.programs[program] ?? 0) + anonymous + mapped;
        } catch {
            // It ended meanwhile.
        }
    }
    const [first] = processes;
    for (const folder of tmpfsFolders) {
        const { type, bsize, blocks, bfree } = fs.statfsSync(`/proc/${first}/root${folder}`);
        if (type === tmpfsType) memory.tmpfs += bsize * (blocks - bfree);
    }
    return memory;
}

/** The bytes of a line `Name:   12 kB`; 0 where there is none, as of a process of the kernel. */
export function field(text: string, name: string): number {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text);
    return Number(found?.[1] ?? 0) * 1024;
}

/** All that {@link measureMemory} counts. */
export function total({ anonymous, mapped, tmpfs, pageTables }: MachineMemory): number {
    return anonymous + mapped + tmpfs + pageTables;
}
