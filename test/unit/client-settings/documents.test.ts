import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { XMLParser, XMLValidator } from "fast-xml-parser";
import fc from "fast-check";
import { autoconfigDocument } from "../../../components/client-settings/autoconfig";
import { autodiscoverDocument } from "../../../components/client-settings/autodiscover";
import { mailServices } from "../../../components/client-settings/mail-service";
import { planDnsRecords } from "../../../components/dns/plan";
import { host } from "../dns/described-host";

const services = mailServices("example.com");

/** Reads XML with software that did not write it; every value stays a text. */
function read(xml: string): unknown {
    assert.equal(XMLValidator.validate(xml), true);
    return new XMLParser({ ignoreAttributes: false, parseTagValue: false }).parse(xml);
}

test("the services are those that the SRV records name", () => {
    const protocols = { imaps: "imap", pop3s: "pop3", submissions: "smtp" } as const;
    const named = planDnsRecords(host).records.flatMap(({ name, data }) => {
        const service = /^_([a-z0-9]+)\._tcp\.example\.com$/.exec(name)?.[1];
        if (data.type !== "SRV" || !service || !(service in protocols)) return [];
        const protocol = protocols[service as keyof typeof protocols];
        return [{ protocol, host: data.target, port: data.port }];
    });
    assert.deepEqual(named, mailServices("example.com"));
});

describe("autoconfig", () => {
    const declaration = { "@_version": "1.0", "@_encoding": "UTF-8" };
    const server = (type: string, port: string) => ({
        hostname: "mx.example.com",
        port,
        socketType: "SSL",
        authentication: "password-cleartext",
        username: "%EMAILADDRESS%",
        "@_type": type,
    });

    test("has what Thunderbird reads", () => {
        assert.deepEqual(read(autoconfigDocument("example.org", services)), {
            "?xml": declaration,
            clientConfig: {
                emailProvider: {
                    domain: "example.org",
                    displayName: "example.org",
                    incomingServer: [server("imap", "993"), server("pop3", "995")],
                    outgoingServer: server("smtp", "465"),
                    "@_id": "example.org",
                },
                "@_version": "1.1",
            },
        });
    });

    test("begins with the declaration, in the form that its format has", () => {
        assert.deepEqual(autoconfigDocument("example.org", services).split("\n").slice(0, 4), [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<clientConfig version="1.1">',
            '  <emailProvider id="example.org">',
            "    <domain>example.org</domain>",
        ]);
    });

    test("names a domain of any length within 60 characters", () => {
        const domain = `${"a".repeat(60)}.example.org`;
        const { clientConfig } = read(autoconfigDocument(domain, services)) as {
            clientConfig: { emailProvider: { domain: string; displayName: string } };
        };
        assert.equal(clientConfig.emailProvider.domain, domain);
        assert.equal(clientConfig.emailProvider.displayName, "a".repeat(60));
    });

    test("keeps whatever stands in a name from being read as XML", () => {
        const text = fc.string({ unit: fc.constantFrom("<", ">", "&", '"', "'", "]]>", "a", ";") });
        fc.assert(
            fc.property(text, (domain) => {
                const xml = autoconfigDocument(`a${domain}a`, services);
                const { clientConfig } = read(xml) as {
                    clientConfig: { emailProvider: { "@_id": string; domain: string } };
                };
                assert.equal(clientConfig.emailProvider["@_id"], `a${domain}a`);
                assert.equal(clientConfig.emailProvider.domain, `a${domain}a`);
            }),
        );
    });
});

test("autodiscover has what Outlook reads", () => {
    const protocol = (type: string, port: string) => ({
        Type: type,
        Server: "mx.example.com",
        Port: port,
        DomainRequired: "on",
        SPA: "off",
        SSL: "on",
        AuthRequired: "on",
    });
    assert.deepEqual(read(autodiscoverDocument(services)), {
        "?xml": { "@_version": "1.0", "@_encoding": "UTF-8" },
        Autodiscover: {
            "@_xmlns": "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006",
            Response: {
                "@_xmlns":
                    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a",
                Account: {
                    AccountType: "email",
                    Action: "settings",
                    Protocol: [
                        protocol("IMAP", "993"),
                        protocol("POP3", "995"),
                        { ...protocol("SMTP", "465"), UsePOPAuth: "on", SMTPLast: "off" },
                    ],
                },
            },
        },
    });
});
