import { createHash } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { WebAnswer } from "./https-client";
import { isOpen, type Outside } from "./outside";
import type { ProofStep } from "./proof";
import type { ProofContext } from "./proof-context";
import { queryTlsa } from "./tlsa-query";
import { webSite } from "./web-proofs";

/** Ports of what the host's services say to each other: databases, web site, interface, calendars, address books. */
export const innerPorts = [27017, 6379, 3000, 3456, 4000, 5000, 6000];

/** What the host serves to everybody: certificates, policies, documents, and nothing else. */
export function servedProofs(context: ProofContext): ProofStep[] {
    const { outside } = context;
    return [
        {
            name: "certificate at every port",
            services: ["mx", "smtp", "imap", "pop3", "sni-router"],
            prove: () => proveCertificates(outside),
        },
        {
            name: "TLSA = the served key",
            prove: () => proveTlsa(outside),
        },
        {
            name: "MTA-STS policies",
            needs: [webSite],
            services: ["sni-router"],
            prove: () => provePolicies(context),
        },
        {
            name: "mail programs set up",
            needs: [webSite],
            services: ["sni-router"],
            prove: () => proveAutoconfig(context),
        },
        { name: "inner ports closed", prove: () => proveClosed(outside) },
    ];
}

interface ServedPort {
    port: number;
    /** The name that is asked for. */
    name: string;
    starttls?: boolean;
}

/** Everything that speaks TLS here, by the names that clients know. */
export function servedPorts(
    outside: Pick<Outside, "domain" | "domains" | "hostName">,
): ServedPort[] {
    const { domain, domains, hostName } = outside;
    const web = [domain, `api.${domain}`, hostName];
    const served = domains.flatMap((name) =>
        ["mta-sts", "autoconfig", "autodiscover"].map((label) => `${label}.${name}`),
    );
    return [
        { port: 25, name: hostName, starttls: true },
        ...[465, 993, 995].map((port) => ({ port, name: hostName })),
        ...[...web, ...served].map((name) => ({ port: 443, name })),
    ];
}

async function proveCertificates(outside: Outside): Promise<string> {
    const families = new Set<string>();
    const ends: number[] = [];
    const served = [
        ...servedPorts(outside),
        ...(outside.openPorts.includes(587)
            ? [{ port: 587, name: outside.hostName, starttls: true }]
            : []),
    ];
    for (const { port, name, starttls } of served) {
        for (const endpoint of outside.endpoints(port)) {
            const socket = await outside.connect(port, name, { starttls, endpoint });
            ends.push(Date.parse(socket.getPeerCertificate().valid_to));
            families.add(endpoint.family);
            socket.destroy();
        }
    }
    const ports = [...new Set(served.map(({ port }) => port))].join(", ");
    const end = new Date(Math.min(...ends)).toISOString().slice(0, 16).replace("T", " ");
    return `${ports} over ${[...families].join(" and ")}, ${served.length} names and ports, to the authority's root; the first ends ${end} UTC`;
}

async function proveTlsa(outside: Outside): Promise<string> {
    const ports = servedPorts(outside).filter(({ name }) => name === outside.hostName);
    for (const { port, name, starttls } of ports) {
        const owner = `_${port}._tcp.${name}`;
        const records = await queryTlsa(outside.nameServer, owner);
        if (records.length === 0) throw new Error(`There is no TLSA record at ${owner}.`);
        const socket = await outside.connect(port, name, { starttls });
        const digest = keyDigest(socket);
        socket.destroy();
        const names = records.some(
            ({ usage, selector, matchingType, data }) =>
                `${usage} ${selector} ${matchingType} ${data}` === `3 1 1 ${digest}`,
        );
        if (!names) {
            const found = records.map(({ data }) => data).join(", ");
            throw new Error(`${owner} names ${found}; port ${port} serves the key ${digest}.`);
        }
    }
    return `at ${ports.map(({ port }) => port).join(", ")}`;
}

/** SHA-256 of the SubjectPublicKeyInfo. */
function keyDigest(socket: TLSSocket): string {
    const certificate = socket.getPeerX509Certificate();
    if (!certificate) throw new Error("The server shows no certificate.");
    const key = certificate.publicKey.export({ type: "spki", format: "der" });
    return createHash("sha256").update(key).digest("hex");
}

async function provePolicies({ outside, site }: ProofContext): Promise<string> {
    const modes: string[] = [];
    for (const domain of outside.domains) {
        const url = `https://mta-sts.${domain}/.well-known/mta-sts.txt`;
        const { text } = found(await site.web.request("GET", url), url, "text/plain");
        const policy = text.split("\r\n");
        const mode = policy.find((line) => line.startsWith("mode: "))?.slice("mode: ".length);
        if (
            policy[0] !== "version: STSv1" ||
            !policy.includes(`mx: ${outside.hostName}`) ||
            !mode
        ) {
            throw new Error(`${url} is no policy for ${outside.hostName}: ${JSON.stringify(text)}`);
        }
        const [record] = (await outside.lookup(`_mta-sts.${domain}`, "TXT")) as string[][];
        if (!record?.join("").startsWith("v=STSv1; id=")) {
            throw new Error(`There is no MTA-STS record at _mta-sts.${domain}.`);
        }
        modes.push(`${domain} ${mode}`);
    }
    return modes.join(", ");
}

async function proveAutoconfig({ outside, site }: ProofContext): Promise<string> {
    for (const domain of outside.domains) {
        const documents = [
            `https://autoconfig.${domain}/mail/config-v1.1.xml`,
            `https://autodiscover.${domain}/autodiscover/autodiscover.xml`,
        ];
        for (const url of documents) {
            const { text } = found(await site.web.request("GET", url), url, "text/xml");
            for (const setting of [outside.hostName, "993", "465"]) {
                if (!text.includes(`>${setting}<`)) throw new Error(`${url} has no ${setting}.`);
            }
        }
    }
    return `autoconfig and autodiscover of ${outside.domains.join(", ")}`;
}

function found(answer: WebAnswer, url: string, type: string): WebAnswer {
    const got = answer.headers["content-type"] ?? "none";
    if (answer.status !== 200 || !got.startsWith(type)) {
        throw new Error(`${url} answers ${answer.status} with the type ${got}.`);
    }
    return answer;
}

async function proveClosed(outside: Outside): Promise<string | undefined> {
    // A machine's user network lets only chosen ports through, whatever the host has open: that proves nothing of it.
    if (!outside.reachesEveryPort) return undefined;
    const tried = outside.published.flatMap((host) => innerPorts.map((port) => ({ host, port })));
    const states = await Promise.all(tried.map(({ host, port }) => isOpen(host, port)));
    const open = tried.filter((_, i) => states[i]).map(({ host, port }) => `${port} of ${host}`);
    if (open.length > 0) throw new Error(`Open to everybody: ${open.join(", ")}.`);
    return `${innerPorts.join(" ")} at ${outside.published.join(" and ")}`;
}
