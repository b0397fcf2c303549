import { uncovered, withoutMailboxes, type PlanContext } from "./plan-context";
import { cname, txt, unless, type Row } from "./rows";
import { hostSpfText } from "./spf";
import { tlsReportRow } from "./tls-reports";

/** The names under which the host's services are found, besides the domain and the host's own. */
const serviceLabels = ["api", "smtp"] as const;
const mailboxLabels = ["caldav", "carddav", "imap", "pop3"] as const;

/** The ports that answer with the host's certificate: SMTP, HTTPS, submission, IMAP and POP3. */
function tlsPorts({ mailboxes, startTlsSubmission }: PlanContext): number[] {
    return [25, 443, 465, ...(startTlsSubmission ? [587] : []), ...(mailboxes ? [993, 995] : [])];
}

/** The rows of the record set that stand once, in the primary domain's zone. */
export function hostRows(context: PlanContext): Row[] {
    const { primary, host } = context;
    return [
        ...addressRows(context),
        ...serviceLabels.map((label) => cname(`${label}.${primary}`, "service", primary)),
        ...mailboxLabels.map((label) =>
            unless(withoutMailboxes(context), cname(`${label}.${primary}`, "service", primary)),
        ),
        txt(host, "spf", hostSpfText),
        ...systemDkimRows(context),
        ...certificateRows(context),
        unless(
            context.signed
                ? undefined
                : "The zone is not signed by DNSSEC, and nobody trusts the fingerprint then (RFC 4255 §2.4).",
            {
                name: host,
                role: "host-key",
                phase: "base",
                data: {
                    type: "SSHFP",
                    algorithm: 4,
                    digestType: 2,
                    digest: { ref: "ssh-host-key" },
                },
            },
        ),
        // Senders that verify the host by DANE look below its own name.
        tlsReportRow(host, context.primarySettings.tlsReportAddresses),
    ];
}

function addressRows({ primary, host, addresses, separateOutbound }: PlanContext): Row[] {
    const families = [
        { type: "A", family: "ipv4", label: "IPv4" },
        { type: "AAAA", family: "ipv6", label: "IPv6" },
    ] as const;
    return families.flatMap(({ type, family, label }) => {
        const why = addresses.has(family) ? undefined : `The host has no ${label} address.`;
        const inbound = { type, address: { ref: family } } as const;
        const outbound = { type, address: { ref: `outbound-${family}` } } as const;
        return [
            unless(why, { name: primary, role: "address", phase: "base", data: inbound }),
            unless(why, { name: host, role: "address", phase: "base", data: inbound }),
            ...(separateOutbound
                ? [unless(why, { name: host, role: "outbound", phase: "base", data: outbound })]
                : []),
        ];
    });
}

function systemDkimRows({ primary, systemDkimSelectors }: PlanContext): Row[] {
    return systemDkimSelectors.map((selector) => ({
        name: `${selector}._domainkey.${primary}`,
        role: "system-dkim",
        phase: "base",
        data: { type: "TXT", text: ["v=DKIM1; k=rsa; p=", { ref: "system-dkim", selector }, ";"] },
    }));
}

function certificateRows(context: PlanContext): Row[] {
    const { primary, host, certificateKeys, signed } = context;
    const withoutTlsa = signed
        ? uncovered(context, host)
        : "The zone is not signed by DNSSEC, without which senders ignore the record (RFC 7672 §2.1).";
    return [
        ...tlsPorts(context).flatMap((port) =>
            certificateKeys.map((key) =>
                unless(withoutTlsa, {
                    name: `_${port}._tcp.${host}`,
                    role: key,
                    phase: "certified",
                    data: {
                        type: "TLSA",
                        usage: 3,
                        selector: 1,
                        matchingType: 1,
                        digest: { ref: "certificate-key", key },
                    },
                }),
            ),
        ),
        unless(uncovered(context, primary), {
            name: primary,
            role: "web",
            phase: "serving",
            data: { type: "HTTPS", priority: 1, target: ".", parameters: 'alpn="h2"' },
        }),
    ];
}
