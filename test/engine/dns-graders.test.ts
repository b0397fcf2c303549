// What the rest of the world makes of the published records: mailauth, which knows nothing of this project, asks the
// real DNS server as the receiver of a mail, and as a sender that reads the MTA-STS policy.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { authenticate, dkimSign, spf } from "mailauth";
import {
    addresses,
    dkimKey,
    further,
    host,
    keys,
    primary,
    publishMailDomains,
    selector,
    type PublishedDomains,
} from "./support/published-mail-domains";

const stranger = "198.51.100.9";

let published: PublishedDomains;
before(async () => {
    published = await publishMailDomains();
});
after(() => published.stop());

describe("SPF", () => {
    const check = async (ip: string, sender: string, helo: string) => {
        const { status, domain } = await spf({ ip, sender, helo, resolver: published.resolve });
        return `${status.result} ${domain}`;
    };

    for (const [family, address] of Object.entries(addresses)) {
        test(`lets the host's ${family} address send`, async () => {
            assert.equal(await check(address, `me@${primary}`, host), `pass ${primary}`);
            assert.equal(await check(address, `me@${further}`, host), `pass ${further}`);
            assert.equal(
                await check(address, `b@fe-bounces.${further}`, host),
                `pass fe-bounces.${further}`,
            );
        });
        test(`lets the host's ${family} address greet with its name`, async () => {
            assert.equal(await check(address, "", host), `pass ${host}`);
        });
    }

    test("lets no stranger send, nor greet with the host's name", async () => {
        assert.equal(await check(stranger, `me@${primary}`, "mx.example.net"), `fail ${primary}`);
        assert.equal(await check(stranger, `me@${further}`, "mx.example.net"), `fail ${further}`);
        assert.equal(await check(stranger, "", host), `fail ${host}`);
        assert.equal(await check("2001:db8::6", `me@${primary}`, host), `fail ${primary}`);
    });
});

/** A mail from a domain, signed with a key. */
async function signedMail(
    domain: string,
    by: { signingDomain: string; selector: string; privateKey: string },
): Promise<string> {
    const mail = [
        `From: Me <me@${domain}>`,
        "To: you@example.net",
        "Subject: Hello",
        "Date: Tue, 24 Nov 2026 12:00:00 +0000",
        `Message-ID: <1@${domain}>`,
        "",
        "Hello",
        "",
    ].join("\r\n");
    const { signatures, errors } = await dkimSign(mail, {
        ...{ ...by, signatureData: [by] },
        // Else it asks the clock when it signs and again when it writes the header.
        signTime: new Date(),
    });
    assert.deepEqual(errors, []);
    return signatures + mail;
}

const ownKey = (domain: typeof primary | typeof further) => ({
    ...{ signingDomain: domain, selector, privateKey: keys[domain].privateKey },
});
const systemKey = {
    ...{ signingDomain: primary, selector: "default", privateKey: keys.system.privateKey },
};

/** The verdicts of a receiver on a mail from an address. */
async function receive(mail: string, { ip, sender }: { ip: string; sender: string }) {
    const verdict = await authenticate(mail, {
        ...{ ip, sender, helo: host, mta: "mx.example.net" },
        resolver: published.resolve,
    });
    const { dmarc, bimi } = verdict;
    assert.ok(dmarc && verdict.spf);
    return {
        dkim: verdict.dkim.results.map(({ status }) => status.result).join(" "),
        spf: verdict.spf.status.result,
        dmarc: `${dmarc.status.result} ${dmarc.policy}`,
        bimi: bimi ? `${bimi.status.result} ${bimi.location ?? ""}`.trim() : "none",
    };
}

describe("a receiver", () => {
    const logo = `pass https://${primary}/logo.svg`;

    test("accepts a mail of the host and shows the logo", async () => {
        const mail = await signedMail(primary, ownKey(primary));
        assert.deepEqual(await receive(mail, { ip: addresses.ipv4, sender: `me@${primary}` }), {
            dkim: "pass",
            spf: "pass",
            dmarc: "pass quarantine",
            bimi: logo,
        });
    });

    test("accepts a mail of a further domain by its strict policy", async () => {
        const mail = await signedMail(further, ownKey(further));
        assert.deepEqual(await receive(mail, { ip: addresses.ipv6, sender: `me@${further}` }), {
            dkim: "pass",
            spf: "pass",
            dmarc: "pass reject",
            bimi: "none",
        });
    });

    test("accepts a mail with the host's own return path", async () => {
        const mail = await signedMail(further, ownKey(further));
        const sender = `b@fe-bounces.${further}`;
        assert.deepEqual(await receive(mail, { ip: addresses.ipv4, sender }), {
            dkim: "pass",
            spf: "pass",
            dmarc: "pass reject",
            bimi: "none",
        });
    });

    test("accepts the system's own mail, signed with the system's key", async () => {
        const mail = await signedMail(primary, systemKey);
        assert.deepEqual(await receive(mail, { ip: addresses.ipv4, sender: `me@${primary}` }), {
            dkim: "pass",
            spf: "pass",
            dmarc: "pass quarantine",
            bimi: logo,
        });
    });

    test("accepts a forwarded mail by its signature alone", async () => {
        const mail = await signedMail(primary, ownKey(primary));
        assert.deepEqual(await receive(mail, { ip: stranger, sender: `me@${primary}` }), {
            dkim: "pass",
            spf: "fail",
            dmarc: "pass quarantine",
            bimi: logo,
        });
    });

    const forged = { spf: "fail", bimi: "skipped" };

    test("puts a stranger's mail in quarantine, or rejects it, as the policy has it", async () => {
        for (const [domain, policy] of [
            [primary, "quarantine"],
            [further, "reject"],
        ] as const) {
            const signed = await signedMail(domain, { ...ownKey(domain), ...dkimKey() });
            assert.deepEqual(await receive(signed, { ip: stranger, sender: `me@${domain}` }), {
                ...forged,
                dkim: "fail",
                dmarc: `fail ${policy}`,
            });
        }
    });

    test("notices a changed text", async () => {
        const mail = await signedMail(primary, ownKey(primary));
        const changed = mail.replace(/Hello\r\n$/, "Goodbye\r\n");
        assert.notEqual(changed, mail);
        assert.deepEqual(await receive(changed, { ip: stranger, sender: `me@${primary}` }), {
            ...forged,
            dkim: "neutral",
            dmarc: "fail quarantine",
        });
    });

    test("does not take the system's key for a further domain", async () => {
        const mail = await signedMail(further, systemKey);
        assert.deepEqual(await receive(mail, { ip: stranger, sender: `me@${further}` }), {
            ...forged,
            dkim: "pass",
            dmarc: "fail reject",
        });
    });
});
