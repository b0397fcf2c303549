import assert from "node:assert/strict";
import { test } from "node:test";
import { mtaStsPolicyOf } from "../../../components/dns/mta-sts-policy";
import { domainSettings } from "../../../components/dns/domain-settings";
import { planDnsRecords } from "../../../components/dns/plan";
import { resolveRecord, presentation } from "../../../components/dns/presentation";
import type { MailDomain } from "../../../components/dns/domain-options";

const host = { domain: "example.com", email: "you@example.net", issuer: "letsencrypt.org" };

/** Name → content of the records of one role. */
function contents(role: string, ...domains: MailDomain[]): Record<string, string> {
    const { records } = planDnsRecords({ ...host, domains });
    return Object.fromEntries(
        records
            .filter((record) => record.role === role)
            .map((record) => {
                const resolved = resolveRecord(record, {});
                assert.ok(resolved);
                return [record.name, presentation(resolved.data)];
            }),
    );
}

test("a domain that gets another one's failure reports consents to them", () => {
    const dmarc = { reportAddresses: [], failureReportAddresses: ["dmarc@example.com"] };
    assert.deepEqual(contents("dmarc-consent", { name: "example.org", dmarc }), {
        "example.org._report._dmarc.example.com": '"v=DMARC1"',
    });
});

test("what separates a record's lists and sizes is encoded in an address of TLS reports", () => {
    const addresses = ["https://example.org/a;b,c!d", "a!b@example.org"];
    const reports = contents("tls-reports", { name: "example.org", tlsReports: { addresses } });
    assert.equal(
        reports["_smtp._tls.example.org"],
        '"v=TLSRPTv1; rua=https://example.org/a%3Bb%2Cc%21d,mailto:a%21b@example.org"',
    );
});

test("the MTA-STS policy names the hosts in the order in which senders try them", () => {
    const mx = {
        preference: 10,
        further: [
            { host: "c.example.net", preference: 20 },
            { host: "b.example.net", preference: 20 },
            { host: "a.example.net", preference: 30 },
            { host: "z.example.net", preference: 0 },
        ],
    };
    const settings = domainSettings({ name: "example.org", mx }, host.email);
    const lines = mtaStsPolicyOf("example.com", settings)?.split("\r\n");
    assert.deepEqual(
        lines?.filter((line) => line.startsWith("mx:")),
        ["z.example.net", "mx.example.com", "b.example.net", "c.example.net", "a.example.net"].map(
            (name) => `mx: ${name}`,
        ),
    );
});
