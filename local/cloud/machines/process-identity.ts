import * as fs from "node:fs";

/** A process that can't be taken for a later one with the same number. */
export interface ProcessIdentity {
    pid: number;
    /** In clock ticks since the computer started (`/proc/PID/stat`, field 22). */
    startTime: number;
}

/** The identity of a running process; undefined when there is none, or only its unclaimed exit code. */
export function identify(pid: number): ProcessIdentity | undefined {
    let stat: string;
    try {
        stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    } catch {
        return undefined;
    }
    return parseStat(pid, stat);
}

/** The second field is the program's name in brackets and may itself hold blanks and brackets. */
export function parseStat(pid: number, stat: string): ProcessIdentity | undefined {
    const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || state === "X") return undefined;
    return { pid, startTime: Number(rest[18]) };
}

/** Whether exactly this process still runs. */
export function isSameProcess(identity: ProcessIdentity): boolean {
    return identify(identity.pid)?.startTime === identity.startTime;
}
