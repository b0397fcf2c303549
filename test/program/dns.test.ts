import assert from "node:assert/strict";
import { describe, it, mock as testMock } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { cloudflare, MailHost, manualDns, planDnsRecords } from "../../components";
import { phases, recordKey } from "../../components/dns/record";
import { publicKey } from "../unit/dns/public-keys";
import { accountUri, keyDigest } from "./support/computed-outputs";
import {
    args,
    described,
    dnsRecord,
    make,
    namesOf,
    plannedNames,
    type Given,
} from "./support/mail-host-dns";
import { propertyFaults } from "./support/property-tables";
import { RecordingMock, unhandledErrors, valueOf, zoneIdOf } from "./support/recording-mock";
import { isSecretValue } from "./support/secret-values";

const key = { selector: "fe-0123456789", publicKey: publicKey(2048) };

describe("the records of a mail host", () => {
    for (const preview of [false, true]) {
        const mode = preview ? "preview" : "update";

        it(`are published once each, phase by phase, as what they promise comes true (${mode})`, async () => {
            const bound = { domains: [{ name: "example.org", caa: { accountBinding: true } }] };
            const { records } = await make({
                preview,
                args: { dns: cloudflare({ dnssec: true }), ...bound },
            });
            const plan = planDnsRecords({ ...described, signed: true, ...bound });
            const waits = { base: [], certified: ["certificate"], serving: ["stack"] };
            for (const phase of phases) {
                const component = `mailhost:index:CloudflareZone${phase.charAt(0).toUpperCase()}${phase.slice(1)}::mail-dns`;
                const own = records.filter(({ parent }) => parent === component);
                assert.deepEqual(namesOf(own), plannedNames(plan, phase));
                for (const { name, dependsOn } of own) {
                    assert.deepEqual(waitsFor(dependsOn), waits[phase], name);
                }
            }
            assert.deepEqual(namesOf(records), plannedNames(plan, ...phases));
        });

        it(`are all shown at ${mode} for signed zones, as the provider takes them, none proxied`, async () => {
            const { mock, records } = await make({
                preview,
                args: {
                    dns: cloudflare({ dnssec: true }),
                    domains: [{ name: "example.com", dkim: key, siteVerification: "0123456789" }],
                },
            });
            assert.deepEqual([...new Set(records.map(({ inputs }) => inputs["type"]))].sort(), [
                "A",
                "AAAA",
                "CAA",
                "CNAME",
                "HTTPS",
                "MX",
                "SRV",
                "SSHFP",
                "TLSA",
                "TXT",
            ]);
            assert.deepEqual(
                records.filter(({ inputs }) => inputs["proxied"] === true),
                [],
            );
            assert.deepEqual(
                records.filter(({ secretInputs }) => secretInputs.length > 0),
                [],
            );
            const custom = mock.resources.filter((resource) => resource.custom);
            assert.deepEqual(custom.flatMap(propertyFaults), []);
        });

        it(`cost one look-up of each zone and one of what it holds (${mode})`, async () => {
            const { mock } = await make({ preview });
            assert.deepEqual(
                mock.calls
                    .filter(({ token }) => token.startsWith("cloudflare:"))
                    .map(({ token, inputs }): unknown[] => [token.split(":").at(-1), inputs]),
                [
                    ["getZone", { filter: { name: "example.com" } }],
                    ["getZone", { filter: { name: "example.org" } }],
                    ["getDnsRecords", { zoneId: zoneIdOf("example.com"), maxItems: 1_000_000 }],
                    ["getDnsRecords", { zoneId: zoneIdOf("example.org"), maxItems: 1_000_000 }],
                ],
            );
        });
    }

    it("are in the zones that the plan says", async () => {
        const { records } = await make();
        const zoneOf = new Map(
            planDnsRecords(described).records.map((record) => [
                `mail-dns-${recordKey(record)}`,
                zoneIdOf(record.zone),
            ]),
        );
        for (const { name, inputs } of records) assert.equal(inputs["zoneId"], zoneOf.get(name));
        assert.deepEqual([...new Set(zoneOf.values())].sort(), [
            zoneIdOf("example.com"),
            zoneIdOf("example.org"),
        ]);
    });

    it("name what server, keys and certificate turn out to have", async () => {
        const { mock } = await make({
            args: {
                dns: cloudflare({ dnssec: true }),
                domains: [{ name: "example.org", caa: { accountBinding: true } }],
            },
        });
        const content = (name: string) => {
            const { inputs } = mock.resource(dnsRecord, `mail-dns-${name}`);
            return inputs["content"] ?? inputs["data"];
        };
        const base64 = (text: string) => Buffer.from(text).toString("base64");
        assert.equal(content("A-mx.example.com-address"), "192.0.2.25");
        assert.equal(content("AAAA-example.com-address"), "2001:db8:25::1");
        assert.equal(
            content("TXT-default._domainkey.example.com-system-dkim"),
            `"v=DKIM1; k=rsa; p=${base64("mail-dkim-default")};"`,
        );
        assert.deepEqual(content("SSHFP-mx.example.com-host-key"), {
            algorithm: 4,
            type: 2,
            // SHA-256 of the host's key as the mock makes it: `printf mail-host-key | sha256sum`.
            fingerprint: "79231E393300061B0CA40291F17FD8D506E9EF056A19E1608A68F4D4FE099621",
        });
        for (const port of [25, 443, 465, 993, 995]) {
            assert.deepEqual(content(`TLSA-_${port}._tcp.mx.example.com-current`), {
                usage: 3,
                selector: 1,
                matchingType: 1,
                // Of the host's own certificate, whose key stays over renewals.
                certificate: keyDigest("example.com").toUpperCase(),
            });
        }
        for (const tag of ["issue", "issuewild"]) {
            assert.deepEqual(content(`CAA-example.org-${tag}`), {
                flags: 0,
                tag,
                value: `letsencrypt.org; validationmethods=dns-01; accounturi=${accountUri}`,
            });
            assert.deepEqual(content(`CAA-example.com-${tag}`), {
                flags: 0,
                tag,
                value: "letsencrypt.org; validationmethods=dns-01",
            });
        }
    });

    it("follow a domain's own key and verification, in the first phase", async () => {
        const before = await make();
        const after = await make({
            args: {
                domains: [{ name: "example.org", dkim: key, siteVerification: "0123456789" }],
            },
        });
        const added = after.records.filter(
            ({ name }) => !before.records.some((other) => other.name === name),
        );
        assert.deepEqual(
            added.map(({ name, parent }) => `${name} < ${parent}`),
            [
                "mail-dns-TXT-example.org-site-verification < mailhost:index:CloudflareZoneBase::mail-dns",
                "mail-dns-TXT-fe-0123456789._domainkey.example.org-dkim < mailhost:index:CloudflareZoneBase::mail-dns",
            ],
        );
    });
});

/** Which of the host's parts a record waits for by itself. */
function waitsFor(dependsOn: readonly string[]): string[] {
    const parts = {
        "command:remote:Command::mail-host-apply": "set-up",
        "command:remote:Command::mail-certificate-issue": "certificate",
        "command:local:Command::mail-stack-reachability": "stack",
    };
    return Object.entries(parts).flatMap(([resource, part]) =>
        dependsOn.includes(resource) ? [part] : [],
    );
}

describe("zones that can't take the records", () => {
    /** The one error of a program; nothing was registered at Cloudflare. */
    async function failure(given: Given): Promise<string> {
        let mock: RecordingMock | undefined;
        const errors = await unhandledErrors(async () => {
            mock = await RecordingMock.start(given);
            const mail = new MailHost("mail", { ...args, ...given.args });
            await valueOf(mail.nextSteps);
        });
        const messages = [...new Set(errors.map((error) => (error as Error).message))];
        assert.equal(messages.length, 1, messages.join("\n"));
        const made = mock?.resources.filter(({ type }) => type.startsWith("cloudflare:"));
        assert.deepEqual(made, []);
        return messages[0] ?? "";
    }

    const mx = {
        ...{ id: "1".repeat(32), name: "example.com", type: "MX" },
        ...{ content: "mail.example.net", priority: 10, meta: "{}" },
    };
    const spf = {
        ...{ id: "2".repeat(32), name: "example.org", type: "TXT" },
        ...{ content: '"v=spf1 -all"', meta: "{}" },
    };
    const routing = {
        ...{ ...mx, name: "example.org", id: "3".repeat(32) },
        meta: '{"email_routing": true, "read_only": true}',
    };

    for (const preview of [false, true]) {
        it(`fail for the clashes of all zones at once (${preview ? "preview" : "update"})`, async () => {
            const message = await failure({
                preview,
                zones: {
                    "example.com": { records: [mx] },
                    "example.org": { records: [spf, routing] },
                },
            });
            assert.deepEqual(message.split("\n"), [
                "3 records at Cloudflare can't stay as they are beside the planned ones; none was changed:",
                `  example.com: MX example.com 10 mail.example.net (id ${mx.id}) stands beside the one planned: a part of the mail would go there. Remove or import it.`,
                `  example.org: TXT example.org "v=spf1 -all" (id ${spf.id}) is a second v=spf1 record of the name, and with two of them neither counts. Remove or import it.`,
                `  example.org: MX example.org 10 mail.example.net (id ${routing.id}) stands beside the one planned: a part of the mail would go there. It belongs to Cloudflare's Email Routing: disable that (zone, Email, Email Routing, Settings).`,
                "Remove what is not needed any more (https://dash.cloudflare.com: zone, DNS, Records). What is wanted beside ours is let stand: add its id to the DNS setting `adopt` (mailhost:dns.adopt in the configuration).",
                "To take a record over instead, so that it is changed in place and never gone, import it with the line below, add its id to `adopt`, and run `pulumi up`:",
                ...[
                    `'mail-dns-MX-example.com-host' 'zone-of-example.com/${mx.id}'`,
                    `'mail-dns-TXT-example.org-spf' 'zone-of-example.org/${spf.id}'`,
                ].map(
                    (what) =>
                        `  pulumi import --yes --protect=false --generate-code=false cloudflare:index/dnsRecord:DnsRecord ${what}`,
                ),
            ]);
        });
    }

    it("fail with every zone that there isn't", async () => {
        const message = await failure({
            zones: { "example.com": undefined, "example.org": undefined },
        });
        assert.deepEqual(
            message.split("\n"),
            ["example.com", "example.org"].flatMap((zone) => [
                `The zone ${zone} can't be read at Cloudflare: failed to find exactly one result: 0 found`,
                "  Either the token lacks Zone:Read and DNS:Edit for it, or the account has no such zone: add it at https://dash.cloudflare.com, or give the domain's `zone` if its records are in one above it.",
            ]),
        );
    });

    it("fail when the planned records don't fit beside what is there", async () => {
        const planned = planDnsRecords(described).records.filter(
            ({ zone }) => zone === "example.com",
        ).length;
        const others = (count: number) =>
            Array.from({ length: count }, (_, index) => ({
                ...{ id: `${index}`.padStart(32, "0"), name: `www${index}.example.com` },
                ...{ type: "TXT", content: '"x"', meta: "{}" },
            }));
        const own = { ...others(1)[0], name: "old.example.com" };
        const comment = "pulumi-mailhost/mailhost/test";
        const fits = [...others(200 - planned), { ...own, comment }];
        await make({ zones: { "example.com": { records: fits }, "example.org": { records: [] } } });
        const message = await failure({
            zones: {
                "example.com": { records: others(201 - planned) },
                "example.org": { records: [] },
            },
        });
        assert.equal(
            message.split("\n")[0],
            `The zone example.com would hold 201 records, the ${planned} of this host and ${201 - planned} others, and 200 is the most; none was changed.`,
        );
    });

    it("let a record pass whose id is adopted, and one of this stack", async () => {
        const own = { ...spf, comment: "pulumi-mailhost/mailhost/test" };
        const { records } = await make({
            zones: { "example.com": { records: [mx] }, "example.org": { records: [own] } },
            args: { dns: cloudflare({ adopt: [mx.id] }) },
        });
        assert.equal(
            records.length,
            plannedNames(planDnsRecords(described), "base", "serving").length,
        );
        assert.ok(records.every(({ aliasWithoutParent }) => aliasWithoutParent));
    });

    it("are not complained of where a preview can ask nobody", async () => {
        const { records } = await make({ preview: true, tokenUnknown: true });
        assert.deepEqual(
            namesOf(records),
            plannedNames(planDnsRecords(described), "base", "serving"),
        );
    });
});

describe("cloudflare(…)", () => {
    it("signs each zone, keeps it signed, and hands out what the registrar needs", async () => {
        const { mock, mail } = await make({ args: { dns: cloudflare({ dnssec: true }) } });
        const signed = mock.resources.filter(({ type }) => type.endsWith(":ZoneDnssec"));
        assert.deepEqual(
            signed.map(({ name, inputs, retainOnDelete }) => ({ name, inputs, retainOnDelete })),
            ["example.com", "example.org"].map((zone) => ({
                name: `mail-dns-dnssec-${zone}`,
                inputs: {
                    zoneId: zoneIdOf(zone),
                    status: "active",
                    dnssecMultiSigner: false,
                    dnssecPresigned: false,
                    dnssecUseNsec3: false,
                },
                retainOnDelete: true,
            })),
        );
        const ds = (zone: string) => `${zoneIdOf(zone)} 3600 IN DS 2371 13 2 E0F0`;
        assert.deepEqual(await valueOf(mail.dnssec), {
            "example.com": ds("example.com"),
            "example.org": ds("example.org"),
        });
        assert.deepEqual(
            (await valueOf(mail.nextSteps)).filter((step) => step.includes("registrar")),
            ["example.com", "example.org"].map(
                (zone) =>
                    `Publish the DS record of ${zone} at its registrar, unless it is there: ${ds(zone)}`,
            ),
        );
    });

    it("signs none unless it is told to", async () => {
        const { mock, mail } = await make();
        assert.deepEqual(
            mock.resources.filter(({ type }) => type.endsWith(":ZoneDnssec")),
            [],
        );
        assert.deepEqual(await valueOf(mail.dnssec), {});
    });

    it("uses its own token for everything, as a secret", async () => {
        const apiToken = "t".repeat(40);
        const { mock } = await make({ args: { dns: cloudflare({ apiToken, dnssec: true }) } });
        const provider = mock.resource("pulumi:providers:cloudflare", "mail-dns");
        assert.deepEqual(provider.inputs, { apiToken });
        assert.ok(isSecretValue(provider.sent["apiToken"]));
        const all = mock.resources.filter(({ type }) => type.startsWith("cloudflare:"));
        assert.deepEqual(
            [...new Set(all.map((resource) => resource.provider))],
            ["pulumi:providers:cloudflare::mail-dns"],
        );
        const calls = mock.calls.filter(({ token }) => token.startsWith("cloudflare:"));
        assert.equal(calls.length, 4);
        for (const { provider: used } of calls) assert.match(String(used), /::mail-dns::/);
    });

    it("tells of a zone that the domain's registrar has not delegated yet", async () => {
        const { mail } = await make({ zones: { "example.org": { status: "pending" } } });
        assert.deepEqual(
            (await valueOf(mail.nextSteps)).filter((step) => step.includes("registrar")),
            [
                "Have the registrar of example.org name Cloudflare's servers: ada.ns.cloudflare.com and bob.ns.cloudflare.com. Until then nobody sees its records.",
            ],
        );
    });

    it("writes each phase where it is told to, the certified one too", async () => {
        const plan = planDnsRecords({ ...described, signed: true });
        const values = Object.fromEntries(
            ["ipv4", "ipv6", "system-dkim:default", "ssh-host-key", "certificate-key:current"].map(
                (name) => [name, name],
            ),
        );
        const { mock } = await RecordingMock.run({}, () => {
            const dns = cloudflare().open("mail-dns", plan, {});
            for (const phase of ["base", "certified", "serving"] as const) {
                dns.write(phase, values, {});
            }
        });
        const records = mock.resources.filter(({ type }) => type === dnsRecord);
        assert.deepEqual(namesOf(records), plannedNames(plan, "base", "certified", "serving"));
        assert.equal(mock.calls.length, 4);
    });
});

describe("manualDns(…)", () => {
    it("writes and asks nothing, and says where the records are", async () => {
        const { mock, mail } = await make({ args: { dns: manualDns() } });
        const atCloudflare = ({ type }: { type: string }) =>
            type.startsWith("cloudflare:") || type.includes(":CloudflareZone");
        assert.deepEqual(mock.resources.filter(atCloudflare), []);
        assert.deepEqual(
            mock.calls.filter(({ token }) => token.startsWith("cloudflare:")),
            [],
        );
        const { records, zones } = planDnsRecords(described);
        assert.ok(zones.length > 1);
        assert.deepEqual((await valueOf(mail.nextSteps)).slice(1, 3), [
            `Publish the ${records.length} records that \`npm run mailhost -- dns\` prints (--zone-file for import): those of phase base first, those of phase serving once the host takes mail.`,
            `See that the zones ${zones.map(({ name }) => name).join(", ")} are at Cloudflare: the host answers the certificate authority there, and gets no certificate for a domain elsewhere.`,
        ]);
        assert.deepEqual(await valueOf(mail.dnssec), {});
    });

    it("plans what a signed zone needs when told that it is one", async () => {
        const sshfp = async (dnssec?: boolean) => {
            const { mail } = await make({ args: { dns: manualDns({ dnssec }) } });
            const { description } = await valueOf(mail.dns);
            return planDnsRecords(description).records.filter(({ data }) => data.type === "SSHFP")
                .length;
        };
        assert.deepEqual([await sshfp(), await sshfp(false), await sshfp(true)], [0, 0, 1]);
    });
});

describe("warnings of the records", () => {
    async function warnings(given: Given): Promise<string[]> {
        const warn = testMock.method(pulumi.log, "warn", () => Promise.resolve());
        try {
            await make(given);
            return warn.mock.calls
                .map((call) => String(call.arguments[0]))
                .filter((warning) => warning.startsWith("example."));
        } finally {
            warn.mock.restore();
        }
    }
    const asked = {
        domains: [
            {
                name: "example.org",
                caa: { accountBinding: true },
                dmarc: { policy: "none" },
            } as const,
        ],
    };

    it("are told at preview, once each", async () => {
        assert.deepEqual(await warnings({ preview: true }), []);
        assert.deepEqual(await warnings({ preview: true, args: asked }), [
            "example.org: with the DMARC policy none, receivers deliver mail that others forge in its name.",
        ]);
    });

    it("are not told again by the update", async () => {
        assert.deepEqual(await warnings({ args: asked }), []);
    });
});

describe("the output dns", () => {
    it("has what the plan follows from and every value but the certificate's, none of it secret", async () => {
        const { mail } = await make({ args: { dns: cloudflare({ dnssec: true }) } });
        const { description, values } = await valueOf(mail.dns);
        assert.deepEqual(
            planDnsRecords(description),
            planDnsRecords({ ...described, signed: true }),
        );
        assert.deepEqual(Object.keys(values).sort(), [
            "ipv4",
            "ipv6",
            "outbound-ipv4",
            "outbound-ipv6",
            "ssh-host-key",
            "system-dkim:default",
        ]);
        assert.equal(values["ipv4"], "192.0.2.25");
        assert.equal(await pulumi.isSecret(mail.dns), false);
    });

    it("tells what only the running host can give, until it is given", async () => {
        const { mail } = await make();
        assert.deepEqual(
            (await valueOf(mail.missingDomainValues)).map(
                ({ domain, setting }) => `${domain} ${setting}`,
            ),
            ["example.com", "example.org", "lists.example.org"].flatMap((domain) => [
                `${domain} dkim`,
                `${domain} siteVerification`,
            ]),
        );
        assert.equal(
            (await valueOf(mail.nextSteps)).at(-1),
            "Give what only the host's web site can tell of example.com, example.org, lists.example.org: the output missingDomainValues says what and how. No mail of a domain is sent before.",
        );
        const given = { dkim: key, siteVerification: "0123456789" };
        const { mail: complete } = await make({
            args: { domains: [{ name: "example.com", ...given }] },
        });
        assert.deepEqual(await valueOf(complete.missingDomainValues), []);
        assert.deepEqual(
            (await valueOf(complete.nextSteps)).filter((step) =>
                step.includes("missingDomainValues"),
            ),
            [],
        );
    });
});
