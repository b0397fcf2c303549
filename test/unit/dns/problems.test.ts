import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { a, checkProblems, further, problemLines, type ProblemCase } from "./problem-cases";

const cases: ProblemCase[] = [
    [
        "a domain in upper case",
        { domain: "Example.com" },
        [
            'domain: "Example.com" is not the bare name of a domain in lower-case ASCII. Write example.com.',
        ],
    ],
    [
        "no domain",
        { domain: "" },
        ["domain: The domain is missing. Give the domain that gets mail, e.g. example.com."],
    ],
    [
        "a label of 300 characters",
        { domain: a(300) + ".com" },
        [
            `domain: "${a(300)}.com" is not a domain name. Give one of labels of letters, digits and hyphens, joined by dots, e.g. example.com.`,
        ],
    ],
    [
        "a domain too long for a host name",
        { domain: a(59) + ".com" },
        [
            `domain: "${a(59)}.com" is too long: mx.${a(59)}.com has 66 characters, a host name here at most 63. Choose a shorter domain.`,
        ],
    ],
    [
        "a public suffix",
        { domain: "co.uk" },
        [
            'domain: "co.uk" is a public suffix, below which others register their domains. Give a domain of your own, e.g. example.co.uk.',
        ],
    ],
    [
        "no e-mail address",
        { email: "you" },
        [
            'email: "you" is not an e-mail address. Give one address without a display name, e.g. you@example.net.',
        ],
    ],
    [
        "no issuer domain",
        { issuer: "" },
        [
            'issuer: "" is not the issuer domain of a certificate authority. Give the bare domain in lower case that the authority\'s documentation has for CAA records, e.g. letsencrypt.org.',
        ],
    ],
    [
        "a further domain in upper case",
        { domains: [{ name: "EXAMPLE.org" }] },
        [
            'domains[0].name: "EXAMPLE.org" is not the bare name of a domain in lower-case ASCII. Write example.org.',
        ],
    ],
    [
        "a domain not in its ASCII form",
        { domains: [{ name: "münchen.example" }] },
        [
            'domains[0].name: "münchen.example" is not the bare name of a domain in lower-case ASCII. Write xn--mnchen-3ya.example.',
        ],
    ],
    [
        "a further domain with a label of 300 characters",
        { domains: [{ name: a(300) + ".org" }] },
        [
            `domains[0].name: "${a(300)}.org" is not a domain name. Give one of labels of letters, digits and hyphens, joined by dots, e.g. example.com.`,
        ],
    ],
    [
        "a name of over 253 characters",
        { domains: [{ name: Array(5).fill(a(60)).join(".") + ".org" }] },
        [
            `domains[0].name: "${a(60)}.${a(60)}.${a(60)}.${a(60)}.${a(60)}.org" is not a domain name. Give one of labels of letters, digits and hyphens, joined by dots, e.g. example.com.`,
        ],
    ],
    [
        "a domain whose records' names are too long",
        { domains: [{ name: Array(4).fill(a(58)).join(".") + ".org" }] },
        [
            `domains[0].name: "${a(58)}.${a(58)}.${a(58)}.${a(58)}.org" is too long: the record _autodiscover._tcp.${a(58)}.${a(58)}.${a(58)}.${a(58)}.org would have 258 characters, of at most 253. Choose a shorter domain.`,
        ],
    ],
    [
        "a domain without a name",
        { domains: [{}] },
        [
            "domains[0].name: The domain is missing. Give the domain that gets mail, e.g. example.com.",
        ],
    ],
    [
        "no domain at all",
        { domains: [null] },
        ['domains[0]: null is not a mail domain. Write { name: "example.org" }.'],
    ],
    [
        "domains that are no list",
        { domains: { name: "x.org" } },
        ['domains: {"name":"x.org"} is not a list. Write [{ name: "example.org" }].'],
    ],
    [
        "a domain twice",
        { domains: [{ name: "example.org" }, { name: "example.org" }] },
        ['domains[1].name: "example.org" is there twice. Join its entries to one.'],
    ],
    [
        "the primary domain's options twice",
        { domains: [{ name: "example.com" }, { name: "example.com" }] },
        ['domains[1].name: "example.com" is there twice. Join its entries to one.'],
    ],
    [
        "a foreign zone",
        further({ zone: "example.net" }),
        [
            'domains[0].zone: "example.net" does not hold example.org: a zone holds the names that end in its own. Give example.org, or leave it out.',
        ],
    ],
    [
        "a public suffix as the zone",
        further({ zone: "org" }),
        ['domains[0].zone: "org" is not a domain name. Give the zone\'s name, e.g. example.org.'],
    ],
    [
        "a zone in upper case",
        further({ zone: "Example.org" }),
        [
            'domains[0].zone: "Example.org" is not the bare name of a domain in lower-case ASCII. Give the zone\'s name, e.g. example.org.',
        ],
    ],
    [
        "a zone below the domain",
        further({ zone: "a.example.org" }),
        [
            'domains[0].zone: "a.example.org" does not hold example.org: a zone holds the names that end in its own. Give example.org, or leave it out.',
        ],
    ],
    [
        "a zone that the domain only ends in as text",
        further({ zone: "ple.org" }),
        [
            'domains[0].zone: "ple.org" does not hold example.org: a zone holds the names that end in its own. Give example.org, or leave it out.',
        ],
    ],
    [
        "a further domain named as a service",
        { domains: [{ name: "smtp.example.com" }] },
        [
            'domains[0].name: "smtp.example.com" is the name of a CNAME record of example.com, beside which no other record may stand (RFC 2181 §10.1). Choose another mail domain.',
        ],
    ],
    [
        "a further domain named as another's policy host",
        { domains: [{ name: "example.org" }, { name: "mta-sts.example.org" }] },
        [
            'domains[1].name: "mta-sts.example.org" is the name of a CNAME record of example.org, beside which no other record may stand (RFC 2181 §10.1). Choose another mail domain.',
        ],
    ],
    [
        "a further domain named as the host",
        { domains: [{ name: "mx.example.com" }] },
        [
            'domains[0].name: "mx.example.com" is the name of the host itself. Choose another mail domain.',
        ],
    ],
    [
        "a primary domain named as another's alias",
        { domain: "autoconfig.example.com", domains: [{ name: "example.com" }] },
        [
            'domain: "autoconfig.example.com" is the name of a CNAME record of example.com, beside which no other record may stand (RFC 2181 §10.1). Choose another mail domain.',
        ],
    ],
    [
        "a zone that hides a domain",
        {
            domains: [
                { name: "lists.example.com" },
                { name: "a.lists.example.com", zone: "lists.example.com" },
            ],
        },
        [
            'domains[0].zone: "example.com" does not answer for lists.example.com: lists.example.com, the zone of another domain, does. Write lists.example.com, or choose another zone for that domain.',
        ],
    ],
    [
        "a zone that hides a record, with a CNAME at its apex",
        { domains: [{ name: "a.mta-sts.example.com", zone: "mta-sts.example.com" }] },
        [
            'domain: "example.com" does not answer for mta-sts.example.com: mta-sts.example.com, the zone of another domain, does. Choose another zone for that domain.',
        ],
    ],
    [
        "MX hosts that are CNAMEs here",
        further({
            mx: {
                further: [
                    { host: "imap.example.com", preference: 1 },
                    { host: "fe-bounces.example.org", preference: 1 },
                ],
            },
        }),
        [
            'domains[0].mx.further[1].host: "fe-bounces.example.org" is the name of a CNAME record of this host, and an MX record may not lead to one (RFC 2181 §10.3). Give a name that has address records.',
            'domains[0].mx.further[0].host: "imap.example.com" is the name of a CNAME record of this host, and an MX record may not lead to one (RFC 2181 §10.3). Give a name that has address records.',
        ],
    ],
    [
        "no address",
        { addresses: [] },
        [
            "addresses: The list is empty, and a mail host needs an address. List ipv4, ipv6 or both.",
        ],
    ],
    [
        "an unknown family",
        { addresses: ["ipv4", "ipv5"] },
        ['addresses[1]: "ipv5" is not one of the choices. Did you mean ipv4? Choose ipv4, ipv6.'],
    ],
    [
        "a family twice",
        { addresses: ["ipv4", "ipv4"] },
        ['addresses[1]: "ipv4" stands in the list twice. Remove one of the two.'],
    ],
    [
        "IPv6 without PTR",
        { pointers: ["ipv4"] },
        [
            "pointers: The host's IPv6 address has no PTR record, and mail from such an address is refused. Have the server set it, or leave ipv6 out of addresses.",
        ],
    ],
    [
        "PTR without IPv6",
        { addresses: ["ipv4"], pointers: ["ipv4", "ipv6"] },
        [
            "pointers: A PTR record is wanted for IPv6, in which the host has no address. Leave ipv6 out, or add it to addresses.",
        ],
    ],
    [
        "wrong selectors of the system",
        { systemDkimSelectors: ["Default", "default", "default"] },
        [
            'systemDkimSelectors[0]: "Default" is not a DKIM selector: one label in lower case, of letters, digits and hyphens. Write default.',
            'systemDkimSelectors[2]: "default" stands in the list twice. Remove one of the two.',
        ],
    ],
    [
        "no selector of the system",
        { systemDkimSelectors: [] },
        [
            'systemDkimSelectors: The list is empty, and the system signs its own mail. Leave it out for ["default"].',
        ],
    ],
    [
        "an unknown certificate key",
        { certificateKeys: ["old"] },
        ['certificateKeys[0]: "old" is not one of the choices. Choose current, next.'],
    ],
    [
        "no certificate key",
        { certificateKeys: [] },
        [
            'certificateKeys: The list is empty, and TLSA records name a key. Leave it out for ["current"].',
        ],
    ],
    [
        "a wrong certificate name",
        { certificateNames: ["*.*.example.com", "example.com"] },
        [
            'certificateNames[0]: "*.*.example.com" is not a name that a certificate covers. Give a host name in lower case, or a wildcard such as *.example.com.',
        ],
    ],
    [
        "faults of many kinds at once",
        {
            domain: "Example.com",
            email: "x",
            issuer: "x",
            domains: [
                { name: "smtp.example.com", ttlSeconds: 1 },
                { name: "a", zone: "b" },
            ],
        },
        [
            'domain: "Example.com" is not the bare name of a domain in lower-case ASCII. Write example.com.',
            'email: "x" is not an e-mail address. Give one address without a display name, e.g. you@example.net.',
            'issuer: "x" is not the issuer domain of a certificate authority. Give the bare domain in lower case that the authority\'s documentation has for CAA records, e.g. letsencrypt.org.',
            "domains[0].ttlSeconds: 1 is not a whole number from 60 to 86400. Give the time in seconds, e.g. 300.",
            'domains[1].name: "a" is not a domain name. Give one of labels of letters, digits and hyphens, joined by dots, e.g. example.com.',
        ],
    ],
    [
        "clashes beside other faults",
        {
            email: "x",
            domains: [
                { name: "smtp.example.com", ttlSeconds: 1 },
                {
                    name: "example.org",
                    mx: { further: [{ host: "imap.example.com", preference: 1 }] },
                },
            ],
        },
        [
            'email: "x" is not an e-mail address. Give one address without a display name, e.g. you@example.net.',
            "domains[0].ttlSeconds: 1 is not a whole number from 60 to 86400. Give the time in seconds, e.g. 300.",
            'domains[0].name: "smtp.example.com" is the name of a CNAME record of example.com, beside which no other record may stand (RFC 2181 §10.1). Choose another mail domain.',
            'domains[1].mx.further[0].host: "imap.example.com" is the name of a CNAME record of this host, and an MX record may not lead to one (RFC 2181 §10.3). Give a name that has address records.',
        ],
    ],
];

describe("the problems of a description", () => {
    checkProblems(cases);

    it("are none with the defaults", () => assert.deepEqual(problemLines({}), []));
});
