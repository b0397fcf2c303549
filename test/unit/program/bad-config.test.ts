import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readConfig } from "../../../program/config";
import { testEach, type BadConfig } from "./support/bad-config";
import { cloudflareToken, source } from "./support/config-source";

const domainRemedy =
    "Give one of labels of letters, digits and hyphens, joined by dots, e.g. example.com.";

const cases: BadConfig[] = [
    {
        name: "domain missing",
        changes: { "mailhost:domain": undefined },
        expected: [
            "mailhost:domain: The domain is missing. Give the domain that gets mail, e.g. example.com.",
        ],
    },
    {
        name: "domain empty",
        changes: { "mailhost:domain": "" },
        expected: [
            "mailhost:domain: The domain is missing. Give the domain that gets mail, e.g. example.com.",
        ],
    },
    {
        name: "domain as URL",
        changes: { "mailhost:domain": "https://Example.com/mail" },
        expected: [
            'mailhost:domain: "https://Example.com/mail" is not the bare name of a domain in lower-case ASCII. Write example.com.',
        ],
    },
    {
        name: "domain with a trailing dot",
        changes: { "mailhost:domain": "example.com." },
        expected: [
            'mailhost:domain: "example.com." is not the bare name of a domain in lower-case ASCII. Write example.com.',
        ],
    },
    {
        name: "domain as wildcard",
        changes: { "mailhost:domain": "*.example.com" },
        expected: [
            'mailhost:domain: "*.example.com" is not the bare name of a domain in lower-case ASCII. Write example.com.',
        ],
    },
    {
        name: "domain in Unicode",
        changes: { "mailhost:domain": "bücher.example" },
        expected: [
            'mailhost:domain: "bücher.example" is not the bare name of a domain in lower-case ASCII. Write xn--bcher-kva.example.',
        ],
    },
    {
        name: "domain of one label",
        changes: { "mailhost:domain": "localhost" },
        expected: [`mailhost:domain: "localhost" is not a domain name. ${domainRemedy}`],
    },
    {
        name: "domain with an underscore",
        changes: { "mailhost:domain": "my_mail.example.com" },
        expected: [`mailhost:domain: "my_mail.example.com" is not a domain name. ${domainRemedy}`],
    },
    {
        name: "domain with a hyphen at an end",
        changes: { "mailhost:domain": "mail-.example.com" },
        expected: [`mailhost:domain: "mail-.example.com" is not a domain name. ${domainRemedy}`],
    },
    {
        name: "domain is an address",
        changes: { "mailhost:domain": "203.0.113.7" },
        expected: [
            'mailhost:domain: "203.0.113.7" is an address, not a domain. Give a name, e.g. example.com.',
        ],
    },
    {
        name: "domain is a public suffix",
        changes: { "mailhost:domain": "co.uk" },
        expected: [
            'mailhost:domain: "co.uk" is a public suffix, below which others register their domains. Give a domain of your own, e.g. example.co.uk.',
        ],
    },
    {
        name: "domain too long",
        changes: { "mailhost:domain": `${"a".repeat(57)}.com` },
        expected: [
            `mailhost:domain: "${"a".repeat(57)}.com" is too long: mx.${"a".repeat(57)}.com has 64 characters, a host name here at most 63. Choose a shorter domain.`,
        ],
    },
    {
        name: "e-mail missing",
        changes: { "mailhost:email": undefined },
        expected: [
            "mailhost:email: The e-mail address is missing. Give one that you read: the certificate authority and the host write to it, e.g. you@example.net.",
        ],
    },
    {
        name: "e-mail with a display name",
        changes: { "mailhost:email": "You <you@example.net>" },
        expected: [
            'mailhost:email: "You <you@example.net>" is not an e-mail address. Give one address without a display name, e.g. you@example.net.',
        ],
    },
    {
        name: "e-mail without a domain",
        changes: { "mailhost:email": "postmaster" },
        expected: [
            'mailhost:email: "postmaster" is not an e-mail address. Give one address without a display name, e.g. you@example.net.',
        ],
    },
    {
        name: "protect is no boolean",
        changes: { "mailhost:protect": "yes" },
        expected: ['mailhost:protect: "yes" is not true or false. Write true or false.'],
    },
    {
        name: "debug is no boolean",
        changes: { "mailhost:debug": "1" },
        expected: ['mailhost:debug: "1" is not true or false. Write true or false.'],
    },
    {
        name: "user name with a colon (RFC 7617)",
        changes: { "mailhost:authBasicUsername": "ad:min" },
        expected: [
            'mailhost:authBasicUsername: "ad:min" is not a user name that every service takes. Use 1 to 64 letters, digits, dots, underscores or hyphens.',
        ],
    },
    {
        name: "time of day without minutes",
        changes: { "mailhost:rebootTime": "24:00" },
        expected: [
            'mailhost:rebootTime: "24:00" is not a time of day. Write it as HH:MM in UTC, in quotes, from "00:00" to "23:59".',
        ],
    },
    {
        name: "unknown DNS provider, of which nothing more is asked",
        changes: { "mailhost:dns": { provider: "route53" }, "cloudflare:apiToken": undefined },
        expected: [
            'mailhost:dns.provider: "route53" is not cloudflare or manual. Choose cloudflare or manual.',
        ],
    },
    {
        name: "settings of Cloudflare for zones elsewhere",
        changes: {
            "mailhost:dns": { provider: "manual", adopt: [], recordsPerZone: 10 },
            "cloudflare:apiToken": undefined,
            "mailhost:cloudflareApiToken": cloudflareToken,
        },
        expected: [
            "mailhost:dns.recordsPerZone: It is for Cloudflare alone, and dns.provider is manual. Remove it.",
            "mailhost:dns.adopt: It is for Cloudflare alone, and dns.provider is manual. Remove it.",
        ],
    },
    {
        name: "dns is a text",
        changes: { "mailhost:dns": "cloudflare" },
        expected: [
            'mailhost:dns: "cloudflare" is not a group of settings. Set each of its own, e.g. pulumi config set --path mailhost:dns.provider cloudflare.',
        ],
    },
    {
        name: "more records than a zone takes, and ids that are none",
        changes: { "mailhost:dns": { recordsPerZone: 10, adopt: ["MX"] } },
        expected: [
            'mailhost:dns.adopt[0]: "MX" is not the id of a record. Give the ids that the message about the records names, 32 hexadecimal digits, or the comment pulumi-mailhost/<project>/<stack> of this stack\'s former name.',
            "mailhost:dns.recordsPerZone: The zone example.com would hold 37 records of this host alone, and 10 is the most. Give fewer mail domains in example.com, or the limit of its plan if that is a higher one.",
        ],
    },
    {
        name: "a stack whose name makes the records' comment too long",
        changes: {},
        rest: { stack: "s".repeat(80) },
        expected: [
            `mailhost:dns: The records' comment "pulumi-mailhost/mailhost/${"s".repeat(80)}" has 105 characters, and Cloudflare takes 100. Give the project or the stack a shorter name.`,
        ],
    },
    {
        name: "domains are no list",
        changes: { "mailhost:domains": { name: "example.org" } },
        expected: [
            'mailhost:domains: {"name":"example.org"} is not a list of domains. Write [{ name: example.org }].',
        ],
    },
    {
        name: "domains with wrong forms, misspelt settings and wrong values, all at once",
        changes: {
            "mailhost:domains": [
                "example.org",
                {
                    name: "example.net",
                    ttlSeconds: "soon",
                    spf: { all: "hardfail", includes: ["spf.example.org", 5], include: [] },
                    dmarc: "reject",
                    dmark: {},
                    mx: { further: [{ hots: "mx2.example.com", preference: 10 }, "mx3"] },
                },
                { name: "Example.COM" },
            ],
        },
        expected: [
            'mailhost:domains[0]: "example.org" is not a group of settings. Write { name: example.org }.',
            'mailhost:domains[1].ttlSeconds: "soon" is not a whole number. Write digits alone, e.g. 40.',
            "mailhost:domains[1].spf.includes[1]: 5 is not a text. Write one text, in quotes.",
            "mailhost:domains[1].spf.include: There is no such key. Did you mean includes? Rename or remove it.",
            'mailhost:domains[1].dmarc: "reject" is not a group of settings. Write its settings, e.g. { policy: reject }.',
            "mailhost:domains[1].mx.further[0].hots: There is no such key. Did you mean host? Rename or remove it.",
            'mailhost:domains[1].mx.further[1]: "mx3" is not a group of settings. Write { host: mx2.example.net, preference: 10 }.',
            "mailhost:domains[1].dmark: There is no such key. Did you mean dmarc? Rename or remove it.",
            'mailhost:domains[1].spf.all: "hardfail" is not one of the choices. Choose fail, softfail, neutral.',
            'mailhost:domains[2].name: "Example.COM" is not the bare name of a domain in lower-case ASCII. Write example.com.',
        ],
    },
    {
        name: "an authority of one's own without its issuer domain",
        changes: { "mailhost:certificate": { authority: "https://ca.example.net/directory" } },
        expected: [
            "mailhost:certificate.issuer: The issuer domain of the authority is missing: the CAA records would shut it out. Give the domain that the authority's documentation has for CAA records, e.g. pki.goog.",
        ],
    },
    {
        name: "an authority that nobody knows, its settings of wrong forms and misspelt",
        changes: {
            "mailhost:certificate": {
                authority: "letsencript",
                propagationSeconds: "soon",
                ca: "x",
                isuer: "y",
            },
        },
        expected: [
            'mailhost:certificate.propagationSeconds: "soon" is not a whole number. Write digits alone, e.g. 40.',
            "mailhost:certificate.isuer: There is no such key. Did you mean mailhost:certificate.issuer? Rename or remove it.",
            "mailhost:certificate.ca: It holds no certificate in PEM form. Give the text of the file that the authority has for it, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----.",
            'mailhost:certificate.authority: "letsencript" is neither an authority that this version knows nor the https: URL of an ACME directory. Did you mean letsencrypt? Choose letsencrypt or letsencrypt-staging, or give a URL such as https://ca.example.net/directory.',
            "mailhost:certificate.issuer: The issuer domain of the authority is missing: the CAA records would shut it out. Give the domain that the authority's documentation has for CAA records, e.g. pki.goog.",
        ],
    },
    {
        name: "settings of another authority beside a known one, and too long a wait",
        changes: {
            "mailhost:certificate": { propagationSeconds: 901, ca: "x", issuer: "pki.goog" },
        },
        expected: [
            'mailhost:certificate.issuer: "pki.goog" is not the issuer domain of letsencrypt: that is letsencrypt.org. Leave certificate.issuer out.',
            "mailhost:certificate.ca: It is given, but every system trusts the directory of letsencrypt already. Leave certificate.ca out, or give the https: URL of another authority's directory as certificate.authority.",
            "mailhost:certificate.propagationSeconds: 901 is not a whole number from 0 to 900. Leave it out for 20, or give the seconds that your name servers take.",
        ],
    },
    {
        name: "a private key beside the authority's certificate",
        changes: {
            "mailhost:certificate": {
                authority: "https://ca.example.net/directory",
                issuer: "ca.example.net",
                ca: "-----BEGIN PRIVATE KEY-----\nhunter2",
            },
        },
        expected: ["mailhost:certificate.ca: It holds a private key. Give the certificate alone."],
    },
    {
        name: "certificate is a text",
        changes: { "mailhost:certificate": "letsencrypt" },
        expected: [
            'mailhost:certificate: "letsencrypt" is not a group of settings. Set each of its own, e.g. pulumi config set --path mailhost:certificate.authority letsencrypt.',
        ],
    },
    {
        name: "names that the services would take for something else",
        changes: {
            "mailhost:authBasicUsername": "1234",
            "mailhost:systemDkim": { selectors: ["2027"] },
        },
        expected: [
            'mailhost:authBasicUsername: "1234" would be read as a number instead of a text. Choose a value that has other characters too, e.g. letters.',
            'mailhost:systemDkim.signing: "2027" would be read as a number instead of a text. Choose a value that has other characters too, e.g. letters.',
        ],
    },
    {
        name: "the host's own token among the settings of the certificate",
        changes: { "mailhost:certificate": { cloudflareApiToken: "x" } },
        expected: [
            "mailhost:certificate.cloudflareApiToken: There is no such key. Did you mean mailhost:cloudflareApiToken? Rename or remove it.",
        ],
    },
    {
        name: "a DKIM key that signs and is not published",
        changes: { "mailhost:systemDkim": { selectors: ["s2027"], signing: "default" } },
        expected: [
            'mailhost:systemDkim.signing: "default" is not one of the selectors (s2027): what it signed could not be verified. Add it to systemDkim.selectors, or let another key sign first.',
        ],
    },
    {
        name: "misspelt key",
        changes: { "mailhost:authBasicUserName": "admin" },
        expected: [
            "mailhost:authBasicUserName: There is no such key. Did you mean mailhost:authBasicUsername? Rename or remove it.",
        ],
    },
    {
        name: "unknown key",
        changes: { "mailhost:greylisting": "true" },
        expected: [
            "mailhost:greylisting: There is no such key. Remove it. Known here: domain, email, server, dns, domains, certificate, systemDkim, stack, protect, authBasicUsername, rebootTime, debug, secretDelivery, cloudflareApiToken, sshPrivateKey, helperEncryptionKey, txtEncryptionKey, secretEnvironment.",
        ],
    },
    {
        name: "a setting of the server at the top",
        changes: { "mailhost:sshAllowedCidrs": ["203.0.113.0/24"] },
        expected: [
            "mailhost:sshAllowedCidrs: There is no such key. Did you mean mailhost:server.sshAllowedCidrs? Rename or remove it.",
        ],
    },
    {
        name: "set without --path",
        changes: { "mailhost:server.type": "cax21" },
        expected: [
            "mailhost:server.type: This is one key with a dot in its name, not a setting within another. Remove it (pulumi config rm 'mailhost:server.type'), and set it with: pulumi config set --path 'mailhost:server.type' VALUE.",
        ],
    },
    {
        name: "in the namespace of a renamed project",
        changes: { "mailhost:domain": undefined, "post:domain": "example.com" },
        rest: { project: "post" },
        expected: [
            "post:domain: Nothing reads it: the namespace is mailhost, whatever the project is called. Rename it to mailhost:domain.",
        ],
    },
    {
        name: "in a misspelt namespace",
        changes: { "mailhost:server": undefined, "mail-host:server": { type: "cax21" } },
        expected: [
            "mail-host:server: Nothing reads it: the namespace is mailhost, whatever the project is called. Rename it to mailhost:server.",
        ],
    },
    {
        name: "an encrypted value that is wrong is not shown",
        changes: { "mailhost:domain": "Hidden.example.com" },
        rest: { secretKeys: ["hcloud:token", "cloudflare:apiToken", "mailhost:domain"] },
        expected: [
            "mailhost:domain: The value is encrypted, so it is not shown, but it is not what this key takes. It is no secret: set it without --secret to see what is wrong with it.",
        ],
    },
];

describe("bad configuration", () => {
    it("has a table of at least 30 cases", () => assert.ok(cases.length >= 30));
    testEach(cases);

    it("reports every problem at once", () => {
        const many = source({
            "mailhost:domain": "co.uk",
            "mailhost:email": "you",
            "mailhost:server": {
                type: "cx21",
                location: "mars",
                sshAllowedCidrs: ["203.0.113.7"],
                image: "debian13",
                volumeSizeGb: 1,
                colour: "red",
            },
            "mailhost:protect": "perhaps",
            "mailhost:rebootTime": "270",
            "mailhost:secretDelivery": "user-data",
            "mailhost:doman": "example.com",
            "mailhost:certificate": { issuer: "pki.goog", propagationSeconds: 1000 },
            "mailhost:stack": { profile: "pop", memory: { web: "much" } },
            "mailhost:secretEnvironment": { DOMAIN: "example.com" },
            "mailhost:helperEncryptionKey": "short",
            "hcloud:token": "short",
        });
        assert.deepEqual(
            readConfig(many).problems.map(({ path }) => path),
            [
                "mailhost:protect",
                "mailhost:doman",
                "mailhost:server.colour",
                "mailhost:stack.memory.web",
                "mailhost:domain",
                "mailhost:email",
                "mailhost:certificate.issuer",
                "mailhost:rebootTime",
                "mailhost:cloudflareApiToken",
                "mailhost:certificate.propagationSeconds",
                "mailhost:stack.images.mail",
                "mailhost:stack.images.mongodb",
                "mailhost:stack.images.redis",
                "mailhost:stack.profile",
                "mailhost:secretEnvironment.DOMAIN",
                "mailhost:helperEncryptionKey",
                "mailhost:server.location",
                "mailhost:server.type",
                "mailhost:server.image",
                "mailhost:server.sshAllowedCidrs[0]",
                "mailhost:server.volumeSizeGb",
                "hcloud:token",
            ],
        );
    });
});
