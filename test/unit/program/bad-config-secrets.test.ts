import { describe } from "node:test";
import { stack, testEach, type BadConfig } from "./support/bad-config";
import { cloudflareToken } from "./support/config-source";

const hcloudRemedy =
    "Make one with read and write access (https://console.hetzner.com: project, Security, API tokens), and set it with: " +
    "pulumi config set --secret hcloud:token, or in the environment variable HCLOUD_TOKEN.";
const programTokenRemedy =
    "Make one with Zone:Read and DNS:Edit for the zones of your mail domains (https://dash.cloudflare.com/profile/api-tokens), " +
    "and set it with: pulumi config set --secret cloudflare:apiToken, or in the environment variable CLOUDFLARE_API_TOKEN.";
const tokenRemedy =
    "Make one at https://dash.cloudflare.com/profile/api-tokens that may edit the domain's DNS";

const cases: BadConfig[] = [
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
        name: "zones elsewhere and no token for the authority's challenge",
        changes: { "mailhost:dns": { provider: "manual" }, "cloudflare:apiToken": undefined },
        expected: [
            `mailhost:cloudflareApiToken: The token for Cloudflare is missing: the host answers the certificate authority's DNS challenge in the zones there. ${tokenRemedy}. Set it with: pulumi config set --secret mailhost:cloudflareApiToken.`,
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
];

describe("bad configuration of secrets", () => testEach(cases));
