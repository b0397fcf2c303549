import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { after, describe, it } from "node:test";
import { promisify } from "node:util";
import fc from "fast-check";
import { planDnsRecords, type DnsPlanArgs } from "../../../components/dns/plan";
import { presentation, referencesOf, resolveRecord } from "../../../components/dns/presentation";
import { referenceKey, type DnsPlan, type DnsValues } from "../../../components/dns/record";
import { renderZoneFile, type ZoneFileOptions } from "../../../components/dns/zone-file";
import { descriptions } from "./descriptions";
import { publicKey } from "./public-keys";

const run = promisify(execFile);

/** A value for every reference of a plan. */
function valuesOf({ records }: DnsPlan): DnsValues {
    const fixed: Record<string, string> = {
        ipv4: "192.0.2.1",
        ipv6: "2001:db8::1",
        "outbound-ipv4": "192.0.2.2",
        "outbound-ipv6": "2001:db8::2",
        "ssh-host-key": "0a".repeat(32),
        "certificate-key:current": "0b".repeat(32),
        "certificate-key:next": "0c".repeat(32),
        "acme-account": "https://ca.example/acct/1?a=b",
    };
    const keys = records.flatMap(({ data }) => referencesOf(data).map(referenceKey));
    return Object.fromEntries(keys.map((key) => [key, fixed[key] ?? publicKey(2048)]));
}

const folder = mkdtempSync(path.join(tmpdir(), "mailhost-zone-file-"));
after(() => rmSync(folder, { recursive: true }));

/** The records that BIND reads from a zone file, in its own form: `name ttl type content`. */
async function readByBind(zone: string, text: string): Promise<string[]> {
    const file = path.join(folder, `${zone}.zone`);
    writeFileSync(file, text);
    const { stdout } = await run("named-checkzone", ["-i", "local", "-D", "-o", "-", zone, file]);
    return stdout
        .split("\n")
        .map((line) => line.replace(/\s+/g, " "))
        .filter((line) => line.includes(" IN "))
        .map((line) => line.replace(" IN ", " "));
}

const whole: ZoneFileOptions = { nameServers: ["ns1.example.net", "ns2.example.net"] };

const host: DnsPlanArgs = {
    domain: "example.com",
    email: "you@example.net",
    issuer: "letsencrypt.org",
    signed: true,
    certificateKeys: ["current", "next"],
    separateOutbound: true,
    domains: [
        {
            name: "example.org",
            caa: { accountBinding: true, issuers: ["pki.goog"] },
            dkim: { selector: "fe-1", publicKey: publicKey(4096) },
            siteVerification: "m8d7o8K4Il",
            bimi: { logoUrl: "https://example.org/logo.svg" },
            mx: { further: [{ host: "mx.example.net", preference: 20 }] },
        },
    ],
};

describe("a whole zone file", () => {
    const plan = planDnsRecords(host);
    for (const { name: zone } of plan.zones) {
        it(`of ${zone} is read by BIND, record for record`, async () => {
            const values = valuesOf(plan);
            const records = plan.records.filter((record) => record.zone === zone);
            const read = await readByBind(zone, renderZoneFile(plan, zone, values, whole));
            const expected = records.map((record) => {
                const resolved = resolveRecord(record, values);
                assert.ok(resolved);
                // BIND writes digests in upper case.
                const content = presentation(resolved.data);
                const isDigest = /^(TLSA|SSHFP)$/.test(resolved.data.type);
                return `${record.name}. ${record.ttl} ${resolved.data.type} ${isDigest ? content.toUpperCase() : content}`;
            });
            const planned = read.filter((line) => !/ (SOA|NS) /.test(line));
            assert.deepEqual(planned.map(withoutSplits).sort(), expected.sort());
            assert.deepEqual(
                read.filter((line) => / (SOA|NS) /.test(line)),
                [
                    `${zone}. 300 SOA ns1.example.net. hostmaster.${zone}. 1 7200 900 1209600 300`,
                    `${zone}. 300 NS ns1.example.net.`,
                    `${zone}. 300 NS ns2.example.net.`,
                ],
            );
        });
    }

    it("of any description is read by BIND, as many records as planned", async () => {
        const plans = fc.sample(descriptions, 30).map((args) => planDnsRecords(args));
        for (const generated of plans) {
            const [zone] = generated.zones;
            assert.ok(zone);
            const text = renderZoneFile(generated, zone.name, valuesOf(generated), whole);
            const read = await readByBind(zone.name, text);
            const planned = generated.records.filter((record) => record.zone === zone.name);
            assert.equal(read.length, planned.length + 3, text);
        }
    });

    it("names the hostmaster, dots in the mailbox escaped", () => {
        const text = renderZoneFile(
            plan,
            "example.com",
            {},
            { ...whole, hostmaster: "a.b@example.net" },
        );
        assert.match(text, /^@ IN SOA ns1\.example\.net\. a\\\.b\.example\.net\. 1 /m);
    });
});

/** BIND breaks long digests. */
function withoutSplits(line: string): string {
    return / (TLSA|SSHFP) /.test(line) ? line.replace(/ ([0-9A-F]+) ([0-9A-F]+)$/, " $1$2") : line;
}

describe("a part of a zone file", () => {
    const plan = planDnsRecords({ ...host, domains: [], certificateKeys: ["current"] });
    const text = renderZoneFile(plan, "example.com", { ipv4: "192.0.2.1" });

    it("has no SOA and no NS record", () => assert.doesNotMatch(text, / (SOA|NS) /));

    it("says when each phase is published, in that order", () =>
        assert.deepEqual(
            text.split("\n").filter((line) => /^; (base|certified|serving):/.test(line)),
            [
                "; base: publish at once",
                "; certified: publish once the host has its certificate",
                "; serving: publish once the host takes mail",
            ],
        ));

    it("has what is known, and the rest as comments that say what it waits for", () => {
        const lines = text.split("\n");
        assert.ok(lines.includes("mx 300 IN A 192.0.2.1"));
        assert.ok(lines.includes("; waits for ipv6: mx 300 IN AAAA <ipv6>"));
        assert.ok(
            lines.includes(
                "; waits for certificate-key:current: _25._tcp.mx 300 IN TLSA 3 1 1 <certificate-key:current>",
            ),
        );
        assert.equal(lines.filter((line) => line.startsWith("; waits for")).length, 11);
    });

    it("is none of a zone that the plan doesn't have", () =>
        assert.throws(() => renderZoneFile(plan, "example.org", {}), {
            message: 'The plan has no zone "example.org". Choose example.com.',
        }));
});
