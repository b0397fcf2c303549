import { readSinkLog, type SinkLine } from "../cloud/sink/sink-log";
import { sinkDomain } from "../cloud/sink/sink-zone";
import { submit, writeLetter } from "./mail-client";
import type { QueuedEmail } from "./mail-site";
import type { ProofStep } from "./proof";
import { mailboxOf, waitFor, type ProofContext } from "./proof-context";
import { mailbox } from "./web-proofs";

export const recordsFound = "DNS records found by host";

/** The host may keep for a while that there was no record. */
const recordSeconds = 120;
/** The host looks at its queue every few seconds. */
const sentSeconds = 120;

/** Once the records of the second phase are published: a mail leaves, and is what a careful receiver takes. */
export function sendingProofs(context: ProofContext, needs: readonly string[]): ProofStep[] {
    return [
        {
            name: recordsFound,
            needs: [mailbox, ...needs],
            services: ["web", "api"],
            prove: (report) => proveRecords(context, report),
        },
        {
            name: "mail out, port 465",
            needs: [recordsFound],
            services: ["smtp", "smtp_bree"],
            prove: (report) => proveSending(context, report),
        },
    ];
}

async function proveRecords(
    { outside, site }: ProofContext,
    report: (line: string) => void,
): Promise<string> {
    const { domain } = outside;
    let rows: string[] = [];
    let asked = 0;
    const complete = await waitFor(recordSeconds, async () => {
        const { checklist, complete: whole } = await site.checklist(domain);
        asked = checklist.length;
        rows = checklist.filter(({ ok }) => !ok).map(({ type, name }) => `${type} ${name}`);
        if (rows.length > 0) report(`not found yet: ${rows.join(", ")}`);
        return whole || undefined;
    });
    if (!complete) throw new Error(`The host does not find: ${rows.join(", ")}.`);
    for (const check of ["verify-records", "verify-smtp"]) {
        await site.api("GET", `/v1/domains/${domain}/${check}`);
    }
    const optional = rows.length > 0 ? `, but for ${rows.join(", ")}` : "";
    return `${asked} of the web site's checklist${optional}; verify-records, verify-smtp`;
}

async function proveSending(
    context: ProofContext,
    report: (line: string) => void,
): Promise<string> {
    const { outside, sinkLog } = context;
    const login = mailboxOf(context);
    const letter = writeLetter(login.address, `proof@${sinkDomain}`);
    const answer = await submit(outside, letter, login);
    report(answer);
    const line = await waitFor(sentSeconds, () =>
        readSinkLog(sinkLog).find(({ messageId }) => messageId === letter.messageId),
    );
    if (!line) {
        throw new Error(
            `The mail was taken (${answer}) but did not arrive within ${sentSeconds} s${await queueState(context, answer)}.`,
        );
    }
    const faults = sendingFaults(line, { domain: outside.domain, hostName: outside.hostName });
    if (faults.length > 0) throw new Error(`What the sink has found: ${faults.join("; ")}.`);
    const selectors = line.dkim.map(({ selector }) => selector).join(", ");
    return `SPF, DKIM (${selectors}) and DMARC pass; EHLO = PTR = ${line.ehlo}; ${line.tls?.protocol}${told(line)}`;
}

async function queueState({ site }: ProofContext, answer: string): Promise<string> {
    const id = /queued as (\S+)/.exec(answer)?.[1];
    if (id === undefined) return "";
    try {
        const { status, error } = await site.api<QueuedEmail>("GET", `/v1/emails/${id}`);
        return `: it is ${status}${error ? `, ${error.code}: ${error.message}` : ""}`;
    } catch {
        return "";
    }
}

/** A user network hides who connects, which the reader of the table has to know. */
function told({ connectedFrom, clientAddress }: SinkLine): string {
    if (connectedFrom === clientAddress) return "";
    return `. The sink saw ${connectedFrom} and was told the machine's address, ${clientAddress}`;
}

/** What a careful receiver would object to in a mail of a domain from its host. */
export function sendingFaults(
    line: SinkLine,
    expected: { domain: string; hostName: string },
): string[] {
    const { domain, hostName } = expected;
    const own = line.dkim.filter((signature) => signature.domain === domain);
    const alignedWith = (name: string | null | undefined) =>
        name === domain || name?.endsWith(`.${domain}`);
    const checks: [ok: boolean | undefined, fault: string][] = [
        [line.tls !== null, "it came without TLS"],
        [line.spf.result === "pass", `SPF ${line.spf.result} for ${line.spf.domain}`],
        [own.length > 0, `no DKIM signature of ${domain}`],
        [
            line.dkim.every(({ result }) => result === "pass"),
            `DKIM ${line.dkim.map((one) => `${one.selector} ${one.result}`).join(", ")}`,
        ],
        [line.dmarc?.result === "pass", `DMARC ${line.dmarc?.result ?? "without a record"}`],
        [alignedWith(line.dmarc?.alignedSpf), "SPF is not aligned with the sender's domain"],
        [alignedWith(line.dmarc?.alignedDkim), "DKIM is not aligned with the sender's domain"],
        [line.ehlo === hostName, `it greets as ${line.ehlo}, not as ${hostName}`],
        [
            line.ehloConfirmed,
            `the address ${line.clientAddress} has the names ${line.ptr.join(", ") || "none"}, which has to be ${line.ehlo} alone and lead back`,
        ],
    ];
    return checks.filter(([ok]) => !ok).map(([, fault]) => fault);
}
