import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { serverTypes } from "../../../components/server/hetzner-catalogue";
import { readConfig, type ConfigSource } from "../../../program/config";
import { digest, images } from "../stack/stacks";
import { cloudflareToken, lines, source } from "./support/config-source";

const server = (settings: Record<string, unknown>) => ({
    "mailhost:server": { sshAllowedCidrs: ["203.0.113.0/24"], ...settings },
});

const stack = (settings: Record<string, unknown>) => ({
    "mailhost:stack": { images, ...settings },
});

interface Case {
    name: string;
    changes: Record<string, unknown>;
    rest?: Partial<ConfigSource>;
    expected: string[];
}

const hcloudRemedy =
    "Make one with read and write access (https://console.hetzner.com: project, Security, API tokens), and set it with: " +
    "pulumi config set --secret hcloud:token, or in the environment variable HCLOUD_TOKEN.";
const programTokenRemedy =
    "Make one with Zone:Read and DNS:Edit for the zones of your mail domains (https://dash.cloudflare.com/profile/api-tokens), " +
    "and set it with: pulumi config set --secret cloudflare:apiToken, or in the environment variable CLOUDFLARE_API_TOKEN.";
const domainRemedy =
    "Give one of labels of letters, digits and hyphens, joined by dots, e.g. example.com.";
const cidrsRemedy =
    "List the address blocks that you administer from, e.g. 203.0.113.0/24 (0.0.0.0/0 is everyone).";
const tokenRemedy =
    "Make one at https://dash.cloudflare.com/profile/api-tokens that may edit the domain's DNS";

const pin =
    "Run `npm run mailhost -- pin`, which looks up the digests and writes them into the stack's configuration.";

const cases: Case[] = [
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
            "mailhost:email: The e-mail address is missing. Give one that you read: the certificate authority and the host write to it, e.g. you@example.com.",
        ],
    },
    {
        name: "e-mail with a display name",
        changes: { "mailhost:email": "You <you@example.net>" },
        expected: [
            'mailhost:email: "You <you@example.net>" is not an e-mail address. Give one address without a display name, e.g. you@example.com.',
        ],
    },
    {
        name: "e-mail without a domain",
        changes: { "mailhost:email": "postmaster" },
        expected: [
            'mailhost:email: "postmaster" is not an e-mail address. Give one address without a display name, e.g. you@example.com.',
        ],
    },
    {
        name: "server missing",
        changes: { "mailhost:server": undefined },
        expected: [
            `mailhost:server.sshAllowedCidrs: Nothing says who may connect over SSH; no default is safe. ${cidrsRemedy}`,
        ],
    },
    {
        name: "server is a text",
        changes: { "mailhost:server": "hetzner" },
        expected: [
            'mailhost:server: "hetzner" is not a group of settings. Set each of its own, e.g. pulumi config set --path mailhost:server.type cax21.',
        ],
    },
    {
        name: "server is a list",
        changes: { "mailhost:server": ["cax21"] },
        expected: [
            'mailhost:server: ["cax21"] is not a group of settings. Set each of its own, e.g. pulumi config set --path mailhost:server.type cax21.',
        ],
    },
    {
        name: "unknown provider",
        changes: server({ provider: "hetzer" }),
        expected: [
            'mailhost:server.provider: "hetzer" is not hetzner or digitalocean. Choose hetzner or digitalocean.',
        ],
    },
    {
        name: "misspelt type",
        changes: server({ type: "cx21" }),
        expected: [
            'mailhost:server.type: "cx21" is not a server type that this version knows. Choose cax21, cx23, cx33, cx43, cx53; for a newer type, give server.architecture (x86 or arm) as well.',
        ],
    },
    {
        name: "type without a likeness",
        changes: server({ type: "t3.medium" }),
        expected: [
            `mailhost:server.type: "t3.medium" is not a server type that this version knows. Choose ${serverTypes.map(({ name }) => name).join(", ")}; for a newer type, give server.architecture (x86 or arm) as well.`,
        ],
    },
    {
        name: "newer type in a wrong form",
        changes: server({ type: "CAX 21", architecture: "arm" }),
        expected: [
            'mailhost:server.type: "CAX 21" does not have the form of a server type. Give the name that Hetzner\'s price list has, in lower case, e.g. cax21.',
        ],
    },
    {
        name: "architecture contradicts the type",
        changes: server({ type: "cax21", architecture: "x86" }),
        expected: [
            'mailhost:server.architecture: "x86" contradicts the type: cax21 is arm. Leave server.architecture out.',
        ],
    },
    {
        name: "unknown architecture",
        changes: server({ architecture: "arm64" }),
        expected: ['mailhost:server.architecture: "arm64" is not x86 or arm. Choose x86 or arm.'],
    },
    {
        name: "unknown location",
        changes: server({ location: "eu-central-1" }),
        expected: [
            'mailhost:server.location: "eu-central-1" is not a location of Hetzner Cloud. Choose one of fsn1, nbg1, hel1, ash, hil, sin.',
        ],
    },
    {
        name: "location without the type",
        changes: server({ type: "cax21", location: "ash" }),
        expected: [
            "mailhost:server.location: Hetzner has no cax21 at ash. Choose fsn1, nbg1, hel1, or a type that ash has: cpx11, cpx21, cpx31, cpx41, cpx51, ccx13, ccx23, ccx33, ccx43, ccx53, ccx63.",
        ],
    },
    {
        name: "no one may log in",
        changes: { "mailhost:server": { sshAllowedCidrs: [] } },
        expected: [
            `mailhost:server.sshAllowedCidrs: The list is empty, and the host is set up over SSH. ${cidrsRemedy}`,
        ],
    },
    {
        name: "CIDRs as one text",
        changes: { "mailhost:server": { sshAllowedCidrs: "203.0.113.0/24" } },
        expected: [
            'mailhost:server.sshAllowedCidrs: "203.0.113.0/24" is not a list of texts. Write a list, e.g. ["203.0.113.0/24"].',
        ],
    },
    {
        name: "a number among the CIDRs",
        changes: { "mailhost:server": { sshAllowedCidrs: ["203.0.113.0/24", 5] } },
        expected: [
            "mailhost:server.sshAllowedCidrs[1]: 5 is not a text. Write one text, in quotes.",
        ],
    },
    {
        name: "addresses without a prefix length, blocks that start elsewhere, and no block at all",
        changes: {
            "mailhost:server": {
                sshAllowedCidrs: [
                    "203.0.113.7",
                    "2001:db8::1",
                    "203.0.113.7/24",
                    "2001:db8::1/32",
                    "203.0.113.0/33",
                    "home",
                    "10/8",
                ],
            },
        },
        expected: [
            'mailhost:server.sshAllowedCidrs[0]: "203.0.113.7" has no prefix length. Write 203.0.113.7/32.',
            'mailhost:server.sshAllowedCidrs[1]: "2001:db8::1" has no prefix length. Write 2001:db8::1/128.',
            'mailhost:server.sshAllowedCidrs[2]: "203.0.113.7/24" is not the start of its block. Write 203.0.113.0/24, or 203.0.113.7/32 for the one address.',
            'mailhost:server.sshAllowedCidrs[3]: "2001:db8::1/32" is not the start of its block. Write 2001:db8::/32, or 2001:db8::1/128 for the one address.',
            'mailhost:server.sshAllowedCidrs[4]: "203.0.113.0/33" is not an address block. Write it as 203.0.113.0/24 or 2001:db8::/32.',
            'mailhost:server.sshAllowedCidrs[5]: "home" is not an address block. Write it as 203.0.113.0/24 or 2001:db8::/32.',
            'mailhost:server.sshAllowedCidrs[6]: "10/8" is not an address block. Write it as 203.0.113.0/24 or 2001:db8::/32.',
        ],
    },
    {
        name: "misspelt image",
        changes: server({ image: "debian13" }),
        expected: [
            'mailhost:server.image: "debian13" is not a system that the host set-up knows. Did you mean debian-13? Choose debian-13, debian-12, ubuntu-24.04, ubuntu-22.04, or the number of a snapshot.',
        ],
    },
    {
        name: "snapshot without its system",
        changes: server({ image: 1234 }),
        expected: [
            "mailhost:server.system: Image 1234 is a snapshot, and what it holds is not said. Choose one of debian-13, debian-12, ubuntu-24.04, ubuntu-22.04.",
        ],
    },
    {
        name: "system beside a named image",
        changes: server({ image: "debian-12", system: "debian-13" }),
        expected: [
            'mailhost:server.system: "debian-13" is only for a snapshot, but server.image is debian-12. Leave server.system out, or give the number of a snapshot as server.image.',
        ],
    },
    {
        name: "volume too small",
        changes: server({ volumeSizeGb: 9 }),
        expected: [
            "mailhost:server.volumeSizeGb: 9 is not a size that a volume can have. Give a whole number of GB from 10 to 10240.",
        ],
    },
    {
        name: "volume with a unit",
        changes: server({ volumeSizeGb: "40GB" }),
        expected: [
            'mailhost:server.volumeSizeGb: "40GB" is not a whole number. Write digits alone, e.g. 40.',
        ],
    },
    {
        name: "volume of half a GB",
        changes: server({ volumeSizeGb: 40.5 }),
        expected: [
            "mailhost:server.volumeSizeGb: 40.5 is not a size that a volume can have. Give a whole number of GB from 10 to 10240.",
        ],
    },
    {
        name: "a private key among the authorized ones",
        changes: server({ authorizedKeys: ["-----BEGIN OPENSSH PRIVATE KEY-----\nsecret"] }),
        expected: [
            "mailhost:server.authorizedKeys[0]: This is a private key. Give the public one (the file that ends in .pub), and make a new pair: this one has been shown.",
        ],
    },
    {
        name: "a key file's name among the authorized keys",
        changes: server({ authorizedKeys: ["~/.ssh/id_ed25519.pub"] }),
        expected: [
            'mailhost:server.authorizedKeys[0]: "~/.ssh/id_ed25519.pub" is not an OpenSSH public key. Give the one line of a .pub file: ssh-ed25519 AAAA… name.',
        ],
    },
    {
        name: "unknown setting of the server",
        changes: server({ sshAllowedCidr: ["203.0.113.0/24"] }),
        expected: [
            "mailhost:server.sshAllowedCidr: There is no such key. Did you mean mailhost:server.sshAllowedCidrs? Rename or remove it.",
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
        name: "unknown way of delivery",
        changes: { "mailhost:secretDelivery": "userdata" },
        expected: [
            'mailhost:secretDelivery: "userdata" is not ssh or user-data. Choose ssh or user-data.',
        ],
    },
    {
        name: "user data without the token that belongs there",
        changes: { "mailhost:secretDelivery": "user-data" },
        expected: [
            `mailhost:cloudflareApiToken: It is missing, but secretDelivery is "user-data", which puts it into the server's user data. ${tokenRemedy}, or leave secretDelivery at "ssh". Set it with: pulumi config set --secret mailhost:cloudflareApiToken.`,
        ],
    },
    {
        name: "token of Cloudflare too short",
        changes: { "mailhost:cloudflareApiToken": "short" },
        expected: [
            `mailhost:cloudflareApiToken: The value (not shown, 5 characters) is not a token of Cloudflare: those have 40 or more of A-Z, a-z, 0-9, "_" and "-". ${tokenRemedy}. Set it with: pulumi config set --secret mailhost:cloudflareApiToken.`,
        ],
    },
    {
        name: "token of Cloudflare in plain text",
        changes: { "mailhost:cloudflareApiToken": cloudflareToken },
        rest: { secretKeys: ["hcloud:token", "cloudflare:apiToken"] },
        expected: [
            "mailhost:cloudflareApiToken: The value (not shown) stands in plain text. Revoke it if the file was ever shared, and set it with: pulumi config set --secret mailhost:cloudflareApiToken.",
        ],
    },
    {
        name: "tokens of the program in plain text",
        changes: {},
        rest: { secretKeys: [] },
        expected: [
            "hcloud:token: The value (not shown) stands in plain text. Revoke it if the file was ever shared, and set it with: pulumi config set --secret hcloud:token.",
            "cloudflare:apiToken: The value (not shown) stands in plain text. Revoke it if the file was ever shared, and set it with: pulumi config set --secret cloudflare:apiToken.",
        ],
    },
    {
        name: "token of Hetzner missing",
        changes: { "hcloud:token": undefined },
        expected: [`hcloud:token: The token for Hetzner Cloud is missing. ${hcloudRemedy}`],
    },
    {
        name: "token of Hetzner of another length",
        changes: { "hcloud:token": "h".repeat(63) },
        expected: [
            `hcloud:token: The value (not shown) has 63 characters; a token of Hetzner Cloud has 64. ${hcloudRemedy}`,
        ],
    },
    {
        name: "token of Hetzner of another length in the environment",
        changes: { "hcloud:token": undefined },
        rest: { environment: { HCLOUD_TOKEN: "h".repeat(65) } },
        expected: [
            `hcloud:token: The value of the variable HCLOUD_TOKEN (not shown) has 65 characters; a token of Hetzner Cloud has 64. ${hcloudRemedy}`,
        ],
    },
    {
        name: "token of Cloudflare for the program missing",
        changes: { "cloudflare:apiToken": undefined },
        expected: [
            `cloudflare:apiToken: The token for Cloudflare is missing: the program publishes the DNS records there. ${programTokenRemedy} To write the records in those zones yourself, set mailhost:dns.provider to manual.`,
        ],
    },
    {
        name: "token of Cloudflare for the program too short, in the environment",
        changes: { "cloudflare:apiToken": undefined },
        rest: { environment: { CLOUDFLARE_API_TOKEN: "short" } },
        expected: [
            `cloudflare:apiToken: The value of the variable CLOUDFLARE_API_TOKEN (not shown, 5 characters) is not a token of Cloudflare: those have 40 or more of A-Z, a-z, 0-9, "_" and "-". ${programTokenRemedy}`,
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
        name: "zones elsewhere and no token for the authority's challenge",
        changes: { "mailhost:dns": { provider: "manual" }, "cloudflare:apiToken": undefined },
        expected: [
            `mailhost:cloudflareApiToken: The token for Cloudflare is missing: the host answers the certificate authority's DNS challenge in the zones there. ${tokenRemedy}. Set it with: pulumi config set --secret mailhost:cloudflareApiToken.`,
        ],
    },
    {
        name: "images not chosen",
        changes: { "mailhost:stack": undefined },
        expected: [
            `mailhost:stack.images.mail: It is not chosen which release of the mail services runs. ${pin} It takes a release with --mail-tag, e.g. --mail-tag v1.2.3.`,
            `mailhost:stack.images.mongodb: "docker.io/library/mongo:8.0" is not pinned by its digest: the database would change with whatever the tag stands for. ${pin}`,
            `mailhost:stack.images.redis: "docker.io/library/redis:7.4" is not pinned by its digest: the database would change with whatever the tag stands for. ${pin}`,
        ],
    },
    {
        name: "stack is a text",
        changes: { "mailhost:stack": "storage" },
        expected: [
            'mailhost:stack: "storage" is not a group of settings. Set each of its own, e.g. pulumi config set --path mailhost:stack.profile storage.',
        ],
    },
    {
        name: "images are a text",
        changes: stack({ images: "v1.0.0" }),
        expected: [
            'mailhost:stack.images: "v1.0.0" is not a group of settings. Let `npm run mailhost -- pin` write it.',
        ],
    },
    {
        name: "images misspelt, of the wrong form, and databases without a version",
        changes: stack({
            images: {
                mail: "Ghcr.io/Name:v1",
                mongo: images.mongodb,
                mongodb: images.mongodb,
                redis: `docker.io/library/redis@${digest}`,
                router: 7,
            },
        }),
        expected: [
            "mailhost:stack.images.router: 7 is not a text. Write one text, in quotes.",
            "mailhost:stack.images.mongo: There is no such key. Did you mean mongodb? Rename or remove it.",
            'mailhost:stack.images.mail: "Ghcr.io/Name:v1" is not the reference of an image. Write it as registry/name:tag@sha256:digest, the name in lower case.',
            `mailhost:stack.images.redis: "docker.io/library/redis@${digest}" does not say which version it is: it has no tag, and a database reads the data of few others. Give the version that the data is of, e.g. docker.io/library/redis:7.4. ${pin}`,
        ],
    },
    {
        name: "a profile and an option that there aren't",
        changes: stack({ profile: "storge", startTlsSubmission: "yes" }),
        expected: [
            'mailhost:stack.startTlsSubmission: "yes" is not true or false. Write true or false.',
            'mailhost:stack.profile: "storge" is not one of the choices. Did you mean storage? Choose storage or forwarding.',
        ],
    },
    {
        name: "unknown settings of the stack, a secret among them",
        changes: stack({ imageTag: "v1", profil: "x", secretEnvironment: { A: "hunter2" } }),
        expected: [
            "mailhost:stack.imageTag: There is no such key. Did you mean mailhost:stack.images? Rename or remove it.",
            "mailhost:stack.profil: There is no such key. Did you mean mailhost:stack.profile? Rename or remove it.",
            "mailhost:stack.secretEnvironment: There is no such key. Did you mean mailhost:secretEnvironment? Rename or remove it.",
        ],
    },
    {
        name: "variables of the host's own, of wrong names and types, and secrets in plain text",
        changes: stack({
            environment: {
                DOMAIN: "example.net",
                "smtp host": 1,
                MAX_RECIPIENTS: "many",
                ALLOWLIST: ["a"],
                SMTP_TRANSPORT_PASS: "hunter2",
                AWS_SECRET_ACCESS_KEY: ["hunter2"],
            },
        }),
        expected: [
            "mailhost:stack.environment.DOMAIN: It is set by the host, whose other parts agree with it. Remove it.",
            'mailhost:stack.environment.smtp host: "smtp host" is not the name of a variable. Write SMTP_HOST.',
            'mailhost:stack.environment.MAX_RECIPIENTS: "many" is not a number. Write digits alone, e.g. 50.',
            'mailhost:stack.environment.ALLOWLIST: ["a"] is not a text, a number, true or false. Write one value; the entries of a list are one text, with commas between them.',
            ...["SMTP_TRANSPORT_PASS", "AWS_SECRET_ACCESS_KEY"].map(
                (name) =>
                    `mailhost:stack.environment.${name}: Its value (not shown) is a secret, and would stand in plain text. Revoke it if it was ever shared, and give it in secretEnvironment instead.`,
            ),
        ],
    },
    {
        name: "variables are a text",
        changes: stack({ environment: "APP_NAME=Post" }),
        expected: [
            'mailhost:stack.environment: "APP_NAME=Post" is not a group of settings. Write { SMTP_MESSAGE_MAX_SIZE: 50mb }.',
        ],
    },
    {
        name: "memory with a unit, of no service, and more than the server has",
        changes: stack({ memory: { web: "1g", mongdb: 512, api: 8193 } }),
        expected: [
            'mailhost:stack.memory.web: "1g" is not a whole number. Write digits alone, e.g. 40.',
            "mailhost:stack.memory.mongdb: There is no such service. Did you mean mongodb? Known here: mongodb, redis, sni-router, smtp, mx, bree, smtp_bree, web, api, sqlite, sqlite_bree, imap, pop3, caldav, carddav.",
            "mailhost:stack.memory.api: 8193 is not a whole number of MiB from 192 to 8192. Leave it out for the default, which follows the host's memory.",
        ],
    },
    {
        name: "databases that take the small server's memory",
        changes: { ...server({ type: "cax11" }), ...stack({ memory: { mongodb: "2560" } }) },
        expected: [
            "mailhost:stack.memory: mongodb and redis may use 2887 MiB of the host's 4096: the mail services need the rest, which is too little. Give them at most 2457 MiB together, or choose a larger server.",
        ],
    },
    {
        name: "services that there aren't, that are needed, and settings that are none",
        changes: stack({
            services: {
                web: "x",
                imap: { disabled: "yes" },
                wbe: { command: ["node"] },
                extra: { image: images.router, prots: [8448] },
                mongodb: { disabled: true },
            },
        }),
        expected: [
            'mailhost:stack.services.web: "x" is not a service. Write its settings.',
            'mailhost:stack.services.imap.disabled: "yes" is not true or false. Write one of them.',
            "mailhost:stack.services.wbe: The stack has no such service, and a service of your own needs an image. Did you mean web? Give stack.services.wbe.image.",
            "mailhost:stack.services.extra.prots: There is no such setting. Did you mean ports? Rename or remove it.",
            "mailhost:stack.services.mongodb.disabled: The stack does not work without it. Remove it. imap, pop3, caldav, carddav may be left out; all of them are with the profile forwarding.",
        ],
    },
    {
        name: "secret variables in plain text",
        changes: { "mailhost:secretEnvironment": { SMTP_TRANSPORT_PASS: "hunter2" } },
        rest: { secretKeys: ["hcloud:token", "cloudflare:apiToken"] },
        expected: [
            "mailhost:secretEnvironment: The value (not shown) stands in plain text. Revoke it if the file was ever shared, and set it with: pulumi config set --secret --path mailhost:secretEnvironment.NAME.",
        ],
    },
    {
        name: "secret variables that are one text",
        changes: { "mailhost:secretEnvironment": "hunter2" },
        expected: [
            "mailhost:secretEnvironment: The value (not shown) is not a group of settings. Set each of its own: pulumi config set --secret --path mailhost:secretEnvironment.NAME.",
        ],
    },
    {
        name: "secret variables of the wrong form",
        changes: { "mailhost:secretEnvironment": { PIN: 12345678, LIST: ["hunter2"] } },
        expected: [
            "mailhost:secretEnvironment.PIN: The value (not shown) is not a text. Write one text, in quotes.",
            "mailhost:secretEnvironment.LIST: The value (not shown) is not a text. Write one text, in quotes.",
        ],
    },
    {
        name: "secret variables that can't be set so",
        changes: {
            ...stack({ environment: { BOTH: "x" } }),
            "mailhost:secretEnvironment": {
                BOTH: "hunter2",
                HELPER_ENCRYPTION_KEY: "hunter2",
                SMTP_TRANSPORT_PASS: "12345678",
                "a b": "hunter2",
            },
        },
        expected: [
            "mailhost:secretEnvironment.HELPER_ENCRYPTION_KEY: It is set by the host, whose other parts agree with it. Remove it. The key of a volume that has data is given as helperEncryptionKey.",
            "mailhost:secretEnvironment.SMTP_TRANSPORT_PASS: The value (not shown) would be read as a number instead of a text. Choose a value that has other characters too, e.g. letters.",
            'mailhost:secretEnvironment.a b: "a b" is not the name of a variable. Write A_B.',
            "mailhost:secretEnvironment.BOTH: It is set in environment as well. Remove one of the two.",
        ],
    },
    {
        name: "keys of a volume of the wrong form",
        changes: {
            "mailhost:helperEncryptionKey": "hunter2",
            "mailhost:txtEncryptionKey": "hunter2,".repeat(4),
        },
        expected: [
            "mailhost:helperEncryptionKey: The value (not shown) has 7 characters instead of 32. Give the one that stands in the file .env of the data volume.",
            "mailhost:txtEncryptionKey: The value (not shown) would be read as a list instead of a text. Use no comma.",
        ],
    },
    {
        name: "keys of a volume in plain text",
        changes: {
            "mailhost:helperEncryptionKey": "A".repeat(32),
            "mailhost:txtEncryptionKey": "a".repeat(32),
        },
        rest: { secretKeys: ["hcloud:token", "cloudflare:apiToken"] },
        expected: ["helperEncryptionKey", "txtEncryptionKey"].map(
            (key) =>
                `mailhost:${key}: The value (not shown) stands in plain text. Revoke it if the file was ever shared, and set it with: pulumi config set --secret mailhost:${key}.`,
        ),
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
            "mailhost:greylisting: There is no such key. Remove it. Known here: domain, email, server, dns, domains, certificate, systemDkim, stack, protect, authBasicUsername, rebootTime, debug, secretDelivery, cloudflareApiToken, helperEncryptionKey, txtEncryptionKey, secretEnvironment.",
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
    for (const { name, changes, rest, expected } of cases) {
        it(name, () => assert.deepEqual(lines(source(changes, rest)), expected));
    }

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
