import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { imageWarnings, parseImage, unpinnedImages } from "../../../components/stack/images";
import type { StackSurroundings } from "../../../components/stack/plan";
import { digest, images, planOf, problemLines } from "./stacks";

const pin =
    "Run `npm run mailhost -- pin`, which looks up the digests and writes them into the stack's configuration.";

type Case = [name: string, args: unknown, problems: string[], surroundings?: StackSurroundings];

const cases: Case[] = [
    [
        "nothing chosen",
        { images: undefined },
        [
            `stack.images.mail: It is not chosen which release of the mail services runs. ${pin} It takes a release with --mail-tag, e.g. --mail-tag v1.2.3.`,
            `stack.images.mongodb: "docker.io/library/mongo:8.0" is not pinned by its digest: the database would change with whatever the tag stands for. ${pin}`,
            `stack.images.redis: "docker.io/library/redis:7.4" is not pinned by its digest: the database would change with whatever the tag stands for. ${pin}`,
        ],
    ],
    [
        "images of the wrong form",
        {
            images: {
                ...images,
                mail: "Ghcr.io/Name",
                router: "nginx:1.28@sha256:12",
                redis: 7,
            },
        },
        [
            'stack.images.mail: "Ghcr.io/Name" is not the reference of an image. Write it as registry/name:tag@sha256:digest, the name in lower case.',
            "stack.images.redis: 7 is not the reference of an image. Write it as registry/name:tag@sha256:digest, the name in lower case.",
            'stack.images.router: "nginx:1.28@sha256:12" is not the reference of an image. Write it as registry/name:tag@sha256:digest, the name in lower case.',
        ],
    ],
    [
        "databases that float",
        { images: { ...images, mongodb: "mongo", redis: `redis:latest@${digest}` } },
        [
            `stack.images.mongodb: "mongo" does not say which version it is: it has no tag, and a database reads the data of few others. Give the version that the data is of, e.g. docker.io/library/mongo:8.0. ${pin}`,
            `stack.images.redis: "redis:latest@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" does not say which version it is: latest may be another major one tomorrow, and a database reads the data of few others. Give the version that the data is of, e.g. docker.io/library/redis:7.4. ${pin}`,
        ],
    ],
    [
        "an unknown image",
        { images: { ...images, mongo: "x" } },
        [
            "stack.images.mongo: The stack has no such image. Did you mean mongodb? Known here: mail, mongodb, redis, router. An image of a service of your own stands with that service.",
        ],
    ],
    [
        "choices",
        { profile: "storge", startTlsSubmission: "yes" },
        [
            'stack.profile: "storge" is not one of the choices. Did you mean storage? Choose storage or forwarding.',
            'stack.startTlsSubmission: "yes" is not true or false. Write one of them.',
        ],
    ],
    [
        "unknown arguments",
        { profil: "storage", imageTag: "v1" },
        [
            "stack.profil: There is no such argument. Did you mean profile? Rename or remove it.",
            "stack.imageTag: There is no such argument. Remove it. Known here: images, profile, startTlsSubmission, environment, secretEnvironment, memory, services.",
        ],
    ],
    [
        "variables of the host",
        {
            environment: {
                DOMAIN: "example.net",
                WEB_PORT: 443,
                SMTP_PORT: 587,
                LOGS_MONGO_HOST: "db",
                MONGO_URI: "mongodb://db",
                LOGS_HOST: "db",
                WEB_REDIS_HOST: "r",
                SQLITE_STORAGE_PATH: "x",
                IMAGE_TAG: "v1",
                COMPOSE_PROFILES: "storage",
                NODE_OPTIONS: "--x",
                AUTH_BASIC_ENABLED: false,
                AUTH_BASIC_USERNAME: "me",
                DKIM_KEY_SELECTOR: "s",
            },
            secretEnvironment: {
                HELPER_ENCRYPTION_KEY: "x",
                TXT_ENCRYPTION_KEY: "x",
                API_SECRETS: "x",
            },
        },
        [
            "stack.environment.DOMAIN: It is set by the host, whose other parts agree with it. Remove it.",
            "stack.environment.WEB_PORT: It is set by the host, whose other parts agree with it. Remove it.",
            "stack.environment.SMTP_PORT: It is set by the host, whose other parts agree with it. Remove it. Port 587 has an option of its own: startTlsSubmission.",
            "stack.environment.LOGS_MONGO_HOST: It is set by the host, whose other parts agree with it. Remove it.",
            "stack.environment.MONGO_URI: It is set by the host, whose other parts agree with it. Remove it.",
            "stack.environment.LOGS_HOST: No version of the stack reads it. Remove it.",
            "stack.environment.WEB_REDIS_HOST: It is set by the host, whose other parts agree with it. Remove it.",
            "stack.environment.SQLITE_STORAGE_PATH: It is set by the host, whose other parts agree with it. Remove it.",
            "stack.environment.IMAGE_TAG: It is set by the host, whose other parts agree with it. Remove it.",
            "stack.environment.COMPOSE_PROFILES: It is set by the host, whose other parts agree with it. Remove it.",
            "stack.environment.NODE_OPTIONS: Node reads its options before anything reads the file. Remove it. Give it in the environment of a service, below services.",
            "stack.environment.AUTH_BASIC_ENABLED: Without it, whoever registers first would administrate the host. Remove it.",
            "stack.environment.AUTH_BASIC_USERNAME: It is set by the host, whose other parts agree with it. Remove it. It has an argument of its own: authBasicUsername.",
            "stack.environment.DKIM_KEY_SELECTOR: It is set by the host, whose other parts agree with it. Remove it. The system's keys have an argument of their own: systemDkim.",
            "stack.secretEnvironment.HELPER_ENCRYPTION_KEY: It is set by the host, whose other parts agree with it. Remove it. The key of a volume that has data is given as helperEncryptionKey.",
            "stack.secretEnvironment.TXT_ENCRYPTION_KEY: It is set by the host, whose other parts agree with it. Remove it. The key of a volume that has data is given as txtEncryptionKey.",
            "stack.secretEnvironment.API_SECRETS: It is set by the host, whose other parts agree with it. Remove it.",
        ],
    ],
    [
        "names of variables",
        {
            environment: { "smtp-message max": 1, "2FA": true, Smtp_Host: "x" },
            secretEnvironment: { "a b": "x" },
        },
        [
            'stack.environment.smtp-message max: "smtp-message max" is not the name of a variable. Write SMTP_MESSAGE_MAX.',
            'stack.environment.2FA: "2FA" is not the name of a variable. Use upper-case letters, digits and underscores.',
            'stack.environment.Smtp_Host: "Smtp_Host" is not the name of a variable. Write SMTP_HOST.',
            'stack.secretEnvironment.a b: "a b" is not the name of a variable. Write A_B.',
        ],
    ],
    [
        "types of variables",
        {
            environment: {
                MAX_RECIPIENTS: "many",
                AUTH_BASIC_ALWAYS: "yes",
                EMAIL_RETENTION: 30,
                LOG_RETENTION: "7",
                APP_NAME: "true",
                APP_COLOR: "a,b",
                EMAIL_ABUSE: "abuse*",
                SQLITE_TMPDIR: "`x`",
                SMTP_MESSAGE_MAX_SIZE: "50mbx",
                ALLOWLIST: ["a"],
                WEBSITE_URL: null,
            },
        },
        [
            'stack.environment.MAX_RECIPIENTS: "many" is not a number. Write digits alone, e.g. 50.',
            'stack.environment.AUTH_BASIC_ALWAYS: "yes" is neither true nor false. Write one of them.',
            "stack.environment.EMAIL_RETENTION: 30 would be read as a number instead of a text. Choose a value that has other characters too, e.g. letters.",
            'stack.environment.LOG_RETENTION: "7" would be read as a number instead of a text. Choose a value that has other characters too, e.g. letters.',
            'stack.environment.APP_NAME: "true" would be read as true or false instead of a text. Choose a value that has other characters too, e.g. letters.',
            'stack.environment.APP_COLOR: "a,b" would be read as a list instead of a text. Use no comma.',
            'stack.environment.EMAIL_ABUSE: "abuse*" would lose its asterisk at the end or its backticks. Choose a value without them.',
            'stack.environment.SQLITE_TMPDIR: "`x`" would lose its asterisk at the end or its backticks. Choose a value without them.',
            'stack.environment.SMTP_MESSAGE_MAX_SIZE: "50mbx" is not a size. Write a number with its unit, e.g. 50mb.',
            'stack.environment.ALLOWLIST: ["a"] is not a text, a number, true or false. Write one value; the entries of a list are one text, with commas between them.',
            "stack.environment.WEBSITE_URL: null is not a text, a number, true or false. Write one value; the entries of a list are one text, with commas between them.",
        ],
    ],
    [
        "values that the file can't hold",
        {
            environment: {
                A: "one\ntwo",
                B: "{{WEB_HOST}}",
                C: 'it\'s "x"',
                D: "x y\\",
                APP_NAME: "tab\there",
            },
        },
        [
            'stack.environment.A: "one\\ntwo" has a line break or another control character, which the file can\'t hold. Write it in one line.',
            'stack.environment.B: "{{WEB_HOST}}" has {{ in it, which the stack takes for a reference to another variable. Write the value itself.',
            'stack.environment.C: "it\'s \\"x\\"" can\'t be quoted in a way that dotenv and Docker Compose read alike. Use no backslash at the end, and no single quote together with a double one, $, a backslash or a backtick.',
            'stack.environment.D: "x y\\\\" can\'t be quoted in a way that dotenv and Docker Compose read alike. Use no backslash at the end, and no single quote together with a double one, $, a backslash or a backtick.',
            'stack.environment.APP_NAME: "tab\\there" has a line break or another control character, which the file can\'t hold. Write it in one line.',
        ],
    ],
    [
        "secrets in plain text",
        { environment: { SMTP_TRANSPORT_PASS: "hunter2", AWS_SECRET_ACCESS_KEY: "k" } },
        [
            "stack.environment.SMTP_TRANSPORT_PASS: Its value (not shown) is a secret, and would stand in plain text. Revoke it if it was ever shared, and give it in secretEnvironment instead.",
            "stack.environment.AWS_SECRET_ACCESS_KEY: Its value (not shown) is a secret, and would stand in plain text. Revoke it if it was ever shared, and give it in secretEnvironment instead.",
        ],
    ],
    [
        "secrets of the wrong form",
        {
            secretEnvironment: {
                SMTP_TRANSPORT_PASS: "12345678",
                GOOGLE_CLIENT_SECRET: "a,b",
                TURNSTILE_SECRET_KEY: "0x12",
                GPG_SECURITY_KEY: "one\ntwo",
                LATER: {},
            },
        },
        [
            "stack.secretEnvironment.SMTP_TRANSPORT_PASS: The value (not shown) would be read as a number instead of a text. Choose a value that has other characters too, e.g. letters.",
            "stack.secretEnvironment.GOOGLE_CLIENT_SECRET: The value (not shown) would be read as a list instead of a text. Use no comma.",
            "stack.secretEnvironment.TURNSTILE_SECRET_KEY: The value (not shown) would be read as a number instead of a text. Choose a value that has other characters too, e.g. letters.",
            "stack.secretEnvironment.GPG_SECURITY_KEY: The value (not shown) has a line break or another control character, which the file can't hold. Write it in one line.",
        ],
    ],
    [
        "one in both",
        { environment: { TOKEN: "x" }, secretEnvironment: { TOKEN: "x" } },
        ["stack.secretEnvironment.TOKEN: It is set in environment as well. Remove one of the two."],
    ],
    [
        "little memory",
        {},
        [
            "stack.memory: The host has 2047 MiB of memory; the stack needs 2048, and 4096 are advised. Choose a larger server.",
        ],
        { memoryMb: 2047 },
    ],
    [
        "little memory, for which an argument is to blame",
        {},
        [
            "server.size: s-1vcpu-1gb has 1024 MiB of memory; the stack needs 2048, and 4096 are advised. Choose s-2vcpu-4gb or a larger one.",
        ],
        {
            memoryMb: 1024,
            memoryFrom: {
                path: "server.size",
                value: "s-1vcpu-1gb",
                atLeast: (memoryMb: number) => (memoryMb === 4096 ? "s-2vcpu-4gb" : undefined),
            },
        },
    ],
    [
        "memory of services",
        { memory: { mongodb: 300, web: 191, redis: 1.5, mongdb: 512, api: 5000, imap: "1g" } },
        [
            "stack.memory.mongodb: 300 is not a whole number of MiB from 512 to 4096. Leave it out for the default, which follows the host's memory.",
            "stack.memory.web: 191 is not a whole number of MiB from 192 to 4096. Leave it out for the default, which follows the host's memory.",
            "stack.memory.redis: 1.5 is not a whole number of MiB from 64 to 4096. Leave it out for the default, which follows the host's memory.",
            "stack.memory.mongdb: There is no such service. Did you mean mongodb? Known here: mongodb, redis, sni-router, smtp, mx, bree, smtp_bree, web, api, sqlite, sqlite_bree, imap, pop3, caldav, carddav.",
            "stack.memory.api: 5000 is not a whole number of MiB from 192 to 4096. Leave it out for the default, which follows the host's memory.",
            'stack.memory.imap: "1g" is not a whole number of MiB from 192 to 4096. Leave it out for the default, which follows the host\'s memory.',
        ],
        { memoryMb: 4096 },
    ],
    [
        "memory of what is not there",
        { profile: "forwarding", memory: { imap: 512 } },
        [
            "stack.memory.imap: There is no such service. Known here: mongodb, redis, sni-router, smtp, mx, bree, smtp_bree, web, api.",
        ],
    ],
    [
        "databases that take all",
        { memory: { mongodb: 2048, redis: 512 } },
        [
            "stack.memory: mongodb and redis may use 2560 MiB of the host's 4096: the mail services need the rest, which is too little. Give them at most 2457 MiB together, or choose a larger server.",
        ],
        { memoryMb: 4096 },
    ],
    [
        "settings of the wrong form",
        {
            services: {
                web: {
                    image: "A B",
                    command: "node",
                    environment: { "a-b": "x", C: [] },
                    mounts: [
                        ...["x", "../x:/x", "/var/run/docker.sock:/s", "a:/b:rw"],
                        ...["/:/host:ro", "//run/./:/r", "/var/run:/v", "/run/docker:/d", "run:/e"],
                    ],
                    healthCheck: { comand: ["x"], retries: 0 },
                    disabled: "no",
                    comand: ["x"],
                },
                api: 5,
            },
        },
        [
            'stack.services.web.image: "A B" is not the reference of an image. Write it as registry/name:tag@sha256:digest, the name in lower case.',
            'stack.services.web.command: "node" is not a list. Write ["node", "web.js"], each argument apart.',
            'stack.services.web.environment.a-b: "a-b" is not the name of a variable. Use letters, digits and underscores.',
            "stack.services.web.environment.C: [] is not a text, a number, true or false. Write one value.",
            'stack.services.web.mounts[0]: "x" is not a mount. Write source:/target, or source:/target:ro to only read it.',
            'stack.services.web.mounts[1]: "../x:/x" leads upwards. Write the folder\'s own path, without ..',
            'stack.services.web.mounts[2]: "/var/run/docker.sock:/s" hands the whole host to the service. Do what needs it on the host itself, outside of the stack.',
            'stack.services.web.mounts[3]: "a:/b:rw" is not a mount. Write source:/target, or source:/target:ro to only read it.',
            ...["/:/host:ro", "//run/./:/r", "/var/run:/v"].map(
                (mount, index) =>
                    `stack.services.web.mounts[${index + 4}]: "${mount}" hands the whole host to the service. Do what needs it on the host itself, outside of the stack.`,
            ),
            "stack.services.web.healthCheck.command: It is missing. Give it.",
            "stack.services.web.healthCheck.comand: There is no such setting. Did you mean command? Rename or remove it.",
            "stack.services.web.healthCheck.retries: 0 is not a whole number from 1 to 100. Write digits alone.",
            'stack.services.web.disabled: "no" is not true or false. Write one of them.',
            "stack.services.web.comand: There is no such setting. Did you mean command? Rename or remove it.",
            "stack.services.api: 5 is not a group of settings. Write { … }.",
        ],
    ],
    [
        "settings that the stack keeps",
        {
            services: {
                mx: {
                    ports: [2525],
                    user: "root",
                    capabilities: ["CHOWN"],
                    after: ["web"],
                    disabled: true,
                },
            },
        },
        [
            "stack.services.mx.ports: It is for services of your own: the rest of the host agrees with what the stack's have. Remove it.",
            "stack.services.mx.user: It is for services of your own: the rest of the host agrees with what the stack's have. Remove it.",
            "stack.services.mx.capabilities: It is for services of your own: the rest of the host agrees with what the stack's have. Remove it.",
            "stack.services.mx.after: It is for services of your own: the rest of the host agrees with what the stack's have. Remove it.",
            "stack.services.mx.disabled: The stack does not work without it. Remove it. imap, pop3, caldav, carddav may be left out; all of them are with the profile forwarding.",
        ],
    ],
    [
        "mounts that hide others",
        {
            services: {
                imap: {
                    mounts: [
                        "a:/app/ssl",
                        "a:/app/.env",
                        "a:/mnt/",
                        "a:/app",
                        "a:/mnt/sqlite_storage/x",
                    ],
                },
            },
        },
        [
            'stack.services.imap.mounts[0]: "a:/app/ssl" hides what the stack has in /app/ssl. Choose another target.',
            'stack.services.imap.mounts[1]: "a:/app/.env" hides what the stack has in /app/.env. Choose another target.',
            'stack.services.imap.mounts[2]: "a:/mnt/" hides what the stack has in /mnt/sqlite_storage. Choose another target.',
            'stack.services.imap.mounts[3]: "a:/app" hides what the stack has in /app/.env. Choose another target.',
        ],
    ],
    [
        "a service that is no service",
        {
            services: {
                wbe: { memoryMb: 5 },
                impa: { environment: { A: 1 } },
                "Big Name": { image: "x" },
            },
        },
        [
            "stack.services.wbe.memoryMb: There is no such setting. Remove it. Known here: image, command, environment, mounts, healthCheck, disabled, ports, user, capabilities, after.",
            "stack.services.impa: The stack has no such service, and a service of your own needs an image. Did you mean imap? Give stack.services.impa.image.",
            'stack.services.Big Name: "Big Name" is not the name of a service. Use lower-case letters, digits, hyphens and underscores, a letter first.',
        ],
    ],
    [
        "services of the user",
        {
            services: {
                one: { image: "x", ports: [22, 443, 3456, 8448, 70000] },
                two: {
                    image: "x",
                    ports: [8448],
                    after: ["one", "redis", "imap"],
                    user: "a b",
                    capabilities: ["ALL", "chown"],
                },
                three: { image: "x", ports: [8448], after: ["one", "imap"], disabled: true },
                imap: { disabled: true },
            },
        },
        [
            "stack.services.one.ports[4]: 70000 is not a whole number from 1 to 65535. Write digits alone.",
            'stack.services.two.user: "a b" is not a user. Write its name or number in quotes.',
            'stack.services.two.capabilities[0]: "ALL" is not one capability. Write its name without CAP_, e.g. CHOWN.',
            'stack.services.two.capabilities[1]: "chown" is not one capability. Write its name without CAP_, e.g. CHOWN.',
            "stack.services.three.disabled: It is a service of your own. Remove the service itself.",
            'stack.services.three.after[0]: "one" is not a service of the stack. Known here: mongodb, redis, sni-router, smtp, mx, bree, smtp_bree, web, api, sqlite, sqlite_bree, pop3, caldav, carddav.',
            'stack.services.three.after[1]: "imap" is not a service of the stack. Known here: mongodb, redis, sni-router, smtp, mx, bree, smtp_bree, web, api, sqlite, sqlite_bree, pop3, caldav, carddav.',
        ],
    ],
    [
        "services that other settings leave out",
        {
            profile: "forwarding",
            services: {
                pop3: { disabled: true },
                sqlite: { environment: { A: 1 } },
                imap: { image: "x" },
                smtp_starttls: { environment: { A: 1 } },
                pop4: { disabled: true },
            },
        },
        [
            "stack.services.pop3: It does not run with the profile forwarding. Remove it, or set stack.profile to storage.",
            "stack.services.sqlite: It does not run with the profile forwarding. Remove it, or set stack.profile to storage.",
            "stack.services.imap: It does not run with the profile forwarding. Remove it, or set stack.profile to storage.",
            "stack.services.smtp_starttls: It runs only for submission on port 587. Remove it, or set stack.startTlsSubmission to true.",
            "stack.services.pop4: The stack has no such service, and a service of your own needs an image. Give stack.services.pop4.image.",
            "stack.services.pop4.disabled: It is a service of your own. Remove the service itself.",
        ],
    ],
    [
        "arguments of the host",
        {},
        [
            'authBasicUsername: "1234" would be read as a number instead of a text. Choose a value that has other characters too, e.g. letters.',
            'systemDkim.signing: "2027" would be read as a number instead of a text. Choose a value that has other characters too, e.g. letters.',
        ],
        { authBasicUsername: "1234", dkimSelector: "2027" },
    ],
];
describe("what is wrong with a stack", () => {
    for (const [name, args, problems, surroundings] of cases) {
        it(name, () => {
            assert.deepEqual(problemLines(args, surroundings), problems);
        });
    }
});

it("nothing is wrong with what the stack's own examples have", () => {
    assert.deepEqual(
        problemLines(
            {
                profile: "storage",
                startTlsSubmission: true,
                environment: { SMTP_MESSAGE_MAX_SIZE: "50mb", MAX_RECIPIENTS: "50", ALLOWLIST: "" },
                secretEnvironment: { SMTP_TRANSPORT_PASS: {} },
                memory: { mongodb: 2048, hook: 64 * 4 },
                services: { hook: { image: "hook:1", ports: [8448], mounts: ["/srv/x:/x:ro"] } },
            },
            { memoryMb: 8192, authBasicUsername: "admin", dkimSelector: "default" },
        ),
        [],
    );
});

it("variables that nobody knows are warned of, with the one that was probably meant", () => {
    const args = {
        environment: { SMTP_MESAGE_MAX_SIZE: "50mb", OF_A_NEWER_VERSION: 1 },
        secretEnvironment: { GOOGLE_CLIENT_SECRT: "x" },
    };
    assert.deepEqual(planOf(args).warnings, [
        "stack.environment.SMTP_MESAGE_MAX_SIZE: no version of the stack that is known here reads it. Did you mean SMTP_MESSAGE_MAX_SIZE?",
        "stack.environment.OF_A_NEWER_VERSION: no version of the stack that is known here reads it.",
        "stack.secretEnvironment.GOOGLE_CLIENT_SECRT: no version of the stack that is known here reads it. Did you mean GOOGLE_CLIENT_SECRET?",
    ]);
});

describe("the reference of an image", () => {
    const references: [text: string, parsed: ReturnType<typeof parseImage>][] = [
        ["mongo", { name: "mongo" }],
        ["mongo:8.0", { name: "mongo", tag: "8.0" }],
        [images.mail, { name: images.mail.split(":")[0] ?? "", tag: "v1.0.0", digest }],
        [`nginx@${digest}`, { name: "nginx", digest }],
        [
            "198.18.0.2:5000/library/redis:7.4",
            { name: "198.18.0.2:5000/library/redis", tag: "7.4" },
        ],
        ["localhost:5000/a", { name: "localhost:5000/a" }],
        ["", undefined],
        ["Mongo:8", undefined],
        ["mongo:8.0@sha256:abc", undefined],
        ["mongo:", undefined],
        ["https://ghcr.io/a/b:1", undefined],
        ["a b", undefined],
        ["mongo:8.0\n", undefined],
    ];
    for (const [text, parsed] of references) {
        it(JSON.stringify(text), () => {
            assert.deepEqual(parseImage(text), parsed);
        });
    }

    it("without a digest is told of", () => {
        const some = { ...images, mail: "a/mail:v1", router: "nginx:1.28" };
        assert.deepEqual(unpinnedImages(some), ["mail", "router"]);
        assert.deepEqual(unpinnedImages(images), []);
        assert.deepEqual(imageWarnings("stack.images", some), [
            `stack.images.mail: a/mail:v1 is not pinned by its digest, so it is looked up at every up. ${pin}`,
            `stack.images.router: nginx:1.28 is not pinned by its digest, so it is looked up at every up. ${pin}`,
        ]);
    });
});
