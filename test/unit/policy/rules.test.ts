import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { holdsPort, isWorld } from "../../../policy/addresses";
import { known } from "../../../policy/known";
import { defaultProdStacks, rules, stackOf, type Resource } from "../../../policy/rules";

let count = 0;
function resource(
    type: string,
    props: Record<string, unknown>,
    further: Partial<Resource> = {},
): Resource {
    const name = further.name ?? `r${++count}`;
    return {
        type,
        name,
        urn: `urn:pulumi:prod::p::mailhost:index:MailHost$${type}::${name}`,
        props,
        opts: {},
        ...further,
    };
}

const record = (type: string, name: string, content: string, props: object = {}) =>
    resource("cloudflare:index/dnsRecord:DnsRecord", { type, name, content, ...props });
const foreign = { urn: "urn:pulumi:prod::p::cloudflare:index/dnsRecord:DnsRecord::x" };
const stack = (props: object = {}) =>
    resource("mailhost:index:Stack", {
        ehloName: "mx.example.com",
        openTcpPorts: [25, 443],
        images: { mail: `m:1@sha256:${"a".repeat(64)}` },
        furtherImages: [],
        ...props,
    });
const server = resource("hcloud:index/server:Server", { name: "mx.example.com" });
const rdns = (dnsPtr: string, further: Partial<Resource> = {}) =>
    resource("hcloud:index/rdns:Rdns", { dnsPtr }, further);
const hetznerFirewall = (port: string | undefined, sourceIps: string[], props: object = {}) =>
    resource("hcloud:index/firewall:Firewall", {
        rules: [{ direction: "in", protocol: "tcp", port, sourceIps, ...props }],
    });
const digitalOceanFirewall = (portRange: string, sourceAddresses: string[]) =>
    resource("digitalocean:index/firewall:Firewall", {
        inboundRules: [{ protocol: "tcp", portRange, sourceAddresses }],
        outboundRules: [{ protocol: "tcp", portRange: "1-65535" }],
    });
const existing = (props: object) => resource("mailhost:index:ExistingServer", { ...props });
const world = ["0.0.0.0/0", "::/0"];
const office = ["203.0.113.0/24"];
const volume = (protect: boolean | undefined, deleteProtection?: boolean) =>
    resource("hcloud:index/volume:Volume", { deleteProtection }, { opts: { protect } });
const authority = (directoryUrl?: string) =>
    resource("mailhost:index:Certificate", { directoryUrl });
const mx = (domain: string, host = "mx.example.com") => record("MX", domain, host);

/** Rule → stacks, what is expected of each in words, and how many violations. */
const cases: Record<string, [what: string, resources: Resource[], violations: number][]> = {
    "mail-records-not-proxied": [
        ["of ours, not proxied", [record("A", "mx.example.com", "192.0.2.1")], 0],
        ["of ours, proxied", [record("A", "example.com", "192.0.2.1", { proxied: true })], 1],
        [
            "somebody's own, to which an MX leads",
            [
                mx("example.com"),
                { ...record("A", "MX.example.com.", "192.0.2.1", { proxied: true }), ...foreign },
            ],
            1,
        ],
        [
            "somebody's own, of another name",
            [
                mx("example.com"),
                { ...record("A", "shop.example.com", "192.0.2.1", { proxied: true }), ...foreign },
            ],
            0,
        ],
        ["in a preview that knows nothing yet", [record("A", "x", "", { proxied: undefined })], 0],
    ],
    "ptr-matches-greeting": [
        ["both", [stack(), server, rdns("mx.example.com"), rdns("MX.example.com")], 0],
        ["one of two", [stack(), server, rdns("mx.example.com")], 1],
        ["none", [stack(), server], 1],
        ["another name", [stack(), server, rdns("mx.example.com"), rdns("example.com")], 2],
        [
            "a machine of another's, with a name of its own",
            [
                ...[stack(), server, rdns("mx.example.com"), rdns("mx.example.com")],
                rdns("other.test", { urn: "urn:pulumi:prod::p::hcloud:index/rdns:Rdns::x" }),
            ],
            0,
        ],
        [
            "a Droplet, whose name it is",
            [
                stack(),
                resource("digitalocean:index/droplet:Droplet", {
                    name: "mx.example.com",
                    ipv6: true,
                }),
            ],
            0,
        ],
        ["a machine that stands elsewhere", [stack()], 0],
        [
            "both for one family",
            [
                ...[stack(), server],
                ...["192.0.2.1", "192.0.2.2"].map((ipAddress) =>
                    resource("hcloud:index/rdns:Rdns", { dnsPtr: "mx.example.com", ipAddress }),
                ),
            ],
            1,
        ],
        [
            "one for each family",
            [
                ...[stack(), server],
                ...["192.0.2.1", "2001:db8::1"].map((ipAddress) =>
                    resource("hcloud:index/rdns:Rdns", { dnsPtr: "mx.example.com", ipAddress }),
                ),
            ],
            0,
        ],
        [
            "a Droplet of another name",
            [stack(), resource("digitalocean:index/droplet:Droplet", { name: "mail", ipv6: true })],
            1,
        ],
        [
            "a Droplet without IPv6",
            [stack(), resource("digitalocean:index/droplet:Droplet", { name: "mx.example.com" })],
            1,
        ],
        [
            "two hosts, each with its own",
            [
                ...[stack(), server, rdns("mx.example.com"), rdns("mx.example.com")],
                stack({ ehloName: "mx.example.net" }),
                resource("hcloud:index/server:Server", { name: "mx.example.net" }),
                ...[rdns("mx.example.net"), rdns("mx.example.net")],
            ],
            0,
        ],
    ],
    "inner-ports-shut": [
        ["mail", [hetznerFirewall("25", world), hetznerFirewall("443", world), stack()], 0],
        ["MongoDB", [hetznerFirewall("27017", office)], 1],
        ["a range with Redis", [hetznerFirewall("6000-7000", office)], 1],
        ["any", [hetznerFirewall("any", office)], 1],
        ["all, at DigitalOcean", [digitalOceanFirewall("all", office)], 1],
        ["0, which means all", [digitalOceanFirewall("0", office)], 1],
        ["outwards alone", [digitalOceanFirewall("25", world)], 0],
        ["outwards", [hetznerFirewall("27017", world, { direction: "out" })], 0],
        ["UDP", [hetznerFirewall("6379", world, { protocol: "udp" })], 0],
        ["on the host", [stack({ openTcpPorts: [25, 3456] })], 1],
    ],
    "ssh-not-open-to-the-world": [
        ["the office", [hetznerFirewall("22", office), hetznerFirewall("25", world)], 0],
        ["everyone", [hetznerFirewall("22", world)], 1],
        ["everyone by IPv6", [hetznerFirewall("22", ["::/0", ...office])], 1],
        ["everyone in halves", [hetznerFirewall("22", ["0.0.0.0/1", "128.0.0.0/1"])], 1],
        ["everyone in a range", [digitalOceanFirewall("1-1024", ["0.0.0.0/0"])], 1],
        ["nothing known yet", [resource("hcloud:index/firewall:Firewall", {})], 0],
        ["a port that is known later", [hetznerFirewall(undefined, world)], 0],
        ["an existing machine, the office", [existing({ sshAllowedCidrs: office })], 0],
        ["an existing machine, everyone", [existing({ sshAllowedCidrs: world })], 1],
        [
            "an existing machine, everyone by IPv4",
            [existing({ sshAllowedCidrs: ["0.0.0.0/0"] })],
            1,
        ],
        ["an existing machine that says nothing", [existing({})], 1],
        ["an existing machine, known later", [existing({ sshAllowedCidrs: undefined })], 0],
    ],
    "data-and-addresses-protected": [
        ["both ways", [volume(true, true)], 0],
        ["in Pulumi alone", [volume(true, false)], 1],
        ["at the provider alone", [volume(false, true)], 1],
        ["at the provider, known later", [volume(true, undefined)], 0],
        [
            "an address that goes with its server",
            [
                resource(
                    "hcloud:index/primaryIp:PrimaryIp",
                    { deleteProtection: true, autoDelete: true },
                    { opts: { protect: true } },
                ),
            ],
            1,
        ],
        ["unprotected", [volume(undefined)], 1],
        ["an address", [resource("hcloud:index/primaryIp:PrimaryIp", {})], 1],
        [
            "at DigitalOcean, which has no such thing",
            [resource("digitalocean:index/volume:Volume", {}, { opts: { protect: true } })],
            0,
        ],
        [
            "somebody's own volume",
            [{ ...volume(undefined), urn: "urn:pulumi:prod::p::hcloud:index/volume:Volume::x" }],
            0,
        ],
    ],
    "no-staging-certificates": [
        ["real", [authority("https://acme-v02.api.letsencrypt.org/directory")], 0],
        ["staging", [authority("https://acme-staging-v02.api.letsencrypt.org/directory")], 1],
        ["a private one", [authority("https://198.18.1.2:14000/dir")], 1],
        ["a private one with a name", [authority("https://ca.internal/acme/directory")], 1],
        ["another real one", [authority("https://dv.acme-v02.api.pki.goog/directory")], 0],
        ["a test of it", [authority("https://dv.acme-v02.test-api.pki.goog/directory")], 1],
        ["not known", [authority()], 0],
    ],
    "dmarc-asks-for-something": [
        [
            "quarantine",
            [mx("example.com"), record("TXT", "_dmarc.example.com", '"v=DMARC1; p=quarantine"')],
            0,
        ],
        ["none", [mx("example.com"), record("TXT", "_dmarc.example.com", '"v=DMARC1; p=none"')], 1],
        [
            "none in two strings",
            [
                mx("example.com"),
                record("TXT", "_dmarc.example.com", '"v=DMARC1; p=n" "one; rua=x"'),
            ],
            1,
        ],
        [
            "of subdomains alone",
            [
                mx("example.com"),
                record("TXT", "_dmarc.example.com", '"v=DMARC1; p=reject; sp=none"'),
            ],
            0,
        ],
        ["missing", [mx("example.com")], 1],
        [
            "somebody's mail that goes elsewhere",
            [{ ...mx("example.com", "mx.else.test"), ...foreign }],
            0,
        ],
        ["somebody's record that leads here", [stack(), { ...mx("example.com"), ...foreign }], 1],
        [
            "of the organisation",
            [mx("lists.example.com"), record("TXT", "_dmarc.example.com", '"v=DMARC1; p=reject"')],
            0,
        ],
        [
            "twice",
            [
                mx("example.com"),
                record("TXT", "_dmarc.example.com", '"v=DMARC1; p=reject"'),
                record("TXT", "_dmarc.example.com", '"v=DMARC1; p=reject"'),
            ],
            1,
        ],
        [
            "without a policy",
            [mx("example.com"), record("TXT", "_dmarc.example.com", '"v=DMARC1; rua=x"')],
            1,
        ],
        [
            "known later",
            [
                mx("example.com"),
                resource("cloudflare:index/dnsRecord:DnsRecord", {
                    type: "TXT",
                    name: "_dmarc.example.com",
                    content: undefined,
                }),
            ],
            0,
        ],
        [
            "of a name in two spellings",
            [
                mx("bücher.example"),
                record("TXT", "_dmarc.xn--bcher-kva.example", '"v=DMARC1; p=reject"'),
            ],
            0,
        ],
        [
            "of one domain of two",
            [
                mx("example.com"),
                mx("xn--bcher-kva.example"),
                record("TXT", "_dmarc.example.com", '"v=DMARC1; p=reject"'),
            ],
            1,
        ],
    ],
    "spf-closes": [
        ["-all", [record("TXT", "example.com", '"v=spf1 mx -all"')], 0],
        ["~all", [record("TXT", "example.com", '"v=spf1 mx ~all"')], 0],
        ["?all", [record("TXT", "example.com", '"v=spf1 mx ?all"')], 1],
        ["+all", [record("TXT", "example.com", '"v=spf1 +all"')], 1],
        ["all, which is +all", [record("TXT", "example.com", "v=spf1 mx all")], 1],
        ["a redirect", [record("TXT", "example.com", '"v=spf1 redirect=_spf.example.net"')], 0],
        ["nothing at its end", [record("TXT", "example.com", '"v=spf1 mx"')], 1],
        ["every address", [record("TXT", "example.com", '"v=spf1 ip4:0.0.0.0/0 -all"')], 1],
        ["another text", [record("TXT", "example.com", '"we are all here"')], 0],
    ],
    "images-by-digest": [
        ["pinned", [stack()], 0],
        ["a tag", [stack({ images: { mail: "m:1" } })], 1],
        ["one's own", [stack({ furtherImages: ["x:latest"] })], 1],
        ["not known", [stack({ images: undefined, furtherImages: undefined })], 0],
    ],
};

for (const rule of rules) {
    describe(rule.name, () => {
        const own = cases[rule.name];
        assert.ok(own, `${rule.name} has no cases`);
        for (const [what, resources, expected] of own) {
            test(`${what}: ${expected}`, () => {
                const found = rule.violations(resources);
                assert.equal(
                    found.length,
                    expected,
                    found.map(({ message }) => message).join("\n"),
                );
                for (const { resource: blamed, message } of found) {
                    assert.ok(resources.includes(blamed));
                    assert.match(message, /[.]$/);
                }
            });
        }
        test("finds nothing wrong where there is nothing", () =>
            assert.deepEqual(rule.violations([]), []));
    });
}

test("every rule has cases in both directions", () => {
    assert.deepEqual(Object.keys(cases).sort(), rules.map(({ name }) => name).sort());
    for (const [name, own] of Object.entries(cases)) {
        assert.ok(
            own.some(([, , violations]) => violations > 0),
            name,
        );
        assert.ok(
            own.some(([, , violations]) => violations === 0),
            name,
        );
    }
});

test("no message has a value of a property that it does not know", () => {
    const secret = "S3cr3tS3cr3tS3cr3t";
    const all = Object.values(cases)
        .flatMap((own) => own.flatMap(([, resources]) => resources))
        .map((each) => ({ ...each, props: { ...each.props, stdin: secret, password: secret } }));
    const messages = rules.flatMap((rule) => rule.violations(all).map(({ message }) => message));
    assert.ok(messages.length > 20);
    for (const message of messages) assert.ok(!message.includes(secret), message);
});

test("what is not known yet is left out, and hides nothing else", () => {
    const unknown = () => {
        throw new Error("can't be known during preview");
    };
    const props = Object.defineProperties(
        { name: "a", rules: [{ port: "22" }, null] as unknown[] },
        { content: { get: unknown, enumerable: true } },
    );
    Object.defineProperty(props.rules[0], "sourceIps", { get: unknown, enumerable: true });
    assert.deepEqual(known(props), {
        name: "a",
        rules: [{ port: "22", sourceIps: undefined }, null],
        content: undefined,
    });
});

test("half of all addresses are the world", () => {
    for (const [cidrs, expected] of [
        [["0.0.0.0/0"], true],
        [["0.0.0.0/1"], true],
        [["0.0.0.0/2", "64.0.0.0/2"], true],
        [["0.0.0.0/2", "0.0.0.0/2"], false],
        [["10.0.0.0/8", "192.168.0.0/16"], false],
        [["203.0.113.7"], false],
        [["2000::/3"], true],
        [["2001:db8::/32", "2a00::/12"], false],
        [["0.0.0.0/2", "0.0.0.0/3", "0.0.0.0/3", "32.0.0.0/3"], false],
        [["nonsense"], false],
        [["::/0"], true],
        [[], false],
    ] as [string[], boolean][])
        assert.equal(isWorld(cidrs), expected, cidrs.join());
});

test("ports of firewalls", () => {
    for (const [ports, port, expected] of [
        ["22", 22, true],
        ["22", 222, false],
        ["20-25", 22, true],
        ["23-25", 22, false],
        [undefined, 22, true],
        ["any", 22, true],
    ] as [string | undefined, number, boolean][])
        assert.equal(holdsPort(ports, port), expected, `${ports} ${port}`);
});

test("which stacks are in production", () => {
    const prod = new RegExp(defaultProdStacks);
    for (const name of ["prod", "production", "mail-prod", "eu.prod"]) assert.match(name, prod);
    for (const name of ["staging", "dev", "reprod", "prod-like", "local"])
        assert.doesNotMatch(name, prod);
    assert.equal(stackOf("urn:pulumi:prod::mailhost::a:b:C::x"), "prod");
});
