import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { CloudflareZone, type CloudflareZoneArgs, type PlannedRecord } from "../../components";
import type { RecordData } from "../../components/dns/record";
import { propertyFaults } from "./support/property-tables";
import { RecordingMock, valueOf, zoneIdOf } from "./support/recording-mock";

const zone = "example.com";
const type = "cloudflare:index/dnsRecord:DnsRecord";
const component = "mailhost:index:CloudflareZone";

function planned(role: string, name: string, data: RecordData, ttl = 300): PlannedRecord {
    return { name, role, scope: "host", domain: zone, zone, phase: "base", ttl, data };
}

const digest = "0a1b".repeat(16);
const longKey = "k".repeat(300);
const values = {
    ipv4: "192.0.2.25",
    ipv6: "2001:db8:25::1",
    "system-dkim:default": longKey,
    "ssh-host-key": digest,
    "certificate-key:next": digest,
    "acme-account": "https://ca.example/acct/1",
};

/** One of every type, literal and with references, and what its resource says beside zone, name, type, ttl, mark. */
const cases: [record: PlannedRecord, content: Record<string, unknown>][] = [
    [
        planned("address", zone, { type: "A", address: { ref: "ipv4" } }),
        { content: "192.0.2.25", proxied: false },
    ],
    [
        planned("address", zone, { type: "AAAA", address: { ref: "ipv6" } }),
        { content: "2001:db8:25::1", proxied: false },
    ],
    [
        planned("service", `imap.${zone}`, { type: "CNAME", target: zone }),
        { content: "example.com", proxied: false },
    ],
    [
        planned("host", zone, { type: "MX", preference: 0, exchange: `mx.${zone}` }),
        { content: "mx.example.com", priority: 0 },
    ],
    [
        planned("spf", zone, { type: "TXT", text: ["v=spf1 a mx ", "-all"] }, 3600),
        { content: '"v=spf1 a mx -all"' },
    ],
    [
        planned("system-dkim", `default._domainkey.${zone}`, {
            type: "TXT",
            text: ["v=DKIM1; k=rsa; p=", { ref: "system-dkim", selector: "default" }, ";"],
        }),
        // Cut at 255 bytes (RFC 1035 §3.3).
        { content: `"v=DKIM1; k=rsa; p=${"k".repeat(237)}" "${"k".repeat(63)};"` },
    ],
    [
        planned("quotes", `q.${zone}`, { type: "TXT", text: ['say "a\\b"'] }),
        { content: '"say \\"a\\\\b\\""' },
    ],
    [
        planned("locator", `_imaps._tcp.${zone}`, {
            ...{ type: "SRV", priority: 0, weight: 1, port: 993 },
            target: `mx.${zone}`,
        }),
        {
            priority: 0,
            data: { priority: 0, weight: 1, port: 993, target: "mx.example.com" },
        },
    ],
    [
        planned("locator", `_imap._tcp.${zone}`, {
            ...{ type: "SRV", priority: 0, weight: 0, port: 0 },
            target: ".",
        }),
        { priority: 0, data: { priority: 0, weight: 0, port: 0, target: "." } },
    ],
    [
        planned("issue", zone, {
            ...{ type: "CAA", flags: 128, tag: "issue" },
            value: ["letsencrypt.org; accounturi=", { ref: "acme-account" }],
        }),
        {
            data: {
                flags: 128,
                tag: "issue",
                value: "letsencrypt.org; accounturi=https://ca.example/acct/1",
            },
        },
    ],
    [
        planned("next", `_25._tcp.mx.${zone}`, {
            ...{ type: "TLSA", usage: 3, selector: 1, matchingType: 1 },
            digest: { ref: "certificate-key", key: "next" },
        }),
        {
            data: { usage: 3, selector: 1, matchingType: 1, certificate: digest.toUpperCase() },
        },
    ],
    [
        planned("host-key", `mx.${zone}`, {
            ...{ type: "SSHFP", algorithm: 4, digestType: 2 },
            digest: { ref: "ssh-host-key" },
        }),
        { data: { algorithm: 4, type: 2, fingerprint: digest.toUpperCase() } },
    ],
    [
        planned("web", zone, {
            ...{ type: "HTTPS", priority: 1, target: "." },
            parameters: 'alpn="h2"',
        }),
        // The priority beside the data is for MX, SRV and URI records alone.
        { data: { priority: 1, target: ".", value: 'alpn="h2"' } },
    ],
];
const records = cases.map(([record]) => record);

async function publish(
    args: Partial<CloudflareZoneArgs> = {},
    { preview = false, ...opts }: { preview?: boolean } & pulumi.ComponentResourceOptions = {},
) {
    const { mock, result } = await RecordingMock.run(
        { preview },
        () => new CloudflareZone("dns", { records, values, ...args }, opts),
    );
    return { mock, zone: result, made: mock.resources.filter((one) => one.type === type) };
}

describe("CloudflareZone", () => {
    for (const [record, content] of cases) {
        const name = `dns-${record.data.type}-${record.name}-${record.role}`;
        it(`says ${name} as the API gives it back`, async () => {
            const { mock } = await publish();
            assert.deepEqual(mock.resource(type, name).inputs, {
                zoneId: zoneIdOf(zone),
                name: record.name,
                type: record.data.type,
                ttl: record.ttl,
                comment: "pulumi-mailhost/mailhost/test",
                ...content,
            });
        });
    }

    for (const preview of [false, true]) {
        const mode = preview ? "preview" : "update";
        it(`makes one resource a record, all its own, as the provider takes them (${mode})`, async () => {
            const { made } = await publish({}, { preview });
            assert.equal(made.length, records.length);
            assert.deepEqual([...new Set(made.map(({ parent }) => parent))], [`${component}::dns`]);
            assert.deepEqual(made.flatMap(propertyFaults), []);
        });

        it(`asks for a zone once, by its name (${mode})`, async () => {
            const other = records.slice(0, 2).map((record) => ({
                ...record,
                ...{ name: "example.org", zone: "example.org" },
            }));
            const { mock } = await publish({ records: [...records, ...other] }, { preview });
            assert.deepEqual(
                mock.calls.map(({ token, inputs }): unknown[] => [token, inputs]),
                ["example.com", "example.org"].map((name) => [
                    "cloudflare:index/getZone:getZone",
                    { filter: { name } },
                ]),
            );
        });
    }

    it("shows every record at a first preview, whatever is not known yet", async () => {
        const { mock } = await RecordingMock.run({ preview: true }, () => {
            const later = new tls.PrivateKey("later", { algorithm: "ED25519" }).publicKeyPem;
            const unknown = Object.fromEntries(Object.keys(values).map((key) => [key, later]));
            return new CloudflareZone("dns", { records, values: unknown });
        });
        const made = mock.resources.filter((one) => one.type === type);
        assert.deepEqual(
            made.map(({ name }) => name).sort(),
            records.map(({ data, name, role }) => `dns-${data.type}-${name}-${role}`).sort(),
        );
        assert.deepEqual(mock.resource(type, "dns-A-example.com-address").inputs, {
            ...{ zoneId: zoneIdOf(zone), name: zone, type: "A", ttl: 300, proxied: false },
            comment: "pulumi-mailhost/mailhost/test",
        });
        assert.deepEqual(made.flatMap(propertyFaults), []);
    });

    it("asks for nothing where the zones' ids are given", async () => {
        const { mock, made } = await publish({ zoneIds: { [zone]: "given" } });
        assert.deepEqual(mock.calls, []);
        assert.deepEqual([...new Set(made.map(({ inputs }) => inputs["zoneId"]))], ["given"]);
    });

    it("gives the records in their order, for others to wait for", async () => {
        const { zone: made } = await publish();
        const urns = await Promise.all(made.records.map(({ urn }) => valueOf(urn)));
        assert.deepEqual(
            urns.map((urn) => urn.split("::").at(-1)),
            records.map(({ data, name, role }) => `dns-${data.type}-${name}-${role}`),
        );
    });

    it("calls a record the same in every phase", async () => {
        const base = await publish({ phase: "base" });
        const serving = await publish({ phase: "serving" });
        const names = (phase: typeof base) => phase.made.map(({ name }) => name);
        assert.deepEqual(names(base), names(serving));
        assert.equal(base.made[0]?.parent, `${component}Base::dns`);
        assert.equal(serving.made[0]?.parent, `${component}Serving::dns`);
    });

    it("keeps its arguments out of the state", async () => {
        const { mock } = await publish();
        assert.deepEqual(mock.resource(component, "dns").inputs, {});
    });

    it("lets every record wait for what the component waits for", async () => {
        const { mock } = await RecordingMock.run({}, () => {
            const first = new tls.PrivateKey("first", { algorithm: "ED25519" });
            return new CloudflareZone("dns", { records, values }, { dependsOn: [first] });
        });
        const waiting = mock.resources.filter((one) => one.type === type);
        assert.equal(waiting.length, records.length);
        for (const { name, dependsOn } of waiting) {
            assert.deepEqual(dependsOn, ["tls:index/privateKey:PrivateKey::first"], name);
        }
    });

    it("marks the records as it is told", async () => {
        const { made } = await publish({ comment: "ours" });
        assert.deepEqual([...new Set(made.map(({ inputs }) => inputs["comment"]))], ["ours"]);
    });

    it("knows imported records by their name alone, only when told so", async () => {
        for (const adoptImported of [undefined, false, true]) {
            const { made } = await publish({ adoptImported });
            assert.deepEqual(
                [...new Set(made.map(({ aliasWithoutParent }) => aliasWithoutParent))],
                [adoptImported ?? false],
            );
        }
    });

    it("says which value is missing", async () => {
        await RecordingMock.start();
        const { ipv6, ...rest } = values;
        assert.ok(ipv6);
        assert.throws(() => new CloudflareZone("dns", { records, values: rest }), {
            message: "AAAA-example.com-address needs the value ipv6, which is not given.",
        });
        await pulumi.runtime.disconnect();
    });
});
