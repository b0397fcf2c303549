import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { domainSettings } from "../../../components/dns/domain-settings";
import type { Release } from "../../../components/stack/model";
import { renderRelease, type StackOptions } from "../../../components/stack/plan";
import { variables } from "../../../components/stack/variables";
import { context, digest, fileOf, images, planOf, releaseOf, secrets } from "./stacks";

interface ComposeService extends Record<string, unknown> {
    labels: Record<string, string>;
}

const composeFile = "docker-compose-self-hosting.yml";

function composeServices(release: Release): Record<string, ComposeService> {
    const file = parse(fileOf(release, composeFile)) as {
        name: string;
        services: Record<string, ComposeService>;
    };
    assert.equal(file.name, "self-hosting");
    return file.services;
}

const inputsOf = (release: Release) =>
    Object.fromEntries(
        Object.entries(composeServices(release)).map(([name, { labels }]) => [
            name,
            labels["mailhost.inputs"],
        ]),
    );

/** The services whose label differs. */
function changed(before: Release, after: Release): string[] {
    const [old, now] = [inputsOf(before), inputsOf(after)];
    assert.deepEqual(Object.keys(now), Object.keys(old));
    return Object.keys(now).filter((name) => now[name] !== old[name]);
}

const everyArgs: StackOptions<unknown> = { startTlsSubmission: true };
const nodeServices = planOf(everyArgs)
    .services.filter(({ readsEnvironmentFile }) => readsEnvironmentFile)
    .map(({ name }) => name);

describe("a release", () => {
    it("places its files for who reads them, the compose file last", () => {
        assert.deepEqual(
            releaseOf().files.map(({ path, mode, owner }) => `${mode} ${owner} ${path}`),
            [
                "0400 mail .env",
                "0400 mail ssl/dkim.key",
                "0444 root nginx/documents/mta-sts.example.com/.well-known/mta-sts.txt",
                "0444 root nginx/documents/autoconfig.example.com/mail/config-v1.1.xml",
                "0444 root nginx/documents/autodiscover.example.com/autodiscover/autodiscover.xml",
                "0444 root nginx/documents/mx.example.com/autodiscover/autodiscover.xml",
                "0444 root nginx/documents/mta-sts.example.org/.well-known/mta-sts.txt",
                "0444 root nginx/documents/autoconfig.example.org/mail/config-v1.1.xml",
                "0444 root nginx/documents/autodiscover.example.org/autodiscover/autodiscover.xml",
                "0444 root nginx/nginx.conf",
                `0600 root ${composeFile}`,
            ],
        );
    });

    it("names the images, those of the user's services once", () => {
        const own = { image: `registry.example/hook@${digest}` };
        const release = releaseOf({ services: { hook: own, hook2: own } });
        assert.deepEqual(release.images, images);
        assert.deepEqual(release.furtherImages, [own.image]);
        const pulled = { ...images, router: `nginx:1.28@${digest}` };
        const services = composeServices(renderRelease(planOf(), secrets, pulled));
        assert.equal(services["sni-router"]?.["image"], pulled.router);
    });

    it("is verified at every port, under every name", () => {
        assert.deepEqual(
            releaseOf(everyArgs).verify.map(
                ({ port, tls, name, lineage, service }) =>
                    `${port} ${tls} ${name} ${lineage} ${service}`,
            ),
            [
                "25 smtp-starttls mx.example.com example.com mx",
                "465 implicit mx.example.com example.com smtp",
                "587 smtp-starttls mx.example.com example.com smtp_starttls",
                "993 implicit mx.example.com example.com imap",
                "995 implicit mx.example.com example.com pop3",
                "443 implicit example.com example.com web",
                "443 implicit api.example.com example.com api",
                "443 implicit caldav.example.com example.com caldav",
                "443 implicit carddav.example.com example.com carddav",
                "443 implicit mx.example.com example.com sni-router",
                "443 implicit mta-sts.example.com example.com sni-router",
                "443 implicit autoconfig.example.com example.com sni-router",
                "443 implicit autodiscover.example.com example.com sni-router",
                "443 implicit mta-sts.example.org example.org sni-router",
                "443 implicit autoconfig.example.org example.org sni-router",
                "443 implicit autodiscover.example.org example.org sni-router",
            ],
        );
        assert.deepEqual(
            releaseOf({ profile: "forwarding" }).verify.map(({ port, name }) => `${port} ${name}`),
            [
                "25 mx.example.com",
                "465 mx.example.com",
                "443 example.com",
                "443 api.example.com",
                "443 mx.example.com",
                "443 mta-sts.example.com",
                "443 mta-sts.example.org",
            ],
        );
    });
});

describe("the compose file", () => {
    const services = composeServices(releaseOf(everyArgs));

    it("has the mail service whole", () => {
        assert.deepEqual(services["smtp_starttls"], {
            container_name: "smtp_starttls",
            image: images.mail,
            command: ["node", "smtp.js"],
            hostname: "mx.example.com",
            network_mode: "host",
            restart: "unless-stopped",
            init: true,
            cap_drop: ["ALL"],
            security_opt: ["no-new-privileges:true"],
            environment: { SMTP_PORT: "587" },
            extra_hosts: [
                "example.com:127.0.0.1",
                "api.example.com:127.0.0.1",
                "caldav.example.com:127.0.0.1",
                "carddav.example.com:127.0.0.1",
                "imap.example.com:127.0.0.1",
                "pop3.example.com:127.0.0.1",
                "smtp.example.com:127.0.0.1",
                "sqlite.example.com:127.0.0.1",
            ],
            volumes: [
                {
                    type: "bind",
                    source: "./.env",
                    target: "/app/.env",
                    read_only: true,
                    bind: { create_host_path: false },
                },
                {
                    type: "bind",
                    source: "./ssl",
                    target: "/app/ssl",
                    read_only: true,
                    bind: { create_host_path: false },
                },
            ],
            healthcheck: {
                test: ["CMD", "nc", "-z", "127.0.0.1", "587"],
                interval: "30s",
                timeout: "10s",
                retries: 3,
                start_period: "180s",
                start_interval: "1s",
            },
            depends_on: {
                mongodb: { condition: "service_healthy" },
                redis: { condition: "service_healthy" },
            },
            stop_grace_period: "30s",
            mem_limit: "1638m",
            logging: { driver: "local", options: { "max-size": "20m", "max-file": "5" } },
            labels: {
                "mailhost.inputs": services["smtp_starttls"]?.labels["mailhost.inputs"],
                "mailhost.certificate": "restart",
            },
        });
    });

    it("turns a check of the image off where none is wanted", () => {
        const release = releaseOf({ services: { redis: { healthCheck: false } } });
        const file = parse(fileOf(release, composeFile)) as {
            services: Record<string, Record<string, unknown>>;
        };
        assert.deepEqual(file.services["redis"]?.["healthcheck"], { disable: true });
        assert.equal(file.services["bree"]?.["healthcheck"], undefined);
        const { depends_on: waits } = file.services["smtp"] ?? {};
        assert.deepEqual(waits, {
            mongodb: { condition: "service_healthy" },
            redis: { condition: "service_started" },
        });
    });

    it("has every service on the host's network, without capabilities, with rotated logs", () => {
        for (const [name, service] of Object.entries(services)) {
            assert.equal(service["container_name"], name);
            assert.equal(service["network_mode"], "host");
            assert.equal(service["restart"], "unless-stopped");
            assert.deepEqual(service["cap_drop"], ["ALL"]);
            assert.equal(service["cap_add"], undefined);
            assert.deepEqual(service["security_opt"], ["no-new-privileges:true"]);
            assert.ok(service["logging"]);
            assert.match(service.labels["mailhost.inputs"] ?? "", /^[0-9a-f]{64}$/);
        }
    });

    it("has the databases and the router on a root that can't be written to", () => {
        for (const name of ["mongodb", "redis", "sni-router"]) {
            assert.equal(services[name]?.["read_only"], true, name);
        }
        assert.deepEqual(services["mongodb"]?.["tmpfs"], [
            "/tmp:size=64m,mode=1777",
            "/data/configdb:size=1m,mode=1777",
        ]);
        assert.deepEqual(services["sni-router"]?.["entrypoint"], [
            ...["nginx", "-e", "stderr", "-c", "/etc/nginx/mailhost/nginx.conf"],
        ]);
    });

    it("escapes what Compose would replace", () => {
        const release = releaseOf({
            services: {
                hook: {
                    image: `hook@${digest}`,
                    command: ["sh", "-c", "echo $HOME ${X}"],
                    environment: { PRICE: "5$" },
                    capabilities: ["CHOWN"],
                },
            },
        });
        const { hook, redis } = composeServices(release);
        assert.deepEqual(hook?.["command"], ["sh", "-c", "echo $$HOME $${X}"]);
        assert.deepEqual(hook?.["environment"], { PRICE: "5$$" });
        assert.deepEqual(hook?.["cap_add"], ["CHOWN"]);
        assert.match((redis?.["command"] as string[])[2] ?? "", /exec redis-server "\$\$@"$/);
    });

    it("holds no secret", () => {
        const text = fileOf(releaseOf(everyArgs), composeFile);
        for (const secret of Object.values(secrets)) {
            if (typeof secret === "string") assert.ok(!text.includes(secret.trim()));
        }
    });
});

describe("what a change restarts", () => {
    const base = releaseOf(everyArgs);

    it("nothing when nothing changes", () => {
        assert.deepEqual(releaseOf(everyArgs), base);
    });

    it("the readers of a variable, or every Node service when it has none; never a database or the router", () => {
        const settable = Object.entries(variables).filter(
            ([, { decidedBy, secret }]) => decidedBy === "user" && !secret,
        );
        const values = {
            ...{ text: "other", size: "7mb", number: 7, flag: true },
            list: "a.example,b.example",
        };
        for (const [name, { type, readers, value }] of settable) {
            const own = value?.(context) === true ? false : values[type];
            const after = releaseOf({ ...everyArgs, environment: { [name]: own } });
            assert.deepEqual(changed(base, after), readers ?? nodeServices, name);
        }
        const unknown = releaseOf({ ...everyArgs, environment: { OF_A_NEWER_VERSION: "x" } });
        assert.deepEqual(changed(base, unknown), nodeServices);
    });

    it("the readers of a secret", () => {
        const given = (name: keyof typeof secrets, value: string) =>
            renderRelease(planOf(everyArgs), { ...secrets, [name]: value }, images);
        assert.deepEqual(changed(base, given("authBasicPassword", "another")), ["web"]);
        assert.deepEqual(changed(base, given("srsSecret", "another")), nodeServices);
        assert.deepEqual(changed(base, given("dkimPrivateKey", "another\n")), nodeServices);
    });

    it("the router for another mail domain or policy, and nothing else", () => {
        const domains = ["example.com", "example.org", "example.net"].map((name) =>
            domainSettings({ name }, "you@example.net"),
        );
        assert.deepEqual(changed(base, releaseOf(everyArgs, {}, { ...context, domains })), [
            "sni-router",
        ]);
        const enforced = domainSettings(
            { name: "example.org", mtaSts: { mode: "enforce" } },
            "you@example.net",
        );
        assert.deepEqual(
            changed(
                base,
                releaseOf(everyArgs, {}, { ...context, domains: [domains[0]!, enforced] }),
            ),
            ["sni-router"],
        );
    });

    it("by the memory of the host: no label", () => {
        assert.deepEqual(
            changed(base, releaseOf(everyArgs, {}, { ...context, memoryMb: 16_384 })),
            [],
        );
    });

    it("the same for any set of variables as for each of them", () => {
        const names = Object.entries(variables)
            .filter(
                ([, { decidedBy, secret, type }]) =>
                    decidedBy === "user" && !secret && type === "text",
            )
            .map(([name]) => name);
        const environments = fc.dictionary(
            fc.constantFrom(...names, "AUTH_BASIC_ALWAYS"),
            fc.constantFrom("x1", "x2"),
            {
                maxKeys: 4,
            },
        );
        const typedValues = (given: Record<string, string>) =>
            Object.fromEntries(
                Object.entries(given).map(([name, value]) => [
                    name,
                    name === "AUTH_BASIC_ALWAYS" ? value === "x1" : value,
                ]),
            );
        fc.assert(
            fc.property(environments, environments, (one, other) => {
                const differing = [...new Set([...Object.keys(one), ...Object.keys(other)])].filter(
                    (name) => one[name] !== other[name],
                );
                const expected = new Set(
                    differing.flatMap((name) => variables[name]?.readers ?? nodeServices),
                );
                const actual = changed(
                    releaseOf({ ...everyArgs, environment: typedValues(one) }),
                    releaseOf({ ...everyArgs, environment: typedValues(other) }),
                );
                assert.deepEqual(new Set(actual), expected);
            }),
            { numRuns: 25 },
        );
    });
});
