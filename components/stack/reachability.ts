import * as fs from "node:fs";
import * as path from "node:path";
import type { VerifiedPort } from "./model";

/** What the second look is told. */
export interface Reachability {
    /** Public addresses; empty ones are left out. */
    addresses: readonly string[];
    ports: readonly VerifiedPort[];
    /** Lineage → SHA-256 of its key (SubjectPublicKeyInfo), hexadecimal. @default only names are compared */
    spki?: Readonly<Record<string, string>>;
    /** How long a port may take to answer. @default 8 */
    seconds?: number;
}

/**
 * The program of the second look, from the computer where the deployment runs: the same text on every computer, since
 * it stands in the state. Run by `node -e`.
 */
export const reachabilityProgram = fs.readFileSync(
    path.join(__dirname, "reachability-program.js"),
    "utf8",
);

/** What the program reads from standard input. */
export function reachabilityInput(look: Reachability): string {
    const { addresses, ports, spki = {}, seconds = 8 } = look;
    return JSON.stringify({
        addresses: addresses.filter((address) => address !== ""),
        ports,
        spki,
        seconds,
    });
}
