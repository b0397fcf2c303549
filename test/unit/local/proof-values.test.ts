import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
    hasDomainValues,
    readDomainValues,
    withDomainValues,
} from "../../../local/proof/domain-values";
import { isWhole, writeLetter } from "../../../local/proof/mail-client";
import { servedPorts } from "../../../local/proof/served-proofs";
import { sendingFaults } from "../../../local/proof/sending-proofs";
import { changedNothing, describeChanges } from "../../../local/proof/update-summary";
import type { SinkLine } from "../../../local/cloud/sink/sink-log";

const domain = "example.test";
const row = (type: string, name: string, value: string) => ({ type, name, value, ok: false });
const checklist = [
    row("MX", domain, "mx.example.test"),
    row("TXT", domain, "v=spf1 mx ~all"),
    row("TXT", domain, "forward-email-site-verification=a1b2c3"),
    row("TXT", `fe-1a2b3c4d5e._domainkey.${domain}`, "v=DKIM1; k=rsa; p=MIIB+/=;"),
    row("TXT", `_dmarc.${domain}`, "v=DMARC1; p=quarantine"),
];
const values = {
    dkim: { selector: "fe-1a2b3c4d5e", publicKey: "MIIB+/=" },
    siteVerification: "a1b2c3",
};

test("the domain's own values are read from the web site's checklist", () => {
    assert.deepEqual(readDomainValues(domain, checklist), values);
});

test("a checklist without one of them is an error that shows what it has", () => {
    for (const at of [2, 3]) {
        const without = checklist.filter((_, i) => i !== at);
        assert.throws(() => readDomainValues(domain, without), /TXT _dmarc\.example\.test/);
    }
    const ofOther = checklist.map((one) => ({ ...one, name: `other.${one.name}` }));
    assert.throws(() => readDomainValues(domain, ofOther), /does not tell/);
});

test("the values go into the domain's entry, or into a new first one", () => {
    const second = { name: "second.test" };
    assert.deepEqual(withDomainValues([second], domain, values), [
        { name: domain, ...values },
        second,
    ]);
    const own = { name: domain, dmarc: { policy: "reject" as const } };
    assert.deepEqual(withDomainValues([second, own], domain, values), [
        second,
        { ...own, ...values },
    ]);
});

test("values that were set are there, and others are not", () => {
    const name = fc.constantFrom("a.test", "b.test", domain);
    fc.assert(
        fc.property(fc.uniqueArray(name), fc.string(), (names, other) => {
            const before = names.map((one) => ({ name: one }));
            const after = withDomainValues(before, domain, values);
            assert.equal(hasDomainValues(before, domain, values), false);
            assert.equal(hasDomainValues(after, domain, values), true);
            const changed = { ...values, siteVerification: `${values.siteVerification}${other}x` };
            assert.equal(hasDomainValues(after, domain, changed), false);
            // Nothing else changes.
            assert.deepEqual(
                after.filter((one) => one.name !== domain),
                before.filter((one) => one.name !== domain),
            );
        }),
    );
});

const goodLine: SinkLine = {
    time: "2026-11-25T00:00:00.000Z",
    from: "proof@fe-bounces.example.test",
    to: ["proof@sink.test"],
    subject: "Proof",
    messageId: "<1@example.test>",
    tls: { protocol: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" },
    ehlo: "mx.example.test",
    clientAddress: "198.18.1.10",
    connectedFrom: "198.18.1.10",
    ptr: ["mx.example.test"],
    ehloConfirmed: true,
    spf: { result: "pass", domain: "fe-bounces.example.test" },
    dkim: [{ domain, selector: "fe-1", result: "pass", aligned: true }],
    dmarc: {
        result: "pass",
        policy: "quarantine",
        alignedSpf: "fe-bounces.example.test",
        alignedDkim: domain,
    },
};
const faultsOf = (changed: Partial<SinkLine>) =>
    sendingFaults({ ...goodLine, ...changed }, { domain, hostName: "mx.example.test" });

test("nothing is wrong with a mail that passes everything", () => {
    assert.deepEqual(faultsOf({}), []);
});

test("each thing that a careful receiver objects to is named", () => {
    const dmarc = goodLine.dmarc!;
    const cases: [Partial<SinkLine>, RegExp][] = [
        [{ tls: null }, /without TLS/],
        [{ spf: { result: "softfail", domain } }, /SPF softfail for example\.test/],
        [{ dkim: [] }, /no DKIM signature of example\.test/],
        [
            { dkim: [{ ...goodLine.dkim[0]!, domain: "other.test" }] },
            /no DKIM signature of example\.test/,
        ],
        [
            {
                dkim: [
                    ...goodLine.dkim,
                    { domain, selector: "default", result: "neutral", aligned: true },
                ],
            },
            /default neutral/,
        ],
        [{ dmarc: { ...dmarc, result: "fail" } }, /DMARC fail/],
        [{ dmarc: { ...dmarc, alignedSpf: null } }, /SPF is not aligned/],
        [{ dmarc: { ...dmarc, alignedDkim: "notexample.test" } }, /DKIM is not aligned/],
        [{ ehlo: "smtp.example.test" }, /it greets as smtp\.example\.test/],
        [{ ehloConfirmed: false, ptr: [] }, /198\.18\.1\.10 has the names none/],
    ];
    for (const [changed, fault] of cases) {
        const faults = faultsOf(changed);
        assert.equal(faults.length, 1, JSON.stringify(faults));
        assert.match(faults[0]!, fault);
    }
    assert.equal(faultsOf({ dmarc: null }).length, 3);
});

test("a letter is whole with a server's own lines before it, and not when anything of it is lost", () => {
    const letter = writeLetter("a@sink.test", "b@example.test");
    assert.ok(isWhole(letter.raw, letter));
    assert.ok(isWhole(`Received: from x\r\n\tby y\r\n${letter.raw}`, letter));
    assert.ok(!isWhole(letter.raw.replace("\r\n..two dots", "\r\n.two dots"), letter));
    assert.ok(!isWhole(letter.raw.replace("Subject: ", "Subject: Re: "), letter));
    assert.ok(!isWhole(letter.raw.slice(0, -2), letter));
    assert.ok(!isWhole(`${letter.raw}\r\n`, letter));
    assert.ok(!isWhole(writeLetter("a@sink.test", "b@example.test").raw, letter));
});

test("every name that clients know is looked at, at its port", () => {
    const served = servedPorts({
        ...{ domain, hostName: "mx.example.test", domains: [domain, "second.test"] },
    });
    const at = (port: number) => served.filter((one) => one.port === port).map(({ name }) => name);
    assert.deepEqual(
        [25, 465, 993, 995].map(at),
        Array.from({ length: 4 }, () => ["mx.example.test"]),
    );
    assert.deepEqual(at(443), [
        ...[domain, "api.example.test", "mx.example.test"],
        ...["mta-sts.example.test", "autoconfig.example.test", "autodiscover.example.test"],
        ...["mta-sts.second.test", "autoconfig.second.test", "autodiscover.second.test"],
    ]);
    assert.deepEqual(
        served.filter(({ starttls }) => starttls).map(({ port }) => port),
        [25],
    );
});

test("what an update did is told in words", () => {
    assert.equal(describeChanges({ create: 3, same: 86, delete: 0 }), "3 created, 86 as they were");
    assert.equal(changedNothing({ same: 86 }), true);
    assert.equal(changedNothing({ same: 85, update: 1 }), false);
    assert.equal(changedNothing({ same: 85, "create-replacement": 1 }), false);
});
