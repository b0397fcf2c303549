import { dmarcText, reportDomainsElsewhere } from "./dmarc";
import type { DomainSettings } from "./domain-settings";
import { mailtoUri } from "./mailto";
import { mtaStsPolicyId } from "./mta-sts";
import { mtaStsPolicyOf } from "./mta-sts-policy";
import { uncovered, withoutMailboxes, type PlanContext } from "./plan-context";
import type { Phase, Value } from "./record";
import { cname, txt, unless, type PublishedRow, type Row } from "./rows";
import { spfText } from "./spf";
import { recordUrl, tlsReportRow } from "./tls-reports";

/** The rows of the record set that stand for each mail domain. */
export function domainRows(context: PlanContext, domain: DomainSettings): Row[] {
    const { primary } = context;
    const { name } = domain;
    return [
        // The stack compares it literally with the name of its web site.
        cname(`fe-bounces.${name}`, "return-path", primary),
        ...mxRows(context, domain),
        txt(name, "spf", spfText(name === primary, domain.spf)),
        ...givenLaterRows(domain),
        txt(`_dmarc.${name}`, "dmarc", dmarcText(domain.dmarc)),
        ...reportConsentRows(context, domain),
        ...mtaStsRows(context, domain),
        tlsReportRow(name, domain.tlsReportAddresses),
        ...caaRows(context, domain),
        ...locatorRows(context, name),
        ...autoconfigRows(context, name),
        bimiRow(domain),
    ];
}

function mxRows({ host }: PlanContext, { name, mx }: DomainSettings): Row[] {
    return [
        {
            name,
            role: "host",
            phase: "serving",
            data: { type: "MX", preference: mx.preference, exchange: host },
        },
        ...mx.further.map((further): PublishedRow => ({
            name,
            role: `further-${further.host}`,
            phase: "serving",
            data: { type: "MX", preference: further.preference, exchange: further.host },
        })),
    ];
}

/** What the running host has to give first, see {@link missingValues}. */
function givenLaterRows({ name, dkim, siteVerification }: DomainSettings): Row[] {
    return [
        dkim
            ? txt(
                  `${dkim.selector}._domainkey.${name}`,
                  "dkim",
                  `v=DKIM1; k=rsa; p=${dkim.publicKey};`,
              )
            : {
                  name: `fe-<hash>._domainkey.${name}`,
                  role: "dkim",
                  type: "TXT",
                  why: "The domain's DKIM key is not given yet: the host's web site makes it with the domain.",
              },
        siteVerification === undefined
            ? {
                  name,
                  role: "site-verification",
                  type: "TXT",
                  why: "The domain's verification is not given yet: the host's web site makes it with the domain.",
              }
            : txt(name, "site-verification", `forward-email-site-verification=${siteVerification}`),
    ];
}

/** Another domain has to consent to the reports that it gets; only where it is one of ours can we say so for it. */
function reportConsentRows({ domains }: PlanContext, domain: DomainSettings): Row[] {
    return reportDomainsElsewhere(domain).map((other) => {
        const name = `${domain.name}._report._dmarc.${other}`;
        const zone = domains.get(other)?.zone;
        if (zone !== undefined) return { ...txt(name, "dmarc-consent", "v=DMARC1"), zone };
        return {
            name,
            role: "dmarc-consent",
            type: "TXT",
            why: `${other} is no mail domain of this host: reports go there once its owner publishes a TXT record "v=DMARC1" at this name (RFC 7489 §7.1).`,
        };
    });
}

function mtaStsRows(context: PlanContext, domain: DomainSettings): Row[] {
    const { primary, host } = context;
    const policyHost = `mta-sts.${domain.name}`;
    const policy = mtaStsPolicyOf(primary, domain);
    const why =
        policy === undefined
            ? "mtaSts.mode is off."
            : (uncovered(context, policyHost) ?? uncovered(context, host));
    const id = policy === undefined ? "" : mtaStsPolicyId(policy);
    return [
        unless(why, cname(policyHost, "mta-sts", host)),
        unless(why, txt(`_mta-sts.${domain.name}`, "mta-sts", `v=STSv1; id=${id}`, "serving")),
    ];
}

function caaRows({ issuer }: PlanContext, { name, caa }: DomainSettings): Row[] {
    // With some of these and not its own, the authority would be shut out of the very first certificate.
    const phase: Phase = caa.accountBinding ? "certified" : "base";
    const own: Value[] = caa.accountBinding
        ? [`${issuer}; validationmethods=dns-01; accounturi=`, { ref: "acme-account" }]
        : [`${issuer}; validationmethods=dns-01`];
    return [
        ...(["issue", "issuewild"] as const).flatMap((tag): PublishedRow[] => [
            { name, role: tag, phase, data: { type: "CAA", flags: 0, tag, value: own } },
            ...caa.issuers.map((further): PublishedRow => ({
                name,
                role: `${tag}-${further}`,
                phase,
                data: { type: "CAA", flags: 0, tag, value: [further] },
            })),
        ]),
        {
            name,
            role: "iodef",
            phase: "base",
            data: { type: "CAA", flags: 0, tag: "iodef", value: [mailtoUri(caa.reportAddress)] },
        },
    ];
}

/** The services that mail programs find by the domain (RFC 6186, 6764, 8314), and those that there aren't. */
function locatorRows(context: PlanContext, domain: string): Row[] {
    const { host } = context;
    const why = uncovered(context, host);
    const at = (service: string) => `_${service}._tcp.${domain}`;
    const mailboxes: Locator[] = [
        ["imaps", 993],
        ["pop3s", 995],
        ["caldavs", 443, "/.well-known/caldav"],
        ["carddavs", 443, "/.well-known/carddav"],
    ];
    const startTls: Locator = ["submission", 587];
    const served: Locator[] = [
        ["submissions", 465],
        ...(context.mailboxes ? mailboxes : []),
        ...(context.startTlsSubmission ? [startTls] : []),
    ];
    const missing = [
        ...(context.mailboxes ? [] : mailboxes.map(([service]) => service)),
        ...["imap", "pop3"],
        ...(context.startTlsSubmission ? [] : ["submission"]),
    ];
    return [
        ...served.flatMap(([service, port, path]) => [
            unless(why, srv(at(service), port, host)),
            ...(path === undefined
                ? []
                : [unless(why, txt(at(service), "path", `path=${path}`, "serving"))]),
        ]),
        ...missing.map((service) => noService(at(service))),
    ];
}

type Locator = [service: string, port: number, path?: string];

function srv(name: string, port: number, target: string): PublishedRow {
    return {
        name,
        role: "locator",
        phase: "serving",
        data: { type: "SRV", priority: 0, weight: 1, port, target },
    };
}

/** RFC 2782: the target `.` says that there is no such service. */
function noService(name: string): PublishedRow {
    return {
        name,
        role: "locator",
        phase: "serving",
        data: { type: "SRV", priority: 0, weight: 0, port: 0, target: "." },
    };
}

function autoconfigRows(context: PlanContext, domain: string): Row[] {
    const { host } = context;
    const without = withoutMailboxes(context);
    const named = (["autoconfig", "autodiscover"] as const).map((label) => {
        const name = `${label}.${domain}`;
        return unless(without ?? uncovered(context, name), cname(name, label, host));
    });
    return [
        ...named,
        unless(without ?? uncovered(context, host), {
            ...srv(`_autodiscover._tcp.${domain}`, 443, host),
            role: "autodiscover",
        }),
    ];
}

function bimiRow({ name, bimi }: DomainSettings): Row {
    const row = { name: `default._bimi.${name}`, role: "bimi" } as const;
    if (bimi === undefined) return { ...row, type: "TXT", why: "No logo is given." };
    const certificate = bimi.certificateUrl === undefined ? "" : recordUrl(bimi.certificateUrl);
    return txt(row.name, row.role, `v=BIMI1; l=${recordUrl(bimi.logoUrl)}; a=${certificate}`);
}
