/** Beside the configuration; the server and its clients run there, since a socket's path has at most 107 bytes. */
export const controlSocket = "/proc/self/cwd/control.sock";

/** Zone files stand in a folder that says whether the zone is signed, each under the zone's name. */
export type ZoneFolder = "signed" | "unsigned";

/**
 * Configuration of Knot DNS for a folder of its own: everything is in that folder. The server raises serials by itself
 * and remembers them, with what it answered last, in its journal.
 *
 * Source: knot.conf(5), Knot DNS 3.2.
 */
export function renderKnotConfig(
    listen: readonly { host: string; port: number }[],
    zones: ReadonlyMap<string, ZoneFolder>,
): string {
    return [
        "server:",
        "    rundir: .",
        `    listen: [ ${listen.map(({ host, port }) => `${host}@${port}`).join(", ")} ]`,
        // As many as there are cores is far too much for a laptop's rehearsal.
        "    udp-workers: 1",
        "    tcp-workers: 1",
        "    background-workers: 1",
        "control:",
        `    listen: ${controlSocket}`,
        "database:",
        "    storage: .",
        "    journal-db-max-size: 256M",
        "    kasp-db-max-size: 64M",
        "    timer-db-max-size: 16M",
        "log:",
        "  - target: stderr",
        "    any: warning",
        "policy:",
        // One key that is never rolled: the parent's DS record stays true. ECDSA P-256 and NSEC are the defaults.
        "  - id: laptop",
        "    single-type-signing: on",
        "    cds-cdnskey-publish: none",
        "template:",
        "  - id: default",
        '    file: "%s.zone"',
        "    zonefile-sync: -1",
        "    zonefile-load: difference-no-serial",
        "    journal-content: all",
        "    dnssec-policy: laptop",
        ...(zones.size > 0 ? ["zone:"] : []),
        ...[...zones].flatMap(([name, folder]) => [
            `  - domain: ${name}`,
            `    storage: ${folder}`,
            `    dnssec-signing: ${folder === "signed" ? "on" : "off"}`,
        ]),
        "",
    ].join("\n");
}
