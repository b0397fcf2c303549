import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cloudflare, hetzner, planDnsRecords, type MailHostArgs } from "../../components";
import { recordKey } from "../../components/dns/record";
import { images } from "../unit/stack/stacks";
import { described, domains, make } from "./support/mail-host-dns";
import type { RecordedResource } from "./support/recording-mock";

const all = ["example.com", "example.org", "lists.example.org"];

describe("changing one option changes only the records that it concerns", () => {
    const cases: [what: string, changes: Partial<MailHostArgs>, changed: string[]][] = [
        ["nothing", {}, []],
        [
            "a DMARC policy",
            { domains: [{ name: "example.org", dmarc: { policy: "reject" } }, domains[1]!] },
            ["TXT-_dmarc.example.org-dmarc content"],
        ],
        [
            "SPF",
            { domains: [{ name: "example.org", spf: { all: "softfail" } }, domains[1]!] },
            ["TXT-example.org-spf content"],
        ],
        [
            "MTA-STS",
            { domains: [{ name: "example.org", mtaSts: { mode: "enforce" } }, domains[1]!] },
            ["TXT-_mta-sts.example.org-mta-sts content"],
        ],
        [
            "the MX preference",
            { domains: [{ name: "example.org", mx: { preference: 10 } }, domains[1]!] },
            ["MX-example.org-host priority"],
        ],
        [
            "a further issuer",
            { domains: [{ name: "example.org", caa: { issuers: ["pki.goog"] } }, domains[1]!] },
            [
                "CAA-example.org-issue-pki.goog created",
                "CAA-example.org-issuewild-pki.goog created",
            ],
        ],
        [
            "the operator's address",
            { email: "me@example.net" },
            all.map((name) => `CAA-${name}-iodef data`),
        ],
        ["the order of the domains", { domains: [...domains].reverse() }, []],
        [
            "a second key of the system",
            { systemDkim: { selectors: ["default", "s2027"] } },
            ["TXT-s2027._domainkey.example.com-system-dkim created"],
        ],
        [
            "DNSSEC",
            { dns: cloudflare({ dnssec: true }) },
            [
                "SSHFP-mx.example.com-host-key created",
                ...[25, 443, 465, 993, 995].map(
                    (port) => `TLSA-_${port}._tcp.mx.example.com-current created`,
                ),
            ],
        ],
        [
            "submission with STARTTLS",
            { stack: { images, startTlsSubmission: true } },
            all.map((domain) => `SRV-_submission._tcp.${domain}-locator data`),
        ],
        [
            "a host without mailboxes",
            { stack: { images, profile: "forwarding" } },
            [
                ...["caldav", "carddav", "imap", "pop3"].map(
                    (label) => `CNAME-${label}.example.com-service deleted`,
                ),
                ...all.flatMap((domain) => [
                    ...["autoconfig", "autodiscover"].map(
                        (label) => `CNAME-${label}.${domain}-${label} deleted`,
                    ),
                    `SRV-_autodiscover._tcp.${domain}-autodiscover deleted`,
                    // They say that there is no such service (RFC 2782).
                    ...["caldavs", "carddavs", "imaps", "pop3s"].map(
                        (service) => `SRV-_${service}._tcp.${domain}-locator data`,
                    ),
                    ...["caldavs", "carddavs"].map(
                        (service) => `TXT-_${service}._tcp.${domain}-path deleted`,
                    ),
                ]),
            ].sort(),
        ],
        ["what runs on the host", { stack: { images, environment: { APP_NAME: "Post" } } }, []],
        ["another server", { server: hetzner({ sshAllowedCidrs: ["::/0"], type: "cx33" }) }, []],
    ];
    for (const [what, changes, expected] of cases) {
        it(what, async () => {
            const before = await make();
            const after = await make({ args: changes });
            assert.deepEqual(differences(before.records, after.records), expected);
        });
    }

    it("the time to live of a domain changes all of its records", async () => {
        const before = await make();
        const after = await make({
            args: { domains: [{ name: "example.org", ttlSeconds: 600 }, domains[1]!] },
        });
        const own = planDnsRecords(described).records.filter(
            ({ domain }) => domain === "example.org",
        );
        assert.deepEqual(
            differences(before.records, after.records),
            own.map((record) => `${recordKey(record)} ttl`).sort(),
        );
    });

    it("a further domain changes no record of another", async () => {
        const before = await make({ args: { domains: [] } });
        const after = await make();
        const changes = differences(before.records, after.records);
        assert.ok(changes.length > 40);
        for (const change of changes) assert.match(change, /example\.org-[a-z-]+ created$/);
    });
});

/** `name property` for every input that is another, `name created` and `name deleted`. */
function differences(
    before: readonly RecordedResource[],
    after: readonly RecordedResource[],
): string[] {
    const prefix = "mail-dns-";
    const old = new Map(before.map((record) => [record.name, record]));
    const now = new Map(after.map((record) => [record.name, record]));
    const names = [...new Set([...old.keys(), ...now.keys()])];
    return names
        .flatMap((name) => {
            const was = old.get(name)?.inputs;
            const is = now.get(name)?.inputs;
            const short = name.slice(prefix.length);
            if (!was || !is) return [`${short} ${is ? "created" : "deleted"}`];
            return Object.keys({ ...was, ...is })
                .filter((key) => JSON.stringify(was[key]) !== JSON.stringify(is[key]))
                .map((key) => `${short} ${key}`);
        })
        .sort();
}
