import assert from "node:assert/strict";
import { run } from "../../../cli/run-program";

/** Port → what nmap says of it: `open`, `closed` (answers, nothing listens) or `filtered` (no answer). */
export type Scan = Map<number, string>;

/** Scans all 65,535 TCP ports of an address from this computer with nmap. */
export async function scanAllTcpPorts(address: string): Promise<Scan> {
    const args = ["-Pn", "-n", "-p-", "--min-rate=8000", "--max-retries=2", "-T4", "-oG", "-"];
    const printed = await run(
        "nmap",
        [...(address.includes(":") ? ["-6"] : []), ...args, address],
        {
            timeoutSeconds: 720,
        },
    );
    const line = printed.split("\n").find((l) => l.includes("Ports: "));
    assert.ok(line, `nmap saw no port of ${address}:\n${printed}`);
    const ports = /Ports: ([^\t]*)/.exec(line)![1]!;
    const scan: Scan = new Map();
    for (const entry of ports.split(", ")) {
        const [port, state] = entry.trim().split("/");
        scan.set(Number(port), state!);
    }
    return scan;
}

/** The ports that answer at all, in order. */
export function answering(scan: Scan): number[] {
    return [...scan]
        .filter(([, state]) => state === "open" || state === "closed")
        .map(([port]) => port)
        .sort((a, b) => a - b);
}
