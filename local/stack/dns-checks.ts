import * as dns from "node:dns";
import * as os from "node:os";
import type { DNSResolver } from "mailauth";
import type { Domain } from "./accounts";
import type { Environment } from "./environment";

const answerMilliseconds = 3000;

/** An entry of the list that a domain's owner has to work off. */
export interface Check {
    name: string;
    type: "A" | "AAAA" | "MX" | "TXT" | "CNAME" | "PTR";
    /** What has to be published. */
    value: string;
    ok: boolean;
    required: boolean;
    /** What is published. */
    found: string[];
}

/** Asks the servers of /etc/resolv.conf, in the way that it says (`options use-vc`). */
export function makeResolver(): dns.promises.Resolver {
    return new dns.promises.Resolver({ timeout: answerMilliseconds, tries: 2 });
}

/** The address that mail leaves from: the first of the machine that isn't loopback. */
export function firstAddress(family: "IPv4" | "IPv6"): string | undefined {
    return Object.values(os.networkInterfaces())
        .flatMap((addresses) => addresses ?? [])
        .find(
            ({ address, family: of, internal }) =>
                of === family && !internal && !address.startsWith("fe80:"),
        )?.address;
}

/** The checks of the set-up pages, against live DNS. */
export async function checklist(environment: Environment, domain: Domain): Promise<Check[]> {
    const resolver = makeResolver();
    const name = domain._id;
    const mx = mailExchanger(environment);
    const webHost = environment.text("WEB_HOST");
    const [ipv4, ipv6] = [firstAddress("IPv4"), firstAddress("IPv6")];
    const texts = () =>
        found(async () => (await resolver.resolveTxt(name)).map((strings) => strings.join("")));

    const addresses = async (type: "A" | "AAAA", own: string | undefined): Promise<Check[]> => {
        if (own === undefined) return [];
        const published = await found(() =>
            type === "A" ? resolver.resolve4(mx) : resolver.resolve6(mx),
        );
        const ok = published.some((address) => normalAddress(address) === normalAddress(own));
        return [{ name: mx, type, value: own, ok, required: true, found: published }];
    };
    const exchange = async (): Promise<Check> => {
        const published = await found(async () =>
            (await resolver.resolveMx(name)).map(
                ({ priority, exchange }) => `${priority} ${exchange}`,
            ),
        );
        const ok = published.length > 0 && published.every((line) => line.split(" ")[1] === mx);
        return { name, type: "MX", value: `10 ${mx}`, ok, required: true, found: published };
    };
    const verification = async (): Promise<Check> => {
        const prefix = environment.text("TXT_RECORD_PREFIX");
        const value = `${prefix}-site-verification=${domain.verification_record}`;
        const all = await texts();
        const published = all.filter((text) => text.startsWith(`${prefix}-site-verification=`));
        const forwards = all.some((text) => text.startsWith(`${prefix}=`));
        const ok = published.length === 1 && published[0] === value && !forwards;
        return { name, type: "TXT", value, ok, required: true, found: published };
    };
    const spf = async (): Promise<Check> => {
        const published = (await texts()).filter((text) => /^v=spf1( |$)/i.test(text));
        const ok = (await spfResult(resolver, `postmaster@${name}`, mx)) === "pass";
        return { name, type: "TXT", value: "v=spf1 mx ~all", ok, required: true, found: published };
    };
    const dkim = async (): Promise<Check> => {
        const selector = `${domain.dkim_key_selector}._domainkey.${name}`;
        const value = `v=DKIM1; k=rsa; p=${domain.dkim_public_key};`;
        const published = await found(async () =>
            (await resolver.resolveTxt(selector)).map((strings) => strings.join("")),
        );
        const ok = published.length === 1 && published[0]?.replace(/;?$/, ";") === value;
        return { name: selector, type: "TXT", value, ok, required: true, found: published };
    };
    const returnPath = async (): Promise<Check> => {
        const published = await found(() => resolver.resolveCname(returnPathHost(domain)));
        return {
            ...{ name: returnPathHost(domain), type: "CNAME", value: webHost },
            ...{ ok: isReturnPath(published, webHost), required: true, found: published },
        };
    };
    const dmarc = async (): Promise<Check> => {
        const value = `v=DMARC1; p=quarantine; rua=mailto:dmarc@${name}`;
        const published = (
            await found(async () =>
                (await resolver.resolveTxt(`_dmarc.${name}`)).map((strings) => strings.join("")),
            )
        ).filter((text) => text.startsWith("v=DMARC1"));
        const tags = new Map(
            (published[0] ?? "").split(";").map((tag) => {
                const [key = "", setting = ""] = tag.split("=");
                return [key.trim(), setting.trim()] as const;
            }),
        );
        const ok =
            published.length === 1 &&
            ["quarantine", "reject"].includes(tags.get("p") ?? "") &&
            ["", "100"].includes(tags.get("pct") ?? "");
        return { name: `_dmarc.${name}`, type: "TXT", value, ok, required: true, found: published };
    };
    const pointer = async (own: string | undefined): Promise<Check[]> => {
        if (own === undefined) return [];
        const published = await found(() => resolver.reverse(own));
        const ok = published.length === 1 && published[0] === mx;
        return [{ name: own, type: "PTR", value: mx, ok, required: false, found: published }];
    };

    return (
        await Promise.all([
            ...[addresses("A", ipv4), addresses("AAAA", ipv6), exchange(), verification(), spf()],
            ...[dkim(), returnPath(), dmarc(), pointer(ipv4), pointer(ipv6)],
        ])
    ).flat();
}

/** The one MX that every domain has to have. */
function mailExchanger(environment: Environment): string {
    return (
        environment.list("SMTP_EXCHANGE_DOMAINS")?.[0] ?? environment.text("SMTP_EXCHANGE_DOMAINS")
    );
}

export function returnPathHost(domain: Domain): string {
    return `fe-bounces.${domain._id}`;
}

/** Compared as it stands: another name for the same host is not good enough. */
export function isReturnPath(published: readonly string[], webHost: string): boolean {
    return published.length === 1 && published[0] === webHost;
}

/** SPF of an address for mail from this machine. Its library is loaded when this is asked first. */
export async function spfResult(
    resolver: dns.promises.Resolver,
    sender: string,
    helo: string,
): Promise<string> {
    const ip = firstAddress("IPv4");
    if (ip === undefined) return "none";
    const { spf } = await import("./mail-authentication.js");
    const { status } = await spf({
        ...{ sender, ip, helo, mta: helo },
        resolver: resolveWith(resolver),
    });
    return status.result;
}

/** The form of a resolver that mailauth takes. */
export function resolveWith(resolver: dns.promises.Resolver): DNSResolver {
    return (name, type) => resolver.resolve(name, type) as ReturnType<DNSResolver>;
}

/** What there is; nothing where DNS has nothing or doesn't answer. */
async function found(ask: () => Promise<string[]>): Promise<string[]> {
    return ask().catch(() => []);
}

function normalAddress(address: string): string {
    // The URL parser writes an IPv6 address in its one short form.
    return address.includes(":") ? new URL(`http://[${address}]`).hostname : address;
}
