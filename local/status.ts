import { runQuietly, type Finished } from "../cli/run-program";
import type { CloudInfo, MachineKind } from "./paths";
import type { Timings } from "./progress";
import type { Accounts } from "./proof/accounts";
import type { Proof } from "./proof/proof";

/** The ports of a host with mailboxes, as the real one has them. */
export const hostPorts = [22, 25, 80, 443, 465, 993, 995];

/** Submission with STARTTLS, where it is switched on. */
export const startTlsPort = 587;

/** `npm run local -- status --json`: a contract for people's scripts. Later versions add to it. */
export interface LocalStatus {
    /** Whether the laptop cloud and the host's machine run. */
    running: boolean;
    machine: MachineKind;
    /** Who lends the server: `hetzner` or `digitalocean`, simulated. */
    provider: string | null;
    /** The primary mail domain. */
    domain: string | null;
    /** Every mail domain, the primary one first. */
    domains: string[];
    /** The host's fully qualified name. */
    host: string | null;
    /** Where this computer reaches the host. */
    address: { ipv4: string | null; ipv6: string | null };
    /** The primary IPs; in a container the same as `address`. */
    published: { ipv4: string | null; ipv6: string | null };
    /** Real port → port reachable here, at `address`. */
    ports: Record<string, number>;
    ssh: {
        user: string;
        host: string;
        port: number;
        keyFile: string;
        knownHostsFile: string;
    } | null;
    /** Where the DNS server answers this computer, UDP and TCP. */
    dns: { host: string; port: number } | null;
    /** Base URL of the simulated Cloudflare API, as this computer reaches it. */
    cloudflareApi: string | null;
    /**
     * The certificate authority's directory (RFC 8555 §7.1.1) as this computer reaches it, and a PEM file with the roots
     * that verify what the host serves.
     */
    acme: { directory: string; caFile: string } | null;
    /** What the host serves over HTTPS: `web`, `setup`, `api`, `caldav`, `carddav`. Names of {@link LocalStatus.dns}. */
    urls: Record<string, string>;
    /** What guards the web site until its first administrator is there. */
    webAuth: { username: string; password: string } | null;
    /** A mailbox that the proofs have made: what a mail program logs in with. */
    mailbox: NonNullable<Accounts["mailbox"]> | null;
    stack: { project: string; stack: string; backend: string };
    /** Step → seconds, of the last `npm run local`. */
    timings: Timings;
    /** What the last `npm run local` has proven. */
    proofs: Proof[];
    /** What is wrong on the host, a line each; empty when all is well or nothing runs. */
    problems: string[];
}

/** What a laptop cloud that does not run says. */
export function stoppedStatus(
    info: Pick<CloudInfo, "kind">,
    stack: LocalStatus["stack"],
    timings: Timings,
    proofs: Proof[] = [],
): LocalStatus {
    return {
        running: false,
        machine: info.kind,
        provider: null,
        domain: null,
        domains: [],
        host: null,
        address: { ipv4: null, ipv6: null },
        published: { ipv4: null, ipv6: null },
        ports: {},
        ssh: null,
        dns: null,
        cloudflareApi: null,
        acme: null,
        urls: {},
        webAuth: null,
        mailbox: null,
        stack,
        timings,
        proofs,
        problems: [],
    };
}

/** What a host of that primary domain serves over HTTPS. */
export function urlsOf(domain: string): Record<string, string> {
    return {
        web: `https://${domain}/`,
        setup: `https://${domain}/setup`,
        api: `https://api.${domain}/`,
        caldav: `https://caldav.${domain}/`,
        carddav: `https://carddav.${domain}/`,
    };
}

/** Arguments of OpenSSH's client for a host of the laptop cloud: its key pinned, nothing of the user's own set-up. */
export function sshArguments(ssh: NonNullable<LocalStatus["ssh"]>): string[] {
    return [
        ...["-F", "none", "-i", ssh.keyFile, "-p", String(ssh.port)],
        ...["-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes"],
        // OpenSSH splits this value at spaces and expands `%`.
        ...["-o", `UserKnownHostsFile="${ssh.knownHostsFile.replaceAll("%", "%%")}"`],
        ...["-o", "ConnectTimeout=10"],
        `${ssh.user}@${ssh.host}`,
    ];
}

/** Asks the host itself what is wrong: `mailhost status` there. */
export async function hostProblems(ssh: NonNullable<LocalStatus["ssh"]>): Promise<string[]> {
    return toldProblems(
        await runQuietly(
            "ssh",
            ["-o", "BatchMode=yes", ...sshArguments(ssh), "mailhost status --json"],
            { timeoutSeconds: 60 },
        ),
    );
}

/** Of what the host's `mailhost status --json` says. */
interface HostStatus {
    problems: string[];
    /** What work that is under way may have caused. */
    unsettled: string[];
    underWay: string | null;
}

/** What an answer of `mailhost status --json` over SSH says. */
export function toldProblems({ code, stdout, stderr }: Finished): string[] {
    const last = stderr.trim().split("\n").at(-1) ?? "";
    if (code === 255) return [`the host does not answer over SSH: ${last}`];
    if (code === 127) return ["the host is not set up yet: npm run local does that"];
    try {
        const { problems, unsettled, underWay } = JSON.parse(stdout) as HostStatus;
        return [...problems, ...unsettled.map((text) => `${text} (${underWay ?? ""})`)];
    } catch {
        return [`mailhost status fails on the host: ${last}`];
    }
}

/** Ready to paste. */
function digCommand({ host, port }: { host: string; port: number }, domain: string): string {
    const at = port === 53 ? `@${host}` : `@${host} -p ${port}`;
    return `dig ${at} ${domain} A`;
}

/** Ready to paste: no name server of this computer knows the host, and no store of roots its authority. */
function curlCommand({ acme, address, ports, urls }: LocalStatus): string | undefined {
    const port = ports["443"];
    const host = address.ipv4 ?? (address.ipv6 && `[${address.ipv6}]`);
    if (!acme || !host || port === undefined || urls["web"] === undefined) return undefined;
    const file = `'${acme.caFile.replaceAll("'", "'\\''")}'`;
    return `curl --cacert ${file} --connect-to '::${host}:${port}' ${urls["web"]}`;
}

/** The status for a person. */
export function describeStatus(status: LocalStatus): string {
    if (!status.running) {
        return "The host of the laptop cloud is not running. `npm run local` brings it up.";
    }
    const ports = Object.entries(status.ports)
        .map(([real, here]) => (Number(real) === here ? real : `${real} (here ${here})`))
        .join(", ");
    const rows: [string, string][] = [
        ["host", status.host ?? "(none yet)"],
        ["machine", `${status.machine}, lent by ${status.provider ?? "nobody yet"}`],
        ["address", [status.address.ipv4, status.address.ipv6].filter(Boolean).join(", ")],
        ["published", [status.published.ipv4, status.published.ipv6].filter(Boolean).join(", ")],
        ["let through", ports],
        ["log in", status.ssh && status.host ? "npm run local -- ssh" : "(not yet)"],
        ["domains", status.domains.join(", ") || "(none yet)"],
        ["dns", status.dns && status.domain ? digCommand(status.dns, status.domain) : "(none yet)"],
        ["web", curlCommand(status) ?? "(none yet)"],
        ["mailbox", status.mailbox?.address ?? "(none yet)"],
        ["passwords", "npm run -s local -- status --json"],
        ["proven", provenLine(status.proofs)],
    ];
    const lines = rows.map(([name, value]) => `${name.padEnd(11)} ${value}`);
    lines.push(
        ...(status.problems.length === 0
            ? ["health      nothing failed on the host"]
            : ["health      wrong on the host:", ...status.problems.map((p) => `  - ${p}`)]),
    );
    return lines.join("\n");
}

/** The last run's proofs in one line, the failed ones by name. */
function provenLine(proofs: readonly Proof[]): string {
    if (proofs.length === 0) return "(nothing yet)";
    const failed = proofs.filter(({ ok }) => !ok).map(({ name }) => name);
    const counted = `${proofs.length - failed.length} of ${proofs.length} by the last \`npm run local\``;
    return failed.length === 0 ? counted : `${counted}; FAILED: ${failed.join(", ")}`;
}
