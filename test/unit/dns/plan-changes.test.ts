import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MailDomain } from "../../../components/dns/domain-options";
import { planDnsRecords, type DnsPlanArgs } from "../../../components/dns/plan";
import { host, lines, policyId, testingId } from "./described-host";
import { difference, omittedLines } from "./plan-text";

/** Changes of the host's description → the records that they remove (-) and add (+). */
const changes: [what: string, change: Partial<DnsPlanArgs>, lines: string][] = [
    [
        "without IPv6",
        { addresses: ["ipv4"] },
        `- host base address example.com 300 AAAA <ipv6>
         - host base address mx.example.com 300 AAAA <ipv6>`,
    ],
    [
        "sending from other addresses",
        { separateOutbound: true },
        `+ host base outbound mx.example.com 300 A <outbound-ipv4>
         + host base outbound mx.example.com 300 AAAA <outbound-ipv6>`,
    ],
    [
        "two selectors of the system while one is replaced",
        { systemDkimSelectors: ["default", "system2"] },
        `+ host base system-dkim system2._domainkey.example.com 300 TXT "v=DKIM1; k=rsa; p=<system-dkim:system2>;"`,
    ],
    [
        "a zone that is not signed",
        { signed: false },
        `- host certified current _25._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:current>
         - host certified current _443._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:current>
         - host certified current _465._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:current>
         - host certified current _993._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:current>
         - host certified current _995._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:current>
         - host base host-key mx.example.com 300 SSHFP 4 2 <ssh-host-key>`,
    ],
    [
        "a certificate that changes its key",
        { certificateKeys: ["current", "next"] },
        `+ host certified next _25._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:next>
         + host certified next _443._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:next>
         + host certified next _465._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:next>
         + host certified next _993._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:next>
         + host certified next _995._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:next>`,
    ],
    [
        "another authority",
        { issuer: "pki.goog" },
        `- domain base issue example.com 300 CAA 0 issue "letsencrypt.org; validationmethods=dns-01"
         - domain base issuewild example.com 300 CAA 0 issuewild "letsencrypt.org; validationmethods=dns-01"
         + domain base issue example.com 300 CAA 0 issue "pki.goog; validationmethods=dns-01"
         + domain base issuewild example.com 300 CAA 0 issuewild "pki.goog; validationmethods=dns-01"`,
    ],
    [
        "a certificate without the names of mta-sts and autoconfig",
        { certificateNames: ["example.com", "mx.example.com", "autodiscover.example.com"] },
        `- domain serving mta-sts _mta-sts.example.com 300 TXT "v=STSv1; id=${testingId}"
         - domain base autoconfig autoconfig.example.com 300 CNAME mx.example.com.
         - domain base mta-sts mta-sts.example.com 300 CNAME mx.example.com.`,
    ],
    [
        "a certificate without the host's name",
        {
            certificateNames: [
                "example.com",
                "mta-sts.example.com",
                "autoconfig.example.com",
                "autodiscover.example.com",
            ],
        },
        `- host certified current _25._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:current>
         - host certified current _443._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:current>
         - host certified current _465._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:current>
         - host certified current _993._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:current>
         - host certified current _995._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:current>
         - domain serving autodiscover _autodiscover._tcp.example.com 300 SRV 0 1 443 mx.example.com.
         - domain serving locator _caldavs._tcp.example.com 300 SRV 0 1 443 mx.example.com.
         - domain serving path _caldavs._tcp.example.com 300 TXT "path=/.well-known/caldav"
         - domain serving locator _carddavs._tcp.example.com 300 SRV 0 1 443 mx.example.com.
         - domain serving path _carddavs._tcp.example.com 300 TXT "path=/.well-known/carddav"
         - domain serving locator _imaps._tcp.example.com 300 SRV 0 1 993 mx.example.com.
         - domain serving mta-sts _mta-sts.example.com 300 TXT "v=STSv1; id=${testingId}"
         - domain serving locator _pop3s._tcp.example.com 300 SRV 0 1 995 mx.example.com.
         - domain serving locator _submissions._tcp.example.com 300 SRV 0 1 465 mx.example.com.
         - domain base mta-sts mta-sts.example.com 300 CNAME mx.example.com.`,
    ],
    [
        "a certificate without the apex",
        { certificateNames: ["*.example.com"] },
        `- host serving web example.com 300 HTTPS 1 . alpn="h2"`,
    ],
];

describe("a change of the host", () => {
    const before = planDnsRecords(host);
    for (const [what, change, expected] of changes) {
        it(what, () => {
            const after = planDnsRecords({ ...host, ...change });
            assert.deepEqual(difference(before, after), lines(expected));
        });
    }

    it("leaves a record out with a reason, never in silence", () => {
        for (const [what, change] of changes) {
            const after = planDnsRecords({ ...host, ...change });
            const gone = before.records
                .filter(
                    (record) =>
                        !after.records.some(
                            ({ name, role, data }) =>
                                name === record.name &&
                                role === record.role &&
                                data.type === record.data.type,
                        ),
                )
                .map(({ name, role, data }) => `${role} ${name} ${data.type}`);
            const omitted = omittedLines(after);
            assert.deepEqual(
                gone.filter((line) => !omitted.includes(line)),
                [],
                what,
            );
        }
    });

    it("says which of two reasons keeps TLSA out", () => {
        const why = (change: Partial<DnsPlanArgs>) =>
            planDnsRecords({ ...host, ...change }).omitted.find(({ type }) => type === "TLSA")?.why;
        assert.equal(
            why({ signed: false, certificateNames: ["example.com"] }),
            "The zone is not signed by DNSSEC, without which senders ignore the record (RFC 7672 §2.1).",
        );
        assert.equal(
            why({ certificateNames: ["example.com"] }),
            "No certificate covers mx.example.com.",
        );
    });

    it("warns of a host without IPv4", () =>
        assert.deepEqual(planDnsRecords({ ...host, addresses: ["ipv6"] }).warnings, [
            "The host has no IPv4 address: most mail servers can't reach it, and the stack sends over IPv4 alone.",
        ]));

    it("warns of an operator's address at a mail domain of the host, and at no other", () => {
        const warnings = (email: string) =>
            planDnsRecords({ ...host, email, domains: [{ name: "example.org" }] }).warnings;
        const at = (email: string, domain: string) => [
            `email: ${JSON.stringify(email)} is at ${domain}, whose mail comes to this host: when the host fails or its certificate runs out, the letters that say so do not reach you. Give an address elsewhere (config key mailhost:email).`,
        ];
        for (const email of ["postmaster@example.com", "you@Example.COM"])
            assert.deepEqual(warnings(email), at(email, "example.com"));
        assert.deepEqual(warnings("you@example.org"), at("you@example.org", "example.org"));
        assert.deepEqual(
            warnings("you@mx.example.com"),
            at("you@mx.example.com", "mx.example.com"),
        );
        for (const email of [
            "you@example.net",
            "you@lists.example.com",
            "you@notexample.com",
            "example.com@example.net",
        ])
            assert.deepEqual(warnings(email), [], email);
    });

    it("has no pointer for an address that there isn't", () =>
        assert.deepEqual(
            planDnsRecords({ ...host, addresses: ["ipv4"] }).pointers.map(({ role }) => role),
            ["ipv4"],
        ));
});

/** An option of the second domain → the records that it removes (-) and adds (+). */
const options: [what: string, options: Omit<MailDomain, "name">, lines: string][] = [
    [
        "spf.all",
        { spf: { all: "neutral" } },
        `- domain base spf example.org 300 TXT "v=spf1 mx -all"
         + domain base spf example.org 300 TXT "v=spf1 mx ?all"`,
    ],
    [
        "dmarc.policy",
        { dmarc: { policy: "none" } },
        `- domain base dmarc _dmarc.example.org 300 TXT "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.org"
         + domain base dmarc _dmarc.example.org 300 TXT "v=DMARC1; p=none; rua=mailto:dmarc@example.org"`,
    ],
    [
        "dmarc.reportAddresses, none",
        { dmarc: { reportAddresses: [] } },
        `- domain base dmarc _dmarc.example.org 300 TXT "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.org"
         + domain base dmarc _dmarc.example.org 300 TXT "v=DMARC1; p=quarantine"`,
    ],
    [
        "dmarc.reportAddresses below the same registrable domain, which needs no consent",
        { dmarc: { reportAddresses: ["d@reports.example.org"] } },
        `- domain base dmarc _dmarc.example.org 300 TXT "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.org"
         + domain base dmarc _dmarc.example.org 300 TXT "v=DMARC1; p=quarantine; rua=mailto:d@reports.example.org"`,
    ],
    [
        "mtaSts.mode off",
        { mtaSts: { mode: "off" } },
        `- domain serving mta-sts _mta-sts.example.org 300 TXT "v=STSv1; id=${testingId}"
         - domain base mta-sts mta-sts.example.org 300 CNAME mx.example.com.`,
    ],
    [
        "mtaSts.mode none, which withdraws the policy",
        { mtaSts: { mode: "none" } },
        `- domain serving mta-sts _mta-sts.example.org 300 TXT "v=STSv1; id=${testingId}"
         + domain serving mta-sts _mta-sts.example.org 300 TXT "v=STSv1; id=${policyId("none", 86_400, "mx.example.com")}"`,
    ],
    [
        "mtaSts.maxAgeSeconds",
        { mtaSts: { maxAgeSeconds: 86_401 } },
        `- domain serving mta-sts _mta-sts.example.org 300 TXT "v=STSv1; id=${testingId}"
         + domain serving mta-sts _mta-sts.example.org 300 TXT "v=STSv1; id=${policyId("testing", 86_401, "mx.example.com")}"`,
    ],
    [
        "tlsReports.addresses, none",
        { tlsReports: { addresses: [] } },
        `- domain base tls-reports _smtp._tls.example.org 300 TXT "v=TLSRPTv1; rua=mailto:tls-reports@example.org"`,
    ],
    [
        "caa.issuers",
        { caa: { issuers: ["pki.goog"] } },
        `+ domain base issue-pki.goog example.org 300 CAA 0 issue "pki.goog"
         + domain base issuewild-pki.goog example.org 300 CAA 0 issuewild "pki.goog"`,
    ],
    [
        "caa.accountBinding",
        { caa: { accountBinding: true } },
        `- domain base issue example.org 300 CAA 0 issue "letsencrypt.org; validationmethods=dns-01"
         - domain base issuewild example.org 300 CAA 0 issuewild "letsencrypt.org; validationmethods=dns-01"
         + domain certified issue example.org 300 CAA 0 issue "letsencrypt.org; validationmethods=dns-01; accounturi=<acme-account>"
         + domain certified issuewild example.org 300 CAA 0 issuewild "letsencrypt.org; validationmethods=dns-01; accounturi=<acme-account>"`,
    ],
    [
        "caa.reportAddress",
        { caa: { reportAddress: "ca@example.org" } },
        `- domain base iodef example.org 300 CAA 0 iodef "mailto:you@example.net"
         + domain base iodef example.org 300 CAA 0 iodef "mailto:ca@example.org"`,
    ],
    [
        "mx.preference",
        { mx: { preference: 5 } },
        `- domain serving host example.org 300 MX 0 mx.example.com.
         + domain serving host example.org 300 MX 5 mx.example.com.`,
    ],
    [
        "bimi without a certificate",
        { bimi: { logoUrl: "https://example.org/a;b.svg" } },
        `+ domain base bimi default._bimi.example.org 300 TXT "v=BIMI1; l=https://example.org/a%3Bb.svg; a="`,
    ],
];

describe("an option of a further domain", () => {
    const before = planDnsRecords({ ...host, domains: [{ name: "example.org" }] });
    for (const [what, option, expected] of options) {
        it(what, () => {
            const after = planDnsRecords({
                ...host,
                domains: [{ name: "example.org", ...option }],
            });
            assert.deepEqual(difference(before, after), lines(expected));
        });
    }

    it("needs consent to reports only across registrable domains", () => {
        const addresses = ["a@reports.example.org", "b@reports.example.net", "c@example.com"];
        const plan = planDnsRecords({
            ...host,
            domains: [{ name: "example.org", dmarc: { reportAddresses: addresses } }],
        });
        assert.deepEqual(
            omittedLines(plan).filter((line) => line.startsWith("dmarc-consent")),
            ["dmarc-consent example.org._report._dmarc.reports.example.net TXT"],
        );
    });

    it("warns of what lets forgers pass", () =>
        assert.deepEqual(
            planDnsRecords({
                ...host,
                domains: [
                    { name: "example.org", dmarc: { policy: "none" }, spf: { all: "neutral" } },
                ],
            }).warnings,
            [
                "example.org: with the DMARC policy none, receivers deliver mail that others forge in its name.",
                "example.org: with ?all, SPF says nothing about mail from elsewhere.",
            ],
        ));
});
