/** The variables of all services, and their defaults. Null: there is none, a service does not start without it. */
const variables = {
    SELF_HOSTED: "true",
    DOMAIN: null,
    HTTP_PROTOCOL: "https",
    WEB_HOST: "localhost",
    WEB_URL: "{{HTTP_PROTOCOL}}://{{WEB_HOST}}",
    WEB_PORT: "3000",
    WEB_SSL_KEY_PATH: "",
    WEB_SSL_CERT_PATH: "",
    WEB_SSL_CA_PATH: "",
    API_HOST: "localhost",
    API_PORT: "4000",
    API_URL: "{{HTTP_PROTOCOL}}://{{API_HOST}}:{{API_PORT}}",
    API_SSL_KEY_PATH: "",
    API_SSL_CERT_PATH: "",
    API_SSL_CA_PATH: "",
    API_SECRETS: "secret,",
    CALDAV_HOST: "localhost",
    CALDAV_PORT: "5000",
    CALDAV_SSL_KEY_PATH: "",
    CALDAV_SSL_CERT_PATH: "",
    CALDAV_SSL_CA_PATH: "",
    CARDDAV_HOST: "localhost",
    CARDDAV_PORT: "6000",
    CARDDAV_SSL_KEY_PATH: "",
    CARDDAV_SSL_CERT_PATH: "",
    CARDDAV_SSL_CA_PATH: "",
    MX_HOST: "localhost",
    MX_PORT: "2525",
    SMTP_HOST: "localhost",
    SMTP_PORT: "2587",
    SMTP_MESSAGE_MAX_SIZE: "50mb",
    SMTP_EXCHANGE_DOMAINS: "localhost",
    IMAP_HOST: "localhost",
    IMAP_PORT: "2993",
    POP3_HOST: "localhost",
    POP3_PORT: "2995",
    SQLITE_HOST: "localhost",
    SQLITE_PORT: "3456",
    SQLITE_STORAGE_PATH: "storage",
    MONGO_HOST: "localhost",
    MONGO_PORT: "27017",
    REDIS_HOST: "localhost",
    REDIS_PORT: "6379",
    AUTH_BASIC_ENABLED: "true",
    AUTH_BASIC_ALWAYS: "false",
    AUTH_BASIC_USERNAME: "",
    AUTH_BASIC_PASSWORD: "",
    TXT_RECORD_PREFIX: "forward-email",
    DKIM_KEY_SELECTOR: "default",
    DKIM_PRIVATE_KEY_PATH: "",
    HELPER_ENCRYPTION_KEY: null,
    TXT_ENCRYPTION_KEY: null,
    WEBHOOK_SIGNATURE_KEY: null,
} as const satisfies Record<string, string | null>;

export type VariableName = keyof typeof variables;

/** `.env.schema`: every variable that has to have a value. */
export function renderSchema(): string {
    return Object.keys(variables)
        .map((name) => `${name}=\n`)
        .join("");
}

/** `.env.defaults` */
export function renderDefaults(): string {
    return Object.entries(variables)
        .flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}\n`]))
        .join("");
}
