import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePolicy } from "mailauth/lib/mta-sts";
import { certificateNames, covers } from "../../../components/certificate/names";
import { webDocuments } from "../../../components/client-settings/web-documents";
import type { MailDomain } from "../../../components/dns/domain-options";
import { domainSettings } from "../../../components/dns/domain-settings";
import { mtaStsPolicyId } from "../../../components/dns/mta-sts";
import { planDnsRecords } from "../../../components/dns/plan";
import { host } from "../dns/described-host";

const documents = (domain: MailDomain) =>
    webDocuments("example.com", domainSettings(domain, "you@example.net"));

const urls = (domain: MailDomain) =>
    documents(domain).map(({ host, path, contentType }) => `https://${host}${path} ${contentType}`);

test("the primary domain answers under the host's name as well", () => {
    assert.deepEqual(urls({ name: "example.com" }), [
        "https://mta-sts.example.com/.well-known/mta-sts.txt text/plain; charset=utf-8",
        "https://autoconfig.example.com/mail/config-v1.1.xml text/xml; charset=utf-8",
        "https://autodiscover.example.com/autodiscover/autodiscover.xml text/xml; charset=utf-8",
        "https://mx.example.com/autodiscover/autodiscover.xml text/xml; charset=utf-8",
    ]);
});

test("a further domain answers under its own names", () => {
    assert.deepEqual(urls({ name: "example.org" }), [
        "https://mta-sts.example.org/.well-known/mta-sts.txt text/plain; charset=utf-8",
        "https://autoconfig.example.org/mail/config-v1.1.xml text/xml; charset=utf-8",
        "https://autodiscover.example.org/autodiscover/autodiscover.xml text/xml; charset=utf-8",
    ]);
});

test("a host without mailboxes has nothing to set a mail program up from", () => {
    const settings = domainSettings({ name: "example.com" }, "you@example.net");
    assert.deepEqual(
        webDocuments("example.com", settings, "forwarding").map(({ host, path }) => host + path),
        ["mta-sts.example.com/.well-known/mta-sts.txt"],
    );
});

test("there is no policy where MTA-STS is off", () => {
    assert.deepEqual(urls({ name: "example.org", mtaSts: { mode: "off" } }), [
        "https://autoconfig.example.org/mail/config-v1.1.xml text/xml; charset=utf-8",
        "https://autodiscover.example.org/autodiscover/autodiscover.xml text/xml; charset=utf-8",
    ]);
});

test("the policy is the one that the record announces, and names every MX", () => {
    const domain: MailDomain = {
        name: "example.org",
        mtaSts: { mode: "enforce" },
        mx: { further: [{ host: "backup.example.net", preference: 10 }] },
    };
    const policy = documents(domain).find(({ path }) => path.endsWith(".txt"))?.text ?? "";
    assert.deepEqual(parsePolicy(policy), {
        version: "STSv1",
        mode: "enforce",
        mx: ["mx.example.com", "backup.example.net"],
        maxAge: 604_800,
    });
    const { records } = planDnsRecords({ ...host, domains: [domain] });
    const announced = records.find(({ name }) => name === "_mta-sts.example.org");
    assert.deepEqual(announced?.data, {
        type: "TXT",
        text: [`v=STSv1; id=${mtaStsPolicyId(policy)}`],
    });
});

test("every name that is asked for is published and covered by a certificate", () => {
    const domains = [{ name: "example.com" }, { name: "example.org" }];
    const { records } = planDnsRecords({ ...host, domains });
    const certified = new Set(certificateNames("example.com", ["example.org"]));
    for (const { host } of domains.flatMap(documents)) {
        assert.ok(covers(certified, host), host);
        assert.ok(
            records.some(({ name, data }) => name === host && /^(A|CNAME)$/.test(data.type)),
            host,
        );
    }
});
