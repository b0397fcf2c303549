import { describe } from "node:test";
import { digest, images } from "../stack/stacks";
import { server, stack, testEach, type BadConfig } from "./support/bad-config";

const pin =
    "Run `npm run mailhost -- pin`, which looks up the digests and writes them into the stack's configuration.";

const cases: BadConfig[] = [
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
            "mailhost:stack.imageTag: There is no such key. Remove it. Known here: images, profile, startTlsSubmission, environment, memory, services.",
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
];

describe("bad configuration of the stack", () => testEach(cases));
