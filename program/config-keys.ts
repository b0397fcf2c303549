import { z } from "zod";
import { secretDeliveries } from "../components/mail-host-arguments";

/**
 * What a key takes, and an example: shown when its value has another form. Both travel in zod's message, which names
 * only types.
 */
function form(wanted: string, example: string): { error: string } {
    return { error: `${wanted}\n${example}` };
}

/** The two parts that {@link form} put into a message. */
export function readForm(message: string): { wanted: string; example: string } {
    const [wanted = "", example = ""] = message.split("\n");
    return { wanted, example };
}

const text = z.string(form("a text", "Write one text, in quotes."));
const flag = z
    .union([z.boolean(), z.enum(["true", "false"])], form("true or false", "Write true or false."))
    .transform((value) => value === true || value === "true");
const wholeNumberForm = form("a whole number", "Write digits alone, e.g. 40.");
const wholeNumber = z
    .union([z.number(), z.string().regex(/^\d{1,15}$/, wholeNumberForm)], wholeNumberForm)
    .transform(Number);
const list = (example: string) =>
    z.array(text, form("a list of texts", `Write a list, e.g. [${example}].`));
const choice = <const T extends readonly [string, ...string[]]>(values: T) =>
    z.enum(values, form(values.join(" or "), `Choose ${values.join(" or ")}.`));

/** The settings below `mailhost:server`, named as the arguments of `hetzner(…)`, `digitalOcean(…)` and `existing(…)`. */
export const serverKeys = {
    provider: choice(["hetzner", "digitalocean", "existing"]),
    type: text,
    location: text,
    sshAllowedCidrs: list('"203.0.113.0/24"'),
    image: z
        .union([z.string(), z.number()], form("a text", "Write one text, in quotes."))
        .transform(String),
    system: choice(["debian-13", "debian-12", "ubuntu-24.04", "ubuntu-22.04"]),
    volumeSizeGb: wholeNumber,
    authorizedKeys: list('"ssh-ed25519 AAAA… name"'),
    architecture: choice(["x86", "arm"]),
    size: text,
    region: text,
    memoryGb: wholeNumber,
    project: text,
    ipv4: text,
    ipv6: text,
    sshHost: text,
    sshPort: wholeNumber,
    sshHostKey: text,
    dataDevice: text,
    memoryMb: wholeNumber,
};

/** Those that not every provider takes; the key of root's login is a secret, and stands at the top. */
export const serverKeysOf = {
    hetzner: ["type", "location", "architecture", "image", "volumeSizeGb"],
    digitalocean: ["size", "region", "memoryGb", "project", "image", "volumeSizeGb"],
    existing: [
        ...["ipv4", "ipv6", "sshHost", "sshPort", "sshHostKey", "sshPrivateKey", "dataDevice"],
        "memoryMb",
    ],
} as const;

/** The settings below `mailhost:dns`, named as the arguments of `cloudflare(…)` and `manualDns(…)`. */
export const dnsKeys = {
    provider: choice(["cloudflare", "manual"]),
    dnssec: flag,
    recordsPerZone: wholeNumber,
    adopt: list('"023e105f4ecef8ad9ca31a8372d0c353"'),
};

/** The settings below `mailhost:certificate`. */
export const certificateKeys = {
    authority: text,
    issuer: text,
    ca: text,
    propagationSeconds: wholeNumber,
};

/** The settings below `mailhost:systemDkim`. */
export const systemDkimKeys = { selectors: list('"default"'), signing: text };

const group = <S extends z.ZodRawShape>(shape: S, example: string) =>
    z.strictObject(shape, form("a group of settings", example)).partial();
const addresses = list('"you@example.com"');

/** The settings of each of `mailhost:domains`, named as those of `MailDomain`: the planner knows their values. */
const mailDomain = group(
    {
        name: text,
        zone: text,
        ttlSeconds: wholeNumber,
        spf: group(
            { all: text, includes: list('"spf.example.net"') },
            "Write its settings, e.g. { all: softfail }.",
        ),
        dmarc: group(
            {
                policy: text,
                subdomainPolicy: text,
                dkimAlignment: text,
                spfAlignment: text,
                reportAddresses: addresses,
                failureReportAddresses: addresses,
            },
            "Write its settings, e.g. { policy: reject }.",
        ),
        mtaSts: group(
            { mode: text, maxAgeSeconds: wholeNumber },
            "Write its settings, e.g. { mode: enforce }.",
        ),
        tlsReports: group({ addresses }, "Write its settings, e.g. { addresses: [] }."),
        caa: group(
            { issuers: list('"pki.goog"'), accountBinding: flag, reportAddress: text },
            "Write its settings, e.g. { issuers: [pki.goog] }.",
        ),
        mx: group(
            {
                preference: wholeNumber,
                further: z.array(
                    group(
                        { host: text, preference: wholeNumber },
                        "Write { host: mx2.example.net, preference: 10 }.",
                    ),
                    form("a list of hosts", "Write [{ host: mx2.example.net, preference: 10 }]."),
                ),
            },
            "Write its settings, e.g. { preference: 10 }.",
        ),
        bimi: group(
            { logoUrl: text, certificateUrl: text },
            "Write its settings, e.g. { logoUrl: https://example.com/logo.svg }.",
        ),
        dkim: group(
            { selector: text, publicKey: text },
            "Write its settings, { selector: fe-1a2b3c4d5e, publicKey: MIIB… }.",
        ),
        siteVerification: text,
    },
    "Write { name: example.org }.",
);

const byName = <T extends z.ZodType>(value: T, example: string) =>
    z.record(z.string(), value, form("a group of settings", example));
const imageExample = "Let `npm run mailhost -- pin` write it.";

/** The settings below `mailhost:stack`, named as the arguments of the stack: its planner knows their values. */
export const stackKeys = {
    images: group({ mail: text, mongodb: text, redis: text, router: text }, imageExample),
    profile: text,
    startTlsSubmission: flag,
    environment: byName(z.unknown(), "Write { SMTP_MESSAGE_MAX_SIZE: 50mb }."),
    memory: byName(wholeNumber, "Write { mongodb: 1024 }."),
    services: byName(
        z.record(z.string(), z.unknown(), form("a service", "Write its settings.")),
        "Write { web: { … } }.",
    ),
};

const settings = (example: string) =>
    z.record(
        z.string(),
        z.unknown(),
        form(
            "a group of settings",
            `Set each of its own, e.g. pulumi config set --path mailhost:${example}.`,
        ),
    );

/** The groups of settings below a key of the namespace. */
export const groups = {
    server: serverKeys,
    dns: dnsKeys,
    certificate: certificateKeys,
    systemDkim: systemDkimKeys,
    stack: stackKeys,
} as const;

/** The keys of the namespace `mailhost`, named as the arguments of `MailHost`; secrets are never nested. */
export const mailHostKeys = {
    domain: text,
    email: text,
    server: settings("server.type cax21"),
    dns: settings("dns.provider cloudflare"),
    domains: z.array(mailDomain, form("a list of domains", "Write [{ name: example.org }].")),
    certificate: settings("certificate.authority letsencrypt"),
    systemDkim: settings("systemDkim.signing default"),
    stack: settings("stack.profile storage"),
    protect: flag,
    authBasicUsername: text,
    rebootTime: text,
    debug: flag,
    secretDelivery: choice(secretDeliveries),
    cloudflareApiToken: text,
    sshPrivateKey: text,
    helperEncryptionKey: text,
    txtEncryptionKey: text,
    secretEnvironment: byName(
        text,
        "Set each of its own: pulumi config set --secret --path mailhost:secretEnvironment.NAME.",
    ),
};
