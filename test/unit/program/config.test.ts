import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatProblems } from "../../../components/problem";
import { locations, serverTypes } from "../../../components/server/hetzner-catalogue";
import { readConfig } from "../../../program/config";
import { authorityPem } from "../certificate/authority-certificate";
import { images } from "../stack/stacks";
import { cloudflareToken, hcloudToken, lines, source } from "./support/config-source";

describe("good configuration", () => {
    it("becomes the arguments of MailHost, defaults left to it", () => {
        assert.deepEqual(readConfig(source()), {
            config: {
                domain: "example.com",
                email: "you@example.net",
                server: { sshAllowedCidrs: ["203.0.113.0/24"] },
                dns: { provider: "cloudflare" },
                certificate: {},
                systemDkim: {},
                stack: { images },
            },
            problems: [],
        });
    });

    it("reads every key, texts as what they stand for", () => {
        const everything = source({
            "mailhost:server": {
                provider: "hetzner",
                type: "cax99",
                location: "hel1",
                sshAllowedCidrs: ["0.0.0.0/0", "::/0"],
                image: 1234,
                system: "ubuntu-24.04",
                volumeSizeGb: "100",
                authorizedKeys: [
                    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3yPcCAgyXhGBeWPbpXUHnEYlTIOqKAd3oOaD5tSfHD me",
                ],
                architecture: "arm",
            },
            "mailhost:dns": {
                provider: "cloudflare",
                dnssec: "true",
                recordsPerZone: "3500",
                adopt: ["023e105f4ecef8ad9ca31a8372d0c353"],
            },
            "mailhost:domains": [
                {
                    name: "example.org",
                    zone: "example.org",
                    ttlSeconds: 3600,
                    spf: { all: "softfail", includes: ["spf.example.net"] },
                    dmarc: { policy: "reject", reportAddresses: ["dmarc@example.net"] },
                    mtaSts: { mode: "enforce", maxAgeSeconds: "86400" },
                    tlsReports: { addresses: [] },
                    caa: { issuers: ["pki.goog"], accountBinding: "true" },
                    mx: { preference: 10, further: [{ host: "mx2.example.net", preference: 20 }] },
                    bimi: { logoUrl: "https://example.org/logo.svg" },
                    siteVerification: "0123456789",
                },
            ],
            "mailhost:certificate": {
                authority: "https://ca.example.net/directory",
                issuer: "ca.example.net",
                ca: authorityPem,
                propagationSeconds: "30",
            },
            "mailhost:stack": {
                images,
                profile: "storage",
                startTlsSubmission: "true",
                environment: { APP_NAME: "Post", MAX_RECIPIENTS: 30, AUTH_BASIC_ALWAYS: true },
                memory: { mongodb: "1024", web: 512 },
                services: { pop3: { disabled: true }, extra: { image: images.router } },
            },
            "mailhost:helperEncryptionKey": "Adopted1".repeat(4),
            "mailhost:txtEncryptionKey": "ad0b7ed1".repeat(4),
            "mailhost:secretEnvironment": { GOOGLE_CLIENT_SECRET: "their-secret" },
            "mailhost:systemDkim": { selectors: ["default", "s2027"], signing: "s2027" },
            "mailhost:protect": "false",
            "mailhost:authBasicUsername": "setup",
            "mailhost:rebootTime": "03:15",
            "mailhost:debug": "true",
            "mailhost:secretDelivery": "user-data",
            "mailhost:cloudflareApiToken": cloudflareToken,
            "hcloud:token": undefined,
            "cloudflare:apiToken": undefined,
            "pulumi:tags": { "pulumi:template": "x" },
            "aws:region": "eu-central-1",
        });
        assert.deepEqual(
            readConfig({
                ...everything,
                environment: { HCLOUD_TOKEN: hcloudToken, CLOUDFLARE_API_TOKEN: cloudflareToken },
            }),
            {
                config: {
                    domain: "example.com",
                    email: "you@example.net",
                    server: {
                        type: "cax99",
                        location: "hel1",
                        sshAllowedCidrs: ["0.0.0.0/0", "::/0"],
                        image: "1234",
                        system: "ubuntu-24.04",
                        volumeSizeGb: 100,
                        authorizedKeys: [
                            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3yPcCAgyXhGBeWPbpXUHnEYlTIOqKAd3oOaD5tSfHD me",
                        ],
                        architecture: "arm",
                    },
                    dns: {
                        provider: "cloudflare",
                        dnssec: true,
                        recordsPerZone: 3500,
                        adopt: ["023e105f4ecef8ad9ca31a8372d0c353"],
                    },
                    domains: [
                        {
                            name: "example.org",
                            zone: "example.org",
                            ttlSeconds: 3600,
                            spf: { all: "softfail", includes: ["spf.example.net"] },
                            dmarc: { policy: "reject", reportAddresses: ["dmarc@example.net"] },
                            mtaSts: { mode: "enforce", maxAgeSeconds: 86400 },
                            tlsReports: { addresses: [] },
                            caa: { issuers: ["pki.goog"], accountBinding: true },
                            mx: {
                                preference: 10,
                                further: [{ host: "mx2.example.net", preference: 20 }],
                            },
                            bimi: { logoUrl: "https://example.org/logo.svg" },
                            siteVerification: "0123456789",
                        },
                    ],
                    certificate: {
                        authority: "https://ca.example.net/directory",
                        issuer: "ca.example.net",
                        ca: authorityPem,
                        propagationSeconds: 30,
                    },
                    stack: {
                        images,
                        profile: "storage",
                        startTlsSubmission: true,
                        environment: {
                            APP_NAME: "Post",
                            MAX_RECIPIENTS: 30,
                            AUTH_BASIC_ALWAYS: true,
                        },
                        memory: { mongodb: 1024, web: 512 },
                        services: { pop3: { disabled: true }, extra: { image: images.router } },
                        secretEnvironment: { GOOGLE_CLIENT_SECRET: "their-secret" },
                    },
                    helperEncryptionKey: "Adopted1".repeat(4),
                    txtEncryptionKey: "ad0b7ed1".repeat(4),
                    systemDkim: { selectors: ["default", "s2027"], signing: "s2027" },
                    protect: false,
                    authBasicUsername: "setup",
                    rebootTime: "03:15",
                    debug: true,
                    secretDelivery: "user-data",
                    cloudflareApiToken: cloudflareToken,
                },
                problems: [],
            },
        );
    });

    const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/);
    const domain = fc
        .tuple(label, fc.constantFrom("com", "co.uk", "example", "test"))
        .map((parts) => parts.join("."));
    const cidr = fc.oneof(
        fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([address, length]) => {
            const bits = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
            const start = Math.floor(bits / 2 ** (32 - length)) * 2 ** (32 - length);
            return `${[24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256).join(".")}/${length}`;
        }),
        fc
            .tuple(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 32, max: 64 }))
            .map(([group, length]) => `2001:${group.toString(16)}::/${length}`),
    );
    const typeAndLocation = fc
        .constantFrom(...serverTypes)
        .chain((type) =>
            fc.constantFrom(...type.locations).map((location) => ({ type: type.name, location })),
        );
    const image = fc.oneof(
        fc.record({
            image: fc.constantFrom("debian-13", "debian-12", "ubuntu-24.04", "ubuntu-22.04"),
        }),
        fc.record({
            image: fc.integer({ min: 1, max: 2 ** 40 }),
            system: fc.constantFrom("debian-13", "debian-12", "ubuntu-24.04", "ubuntu-22.04"),
        }),
    );
    const twoDigits = (max: number) =>
        fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, "0"));
    /** The mail services would take it for one. */
    const isNoNumber = (text: string) => Number.isNaN(Number(text));
    const valid = fc.record(
        {
            "mailhost:domain": domain,
            "mailhost:email": domain.map((name) => `post.master+x@${name}`),
            "mailhost:server": fc
                .tuple(
                    fc.option(typeAndLocation, { nil: {} }),
                    fc.option(image, { nil: {} }),
                    fc.record(
                        {
                            sshAllowedCidrs: fc.array(cidr, { minLength: 1, maxLength: 5 }),
                            volumeSizeGb: fc.integer({ min: 10, max: 10240 }),
                            provider: fc.constant("hetzner"),
                        },
                        { requiredKeys: ["sshAllowedCidrs"] },
                    ),
                )
                .map((parts) => Object.assign({}, ...parts) as object),
            "mailhost:protect": fc.constantFrom("true", "false"),
            "mailhost:debug": fc.constantFrom("true", "false"),
            "mailhost:authBasicUsername": fc
                .stringMatching(/^[A-Za-z0-9._-]{1,64}$/)
                .filter(isNoNumber),
            "mailhost:stack": fc.record(
                {
                    images: fc.constant(images),
                    profile: fc.constantFrom("storage", "forwarding"),
                    startTlsSubmission: fc.boolean(),
                    environment: fc.dictionary(
                        fc.stringMatching(/^X_[A-Z0-9_]{0,20}$/),
                        fc.oneof(
                            fc.integer(),
                            fc.boolean(),
                            fc.stringMatching(/^[a-z 0-9]{0,20}$/),
                        ),
                    ),
                    memory: fc.record({ web: fc.integer({ min: 192, max: 2048 }) }),
                },
                { requiredKeys: ["images"] },
            ),
            "mailhost:helperEncryptionKey": fc
                .stringMatching(/^[A-Za-z0-9]{32}$/)
                .filter(isNoNumber),
            "mailhost:txtEncryptionKey": fc.stringMatching(/^[0-9a-f]{32}$/).filter(isNoNumber),
            "mailhost:secretEnvironment": fc.dictionary(
                fc.stringMatching(/^Y_[A-Z0-9_]{0,20}$/),
                fc.stringMatching(/^[A-Za-z0-9+/=]{0,40}$/),
            ),
            "mailhost:rebootTime": fc
                .tuple(twoDigits(23), twoDigits(59))
                .map((parts) => parts.join(":")),
            "mailhost:cloudflareApiToken": fc.stringMatching(/^[A-Za-z0-9_-]{40,60}$/),
            "hcloud:token": fc.stringMatching(/^[A-Za-z0-9]{64}$/),
        },
        {
            requiredKeys: [
                ...(["mailhost:domain", "mailhost:email", "mailhost:server"] as const),
                ...(["mailhost:stack", "hcloud:token"] as const),
            ],
        },
    );

    it("never has a problem", () => {
        fc.assert(fc.property(valid, (changes) => assert.deepEqual(lines(source(changes)), [])));
    });

    it("covers every location", () => {
        assert.deepEqual(
            [...new Set(serverTypes.flatMap((type) => type.locations))].sort(),
            [...locations].sort(),
        );
    });
});

describe("secrets", () => {
    const secret = fc
        .stringMatching(/^[A-Za-z0-9 _!$%-]{8,80}$/)
        .map((text) => `S3CR3T${text}T3RC3S`);

    it("are in no problem, whatever else is wrong", () => {
        const wrong = fc.constantFrom(undefined, "", "co.uk", "-", "yes");
        fc.assert(
            fc.property(
                secret,
                secret,
                secret,
                wrong,
                fc.boolean(),
                (first, second, third, other, plain) => {
                    const from = source(
                        {
                            "mailhost:cloudflareApiToken": first,
                            "hcloud:token": second,
                            "cloudflare:apiToken": second,
                            "mailhost:domain": third,
                            "mailhost:email": other,
                            "mailhost:helperEncryptionKey": first,
                            "mailhost:txtEncryptionKey": second,
                            "mailhost:secretEnvironment": other ?? {
                                "a b": first,
                                HELPER_ENCRYPTION_KEY: second,
                                SMTP_TRANSPORT_PASS: [third],
                                GPG_SECURITY_KEY: `${third}\n`,
                            },
                            "mailhost:stack": {
                                environment: {
                                    SMTP_TRANSPORT_PASS: first,
                                    AWS_SECRET_ACCESS_KEY: { value: second },
                                },
                                secretEnvironment: { A: third },
                            },
                            "mailhost:secretDelivery": other,
                            "mailhost:server": {
                                type: third,
                                image: third,
                                sshAllowedCidrs: [third],
                                [third]: third,
                            },
                            // Nobody knows what an unknown key holds.
                            "mailhost:password": first,
                            "post:cloudflareApiToken": first,
                        },
                        {
                            project: "post",
                            environment: { HCLOUD_TOKEN: second, CLOUDFLARE_API_TOKEN: second },
                            secretKeys: [
                                "mailhost:domain",
                                "mailhost:server",
                                ...(plain
                                    ? []
                                    : [
                                          "hcloud:token",
                                          "cloudflare:apiToken",
                                          "mailhost:cloudflareApiToken",
                                          "mailhost:helperEncryptionKey",
                                          "mailhost:txtEncryptionKey",
                                          "mailhost:secretEnvironment",
                                      ]),
                            ],
                        },
                    );
                    const { problems } = readConfig(from);
                    const text = formatProblems(problems);
                    assert.ok(problems.length > 3);
                    // The name of a setting is no value.
                    assert.ok(!text.replaceAll(`server.${third}:`, "").includes("S3CR3T"), text);
                },
            ),
        );
    });
});
