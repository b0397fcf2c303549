// The published domains under a linter that knows nothing of this project: checkdmarc asks the real DNS server, fetches
// the policy and the logo over HTTPS, and validates DNSSEC up to the zones above.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { runQuietly } from "../../cli/run-program";
import { webDocuments } from "../../components/client-settings/web-documents";
import { domainSettings } from "../../components/dns/domain-settings";
import { nameServers } from "../../local/cloud/dns/zone-text";
import {
    further,
    host,
    mailDomains,
    primary,
    publishMailDomains,
    recordsOf,
    type PublishedDomains,
} from "./support/published-mail-domains";
import { pythonWith } from "./support/python-package";
import { serve, type WebServer } from "./support/web-server";

/** Names lead to the web server, whatever their address; the DNS server is asked by its own. */
const program = `
import json, socket, sys
import checkdmarc
from dns.nameserver import Do53Nameserver

request = json.load(sys.stdin)
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda name, port, *rest, **named: resolve("127.0.0.1", request["web"], *rest, **named)
server = Do53Nameserver(request["dns"]["host"], request["dns"]["port"])
print(json.dumps(checkdmarc.check_domains(request["domains"], nameservers=[server], timeout=10.0)))
`;

/** What the linter says of a domain, as far as it judges. */
interface Verdict {
    domain: string;
    dnssec: boolean;
    ns: { warnings: string[] };
    mx: { hosts: { hostname: string; dnssec: boolean; tlsa: string[] }[]; warnings: string[] };
    mta_sts: Part;
    spf: Part & { dns_lookups: number };
    dmarc: Part;
    smtp_tls_reporting: Part;
    bimi: Part & { image?: { title: string } };
}

interface Part {
    valid: boolean;
    error?: string;
    warnings?: string[];
}

const logo = {
    host: primary,
    path: "/logo.svg",
    contentType: "image/svg+xml",
    text: '<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 8 8"><title>Example</title><rect width="8" height="8"/></svg>',
};
const documents = [
    logo,
    ...mailDomains.flatMap((domain) =>
        webDocuments(primary, domainSettings(domain, "you@example.net")),
    ),
];

let published: PublishedDomains;
let web: WebServer;
before(async () => {
    published = await publishMailDomains();
    web = await serve(
        documents,
        documents.map(({ host }) => host),
    );
    await publishAbove();
});
after(async () => {
    await web?.stop();
    await published?.stop();
});

/** The zones above, which delegate to the server, and that of its own name. */
async function publishAbove(): Promise<void> {
    const { server } = published;
    for (const zone of [primary, further]) {
        const { keyTag, algorithm, digest } = await server.keyOf(zone);
        const own = { name: zone, ttl: 300 };
        await server.publish({
            name: zone.slice(zone.indexOf(".") + 1),
            signed: false,
            records: [
                { ...own, type: "DS", rdata: `${keyTag} ${algorithm} 2 ${digest}` },
                ...nameServers.map((name) => ({ ...own, type: "NS", rdata: `${name}.` })),
            ],
        });
    }
    await server.publish({
        name: nameServers[0].slice(nameServers[0].indexOf(".") + 1),
        signed: false,
        records: nameServers.map((name) => ({ name, type: "A", ttl: 300, rdata: "127.0.0.1" })),
    });
}

/** The linter's verdicts on the domains; undefined where it can't be had. */
async function lint(t: TestContext, domains: string[]): Promise<Verdict[] | undefined> {
    const linter = await pythonWith("checkdmarc", "6.0.4");
    if ("missing" in linter) {
        t.skip(`checkdmarc can't be installed here: ${linter.missing}`);
        return undefined;
    }
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "linted-"));
    const authority = path.join(folder, "ca.pem");
    try {
        fs.writeFileSync(authority, web.authority);
        const request = { dns: published.server.address, web: web.port, domains };
        const { code, stdout, stderr } = await runQuietly(linter.python, ["-c", program], {
            input: JSON.stringify(request),
            env: { ...process.env, REQUESTS_CA_BUNDLE: authority },
        });
        assert.equal(code, 0, stderr);
        const verdicts = JSON.parse(stdout) as Verdict | Verdict[];
        return Array.isArray(verdicts) ? verdicts : [verdicts];
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

const sound = { valid: true, error: undefined, warnings: [] };
const judged = ({ valid, error, warnings }: Part) => ({ valid, error, warnings });

test("a linter finds nothing wrong with the domains", async (t) => {
    const verdicts = await lint(t, [primary, further]);
    if (!verdicts) return;
    assert.deepEqual(
        verdicts.map(({ domain }) => domain),
        [primary, further],
    );
    for (const { dnssec, ns, mx, ...parts } of verdicts) {
        assert.equal(dnssec, true);
        assert.deepEqual(ns.warnings, []);
        assert.deepEqual(
            mx.hosts.map(({ hostname, dnssec, tlsa }) => ({ hostname, dnssec, tlsa })),
            [{ hostname: host, dnssec: true, tlsa: [`3 1 1 ${"cd".repeat(32)}`] }],
        );
        assert.deepEqual(mx.warnings, []);
        for (const part of ["spf", "dmarc", "mta_sts", "smtp_tls_reporting"] as const) {
            assert.deepEqual(judged(parts[part]), sound, part);
        }
    }
    assert.deepEqual(
        verdicts.map(({ spf }) => spf.dns_lookups),
        [2, 1],
    );
    assert.deepEqual(
        verdicts.map(({ bimi }) => [bimi.valid, bimi.image?.title, bimi.error, bimi.warnings]),
        [
            [
                true,
                "Example",
                undefined,
                [
                    "Most email providers will not display a BIMI image without a valid mark certificate.",
                ],
            ],
            [false, undefined, "A BIMI record does not exist at the default selector.", []],
        ],
    );
    assert.deepEqual(web.requests, [
        `https://mta-sts.${primary}/.well-known/mta-sts.txt`,
        `https://${primary}/logo.svg`,
        `https://mta-sts.${further}/.well-known/mta-sts.txt`,
    ]);
});

test("the linter finds a second SPF record and a missing MX", async (t) => {
    const records = [
        ...recordsOf(further).filter(({ type }) => type !== "MX"),
        { name: further, type: "TXT", ttl: 300, rdata: '"v=spf1 -all"' },
    ];
    await published.server.publish({ name: further, signed: true, records });
    const [verdict] = (await lint(t, [further])) ?? [];
    if (!verdict) return;
    assert.deepEqual(verdict.mx.hosts, []);
    assert.equal(verdict.spf.valid, false);
    assert.match(verdict.spf.error ?? "", /multiple SPF/i);
});
