import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { certificateNames } from "../../../components/certificate/names";
import { environmentLine, valueFault, valueText } from "../../../components/stack/environment-text";
import { variables } from "../../../components/stack/variables";
import { compose, dotenv, oldDotenv, typed } from "./dotenv-readers";
import { context, fileOf, planOf, releaseOf, secrets } from "./stacks";

/** The file as the stack reads it. */
function read(...given: Parameters<typeof releaseOf>): Record<string, unknown> {
    const values = Object.entries(oldDotenv(fileOf(releaseOf(...given), ".env")));
    return Object.fromEntries(values.map(([name, value]) => [name, typed(value)]));
}

describe("the file .env", () => {
    it("has every variable of the host, typed as the stack reads it", () => {
        const ssl = (server: string) => ({
            [`${server}_SSL_KEY_PATH`]: "/app/ssl/privkey.pem",
            [`${server}_SSL_CERT_PATH`]: "/app/ssl/fullchain.pem",
            [`${server}_SSL_CA_PATH`]: "/app/ssl/chain.pem",
        });
        assert.deepEqual(read(), {
            NODE_ENV: "production",
            SELF_HOSTED: true,
            HTTP_PROTOCOL: "https",
            DOMAIN: "example.com",
            WEB_HOST: "example.com",
            WEB_URL: "https://example.com",
            APP_NAME: "example.com",
            WEBSITE_URL: "example.com",
            API_HOST: "api.example.com",
            API_URL: "https://api.example.com",
            CALDAV_HOST: "caldav.example.com",
            CALDAV_URL: "https://caldav.example.com",
            CARDDAV_HOST: "carddav.example.com",
            CARDDAV_URL: "https://carddav.example.com",
            SQLITE_HOST: "sqlite.example.com",
            MX_HOST: "mx.example.com",
            SMTP_HOST: "smtp.example.com",
            IMAP_HOST: "imap.example.com",
            POP3_HOST: "pop3.example.com",
            SMTP_EXCHANGE_DOMAINS: "mx.example.com",
            WEB_PORT: 3000,
            API_PORT: 4000,
            CALDAV_PORT: 5000,
            CARDDAV_PORT: 6000,
            SQLITE_PORT: 3456,
            MX_PORT: 25,
            SMTP_PORT: 465,
            IMAP_PORT: 993,
            POP3_PORT: 995,
            ...ssl("WEB"),
            ...ssl("API"),
            ...ssl("CALDAV"),
            ...ssl("CARDDAV"),
            ...ssl("PROXY"),
            MONGO_HOST: "127.0.0.1",
            LOGS_MONGO_HOST: "127.0.0.1",
            JOURNALS_MONGO_HOST: "127.0.0.1",
            EMAILS_MONGO_HOST: "127.0.0.1",
            REDIS_HOST: "127.0.0.1",
            SQLITE_STORAGE_PATH: "sqlite_storage",
            HELPER_ENCRYPTION_KEY: secrets.helperEncryptionKey,
            TXT_ENCRYPTION_KEY: secrets.txtEncryptionKey,
            SRS_SECRET: secrets.srsSecret,
            WEBHOOK_SIGNATURE_KEY: secrets.webhookSignatureKey,
            API_SECRETS: [secrets.apiSecret],
            DKIM_DOMAIN_NAME: "example.com",
            DKIM_KEY_SELECTOR: "default",
            DKIM_PRIVATE_KEY_PATH: "/app/ssl/dkim.key",
            AUTH_BASIC_ENABLED: true,
            AUTH_BASIC_USERNAME: "admin",
            AUTH_BASIC_PASSWORD: secrets.authBasicPassword,
            TURNSTILE_ENABLED: false,
            SEND_EMAIL: true,
            PREVIEW_EMAIL: false,
            TRANSPORT_DEBUG: false,
            SMTP_TRANSPORT_HOST: "smtp.example.com",
            SMTP_TRANSPORT_PORT: 465,
            SMTP_TRANSPORT_SECURE: true,
            SMTP_TRANSPORT_USER: "support@example.com",
            SMTP_TRANSPORT_PASS: secrets.smtpTransportPassword,
            CACHE_RESPONSES: true,
            ENABLE_MONITOR_SERVER: false,
        });
    });

    it("is read alike by everything that reads it", () => {
        const text = fileOf(releaseOf(), ".env");
        assert.deepEqual(dotenv(text), oldDotenv(text));
        assert.deepEqual(compose(text), oldDotenv(text));
    });

    it("has the user's variables, in their places", () => {
        const args = {
            environment: {
                ZETA: 5,
                ALPHA: "a b",
                SMTP_MESSAGE_MAX_SIZE: "50mb",
                MAX_RECIPIENTS: 20,
                AUTH_BASIC_ALWAYS: true,
                ALLOWLIST: "example.net",
                DENYLIST: "one.example,two.example",
                CACHE_RESPONSES: false,
            },
            secretEnvironment: { SMTP_TRANSPORT_PASS: "later", TOKEN: "later" },
        };
        const text = fileOf(releaseOf(args, { SMTP_TRANSPORT_PASS: "mine", TOKEN: "t$1" }), ".env");
        const values = oldDotenv(text);
        assert.deepEqual(Object.keys(values).slice(-3), ["ALPHA", "TOKEN", "ZETA"]);
        assert.deepEqual(
            Object.fromEntries(
                Object.keys({ ...args.environment, ...args.secretEnvironment }).map((name) => [
                    name,
                    typed(values[name] ?? ""),
                ]),
            ),
            {
                ...args.environment,
                ALLOWLIST: ["example.net"],
                DENYLIST: ["one.example", "two.example"],
                SMTP_TRANSPORT_PASS: "mine",
                TOKEN: "t$1",
            },
        );
        const reordered = {
            ...args,
            environment: Object.fromEntries(Object.entries(args.environment).reverse()),
        };
        assert.equal(
            fileOf(releaseOf(reordered, { SMTP_TRANSPORT_PASS: "mine", TOKEN: "t$1" }), ".env"),
            text,
        );
    });

    it("refuses a secret that would arrive as something else, without showing it", () => {
        const fails = (value: string | undefined, message: string) =>
            assert.throws(
                () =>
                    releaseOf(
                        { secretEnvironment: { GOOGLE_CLIENT_SECRET: {} } },
                        value === undefined ? {} : { GOOGLE_CLIENT_SECRET: value },
                    ),
                { message },
            );
        fails(
            "31415926",
            "GOOGLE_CLIENT_SECRET: its value (not shown) would be read as a number instead of a text. Choose a value that has other characters too, e.g. letters.",
        );
        fails(
            "one\ntwo",
            "GOOGLE_CLIENT_SECRET: its value (not shown) has a line break or another control character, which the file can't hold. Write it in one line.",
        );
        fails(undefined, "GOOGLE_CLIENT_SECRET: its secret value is missing.");
    });
});

describe("a value", () => {
    const character = fc.constantFrom(
        ...[..."aZ09 .,:;/@#$%&*+-=?!|<>(){}[]^~_'\"`\\\t"],
        ..."äß€",
        "{{",
        "true",
        "1e5",
    );
    const text = fc.array(character, { maxLength: 12 }).map((parts) => parts.join(""));

    it("without a fault arrives as it is, whoever reads the file", () => {
        fc.assert(
            fc.property(text, (value) => {
                fc.pre(valueFault(undefined, value) === undefined);
                const line = environmentLine("NAME", value);
                assert.deepEqual(oldDotenv(line), { NAME: value });
                assert.deepEqual(dotenv(line), { NAME: value });
                assert.deepEqual(compose(line), { NAME: value });
            }),
            { numRuns: 2000 },
        );
    });

    it("of a text, number, flag or list arrives typed", () => {
        const ofType = fc.oneof(
            fc.tuple(fc.constant("text" as const), text),
            fc.tuple(fc.constant("number" as const), fc.integer()),
            fc.tuple(fc.constant("flag" as const), fc.boolean()),
            fc.tuple(fc.constant("list" as const), text),
        );
        fc.assert(
            fc.property(ofType, ([type, value]) => {
                fc.pre(valueFault(type, value) === undefined && value !== "");
                const arrived = typed(
                    oldDotenv(environmentLine("NAME", valueText(type, value)))["NAME"] ?? "",
                );
                if (type === "list") assert.ok(Array.isArray(arrived));
                else assert.deepEqual(arrived, value);
            }),
            { numRuns: 2000 },
        );
    });

    for (const value of ["50mb", "1.5 GB", "512kb", "2TB"]) {
        it(`of a size may be ${value}`, () => assert.equal(valueFault("size", value), undefined));
    }

    for (const value of [
        "50mbx",
        "52428800",
        "50",
        "mb",
        "-1mb",
        "50m",
        "1,5gb",
        "50mb*",
        " 50mb",
    ]) {
        it(`of a size is not ${value}`, () =>
            assert.deepEqual(valueFault("size", value), {
                wrong: "is not a size",
                remedy: "Write a number with its unit, e.g. 50mb.",
            }));
    }

    const altered = {
        wrong: "would lose its asterisk at the end or its backticks",
        remedy: "Choose a value without them.",
    };

    it("of a list between backticks has a fault: the stack would drop them, and see no list", () => {
        assert.equal(typed(valueText("list", "`a,b`")), "a,b");
        assert.deepEqual(valueFault("list", "`a,b`"), altered);
    });

    for (const [value, arrived] of [
        ["a*", ["a"]],
        ["a,b*", ["a", "b"]],
        ["`a`,b", ["a", "b"]],
    ] as const) {
        it(`of a list has a fault for an entry that would arrive as another: ${value}`, () => {
            assert.deepEqual(typed(valueText("list", value)), arrived);
            assert.deepEqual(valueFault("list", value), altered);
        });
    }

    for (const value of ["*.example.com", "*.example.com,b", "a", "true", "5"]) {
        it(`of a list may be ${value}`, () => assert.equal(valueFault("list", value), undefined));
    }
});

it("every name below the domain that a variable has is one that the certificate covers", () => {
    const names = new Set(certificateNames("example.com", []));
    for (const planned of planOf().variables) {
        if (!("text" in planned) || !planned.text.endsWith(".example.com")) continue;
        const name = planned.text.replace(/^https:\/\//, "");
        assert.ok(names.has(`*.${name.slice(name.indexOf(".") + 1)}`), planned.name);
    }
});

it("readers are services that there are", () => {
    const names = planOf({ startTlsSubmission: true }, { given: context }).services.map(
        ({ name }) => name,
    );
    for (const [variable, { readers = [] }] of Object.entries(variables)) {
        for (const reader of readers) assert.ok(names.includes(reader), variable);
    }
});
