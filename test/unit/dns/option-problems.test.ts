import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { a, checkProblems, further, problemLines, type ProblemCase } from "./problem-cases";
import { publicKey } from "./public-keys";

const key = publicKey(2048);
const ellipticKey = generateKeyPairSync("ec", { namedCurve: "P-256" })
    .publicKey.export({ type: "spki", format: "der" })
    .toString("base64");

const cases: ProblemCase[] = [
    [
        "wrong further MX hosts",
        further({
            mx: {
                preference: -1,
                further: [
                    { host: "mx.example.com", preference: 70000 },
                    { host: "192.0.2.1", preference: 1 },
                    { host: "mx.example.net", preference: 1.5 },
                    { host: "mx.example.net" },
                    {},
                ],
            },
        }),
        [
            "domains[0].mx.preference: -1 is not a whole number from 0 to 65535. Give the preference, e.g. 10.",
            'domains[0].mx.further[0].host: "mx.example.com" is this host, which has its MX record already. Remove it.',
            'domains[0].mx.further[1].host: "192.0.2.1" is not the name of a mail host (an address can\'t be one). Give a host name in lower-case ASCII, e.g. mx.example.net.',
            'domains[0].mx.further[3].host: "mx.example.net" stands in the list twice. Remove one of the two.',
            "domains[0].mx.further[4].host: undefined is not a text. Write it in quotes.",
            "domains[0].mx.further[0].preference: 70000 is not a whole number from 0 to 65535. Give the preference, e.g. 10.",
            "domains[0].mx.further[2].preference: 1.5 is not a whole number from 0 to 65535. Give the preference, e.g. 10.",
            "domains[0].mx.further[3].preference: It is not a whole number from 0 to 65535. Give the preference, e.g. 10.",
            "domains[0].mx.further[4].preference: It is not a whole number from 0 to 65535. Give the preference, e.g. 10.",
        ],
    ],
    [
        "more MX hosts than an SPF check may ask for",
        further({
            mx: {
                further: Array.from({ length: 10 }, (_, index) => ({
                    host: `mx${index}.example.net`,
                    preference: index,
                })),
            },
        }),
        [
            'domains[0].mx.further: The domain would have 11 MX records; the "mx" of its SPF record fails with more than 10 (RFC 7208 §4.6.4). Give 9 at most.',
        ],
    ],
    [
        "something else where settings belong, beside another problem",
        further({ spf: ["x"], dmarc: "reject", mx: null, caa: 5, ttlSeconds: 1 }),
        [
            'domains[0].spf: ["x"] is not a group of settings. Write { setting: value }.',
            'domains[0].dmarc: "reject" is not a group of settings. Write { setting: value }.',
            "domains[0].caa: 5 is not a group of settings. Write { setting: value }.",
            "domains[0].mx: null is not a group of settings. Write { setting: value }.",
            "domains[0].ttlSeconds: 1 is not a whole number from 60 to 86400. Give the time in seconds, e.g. 300.",
        ],
    ],
    [
        "further MX hosts that are no list",
        further({ mx: { further: "x" } }),
        ['domains[0].mx.further: "x" is not a list. Write [{ host, preference }].'],
    ],
    [
        "wrong SPF options",
        further({
            spf: {
                all: "Fail",
                includes: [
                    "include:x.org",
                    "example.org",
                    "_spf.example.net",
                    "_spf.example.net",
                    "%{i}.x.org",
                    "192.0.2.1",
                    "x",
                ],
            },
        }),
        [
            'domains[0].spf.all: "Fail" is not one of the choices. Did you mean fail? Choose fail, softfail, neutral.',
            'domains[0].spf.includes[0]: "include:x.org" is not a domain whose SPF record can be included. Give the bare domain in lower case, without include:, e.g. _spf.example.net.',
            'domains[0].spf.includes[1]: "example.org" is the domain itself: the check would not end. Remove it.',
            'domains[0].spf.includes[3]: "_spf.example.net" stands in the list twice. Remove one of the two.',
            'domains[0].spf.includes[4]: "%{i}.x.org" is not a domain whose SPF record can be included. Give the bare domain in lower case, without include:, e.g. _spf.example.net.',
            'domains[0].spf.includes[5]: "192.0.2.1" is not a domain whose SPF record can be included. Give the bare domain in lower case, without include:, e.g. _spf.example.net.',
            'domains[0].spf.includes[6]: "x" is not a domain whose SPF record can be included. Give the bare domain in lower case, without include:, e.g. _spf.example.net.',
        ],
    ],
    [
        "too many SPF look-ups",
        further({ spf: { includes: Array.from({ length: 10 }, (_, i) => `s${i}.example.net`) } }),
        [
            "domains[0].spf.includes: The record would cost 11 DNS look-ups: one for each entry, 1 for the host itself. Receivers stop at 10 (RFC 7208 §4.6.4), and count those within the included records too. Include fewer.",
        ],
    ],
    [
        "too many SPF look-ups of the primary domain, which has one more of its own",
        {
            domains: [
                {
                    name: "example.com",
                    spf: { includes: Array.from({ length: 9 }, (_, i) => `s${i}.example.net`) },
                },
            ],
        },
        [
            "domains[0].spf.includes: The record would cost 11 DNS look-ups: one for each entry, 2 for the host itself. Receivers stop at 10 (RFC 7208 §4.6.4), and count those within the included records too. Include fewer.",
        ],
    ],
    [
        "SPF includes that are no list",
        further({ spf: { includes: "x.org" } }),
        ['domains[0].spf.includes: "x.org" is not a list. Write ["…"], also for a single entry.'],
    ],
    [
        "wrong DMARC options",
        further({
            dmarc: {
                policy: "rejct",
                subdomainPolicy: "x",
                dkimAlignment: "s",
                spfAlignment: 1,
                reportAddresses: ["mailto:a@b.org", "a", "https://x.org"],
                failureReportAddresses: ["x"],
            },
        }),
        [
            'domains[0].dmarc.policy: "rejct" is not one of the choices. Did you mean reject? Choose none, quarantine, reject.',
            'domains[0].dmarc.subdomainPolicy: "x" is not one of the choices. Choose none, quarantine, reject.',
            'domains[0].dmarc.dkimAlignment: "s" is not one of the choices. Choose relaxed, strict.',
            "domains[0].dmarc.spfAlignment: 1 is not one of the choices. Choose relaxed, strict.",
            'domains[0].dmarc.reportAddresses[0]: "mailto:a@b.org" is not an e-mail address. Give one address without a display name, e.g. you@example.net.',
            'domains[0].dmarc.reportAddresses[1]: "a" is not an e-mail address. Give one address without a display name, e.g. you@example.net.',
            'domains[0].dmarc.reportAddresses[2]: "https://x.org" is not an e-mail address. Give one address without a display name, e.g. you@example.net.',
            'domains[0].dmarc.failureReportAddresses[0]: "x" is not an e-mail address. Give one address without a display name, e.g. you@example.net.',
        ],
    ],
    [
        "wrong TLS report addresses",
        further({
            tlsReports: {
                addresses: ["http://x.org", "x", "https://u:p@x.org/", "https://192.0.2.1/"],
            },
        }),
        [
            'domains[0].tlsReports.addresses[0]: "http://x.org" is not an https: URL that everyone can read. Write it as https://host.example/path, without user name and password.',
            'domains[0].tlsReports.addresses[1]: "x" is neither an e-mail address nor an https: URL. Give one such as you@example.com or https://example.com/reports.',
            'domains[0].tlsReports.addresses[2]: "https://u:p@x.org/" is not an https: URL that everyone can read. Write it as https://host.example/path, without user name and password.',
            'domains[0].tlsReports.addresses[3]: "https://192.0.2.1/" is not an https: URL that everyone can read. Write it as https://host.example/path, without user name and password.',
        ],
    ],
    [
        "wrong MTA-STS options",
        further({ mtaSts: { mode: "enforced", maxAgeSeconds: 60 } }),
        [
            'domains[0].mtaSts.mode: "enforced" is not one of the choices. Did you mean enforce? Choose enforce, testing, none, off.',
            "domains[0].mtaSts.maxAgeSeconds: 60 is not a whole number from 86400 to 31557600. Give the time in seconds, e.g. 604800 for a week.",
        ],
    ],
    [
        "MTA-STS for longer than a year",
        further({ mtaSts: { maxAgeSeconds: 31557601 } }),
        [
            "domains[0].mtaSts.maxAgeSeconds: 31557601 is not a whole number from 86400 to 31557600. Give the time in seconds, e.g. 604800 for a week.",
        ],
    ],
    [
        "a TTL below a minute",
        further({ ttlSeconds: 59 }),
        [
            "domains[0].ttlSeconds: 59 is not a whole number from 60 to 86400. Give the time in seconds, e.g. 300.",
        ],
    ],
    [
        "a TTL over a day",
        further({ ttlSeconds: 86401 }),
        [
            "domains[0].ttlSeconds: 86401 is not a whole number from 60 to 86400. Give the time in seconds, e.g. 300.",
        ],
    ],
    [
        "a TTL as text",
        further({ ttlSeconds: "300" }),
        [
            'domains[0].ttlSeconds: "300" is not a whole number from 60 to 86400. Give the time in seconds, e.g. 300.',
        ],
    ],
    [
        "wrong CAA options",
        further({
            caa: {
                issuers: ["letsencrypt.org", "https://pki.goog", "x"],
                accountBinding: "yes",
                reportAddress: "x",
            },
        }),
        [
            'domains[0].caa.issuers[0]: "letsencrypt.org" is the host\'s own authority, which may issue anyway. Remove it.',
            'domains[0].caa.issuers[1]: "https://pki.goog" is not the issuer domain of a certificate authority. Give the bare domain in lower case that the authority\'s documentation has for CAA records, e.g. letsencrypt.org.',
            'domains[0].caa.issuers[2]: "x" is not the issuer domain of a certificate authority. Give the bare domain in lower case that the authority\'s documentation has for CAA records, e.g. letsencrypt.org.',
            'domains[0].caa.reportAddress: "x" is not an e-mail address. Give one address without a display name, e.g. you@example.net.',
            'domains[0].caa.accountBinding: "yes" is neither true nor false. Choose one of the two.',
        ],
    ],
    [
        "wrong BIMI options",
        further({
            bimi: { logoUrl: "http://x.org/l.svg", certificateUrl: "x" },
            dmarc: { policy: "none", subdomainPolicy: "none" },
        }),
        [
            'domains[0].bimi.logoUrl: "http://x.org/l.svg" is not an https: URL that everyone can read. Write it as https://host.example/path, without user name and password.',
            'domains[0].bimi.certificateUrl: "x" is not an https: URL that everyone can read. Write it as https://host.example/path, without user name and password.',
            "domains[0].bimi: The logo is shown for no mail while dmarc.policy is none. Choose quarantine or reject for domains[0].dmarc.policy, or leave domains[0].bimi out.",
            "domains[0].bimi: The logo is shown for no mail while dmarc.subdomainPolicy is none. Choose quarantine or reject for domains[0].dmarc.subdomainPolicy, or leave domains[0].bimi out.",
        ],
    ],
    [
        "BIMI without a logo",
        further({ bimi: {} }),
        [
            "domains[0].bimi.logoUrl: undefined is not an https: URL that everyone can read. Write it as https://host.example/path, without user name and password.",
        ],
    ],
    [
        "a whole DKIM record",
        further({
            dkim: {
                selector: "fe-1._domainkey.example.org",
                publicKey: `v=DKIM1; k=rsa; p=${key};`,
            },
        }),
        [
            'domains[0].dkim.selector: "fe-1._domainkey.example.org" is not a DKIM selector: one label in lower case, of letters, digits and hyphens. Write fe-1.',
            "domains[0].dkim.publicKey: The value (not shown, 411 characters) is a whole DKIM record, not the key alone. Give what stands between p= and the semicolon of the record, without spaces.",
        ],
    ],
    [
        "a selector in upper case, a key that is not base64",
        further({ dkim: { selector: "FE-1", publicKey: "!!" } }),
        [
            'domains[0].dkim.selector: "FE-1" is not a DKIM selector: one label in lower case, of letters, digits and hyphens. Write fe-1.',
            "domains[0].dkim.publicKey: The value (not shown, 2 characters) is not base64. Give what stands between p= and the semicolon of the record, without spaces.",
        ],
    ],
    [
        "a selector of two labels, a key of 512 bits",
        further({ dkim: { selector: "a.b", publicKey: publicKey(512) } }),
        [
            'domains[0].dkim.selector: "a.b" is not a DKIM selector: one label in lower case, of letters, digits and hyphens. Give what stands before ._domainkey, e.g. fe-1a2b3c4d5e.',
            "domains[0].dkim.publicKey: The value (not shown, 128 characters) is an RSA key of 512 bits; verifiers take 1024 to 4096 (RFC 8301 §3.2). Have the host make the domain's key anew.",
        ],
    ],
    [
        "an elliptic curve's key",
        further({ dkim: { selector: "a", publicKey: ellipticKey } }),
        [
            "domains[0].dkim.publicKey: The value (not shown, 124 characters) is a key of type ec, and the host signs with RSA. Give what stands between p= and the semicolon of the record, without spaces.",
        ],
    ],
    [
        "a key that is none",
        further({ dkim: { selector: "a", publicKey: "AAAA" } }),
        [
            "domains[0].dkim.publicKey: The value (not shown, 4 characters) is not a public key in the form of a SubjectPublicKeyInfo. Give what stands between p= and the semicolon of the record, without spaces.",
        ],
    ],
    [
        "a PEM file",
        further({ dkim: { selector: "a", publicKey: "-----BEGIN PUBLIC KEY-----\nx" } }),
        [
            "domains[0].dkim.publicKey: The value (not shown, 28 characters) is a PEM file. Give the lines between BEGIN and END, joined to one without spaces.",
        ],
    ],
    [
        "a private key",
        further({ dkim: { selector: "a", publicKey: "-----BEGIN RSA PRIVATE KEY-----\nx" } }),
        [
            "domains[0].dkim.publicKey: The value (not shown, 33 characters) is a private key, which no one else may see. Give what stands between p= and the semicolon of the record, without spaces.",
        ],
    ],
    [
        "an empty DKIM",
        further({ dkim: {} }),
        [
            "domains[0].dkim.selector: The selector is missing. Give what stands before ._domainkey, e.g. fe-1a2b3c4d5e.",
            "domains[0].dkim.publicKey: The public key is missing. Give what stands between p= and the semicolon of the record, without spaces.",
        ],
    ],
    [
        "the system's selector",
        { domains: [{ name: "example.com", dkim: { selector: "default", publicKey: key } }] },
        [
            "domains[0].dkim.selector: \"default\" is the selector of the host's system key, which signs no mail of the domain. Give the one that the host's web site shows for the domain, e.g. fe-1a2b3c4d5e.",
        ],
    ],
    [
        "a key with spaces",
        further({ dkim: { selector: "a", publicKey: key.slice(0, 9) + " " + key.slice(9) } }),
        [
            "domains[0].dkim.publicKey: The value (not shown, 393 characters) is not base64. Give what stands between p= and the semicolon of the record, without spaces.",
        ],
    ],
    [
        "a whole site verification record",
        further({ siteVerification: "forward-email-site-verification=m8d7o8K4Il" }),
        [
            'domains[0].siteVerification: "forward-email-site-verification=m8d7o8K4Il" is not a verification that the host makes. Write m8d7o8K4Il, without what stands before.',
        ],
    ],
    [
        "a site verification of another form",
        further({ siteVerification: "a b" }),
        [
            'domains[0].siteVerification: "a b" is not a verification that the host makes. Give what follows forward-email-site-verification= in the record that the host\'s web site shows: 6 to 64 letters and digits.',
        ],
    ],
    [
        "an empty site verification",
        further({ siteVerification: "" }),
        [
            'domains[0].siteVerification: "" is not a verification that the host makes. Give what follows forward-email-site-verification= in the record that the host\'s web site shows: 6 to 64 letters and digits.',
        ],
    ],
    [
        "a whole site verification record in quotes",
        further({ siteVerification: '"forward-email-site-verification=m8d7o8K4Il"' }),
        [
            'domains[0].siteVerification: "\\"forward-email-site-verification=m8d7o8K4Il\\"" is not a verification that the host makes. Write m8d7o8K4Il, without what stands before.',
        ],
    ],
    [
        "TXT records of over 4,096 characters",
        further({
            dmarc: {
                reportAddresses: Array.from(
                    { length: 40 },
                    (_, i) => `${a(60)}${i}@${"b".repeat(50)}.org`,
                ),
            },
            tlsReports: {
                addresses: Array.from({ length: 2 }, (_, i) => `https://x.org/${a(2100)}${i}`),
            },
        }),
        [
            'domains[0].dmarc.reportAddresses: "_dmarc.example.org" would have a TXT record of 5076 characters, of at most 4096. Make it shorter.',
            'domains[0].tlsReports.addresses: "_smtp._tls.example.org" would have a TXT record of 4297 characters, of at most 4096. Make it shorter.',
        ],
    ],
];

describe("the problems of a domain's options", () => {
    checkProblems(cases);

    it("never show a key, not even a private one given by mistake", () => {
        const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
        const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
        const der = privateKey.export({ type: "pkcs8", format: "der" }).toString("base64");
        for (const given of [pem, der]) {
            const [problem, ...others] = problemLines(
                further({ dkim: { selector: "fe-1", publicKey: given } }),
            );
            assert.deepEqual(others, []);
            assert.match(problem ?? "", /^domains\[0\]\.dkim\.publicKey: The value \(not shown/);
            assert.ok(!problem?.includes(der.slice(10, 30)));
        }
    });

    it("are none with keys of 1024 to 4096 bits", () => {
        for (const bits of [1024, 2048, 4096]) {
            const dkim = { selector: "default", publicKey: publicKey(bits) };
            assert.deepEqual(problemLines(further({ dkim })), [], `${bits} bits`);
        }
    });

    it("are none with as many SPF look-ups as there may be", () => {
        const includes = (count: number) =>
            Array.from({ length: count }, (_, index) => `s${index}.example`);
        assert.deepEqual(problemLines(further({ spf: { includes: includes(9) } })), []);
        assert.deepEqual(
            problemLines({ domains: [{ name: "example.com", spf: { includes: includes(8) } }] }),
            [],
        );
    });

    it("are none at the ends of each range", () => {
        const ends = [
            { ttlSeconds: 60, mx: { preference: 0 }, mtaSts: { maxAgeSeconds: 86_400 } },
            {
                ttlSeconds: 86_400,
                mx: { preference: 65_535 },
                mtaSts: { maxAgeSeconds: 31_557_600 },
            },
        ];
        for (const options of ends) assert.deepEqual(problemLines(further(options)), []);
    });
});
