import type { StackSecrets } from "./model";

/** What the services turn the text of a variable into; a size is a text with a unit, which npm's `bytes` reads. */
export type VariableType = "text" | "size" | "number" | "flag" | "list";

/** What the values of variables follow from. */
export interface VariableContext {
    /** The primary domain, e.g. `example.com`. */
    domain: string;
    /** User name that guards the web site until its first administrator exists. */
    authBasicUsername: string;
    /** Selector of the system's DKIM key that signs. */
    dkimSelector: string;
}

/** A secret that is made for the host, by its name in {@link StackSecrets}. */
export type StackSecretName = Exclude<keyof StackSecrets, "environment" | "dkimPrivateKey">;

/** One variable of the stack's `.env`. */
export interface Variable {
    type: VariableType;
    /**
     * `host`: the rest of the host agrees with it, so nobody else may set it. `user`: it may be set; without a value of
     * ours the stack's own default holds.
     */
    decidedBy: "host" | "user";
    /** Its value on this host. */
    value?: (context: VariableContext) => string | number | boolean;
    /** The secret that is its value. */
    secretValue?: StackSecretName;
    /** Whether a value is a secret, which has no place in plain configuration. */
    secret?: true;
    /**
     * The services that read it: they restart when it changes, the others don't.
     *
     * @default every service of the mail image
     */
    readers?: readonly string[];
    /** Why it can't be set, in a sentence. @default the host's other parts agree with its value */
    why?: string;
    /** What to do instead of setting it, in a sentence. */
    instead?: string;
}

type Variables = Readonly<Record<string, Variable>>;

const host = (type: VariableType, value?: Variable["value"], instead?: string): Variable => ({
    type,
    decidedBy: "host",
    ...(value === undefined ? {} : { value }),
    ...(instead === undefined ? {} : { instead }),
});
const user = (type: VariableType, value?: Variable["value"]): Variable => ({
    type,
    decidedBy: "user",
    ...(value === undefined ? {} : { value }),
});
const each = (names: readonly string[], variable: Variable): Variables =>
    Object.fromEntries(names.map((name) => [name, variable]));

const below = (label: string) => (context: VariableContext) => `${label}.${context.domain}`;
const urlBelow = (label: string) => (context: VariableContext) =>
    `https://${label}.${context.domain}`;
const apex = ({ domain }: VariableContext) => domain;

/** Where the host's certificate and keys are in the containers. */
export const keyFolder = "/app/ssl";

/** The name of the folder below `/mnt` that the mail image has made, and owns. */
export const storageFolder = "sqlite_storage";

/**
 * Names and URLs. The stack's defaults for the URLs carry ports that nobody can reach from outside.
 * Source: the stack's set-up script and `.env.defaults`.
 */
const names: Variables = {
    NODE_ENV: host("text", () => "production"),
    SELF_HOSTED: host("flag", () => true),
    HTTP_PROTOCOL: host("text", () => "https"),
    DOMAIN: host("text", apex),
    WEB_HOST: host("text", apex),
    WEB_URL: host("text", ({ domain }) => `https://${domain}`),
    APP_NAME: user("text", apex),
    WEBSITE_URL: user("text", apex),
    API_HOST: host("text", below("api")),
    API_URL: host("text", urlBelow("api")),
    CALDAV_HOST: host("text", below("caldav")),
    CALDAV_URL: host("text", urlBelow("caldav")),
    CARDDAV_HOST: host("text", below("carddav")),
    CARDDAV_URL: host("text", urlBelow("carddav")),
    SQLITE_HOST: host("text", below("sqlite")),
    MX_HOST: host("text", below("mx")),
    SMTP_HOST: host("text", below("smtp")),
    IMAP_HOST: host("text", below("imap")),
    POP3_HOST: host("text", below("pop3")),
    SMTP_EXCHANGE_DOMAINS: host("text", below("mx")),
    ...each(["WEB_PROTOCOL", "API_PROTOCOL", "CALDAV_PROTOCOL", "CARDDAV_PROTOCOL"], host("text")),
    // Every domain's records have the stack's own prefix.
    TXT_RECORD_PREFIX: host("text"),
};

/** Ports: the router, the firewalls and the DNS records agree with them. Source: `.env.defaults`, compose file. */
const ports: Variables = {
    // Never 443, where older set-ups put it: the router has that.
    WEB_PORT: host("number", () => 3000),
    API_PORT: host("number", () => 4000),
    CALDAV_PORT: host("number", () => 5000),
    CARDDAV_PORT: host("number", () => 6000),
    SQLITE_PORT: host("number", () => 3456),
    MX_PORT: host("number", () => 25),
    SMTP_PORT: host("number", () => 465, "Port 587 has an option of its own: startTlsSubmission."),
    IMAP_PORT: host("number", () => 993),
    POP3_PORT: host("number", () => 995),
    ...each(["HTTP_PORT", "PROXY_PORT"], host("number")),
};

/** The certificate, as certificate installation places it. Source: the set-up script. */
const certificate: Variables = Object.fromEntries<Variable>(
    ["WEB", "API", "CALDAV", "CARDDAV", "PROXY"].flatMap((server) => [
        [`${server}_SSL_KEY_PATH`, host("text", () => `${keyFolder}/privkey.pem`)],
        [`${server}_SSL_CERT_PATH`, host("text", () => `${keyFolder}/fullchain.pem`)],
        [`${server}_SSL_CA_PATH`, host("text", () => `${keyFolder}/chain.pem`)],
    ]),
);

const mongoPrefixes = ["", "LOGS_", "JOURNALS_", "EMAILS_"];
const redisPrefixes = [
    ...["", "WEB_", "API_", "BREE_", "MANDARIN_"],
    ...["IMAP_", "POP3_", "CALDAV_", "CARDDAV_"],
];

/**
 * The databases, on the loopback address: the name localhost stands for an IPv6 address first, where they don't listen.
 * Source: `.env.defaults`, `.env.schema`.
 */
const databases: Variables = {
    ...each(
        mongoPrefixes.map((prefix) => `${prefix}MONGO_HOST`),
        host("text", () => "127.0.0.1"),
    ),
    ...each(
        mongoPrefixes.flatMap((prefix) =>
            ["USER", "PASS", "PORT", "NAME", "URI"].map((key) => `${prefix}MONGO_${key}`),
        ),
        host("text"),
    ),
    // An old guide has it, and no version reads it.
    LOGS_HOST: { ...host("text"), why: "No version of the stack reads it." },
    REDIS_HOST: host("text", () => "127.0.0.1"),
    ...each(
        redisPrefixes.flatMap((prefix) =>
            ["TLS", "USERNAME", "PORT", "PASSWORD"].map((key) => `${prefix}REDIS_${key}`),
        ),
        host("text"),
    ),
    ...each(
        redisPrefixes.filter((prefix) => prefix !== "").map((prefix) => `${prefix}REDIS_HOST`),
        host("text"),
    ),
    WEB_REDIS_MAX_RETRY_LOADING_TIME: user("number"),
    // The image has made this folder and owns it; another could not be written to.
    SQLITE_STORAGE_PATH: host("text", () => storageFolder),
    SQLITE_TMPDIR: user("text"),
    SQLITE_RCLONE_ENABLED: user("flag"),
    SQLITE_FTS5_ENABLED: user("flag"),
};

/** Keys and passwords. Source: the set-up script. */
const keys: Variables = {
    HELPER_ENCRYPTION_KEY: {
        ...host(
            "text",
            undefined,
            "The key of a volume that has data is given as helperEncryptionKey.",
        ),
        secretValue: "helperEncryptionKey",
    },
    HELPER_ENCRYPTION_KEY_LEGACY: { ...user("text"), secret: true },
    TXT_ENCRYPTION_KEY: {
        ...host(
            "text",
            undefined,
            "The key of a volume that has data is given as txtEncryptionKey.",
        ),
        secretValue: "txtEncryptionKey",
    },
    SRS_SECRET: { ...host("text"), secretValue: "srsSecret" },
    WEBHOOK_SIGNATURE_KEY: { ...user("text"), secretValue: "webhookSignatureKey", secret: true },
    // A list even of one: as a text, parts of the secret would pass for it.
    API_SECRETS: { ...host("list"), secretValue: "apiSecret" },
    API_RESTRICTED_SYMBOL: { ...user("text"), secret: true },
    DKIM_DOMAIN_NAME: host("text", apex),
    DKIM_KEY_SELECTOR: host(
        "text",
        ({ dkimSelector }) => dkimSelector,
        "The system's keys have an argument of their own: systemDkim.",
    ),
    DKIM_PRIVATE_KEY_PATH: host("text", () => `${keyFolder}/dkim.key`),
    DKIM_PRIVATE_KEY_VALUE: host("text"),
};

const web = ["web"] as const;

/** Who may use the web site. Source: the set-up script, `.env.schema`. */
const access: Variables = {
    AUTH_BASIC_ENABLED: {
        ...host("flag", () => true),
        why: "Without it, whoever registers first would administrate the host.",
        readers: web,
    },
    AUTH_BASIC_USERNAME: {
        ...host(
            "text",
            ({ authBasicUsername }) => authBasicUsername,
            "It has an argument of its own: authBasicUsername.",
        ),
        readers: web,
    },
    AUTH_BASIC_PASSWORD: { ...host("text"), secretValue: "authBasicPassword", readers: web },
    AUTH_BASIC_ALWAYS: { ...user("flag"), readers: web },
    TURNSTILE_ENABLED: user("flag", () => false),
    TURNSTILE_SITE_KEY: user("text"),
    TURNSTILE_SECRET_KEY: { ...user("text"), secret: true },
    ...each(
        [
            ...["LOCAL", "APPLE", "GOOGLE", "GITHUB", "OTP", "WEBAUTHN", "UBUNTU"].map(
                (way) => `AUTH_${way}_ENABLED`,
            ),
        ],
        user("flag"),
    ),
    ...each(
        [
            ...["APPLE_CLIENT_ID", "APPLE_TEAM_ID", "APPLE_KEY_ID", "APPLE_KEY_PATH"],
            ...["APPLE_CALLBACK_URL", "GOOGLE_CLIENT_ID", "GOOGLE_CALLBACK_URL"],
            ...["GITHUB_CLIENT_ID", "GITHUB_CALLBACK_URL", "UBUNTU_CALLBACK_URL", "UBUNTU_REALM"],
        ],
        user("text"),
    ),
    ...each(["GOOGLE_CLIENT_SECRET", "GITHUB_CLIENT_SECRET", "GITHUB_OCTOKIT_TOKEN"], {
        ...user("text"),
        secret: true,
    }),
    ...each(
        [
            ...["VERIFICATION_PIN_TIMEOUT_MS", "VERIFICATION_PIN_EMAIL_INTERVAL_MS"],
            ...["RESET_TOKEN_TIMEOUT_MS", "CHANGE_EMAIL_TOKEN_TIMEOUT_MS", "CHANGE_EMAIL_LIMIT_MS"],
        ],
        user("text"),
    ),
};

/** Mail. Source: the set-up script, `.env.defaults`. */
const mail: Variables = {
    SEND_EMAIL: host("flag", () => true),
    PREVIEW_EMAIL: host("flag", () => false),
    // The set-up script has it on, which writes whole dialogues to the log.
    TRANSPORT_DEBUG: user("flag", () => false),
    // The system's own mail logs in here, to a mailbox that the operator has to make.
    SMTP_TRANSPORT_HOST: user("text", below("smtp")),
    SMTP_TRANSPORT_PORT: user("number", () => 465),
    SMTP_TRANSPORT_SECURE: user("flag", () => true),
    SMTP_TRANSPORT_USER: user("text", ({ domain }) => `support@${domain}`),
    SMTP_TRANSPORT_PASS: { ...user("text"), secretValue: "smtpTransportPassword", secret: true },
    SMTP_MESSAGE_MAX_SIZE: user("size"),
    SMTP_ALLOW_INSECURE_AUTH: user("flag"),
    ...each(["MAX_RECIPIENTS", "MAX_FORWARDED_ADDRESSES"], user("number")),
    ...each(
        [
            ...["SMTP_TLS_MIN_VERSION", "SMTP_TLS_MAX_VERSION", "REMOVED_EMAIL_DOMAIN"],
            ...["EMAIL_ABUSE", "EMAIL_SECURITY", "EMAIL_FRIENDLY_FROM", "EMAIL_RETENTION"],
            ...["EMAIL_DEFAULT_FROM_EMAIL", "EMAIL_DEFAULT_FROM"],
            ...["EMAIL_ALERTS_FROM_EMAIL", "EMAIL_ALERTS_FROM"],
        ],
        user("text"),
    ),
    ...each(
        ["ALLOWLIST", "DENYLIST", "TRUTH_SOURCES", "VANITY_DOMAINS", "IGNORED_SELF_TEST_DOMAINS"],
        user("list"),
    ),
};

/** Everything else. Source: the set-up script, `.env.schema`. */
const others: Variables = {
    CACHE_RESPONSES: user("flag", () => true),
    ENABLE_MONITOR_SERVER: user("flag", () => false),
    RATELIMIT_ALLOWLIST: user("list"),
    API_RATELIMIT_WHITELIST: { ...user("list"), readers: ["api"] },
    AXE_OMIT_META_FIELDS: user("list"),
    ...each(
        [
            ...["AXE_SHOW_STACK", "AXE_SILENT", "AXE_SHOW_META", "AXE_APP_INFO"],
            ...["I18N_SYNC_FILES", "I18N_AUTO_RELOAD", "I18N_UPDATE_FILES"],
        ],
        user("flag"),
    ),
    SUPPORT_REQUEST_MAX_LENGTH: user("number"),
    ...each(
        [
            ...["APP_COLOR", "ERROR_HANDLER_BASE_URL", "LOG_RETENTION", "BREE_HOST"],
            ...["AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_ENDPOINT_URL", "BACKUP_BUCKET"],
            ...["CERTBOT_WELL_KNOWN_NAME", "CERTBOT_WELL_KNOWN_CONTENTS"],
            ...["GOOGLE_APPLICATION_CREDENTIALS"],
        ],
        user("text"),
    ),
    ...each(["AWS_SECRET_ACCESS_KEY", "GPG_SECURITY_KEY", "GPG_SECURITY_PASSPHRASE"], {
        ...user("text"),
        secret: true,
    }),
    NODE_OPTIONS: {
        ...host("text"),
        why: "Node reads its options before anything reads the file.",
        instead: "Give it in the environment of a service, below services.",
    },
};

/**
 * Every variable that is known, in the order in which they stand in the file. Newer versions of the stack may have
 * others, which may be set as well.
 */
export const variables: Variables = {
    ...names,
    ...ports,
    ...certificate,
    ...databases,
    ...keys,
    ...access,
    ...mail,
    ...others,
};

/** Variables of the programs that read the file beside the stack. */
const ofOtherPrograms = /^(?:COMPOSE_|DOCKER_|IMAGE_TAG$)/;

/** What is known of a variable. */
export function variableOf(name: string): Variable | undefined {
    if (ofOtherPrograms.test(name)) return host("text");
    return Object.hasOwn(variables, name) ? variables[name] : undefined;
}
