import { domainToASCII } from "node:url";
import { parse } from "tldts";
import { holdsPort, isWorld } from "./addresses";

/** A resource as a policy sees it, secrets in plain: nothing of unknown properties may be shown. */
export interface Resource {
    type: string;
    /** The logical name. */
    name: string;
    urn: string;
    props: Record<string, unknown>;
    opts: { protect?: boolean };
}

export interface Rule {
    name: string;
    description: string;
    /** Whether it is for stacks in production alone. */
    prodOnly: boolean;
    /** What is wrong with a stack, a sentence each, with what to do. */
    violations(resources: readonly Resource[]): Violation[];
}

export interface Violation {
    resource: Resource;
    message: string;
}

const dnsRecord = /^cloudflare:index\/(dnsRecord:DnsRecord|record:Record)$/;
const ours = ({ urn }: Resource) => /(::|\$)mailhost:index:/.test(urn);
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
/** A name as DNS has it: lower case, punycode, without its last dot. */
const dnsName = (value: unknown) => {
    const name = textOf(value).toLowerCase().replace(/\.$/, "");
    return domainToASCII(name) || name;
};
const nameOf = (record: Resource) => dnsName(record.props["name"]);
/** Whether a property was given, and is only known later. */
const isUnknown = ({ props }: Resource, key: string) => key in props && props[key] === undefined;
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const ofType = (resources: readonly Resource[], type: string) =>
    resources.filter((resource) => resource.type === type);

/** The text of a TXT record: its strings without quotes, as receivers join them. */
function txt(record: Resource): string {
    if (record.props["type"] !== "TXT") return "";
    const content = textOf(record.props["content"]);
    const strings = [...content.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text]) => text);
    return strings.length > 0 ? strings.join("") : content;
}

const records = (resources: readonly Resource[]) =>
    resources.filter(({ type }) => dnsRecord.test(type));
const mxRecords = (resources: readonly Resource[]) =>
    records(resources).filter(({ props }) => props["type"] === "MX");

/** Names under which the hosts of this program greet. */
function greetings(resources: readonly Resource[]): string[] {
    return ofType(resources, "mailhost:index:Stack").map(({ props }) => dnsName(props["ehloName"]));
}

/** Names under which hosts greet: what the stacks' components say, and where MX records lead. */
function hostNames(resources: readonly Resource[]): Set<string> {
    return new Set(
        [
            ...greetings(resources),
            ...mxRecords(resources).map(({ props }) => dnsName(props["content"])),
        ].filter((name) => name !== ""),
    );
}

/** A rule of a firewall that lets TCP in. */
interface Opening {
    firewall: Resource;
    ports: string | undefined;
    from: string[];
}

function openings(resources: readonly Resource[]): Opening[] {
    const rule = (firewall: Resource, value: unknown, ports: string, from: string): Opening[] => {
        const { direction = "in", protocol, ...rest } = value as Record<string, unknown>;
        if (direction !== "in" || (protocol !== undefined && protocol !== "tcp")) return [];
        // Known later.
        if (ports in rest && rest[ports] === undefined) return [];
        const given = rest[ports];
        return [
            {
                firewall,
                ports:
                    typeof given === "string" || typeof given === "number"
                        ? String(given)
                        : undefined,
                from: listOf(rest[from]).map(textOf),
            },
        ];
    };
    return [
        ...ofType(resources, "hcloud:index/firewall:Firewall").flatMap((firewall) =>
            listOf(firewall.props["rules"]).flatMap((value) =>
                rule(firewall, value, "port", "sourceIps"),
            ),
        ),
        ...ofType(resources, "digitalocean:index/firewall:Firewall").flatMap((firewall) =>
            listOf(firewall.props["inboundRules"]).flatMap((value) =>
                rule(firewall, value, "portRange", "sourceAddresses"),
            ),
        ),
    ];
}

const innerPorts = [27017, 6379, 3000, 3456, 4000, 5000, 6000];

const neverProxied: Rule = {
    name: "mail-records-not-proxied",
    description: "Records of mail hosts are never proxied: Cloudflare's proxy passes no mail.",
    prodOnly: false,
    violations(resources) {
        const hosts = hostNames(resources);
        return records(resources)
            .filter((record) => record.props["proxied"] === true)
            .filter((record) => ours(record) || hosts.has(nameOf(record)))
            .map((resource) => ({
                resource,
                message: `${nameOf(resource)} is proxied by Cloudflare, which passes no mail. Set proxied to false.`,
            }));
    },
};

const pointers: Rule = {
    name: "ptr-matches-greeting",
    description:
        "Both addresses of a rented mail host have a PTR record that is the name under which it greets.",
    prodOnly: false,
    violations(resources) {
        const rdns = ofType(resources, "hcloud:index/rdns:Rdns");
        const servers = ofType(resources, "hcloud:index/server:Server");
        const droplets = ofType(resources, "digitalocean:index/droplet:Droplet");
        const named = (machines: readonly Resource[], greeting: string) =>
            machines.find((machine) => nameOf(machine) === greeting);
        const greeted = greetings(resources);
        const nameless = [...servers, ...droplets].filter(
            (machine) => ours(machine) && !greeted.includes(nameOf(machine)),
        );
        const missing = ofType(resources, "mailhost:index:Stack").flatMap(
            (resource): Violation[] => {
                const greeting = dnsName(resource.props["ehloName"]);
                if (greeting === "") return [];
                const wrong = (what: string) => [{ resource, message: `${greeting}: ${what}` }];
                const droplet = named(droplets, greeting);
                if (droplet) {
                    return droplet.props["ipv6"] === true || isUnknown(droplet, "ipv6")
                        ? []
                        : wrong(
                              "its Droplet has no IPv6 address with that name as PTR. Set ipv6 to true.",
                          );
                }
                if (!named(servers, greeting)) {
                    // A machine that is rented elsewhere has its PTR elsewhere.
                    return nameless.length === 0
                        ? []
                        : wrong(
                              `no machine carries the name under which the host greets; there is ${nameless.map(nameOf).join(", ")}. Give both one name.`,
                          );
                }
                const own = rdns.filter(({ props }) => dnsName(props["dnsPtr"]) === greeting);
                const families = new Set(
                    own.map((each) =>
                        // Known later: each counts for another.
                        typeof each.props["ipAddress"] === "string"
                            ? each.props["ipAddress"].includes(":")
                            : each.name,
                    ),
                );
                return families.size >= 2
                    ? []
                    : wrong(
                          `${families.size} of its 2 addresses have that name as PTR. Receivers refuse its mail: add an Rdns for each address.`,
                      );
            },
        );
        const other = rdns.filter(ours).flatMap((resource): Violation[] => {
            const pointer = dnsName(resource.props["dnsPtr"]);
            if (pointer === "" || greeted.length === 0 || greeted.includes(pointer)) return [];
            return [
                {
                    resource,
                    message: `its PTR is ${pointer}, but the host greets as ${greeted.join(" or ")}. Give both one name.`,
                },
            ];
        });
        return [...missing, ...other];
    },
};

const databasesShut: Rule = {
    name: "inner-ports-shut",
    description: "No firewall opens a port of the databases or of the inner services.",
    prodOnly: false,
    violations(resources) {
        const inFirewalls = openings(resources).flatMap(({ firewall, ports }) =>
            innerPorts
                .filter((port) => holdsPort(ports, port))
                .slice(0, 1)
                .map((port) => ({
                    resource: firewall,
                    message: `it opens ${ports ?? "every port"}, and with it ${port}, where a database or an inner service answers without a password. Open the mail and web ports alone.`,
                })),
        );
        const inStacks = ofType(resources, "mailhost:index:Stack").flatMap((resource) =>
            listOf(resource.props["openTcpPorts"])
                .filter((port) => innerPorts.includes(Number(port)))
                .map((port) => ({
                    resource,
                    message: `the host opens port ${String(port)}, where a database or an inner service answers. Take it out of stack.services.`,
                })),
        );
        return [...inFirewalls, ...inStacks];
    },
};

const sshNarrow: Rule = {
    name: "ssh-not-open-to-the-world",
    description: "SSH is reached from the operators' networks alone.",
    prodOnly: true,
    violations(resources) {
        const firewalls = openings(resources)
            .filter(({ ports, from }) => holdsPort(ports, 22) && isWorld(from))
            .map(({ firewall }) => firewall);
        // Its firewall is its own, and lets everyone in unless it is told whom.
        const machines = ofType(resources, "mailhost:index:ExistingServer").filter(
            (machine) =>
                !("sshAllowedCidrs" in machine.props) ||
                isWorld(listOf(machine.props["sshAllowedCidrs"]).map(textOf)),
        );
        return [...firewalls, ...machines].map((resource) => ({
            resource,
            message:
                "it lets the whole world, or half of it, connect to SSH. Name the networks that you administer from (mailhost:server.sshAllowedCidrs).",
        }));
    },
};

const lasting = [
    "hcloud:index/volume:Volume",
    "hcloud:index/primaryIp:PrimaryIp",
    "digitalocean:index/volume:Volume",
];

const protectedData: Rule = {
    name: "data-and-addresses-protected",
    description: "The data volume and the addresses can't be deleted by mistake.",
    prodOnly: true,
    violations(resources) {
        return resources
            .filter((resource) => lasting.includes(resource.type) && ours(resource))
            .flatMap((resource) => {
                const { props, type, opts } = resource;
                const atProvider =
                    !type.startsWith("hcloud:") ||
                    props["deleteProtection"] === true ||
                    isUnknown(resource, "deleteProtection");
                if (opts.protect === true && atProvider && props["autoDelete"] !== true) return [];
                return [
                    {
                        resource,
                        message:
                            "it can be deleted by mistake, and the mail or the addresses' reputation with it. Set mailhost:protect to true.",
                    },
                ];
            });
    },
};

/** Whether browsers and mail programs trust an authority of that host: staging and private ones they don't. */
function isTrusted(url: string): boolean {
    const { hostname, isIcann, isIp } = parse(url);
    return (
        hostname !== null &&
        isIp === false &&
        isIcann === true &&
        !/staging|(^|[.-])test/.test(hostname)
    );
}

const realAuthority: Rule = {
    name: "no-staging-certificates",
    description: "Certificates come from an authority that mail programs trust.",
    prodOnly: true,
    violations(resources) {
        return ofType(resources, "mailhost:index:Certificate").flatMap((resource) => {
            const url = textOf(resource.props["directoryUrl"]);
            if (url === "" || isTrusted(url)) return [];
            return [
                {
                    resource,
                    message: `its certificates come from ${url}, which no mail program trusts. Set mailhost:certificate.authority to letsencrypt.`,
                },
            ];
        });
    },
};

const dmarcAsked: Rule = {
    name: "dmarc-asks-for-something",
    description: "Every mail domain has one DMARC record, and it asks for more than nothing.",
    prodOnly: true,
    violations(resources) {
        const hosts = greetings(resources);
        const at = (domain: string) =>
            records(resources).filter((record) => nameOf(record) === `_dmarc.${domain}`);
        return mxRecords(resources).flatMap((mx): Violation[] => {
            const domain = nameOf(mx);
            // Mail that goes elsewhere is others' to guard.
            if (domain === "" || (!ours(mx) && !hosts.includes(dnsName(mx.props["content"]))))
                return [];
            const wrong = (resource: Resource, message: string) => [{ resource, message }];
            const { domain: organisation } = parse(domain);
            const own = at(domain);
            // A domain without a record takes that of its organisation (RFC 7489 §6.6.3).
            const there = own.length > 0 ? own : at(organisation ?? domain);
            if (there.some((record) => isUnknown(record, "content"))) return [];
            const found = there.filter((record) => /^v=DMARC1/i.test(txt(record)));
            const [dmarc] = found;
            if (dmarc === undefined) {
                return wrong(
                    mx,
                    `${domain} gets mail here but has no DMARC record: anybody may send in its name. Publish _dmarc.${domain}.`,
                );
            }
            if (found.length > 1) {
                return wrong(
                    dmarc,
                    `${domain} has ${found.length} DMARC records, so receivers take none. Leave one.`,
                );
            }
            const policy = /;\s*p\s*=\s*(\w+)\s*(;|$)/i.exec(txt(dmarc))?.[1]?.toLowerCase();
            if (policy === "quarantine" || policy === "reject") return [];
            return wrong(
                dmarc,
                `the DMARC policy of ${domain} is ${policy ?? "missing"}: what fails is delivered all the same. Set dmarc.policy to quarantine or reject.`,
            );
        });
    },
};

const spfCloses: Rule = {
    name: "spf-closes",
    description:
        "No SPF record lets everybody send: it ends in -all or ~all, or leads to one that does.",
    prodOnly: false,
    violations(resources) {
        return records(resources).flatMap((resource) => {
            const terms = txt(resource).trim().toLowerCase().split(/\s+/);
            if (terms[0] !== "v=spf1") return [];
            const all = terms.find((term) => /^[-+~?]?all$/.test(term));
            const everybody = terms.find((term) => /^\+?ip[46]:(0\.0\.0\.0|::)\/0$/.test(term));
            if (everybody === undefined && (all === "-all" || all === "~all")) return [];
            if (
                all === undefined &&
                everybody === undefined &&
                terms.some((term) => term.startsWith("redirect="))
            ) {
                return [];
            }
            const why =
                everybody !== undefined
                    ? `has ${everybody}`
                    : all === undefined
                      ? "ends in nothing"
                      : `ends in ${all}`;
            return [
                {
                    resource,
                    message: `the SPF record of ${nameOf(resource)} ${why}, which lets everybody send in its name. Set spf.all to fail or softfail.`,
                },
            ];
        });
    },
};

const pinnedImages: Rule = {
    name: "images-by-digest",
    description: "What runs is named by its digest: a tag may become something else.",
    prodOnly: true,
    violations(resources) {
        return ofType(resources, "mailhost:index:Stack").flatMap((resource) => {
            const images = Object.values(
                (resource.props["images"] ?? {}) as Record<string, unknown>,
            ).concat(listOf(resource.props["furtherImages"]));
            return images
                .map(textOf)
                .filter((image) => image !== "" && !/@sha256:[0-9a-f]{64}$/.test(image))
                .map((image) => ({
                    resource,
                    message: `the image ${image} has no digest, so another may run tomorrow. npx mailhost pin (in a clone: npm run mailhost -- pin) writes it.`,
                }));
        });
    },
};

/** Every rule of the pack. */
export const rules: readonly Rule[] = [
    neverProxied,
    pointers,
    databasesShut,
    sshNarrow,
    protectedData,
    realAuthority,
    dmarcAsked,
    spfCloses,
    pinnedImages,
];

/** Of `urn:pulumi:STACK::PROJECT::…`. */
export const stackOf = (urn: string): string => /^urn:pulumi:(.*?)::/.exec(urn)?.[1] ?? "";

/** What names of stacks are those in production, where nobody says otherwise: a regular expression. */
export const defaultProdStacks = "(^|[-_.])prod(uction)?$";
