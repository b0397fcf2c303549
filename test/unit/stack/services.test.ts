import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import type { Service } from "../../../components/stack/services";
import type { StackOptions } from "../../../components/stack/plan";
import { context, planOf } from "./stacks";

const summary = ({ name, image, command, hostname, listens, dependsOn }: Service) =>
    [
        name,
        "name" in image ? image.name : image.reference,
        (command ?? []).slice(0, 2).join(" "),
        hostname ?? "-",
        listens.join(",") || "-",
        dependsOn.map((one) => `${one.service}:${one.condition}`).join(" ") || "-",
    ].join(" | ");

const forwarding = [
    "mongodb | mongodb | mongod --bind_ip | - | 27017 | -",
    "redis | redis | sh -euc | - | 6379 | -",
    "sni-router | router | -g daemon off; | - | 80,443,8443 | -",
    "smtp | mail | node smtp.js | mx.example.com | 465 | mongodb:healthy redis:healthy",
    "mx | mail | node mx.js | mx.example.com | 25 | mongodb:healthy redis:healthy",
    "bree | mail | node bree.js | mx.example.com | - | mongodb:healthy redis:healthy",
    "smtp_bree | mail | node smtp-bree.js | mx.example.com | - | mongodb:healthy redis:healthy smtp:healthy",
    "web | mail | node web.js | example.com | 3000 | mongodb:healthy redis:healthy smtp:healthy",
    "api | mail | node api.js | api.example.com | 4000 | mongodb:healthy redis:healthy smtp:healthy",
];
const startTls =
    "smtp_starttls | mail | node smtp.js | mx.example.com | 587 | mongodb:healthy redis:healthy";
const storage = [
    "sqlite | mail | node sqlite.js | sqlite.example.com | 3456 | mongodb:healthy redis:healthy smtp:healthy",
    "sqlite_bree | mail | node sqlite-bree.js | sqlite.example.com | - | mongodb:healthy redis:healthy sqlite:healthy",
    "imap | mail | node imap.js | imap.example.com | 993 | mongodb:healthy redis:healthy sqlite:healthy",
    "pop3 | mail | node pop3.js | pop3.example.com | 995 | mongodb:healthy redis:healthy sqlite:healthy",
    "caldav | mail | node caldav.js | caldav.example.com | 5000 | mongodb:healthy redis:healthy sqlite:healthy",
    "carddav | mail | node carddav.js | carddav.example.com | 6000 | mongodb:healthy redis:healthy sqlite:healthy",
];

const cases: [args: StackOptions<unknown>, services: string[], openTcpPorts: number[]][] = [
    [{}, [...forwarding, ...storage], [25, 80, 443, 465, 993, 995]],
    [{ profile: "forwarding" }, forwarding, [25, 80, 443, 465]],
    [
        { startTlsSubmission: true },
        [...forwarding.slice(0, 4), startTls, ...forwarding.slice(4), ...storage],
        [25, 80, 443, 465, 587, 993, 995],
    ],
    [
        { services: { pop3: { disabled: true } } },
        [...forwarding, ...storage.filter((line) => !line.startsWith("pop3"))],
        [25, 80, 443, 465, 993],
    ],
];
for (const [args, services, openTcpPorts] of cases) {
    it(`the services of ${JSON.stringify(args)}`, () => {
        const plan = planOf(args);
        assert.deepEqual(plan.services.map(summary), services);
        assert.deepEqual(plan.openTcpPorts, openTcpPorts);
    });
}

const service = (name: string, args: StackOptions<unknown> = {}, given = context) => {
    const found = planOf(args, { given }).services.find((one) => one.name === name);
    assert.ok(found, name);
    return found;
};

describe("every service", () => {
    const { services } = planOf({ startTlsSubmission: true });

    it("needs no capability, and runs as a user that is not root", () => {
        for (const { name, capabilities, user, image } of services) {
            assert.deepEqual(capabilities, [], name);
            assert.equal(
                user,
                { mongodb: "mongodb", redis: "redis", router: "nginx", mail: undefined }[
                    "name" in image ? image.name : "mail"
                ],
                name,
            );
        }
    });

    it("is looked at by something cheap, but for those without a port", () => {
        const checks = services.map(({ name, healthCheck }) => [
            name,
            healthCheck?.command.join(" "),
        ]);
        const answers = "curl -ks -o /dev/null --max-time 8";
        assert.deepEqual(Object.fromEntries(checks), {
            mongodb: "bash -c exec 3<>/dev/tcp/127.0.0.1/27017",
            redis: "redis-cli -h 127.0.0.1 -e ping",
            "sni-router":
                "curl -ksf -o /dev/null --max-time 8 --resolve mx.example.com:443:127.0.0.1 https://mx.example.com/",
            smtp: "nc -z 127.0.0.1 465",
            smtp_starttls: "nc -z 127.0.0.1 587",
            mx: "nc -z 127.0.0.1 25",
            bree: undefined,
            smtp_bree: undefined,
            web: `bash -c case $("$@") in [234]??) ;; *) exit 1 ;; esac check ${answers} https://127.0.0.1:3000/ -w %{http_code}`,
            api: `${answers} https://127.0.0.1:4000/v1/test -f`,
            sqlite: "nc -z 127.0.0.1 3456",
            sqlite_bree: undefined,
            imap: "nc -z 127.0.0.1 993",
            pop3: "nc -z 127.0.0.1 995",
            caldav: "nc -z 127.0.0.1 5000",
            carddav: "nc -z 127.0.0.1 6000",
        });
    });

    it("takes the web site's request to log in for an answer, and no error of the server", () => {
        const [bash = "", ...command] = service("web").healthCheck?.command ?? [];
        const given = command.slice(0, command.indexOf("curl"));
        const answers = ["200", "302", "401", "429", "500", "502", "503", "000", ""];
        assert.deepEqual(
            answers.filter((code) => spawnSync(bash, [...given, "echo", code]).status === 0),
            ["200", "302", "401", "429"],
        );
    });

    it("that others wait for is looked at every second until it is healthy", () => {
        const awaited = new Set(services.flatMap((one) => one.dependsOn.map((d) => d.service)));
        for (const { name, healthCheck } of services) {
            if (!awaited.has(name)) continue;
            assert.equal(healthCheck?.startIntervalSeconds, 1, name);
        }
    });

    it("that reads a certificate when it starts is restarted for a new one", () => {
        const labels = services.map(({ name, certificate }) => [name, certificate]);
        assert.deepEqual(Object.fromEntries(labels.filter(([, label]) => label !== undefined)), {
            "sni-router": "reload",
            ...Object.fromEntries(
                [
                    ...["smtp", "smtp_starttls", "mx", "web", "api"],
                    ...["sqlite", "imap", "pop3", "caldav", "carddav"],
                ].map((name) => [name, "restart"]),
            ),
        });
    });

    it("gets what it reads to read alone", () => {
        for (const { name, mounts, readsEnvironmentFile } of services) {
            const readable = mounts.filter(({ readOnly }) => readOnly).map(({ source }) => source);
            const expected =
                name === "sni-router" ? ["nginx"] : readsEnvironmentFile ? [".env", "ssl"] : [];
            assert.deepEqual(readable, expected, name);
            assert.equal(
                mounts.some(({ source }) => source === "sqlite-data"),
                ["mx", "sqlite", "sqlite_bree", "imap", "pop3"].includes(name),
                name,
            );
        }
    });

    it("binds a port of its own", () => {
        const all = services.flatMap(({ listens }) => listens);
        assert.equal(new Set(all).size, all.length);
    });
});

describe("memory", () => {
    const limits = (memoryMb: number | undefined, args: StackOptions<unknown> = {}) =>
        ["mongodb", "redis", "sni-router", "web", "mx", "caldav"].map(
            (name) => service(name, args, { ...context, memoryMb }).memoryMb,
        );
    it("follows the host's", () => {
        assert.deepEqual(limits(2048), [512, 163, 128, 409, 512, 384]);
        assert.deepEqual(limits(8192), [2048, 655, 245, 1638, 2048, 1228]);
        assert.deepEqual(limits(undefined), Array(6).fill(undefined));
        assert.deepEqual(limits(8192, { memory: { web: 700 } })[3], 700);
    });
    it("leaves MongoDB's cache half of its container's, and Redis room for the copy that saves it", () => {
        const options = (name: string, memoryMb?: number) =>
            service(name, {}, { ...context, memoryMb }).command?.slice(-2);
        assert.deepEqual(options("mongodb", 2048), ["--wiredTigerCacheSizeGB", "0.25"]);
        assert.deepEqual(options("mongodb", 8192), ["--wiredTigerCacheSizeGB", "1"]);
        assert.deepEqual(options("mongodb"), ["--wiredTigerCacheSizeGB", "0.5"]);
        assert.deepEqual(options("redis", 8192), ["--maxmemory", "436mb"]);
        assert.deepEqual(options("redis"), ["--maxmemory-policy", "noeviction"]);
    });
    it("below what is advised is warned of", () => {
        const warnings = (memoryMb: number) =>
            planOf({}, { given: { ...context, memoryMb } }).warnings;
        assert.deepEqual(warnings(4096), []);
        assert.deepEqual(warnings(4095), [
            "The host has 4095 MiB of memory: the authors of the stack advise 4096. Watch for services that are ended for lack of it, or choose a larger server.",
        ]);
    });
    it("below what is advised is warned of with the argument that it follows from, and one that fits", () => {
        const warnings = (memoryMb: number, fits?: string) => {
            const memoryFrom = { path: "server.type", value: "cpx11", atLeast: () => fits };
            return planOf({}, { given: { ...context, memoryMb, memoryFrom } }).warnings;
        };
        assert.deepEqual(warnings(4096, "cpx21"), []);
        const has =
            "server.type: cpx11 has 2048 MiB of memory: the authors of the stack advise 4096. Watch for services that are ended for lack of it, or choose";
        assert.deepEqual(warnings(2048, "cpx21"), [`${has} cpx21 or a larger one.`]);
        assert.deepEqual(warnings(2048), [`${has} a larger server.`]);
    });
});

describe("overrides", () => {
    const own = { image: "registry.example/hook:1.2", ports: [8448], after: ["redis"] };
    it("add a service to the host's network", () => {
        const plan = planOf({ services: { hook: own }, memory: { hook: 256 } });
        assert.deepEqual(plan.services.at(-1), {
            name: "hook",
            image: { reference: "registry.example/hook:1.2" },
            environment: {},
            readsEnvironmentFile: false,
            listens: [8448],
            open: [8448],
            mounts: [],
            temporary: [],
            readOnly: false,
            dependsOn: [{ service: "redis", condition: "started" }],
            capabilities: [],
            stopGraceSeconds: 30,
            memoryMb: 256,
        });
        assert.deepEqual(plan.openTcpPorts, [25, 80, 443, 465, 993, 995, 8448]);
        assert.deepEqual(plan.warnings, [
            "stack.services.hook.image: registry.example/hook:1.2 is not pinned by its digest: it changes unseen.",
        ]);
    });
    it("change a service of the stack and leave the rest of it", () => {
        const before = service("smtp_starttls", { startTlsSubmission: true });
        const changed = service("smtp_starttls", {
            startTlsSubmission: true,
            services: {
                smtp_starttls: {
                    environment: { NODE_OPTIONS: "--max-old-space-size=512", VERBOSE: true },
                    mounts: ["notes:/notes:ro", "/etc/hosts:/hosts"],
                    healthCheck: { command: ["true"], retries: 5 },
                },
            },
        });
        assert.deepEqual(changed, {
            ...before,
            environment: {
                SMTP_PORT: "587",
                NODE_OPTIONS: "--max-old-space-size=512",
                VERBOSE: "true",
            },
            mounts: [
                ...before.mounts,
                { source: "notes", target: "/notes", readOnly: true },
                { source: "/etc/hosts", target: "/hosts", readOnly: false },
            ],
            healthCheck: {
                command: ["true"],
                intervalSeconds: 30,
                timeoutSeconds: 10,
                retries: 5,
                startPeriodSeconds: 180,
                startIntervalSeconds: 3,
            },
        });
    });
    it("let others wait for the start of what is unchecked", () => {
        const unchecked = ["smtp", "sqlite", "mongodb", "redis"];
        const services = Object.fromEntries(
            unchecked.map((name) => [name, { healthCheck: false }]),
        );
        const waits = planOf({ services } as StackOptions<unknown>).services.flatMap(
            ({ dependsOn }) => dependsOn,
        );
        assert.ok(waits.length > 20);
        assert.deepEqual([...new Set(waits.map(({ condition }) => condition))], ["started"]);
        const some = planOf({ services: { smtp: { healthCheck: false } } }).services;
        assert.deepEqual(some.find(({ name }) => name === "web")?.dependsOn, [
            { service: "mongodb", condition: "healthy" },
            { service: "redis", condition: "healthy" },
            { service: "smtp", condition: "started" },
        ]);
    });
    it("leave a service unchecked, or out", () => {
        const plan = planOf({
            services: { web: { healthCheck: false }, caldav: { disabled: true } },
        });
        const names = plan.services.map(({ name }) => name);
        const web = plan.services.find(({ name }) => name === "web");
        assert.deepEqual([web?.healthCheck, web?.ignoresImageCheck], [undefined, true]);
        assert.ok(!names.includes("caldav"));
        assert.ok(!plan.verify.some(({ name }) => name === "caldav.example.com"));
        assert.deepEqual(plan.warnings, [
            "stack.services.caldav: it is left out, but its DNS records still lead to this host.",
        ]);
    });
});
