import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MailDomain } from "../../../components/dns/domain-options";
import { planDnsRecords } from "../../../components/dns/plan";
import { host, lines, policyId, testingId } from "./described-host";
import { recordLine, zoneLines } from "./plan-text";
import { publicKey } from "./public-keys";

const key = publicKey(2048);

const primaryZone = lines(`
    host certified current _25._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:current>
    host certified current _443._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:current>
    host certified current _465._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:current>
    host certified current _993._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:current>
    host certified current _995._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:current>
    domain serving autodiscover _autodiscover._tcp.example.com 300 SRV 0 1 443 mx.example.com.
    domain serving locator _caldavs._tcp.example.com 300 SRV 0 1 443 mx.example.com.
    domain serving path _caldavs._tcp.example.com 300 TXT "path=/.well-known/caldav"
    domain serving locator _carddavs._tcp.example.com 300 SRV 0 1 443 mx.example.com.
    domain serving path _carddavs._tcp.example.com 300 TXT "path=/.well-known/carddav"
    domain base dmarc _dmarc.example.com 300 TXT "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.com"
    domain serving locator _imap._tcp.example.com 300 SRV 0 0 0 .
    domain serving locator _imaps._tcp.example.com 300 SRV 0 1 993 mx.example.com.
    domain serving mta-sts _mta-sts.example.com 300 TXT "v=STSv1; id=${testingId}"
    domain serving locator _pop3._tcp.example.com 300 SRV 0 0 0 .
    domain serving locator _pop3s._tcp.example.com 300 SRV 0 1 995 mx.example.com.
    domain base tls-reports _smtp._tls.example.com 300 TXT "v=TLSRPTv1; rua=mailto:tls-reports@example.com"
    host base tls-reports _smtp._tls.mx.example.com 300 TXT "v=TLSRPTv1; rua=mailto:tls-reports@example.com"
    domain serving locator _submission._tcp.example.com 300 SRV 0 0 0 .
    domain serving locator _submissions._tcp.example.com 300 SRV 0 1 465 mx.example.com.
    host base service api.example.com 300 CNAME example.com.
    domain base autoconfig autoconfig.example.com 300 CNAME mx.example.com.
    domain base autodiscover autodiscover.example.com 300 CNAME mx.example.com.
    host base service caldav.example.com 300 CNAME example.com.
    host base service carddav.example.com 300 CNAME example.com.
    host base system-dkim default._domainkey.example.com 300 TXT "v=DKIM1; k=rsa; p=<system-dkim:default>;"
    host base address example.com 300 A <ipv4>
    host base address example.com 300 AAAA <ipv6>
    domain base iodef example.com 300 CAA 0 iodef "mailto:you@example.net"
    domain base issue example.com 300 CAA 0 issue "letsencrypt.org; validationmethods=dns-01"
    domain base issuewild example.com 300 CAA 0 issuewild "letsencrypt.org; validationmethods=dns-01"
    host serving web example.com 300 HTTPS 1 . alpn="h2"
    domain serving host example.com 300 MX 0 mx.example.com.
    domain base spf example.com 300 TXT "v=spf1 a mx -all"
    domain base return-path fe-bounces.example.com 300 CNAME example.com.
    host base service imap.example.com 300 CNAME example.com.
    domain base mta-sts mta-sts.example.com 300 CNAME mx.example.com.
    host base address mx.example.com 300 A <ipv4>
    host base address mx.example.com 300 AAAA <ipv6>
    host base host-key mx.example.com 300 SSHFP 4 2 <ssh-host-key>
    host base spf mx.example.com 300 TXT "v=spf1 a -all"
    host base service pop3.example.com 300 CNAME example.com.
    host base service smtp.example.com 300 CNAME example.com.
`);

const furtherZone = lines(`
    domain serving autodiscover _autodiscover._tcp.example.org 3600 SRV 0 1 443 mx.example.com.
    domain serving locator _caldavs._tcp.example.org 3600 SRV 0 1 443 mx.example.com.
    domain serving path _caldavs._tcp.example.org 3600 TXT "path=/.well-known/caldav"
    domain serving locator _carddavs._tcp.example.org 3600 SRV 0 1 443 mx.example.com.
    domain serving path _carddavs._tcp.example.org 3600 TXT "path=/.well-known/carddav"
    domain base dmarc _dmarc.example.org 3600 TXT "v=DMARC1; p=reject; sp=quarantine; adkim=s; aspf=s; rua=mailto:dmarc@example.com,mailto:d%21@reports.example; ruf=mailto:ruf@example.org"
    domain serving locator _imap._tcp.example.org 3600 SRV 0 0 0 .
    domain serving locator _imaps._tcp.example.org 3600 SRV 0 1 993 mx.example.com.
    domain serving mta-sts _mta-sts.example.org 3600 TXT "v=STSv1; id=${policyId("enforce", 604_800, "mx.example.com", "mx.example.net")}"
    domain serving locator _pop3._tcp.example.org 3600 SRV 0 0 0 .
    domain serving locator _pop3s._tcp.example.org 3600 SRV 0 1 995 mx.example.com.
    domain base tls-reports _smtp._tls.example.org 3600 TXT "v=TLSRPTv1; rua=mailto:tls@example.org,https://reports.example/tls%3Ba%2Cb"
    domain serving locator _submission._tcp.example.org 3600 SRV 0 0 0 .
    domain serving locator _submissions._tcp.example.org 3600 SRV 0 1 465 mx.example.com.
    domain base autoconfig autoconfig.example.org 3600 CNAME mx.example.com.
    domain base autodiscover autodiscover.example.org 3600 CNAME mx.example.com.
    domain base bimi default._bimi.example.org 3600 TXT "v=BIMI1; l=https://example.org/logo.svg; a=https://example.org/vmc.pem"
    domain base iodef example.org 3600 CAA 0 iodef "mailto:security@example.org"
    domain certified issue example.org 3600 CAA 0 issue "letsencrypt.org; validationmethods=dns-01; accounturi=<acme-account>"
    domain certified issue-pki.goog example.org 3600 CAA 0 issue "pki.goog"
    domain certified issuewild example.org 3600 CAA 0 issuewild "letsencrypt.org; validationmethods=dns-01; accounturi=<acme-account>"
    domain certified issuewild-pki.goog example.org 3600 CAA 0 issuewild "pki.goog"
    domain serving further-mx.example.net example.org 3600 MX 20 mx.example.net.
    domain serving host example.org 3600 MX 10 mx.example.com.
    domain base site-verification example.org 3600 TXT "forward-email-site-verification=m8d7o8K4Il"
    domain base spf example.org 3600 TXT "v=spf1 mx include:_spf.example.net include:mail.example ~all"
    domain base dkim fe-1a2b3c._domainkey.example.org 3600 TXT "v=DKIM1; k=rsa; p=${key.slice(0, 255 - 18)}" "${key.slice(255 - 18)};"
    domain base return-path fe-bounces.example.org 3600 CNAME example.com.
    domain base mta-sts mta-sts.example.org 3600 CNAME mx.example.com.
`);

const furtherDomain: MailDomain = {
    name: "example.org",
    ttlSeconds: 3600,
    spf: { all: "softfail", includes: ["_spf.example.net", "mail.example"] },
    dmarc: {
        policy: "reject",
        subdomainPolicy: "quarantine",
        dkimAlignment: "strict",
        spfAlignment: "strict",
        reportAddresses: ["dmarc@Example.com", "d!@reports.example"],
        failureReportAddresses: ["ruf@example.org"],
    },
    mtaSts: { mode: "enforce" },
    tlsReports: { addresses: ["tls@example.org", "https://reports.example/tls;a,b"] },
    caa: { issuers: ["pki.goog"], accountBinding: true, reportAddress: "security@example.org" },
    mx: { preference: 10, further: [{ host: "mx.example.net", preference: 20 }] },
    bimi: {
        logoUrl: "https://example.org/logo.svg",
        certificateUrl: "https://example.org/vmc.pem",
    },
    dkim: { selector: "fe-1a2b3c", publicKey: key },
    siteVerification: "m8d7o8K4Il",
};

describe("the plan of one domain with its defaults", () => {
    const plan = planDnsRecords(host);

    it("has these records", () => assert.deepEqual(zoneLines(plan, "example.com"), primaryZone));

    it("has one zone, and nothing else", () => {
        assert.deepEqual(plan.zones, [{ name: "example.com", signed: true }]);
        assert.equal(plan.records.length, primaryZone.length);
    });

    it("has a pointer for each address", () =>
        assert.deepEqual(plan.pointers, [
            { role: "ipv4", address: { ref: "ipv4" }, target: "mx.example.com" },
            { role: "ipv6", address: { ref: "ipv6" }, target: "mx.example.com" },
        ]));

    it("says what is left out, and why", () =>
        assert.deepEqual(plan.omitted, [
            {
                name: "default._bimi.example.com",
                role: "bimi",
                type: "TXT",
                domain: "example.com",
                why: "No logo is given.",
            },
            {
                name: "example.com",
                role: "site-verification",
                type: "TXT",
                domain: "example.com",
                why: "The domain's verification is not given yet: the host's web site makes it with the domain.",
            },
            {
                name: "fe-<hash>._domainkey.example.com",
                role: "dkim",
                type: "TXT",
                domain: "example.com",
                why: "The domain's DKIM key is not given yet: the host's web site makes it with the domain.",
            },
        ]));

    it("says what is missing, and how to get it", () =>
        assert.deepEqual(plan.missing, [
            {
                domain: "example.com",
                setting: "dkim",
                how: "Add example.com at https://example.com, then open https://example.com/setup/dns/example.com: of the TXT record at fe-<hash>._domainkey, dkim.selector is fe-<hash>, and dkim.publicKey is what stands between p= and the semicolon. Until it is published, the host sends no mail of the domain.",
            },
            {
                domain: "example.com",
                setting: "siteVerification",
                how: "Add example.com at https://example.com, then open https://example.com/setup/dns/example.com: siteVerification is what follows forward-email-site-verification= in the TXT record.",
            },
        ]));

    it("warns of nothing", () => assert.deepEqual(plan.warnings, []));
});

describe("the plan of two domains, the second with every option", () => {
    const plan = planDnsRecords({ ...host, domains: [furtherDomain] });

    it("adds only the consent to its reports to the first one's zone", () =>
        assert.deepEqual(zoneLines(plan, "example.com"), [
            ...primaryZone.slice(0, primaryZone.length - 9),
            `domain base dmarc-consent example.org._report._dmarc.example.com 3600 TXT "v=DMARC1"`,
            ...primaryZone.slice(primaryZone.length - 9),
        ]));

    it("has these records in the second zone", () =>
        assert.deepEqual(zoneLines(plan, "example.org"), furtherZone));

    it("leaves out, of the second domain, the consent that another has to give", () =>
        assert.deepEqual(
            plan.omitted.filter(({ domain }) => domain === "example.org"),
            [
                {
                    name: "example.org._report._dmarc.reports.example",
                    role: "dmarc-consent",
                    type: "TXT",
                    domain: "example.org",
                    why: 'reports.example is no mail domain of this host: reports go there once its owner publishes a TXT record "v=DMARC1" at this name (RFC 7489 §7.1).',
                },
            ],
        ));

    it("warns of the further MX, and of the alignment that SPF can't reach", () =>
        assert.deepEqual(plan.warnings, [
            "example.org: the stack's own check accepts a single MX and rejects the domain with mx.example.net beside it.",
            "example.org: with strict alignment, SPF never counts for DMARC, since the return path is fe-bounces.example.org; the DKIM signature alone does.",
        ]));

    it("takes the options of the primary domain from the entry of its name", () => {
        const options = { ...furtherDomain, name: "example.com", ttlSeconds: undefined };
        const both = planDnsRecords({ ...host, domains: [options] });
        assert.deepEqual(both.zones, [{ name: "example.com", signed: true }]);
        const spf = both.records.find(({ role, name }) => role === "spf" && name === "example.com");
        assert.ok(spf);
        assert.equal(
            recordLine(spf),
            'domain base spf example.com 300 TXT "v=spf1 a mx include:_spf.example.net include:mail.example ~all"',
        );
    });
});

describe("zones", () => {
    it("are the registrable domains unless told otherwise", () => {
        const plan = planDnsRecords({
            ...host,
            domain: "mail.example.co.uk",
            domains: [
                { name: "lists.example.com" },
                { name: "example.com" },
                { name: "a.b.example.org", zone: "b.example.org" },
                { name: "example.test" },
            ],
        });
        assert.deepEqual(
            plan.zones.map(({ name }) => name),
            ["b.example.org", "example.co.uk", "example.com", "example.test"],
        );
        const ofList = plan.records.filter(({ domain }) => domain === "lists.example.com");
        assert.deepEqual([...new Set(ofList.map(({ zone }) => zone))], ["example.com"]);
        assert.ok(ofList.some(({ name }) => name === "mta-sts.lists.example.com"));
    });
});

describe("the services of the host", () => {
    const standard = zoneLines(planDnsRecords(host), "example.com");
    const difference = (options: object) => {
        const lines = zoneLines(planDnsRecords({ ...host, ...options }), "example.com");
        return {
            gone: standard.filter((line) => !lines.includes(line)),
            new: lines.filter((line) => !standard.includes(line)),
        };
    };

    it("have records of port 587 when submission is served there as well", () =>
        assert.deepEqual(difference({ startTlsSubmission: true }), {
            gone: ["domain serving locator _submission._tcp.example.com 300 SRV 0 0 0 ."],
            new: [
                "host certified current _587._tcp.mx.example.com 300 TLSA 3 1 1 <certificate-key:current>",
                "domain serving locator _submission._tcp.example.com 300 SRV 0 1 587 mx.example.com.",
            ],
        }));

    it("have no record of mailboxes where there are none", () =>
        assert.deepEqual(difference({ profile: "forwarding" }), {
            gone: standard
                .filter((line) => /imap[s.]|pop3[s.]|c(al|ard)dav|_99|auto/.test(line))
                .filter((line) => !/_(imap|pop3)\./.test(line)),
            new: ["_caldavs", "_carddavs", "_imaps", "_pop3s"].map(
                (service) => `domain serving locator ${service}._tcp.example.com 300 SRV 0 0 0 .`,
            ),
        }));

    it("leave out the records of mailboxes with the reason", () =>
        assert.deepEqual(
            planDnsRecords({ ...host, profile: "forwarding" })
                .omitted.filter(({ why }) => why === "The profile forwarding has no mailboxes.")
                .map(({ type, name }) => `${type} ${name}`),
            [
                "SRV _autodiscover._tcp.example.com",
                ...["autoconfig", "autodiscover", "caldav", "carddav", "imap", "pop3"].map(
                    (label) => `CNAME ${label}.example.com`,
                ),
            ],
        ));
});
