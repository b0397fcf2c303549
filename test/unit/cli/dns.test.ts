import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Command } from "commander";
import { dnsText, withDnsOptions, type DnsOptions } from "../../../cli/dns";
import { planDnsRecords } from "../../../components/dns/plan";
import type { DnsPlan, DnsValues, PlannedRecord } from "../../../components/dns/record";
import { dnsDocument } from "../../../cli/dns-document";
import { renderZoneFile } from "../../../components/dns/zone-file";
import { renderRecordsTable } from "../../../components/dns/records-table";
import { host } from "../dns/described-host";

const ofHost = { scope: "host", domain: "example.com", zone: "example.com", ttl: 300 } as const;

const address: PlannedRecord = {
    ...ofHost,
    name: "mx.example.com",
    role: "address",
    phase: "base",
    data: { type: "A", address: { ref: "ipv4" } },
};
const certificate: PlannedRecord = {
    ...ofHost,
    name: "_25._tcp.mx.example.com",
    role: "current",
    phase: "certified",
    data: {
        type: "TLSA",
        usage: 3,
        selector: 1,
        matchingType: 1,
        digest: { ref: "certificate-key", key: "current" },
    },
};
const mail: PlannedRecord = {
    name: "example.org",
    role: "host",
    scope: "domain",
    domain: "example.org",
    zone: "example.org",
    phase: "serving",
    ttl: 3600,
    data: { type: "MX", preference: 0, exchange: "mx.example.com" },
};

const plan: DnsPlan = {
    zones: [
        { name: "example.com", signed: true },
        { name: "example.org", signed: false },
    ],
    records: [certificate, address, mail],
    pointers: [
        { role: "ipv4", address: { ref: "ipv4" }, target: "mx.example.com" },
        { role: "ipv6", address: { ref: "ipv6" }, target: "mx.example.com" },
    ],
    omitted: [
        {
            type: "TXT",
            name: "default._bimi.example.org",
            role: "bimi",
            domain: "example.org",
            why: "No logo is given.",
        },
    ],
    missing: [{ domain: "example.org", setting: "dkim", how: "Ask the host." }],
    warnings: ["Something will object."],
};
const values: DnsValues = { ipv4: "203.0.113.5" };
const description = { ...host, signed: true, domains: [{ name: "example.org" }] };
const described = planDnsRecords(description);

type Answer = { code: number; stdout?: string; stderr?: string };

/** The state of a stack with these outputs. */
const state = (outputs: object | undefined, others: object[] = []): Answer => {
    const stack = { urn: "urn", type: "pulumi:pulumi:Stack", outputs };
    const deployment = { resources: [stack, ...others] };
    return { code: 0, stdout: JSON.stringify({ version: 3, deployment }) };
};
const output = (dns: unknown, others?: object[]) => state({ dns }, others);
const certificateOf = (outputs?: object) => ({
    urn: "urn",
    type: "mailhost:index:Certificate",
    outputs,
});

/** What the command prints when `pulumi` answers this, and what it asked. */
async function ask(
    answer: Answer,
    options: DnsOptions & { stack?: string } = {},
): Promise<{ text: string; calls: string[] }> {
    const calls: string[] = [];
    const text = await dnsText({
        ...options,
        pulumi: (args) => {
            calls.push(args.join(" "));
            return Promise.resolve({ stdout: "", stderr: "", ...answer });
        },
    });
    return { text, calls };
}

test("asks for the state of the selected stack, or of the one that is named", async () => {
    assert.deepEqual((await ask(output({ description, values }))).calls, ["stack export"]);
    assert.deepEqual((await ask(output({ description, values }), { stack: "prod" })).calls, [
        "stack export --stack prod",
    ]);
});

test("takes what the certificate gives from the component that has it for this host", async () => {
    const digests = { own: "ab".repeat(32), other: "cd".repeat(32) };
    // Before it was left out of the output, the digest stood there too.
    const earlier = { ...values, "certificate-key:current": digests.other };
    const { text } = await ask(
        output({ description, values: earlier }, [
            certificateOf(),
            certificateOf({ keyDigests: { "example.net": digests.other }, accountUri: "other" }),
            certificateOf({
                keyDigests: { "example.com": digests.own, "example.org": digests.other },
                accountUri: "https://acme.test/1",
            }),
        ]),
        { json: true },
    );
    const known = {
        ...values,
        "certificate-key:current": digests.own,
        "acme-account": "https://acme.test/1",
    };
    assert.deepEqual(JSON.parse(text), dnsDocument(described, known));
    assert.match(text, new RegExp(digests.own));
});

test("says what to type as it is typed on that stack", async () => {
    const empty = { code: 0, stdout: '{ "version": 3, "deployment": {} }', stderr: "" };
    const pulumi = () => Promise.resolve(empty);
    const typed = (command: string) => `npm run pulumi -- ${command}`;
    await assert.rejects(dnsText({ pulumi, stack: "prod" }), /: `pulumi up --stack prod` makes/);
    await assert.rejects(dnsText({ pulumi, typed }), /: `npm run pulumi -- up` makes/);
});

test("prints a table for a person", async () => {
    const { text } = await ask(output({ description, values }));
    assert.equal(text, renderRecordsTable(described, values));
    assert.match(text, /^ {2}mx +A +300 +base +203\.0\.113\.5$/m);
});

test("prints a document for a script", async () => {
    const { text } = await ask(output({ description, values }), { json: true });
    assert.deepEqual(JSON.parse(text), dnsDocument(described, values));
});

test("the document has everything", () => {
    const ofHost = { scope: "host", zone: "example.com", domain: "example.com" };
    assert.deepEqual(dnsDocument(plan, values), {
        zones: plan.zones,
        records: [
            {
                ...ofHost,
                name: "_25._tcp.mx.example.com",
                type: "TLSA",
                ttl: 300,
                phase: "certified",
                role: "current",
                content: null,
                waitsFor: ["certificate-key:current"],
            },
            {
                ...ofHost,
                name: "mx.example.com",
                type: "A",
                ttl: 300,
                phase: "base",
                role: "address",
                content: "203.0.113.5",
                waitsFor: [],
            },
            {
                scope: "domain",
                zone: "example.org",
                domain: "example.org",
                name: "example.org",
                type: "MX",
                ttl: 3600,
                phase: "serving",
                role: "host",
                content: "0 mx.example.com.",
                waitsFor: [],
            },
        ],
        pointers: [
            { role: "ipv4", address: "203.0.113.5", target: "mx.example.com", waitsFor: [] },
            { role: "ipv6", address: null, target: "mx.example.com", waitsFor: ["ipv6"] },
        ],
        omitted: plan.omitted,
        missing: plan.missing,
        warnings: plan.warnings,
    });
});

test("says of every record of a whole host what it waits for", async () => {
    const { text } = await ask(output({ description, values: {} }), { json: true });
    const { records } = JSON.parse(text) as {
        records: { content: string | null; waitsFor: string[] }[];
    };
    assert.equal(records.length, described.records.length);
    for (const { content, waitsFor } of records)
        assert.equal(content === null, waitsFor.length > 0);
    assert.deepEqual([...new Set(records.flatMap(({ waitsFor }) => waitsFor))].sort(), [
        "certificate-key:current",
        "ipv4",
        "ipv6",
        "ssh-host-key",
        "system-dkim:default",
    ]);
});

describe("prints a zone file", () => {
    test("of the zone that is named", async () => {
        const { text } = await ask(output({ description, values }), { zoneFile: "example.org" });
        assert.equal(text, renderZoneFile(described, "example.org", values));
    });

    test("of the only one, named or not", async () => {
        const { text } = await ask(output({ description: host, values }), { zoneFile: true });
        assert.equal(text, renderZoneFile(planDnsRecords(host), "example.com", values));
    });

    test("of a whole zone, with the servers that are named", async () => {
        const nameServers = ["ns1.example.net", "ns2.example.net"];
        const zoneFile = "example.org";
        const { text } = await ask(output({ description, values }), { zoneFile, nameServers });
        assert.equal(text, renderZoneFile(described, zoneFile, values, { nameServers }));
        assert.match(text, /^@ IN NS ns2\.example\.net\.$/m);
    });
});

describe("refuses", () => {
    const refusals: [string, Answer, DnsOptions, string][] = [
        [
            "two forms at once",
            output({ description, values }),
            { json: true, zoneFile: true },
            "--json and --zone-file are two forms of the same: give one of them.",
        ],
        [
            "name servers without a zone file",
            output({ description, values }),
            { nameServers: ["ns1.example.net"] },
            "--name-servers makes a zone file whole: give --zone-file as well.",
        ],
        [
            "a name server that is none",
            output({ description, values }),
            { zoneFile: "example.com", nameServers: ["ns1.example.net", "ns2 example.net"] },
            '--name-servers: "ns2 example.net" is not the full name of a server. Write them as ns1.example.net,ns2.example.net.',
        ],
        [
            "to choose among zones",
            output({ description, values }),
            { zoneFile: true },
            "The records are in 2 zones. Name one: --zone-file example.com or --zone-file example.org.",
        ],
        [
            "a zone that it does not know",
            output({ description, values }),
            { zoneFile: "example.net" },
            'The plan has no zone "example.net". Choose example.com or example.org.',
        ],
        [
            "a stack that was never brought up",
            { code: 0, stdout: '{ "version": 3, "deployment": {} }' },
            {},
            "The stack has no records yet: `pulumi up` makes them, and its preview shows them.",
        ],
        [
            "a stack whose first `up` has failed early",
            state(undefined),
            {},
            "The stack has no outputs, so no `pulumi up` has come far enough yet. Mend what the last one said, and run it again: its preview shows the records.",
        ],
        [
            "a stack of a program that does not export it",
            state({ records: {} }),
            {},
            "The stack has no output `dns`: the program has to export that of MailHost under this name.",
        ],
        [
            "a stack that there isn't",
            { code: 6, stderr: "error: no stack named 'prod' found\n" },
            {},
            "pulumi stack export failed:\nerror: no stack named 'prod' found\n`pulumi stack ls` lists those that there are.",
        ],
        [
            "to go on without pulumi",
            { code: 127, stderr: "spawn pulumi ENOENT" },
            {},
            "There is no `pulumi` on PATH. Install it: https://www.pulumi.com/docs/install/",
        ],
        ...[
            null,
            "[secret]",
            [],
            {},
            { description },
            { description: null, values },
            { description: {}, values },
            { description: [], values },
        ].map((other): [string, Answer, DnsOptions, string] => [
            `${JSON.stringify(other)} as the output`,
            output(other),
            {},
            "The output `dns` of the stack is not that of MailHost, or of another version. Run `pulumi up`, then this command again.",
        ]),
    ];
    for (const [what, answer, options, message] of refusals) {
        test(what, () => assert.rejects(ask(answer, options), { message }));
    }

    test("options that don't go together before it asks for anything", async () => {
        const calls: string[][] = [];
        const pulumi = (args: string[]) => {
            calls.push(args);
            return Promise.resolve({ code: 0, stdout: "{}", stderr: "" });
        };
        await assert.rejects(dnsText({ json: true, zoneFile: "example.com", pulumi }));
        await assert.rejects(dnsText({ nameServers: ["ns1.example.net"], pulumi }));
        assert.deepEqual(calls, []);
    });
});

test("the command line has these options", () => {
    const parse = (...args: string[]) =>
        withDnsOptions(new Command("dns")).exitOverride().parse(args, { from: "user" }).opts();
    assert.deepEqual(parse(), {});
    assert.deepEqual(parse("--json"), { json: true });
    assert.deepEqual(parse("--zone-file"), { zoneFile: true });
    assert.deepEqual(parse("--zone-file", "example.com", "--name-servers", "a.b, c.d"), {
        zoneFile: "example.com",
        nameServers: ["a.b", "c.d"],
    });
});
