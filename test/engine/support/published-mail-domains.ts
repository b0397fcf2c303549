// Two mail domains as a stack publishes them, answered by a real DNS server on loopback, for software that grades them.
import { generateKeyPairSync } from "node:crypto";
import { promises as dns } from "node:dns";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { DNSResolver } from "mailauth";
import type { MailDomain } from "../../../components/dns/domain-options";
import { planDnsRecords } from "../../../components/dns/plan";
import { presentation, resolveRecord } from "../../../components/dns/presentation";
import type { DnsValues } from "../../../components/dns/record";
import type { DnsServer, ZoneRecord } from "../../../local/cloud/dns/dns-server";
import { startKnot } from "../../../local/cloud/dns/knot";
import { reverseName } from "../../../local/cloud/dns/reverse-zones";

/** A DKIM key: its private half signs, its public half stands in a record. */
export function dkimKey(): { privateKey: string; publicKey: string } {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    return {
        privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
        publicKey: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
    };
}

export const primary = "example.com";
export const further = "example.org";
export const host = `mx.${primary}`;
export const addresses = { ipv4: "203.0.113.5", ipv6: "2001:db8::5" } as const;
export const selector = "fe-1a2b3c4d5e";
export const keys = { system: dkimKey(), [primary]: dkimKey(), [further]: dkimKey() };

/** The mail domains: one with the defaults and a logo, one as strict as can be. */
export const mailDomains = [
    {
        name: primary,
        bimi: { logoUrl: `https://${primary}/logo.svg` },
        dkim: { selector, publicKey: keys[primary].publicKey },
        siteVerification: "a1b2c3d4e5",
    },
    {
        name: further,
        dmarc: { policy: "reject", dkimAlignment: "strict", spfAlignment: "strict" },
        mtaSts: { mode: "enforce" },
        dkim: { selector, publicKey: keys[further].publicKey },
        siteVerification: "f6e7d8c9b0",
    },
] as const satisfies MailDomain[];

const plan = planDnsRecords({
    domain: primary,
    email: "you@example.net",
    issuer: "letsencrypt.org",
    signed: true,
    domains: mailDomains,
});

const values: DnsValues = {
    ...addresses,
    "system-dkim:default": keys.system.publicKey,
    "ssh-host-key": "ab".repeat(32),
    "certificate-key:current": "cd".repeat(32),
};

export interface PublishedDomains {
    server: DnsServer;
    /** What a mail server's own resolver answers. */
    resolve: DNSResolver;
    stop(): Promise<void>;
}

/** Publishes every record of every phase, as after a finished `up`. */
export async function publishMailDomains(): Promise<PublishedDomains> {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "graded-"));
    const server = await startKnot({ directory, hosts: ["127.0.0.1"], port: 0 });
    const stop = async () => {
        await server.stop();
        fs.rmSync(directory, { recursive: true, force: true });
    };
    try {
        for (const { name, signed } of plan.zones) {
            await server.publish({ name, signed, records: recordsOf(name) });
        }
        for (const { role, target } of plan.pointers) {
            const name = reverseName(addresses[role]);
            const zone = name
                .split(".")
                .slice(role === "ipv4" ? 1 : 16)
                .join(".");
            const records = [{ name, type: "PTR", ttl: 86_400, rdata: `${target}.` }];
            await server.publish({ name: zone, signed: false, records });
        }
    } catch (error) {
        await stop();
        throw error;
    }
    return { server, resolve: resolverOf(server), stop };
}

/** What stands in a zone. */
export function recordsOf(zone: string): ZoneRecord[] {
    return plan.records
        .filter((record) => record.zone === zone)
        .map((record) => {
            const resolved = resolveRecord(record, values);
            if (!resolved)
                throw new Error(`A value of ${record.name} ${record.data.type} is missing.`);
            const { name, ttl, data } = resolved;
            return { name, type: data.type, ttl, rdata: presentation(data) };
        });
}

/** Follows aliases from zone to zone, which is the resolver's part: an authoritative server leaves it to its client. */
function resolverOf({ address }: DnsServer): DNSResolver {
    const stub = new dns.Resolver({ timeout: 2000, tries: 3 });
    stub.setServers([`${address.host}:${address.port}`]);
    const resolve: DNSResolver = async (name, type) => {
        // An answer's form goes with its type; mailauth knows which.
        const answer = (await stub.resolve(name, type)) as unknown as string[];
        if (answer.length > 0) return answer;
        const [alias = ""] = await stub.resolveCname(name);
        return resolve(alias, type);
    };
    return resolve;
}
