import * as ipaddr from "ipaddr.js";
import { domainToASCII } from "node:url";
import { parse } from "tldts";
import type { Problem } from "./problem";

/** The longest host name that everything here carries: a label's value at Hetzner (Linux itself allows 64). */
const longestHostName = 63;

const label = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

/** The longest name that DNS carries, in characters without the trailing dot (RFC 1035 §3.1). */
export const longestDnsName = 253;

/** Whether the text is a single label of a host name in lower case (RFC 1123 §2.1). */
export function isLabel(text: string): boolean {
    return label.test(text);
}

/** Whether the name is a fully qualified host name in lower case (RFC 1123 §2.1): letters, digits, hyphens, dots. */
export function isHostName(name: string): boolean {
    const labels = name.split(".");
    return name.length <= longestDnsName && labels.length > 1 && labels.every(isLabel);
}

/** The name of the mail host of a domain. */
export function hostNameOf(domain: string): string {
    return `mx.${domain}`;
}

/**
 * What is wrong with the domain that the host is named after; undefined when nothing is. Beside what every domain has
 * to be, it has to leave room for the host's name.
 */
export function domainProblem(path: string, domain: string | undefined): Problem | undefined {
    const problem = domainNameProblem(path, domain);
    if (problem !== undefined || domain === undefined) return problem;
    const host = hostNameOf(domain);
    if (host.length <= longestHostName) return undefined;
    return {
        path,
        reason: `${JSON.stringify(domain)} is too long: ${host} has ${host.length} characters, a host name here at most ${longestHostName}.`,
        remedy: "Choose a shorter domain.",
    };
}

/**
 * What is wrong with the name of a mail domain or a zone; undefined when nothing is. Wanted is the bare name in lower
 * case, in its ASCII form, below a public suffix.
 */
export function domainNameProblem(path: string, domain: string | undefined): Problem | undefined {
    if (domain === undefined || domain === "") {
        return {
            path,
            reason: "The domain is missing.",
            remedy: "Give the domain that gets mail, e.g. example.com.",
        };
    }
    const problem = (fault: string, remedy: string): Problem => ({
        path,
        reason: `${JSON.stringify(domain)} ${fault}.`,
        remedy,
    });
    if (ipaddr.isValid(domain)) {
        return problem("is an address, not a domain", "Give a name, e.g. example.com.");
    }
    const bare =
        /^(?:[a-z]+:\/\/|\*\.|.*@)?([^/@:]*?)\.?(?:[/:].*)?$/i.exec(domain)?.[1]?.toLowerCase() ??
        "";
    const ascii = domainToASCII(bare);
    if (!isHostName(domain)) {
        return isHostName(ascii)
            ? problem("is not the bare name of a domain in lower-case ASCII", `Write ${ascii}.`)
            : problem(
                  "is not a domain name",
                  "Give one of labels of letters, digits and hyphens, joined by dots, e.g. example.com.",
              );
    }
    const { domain: registrable } = parse(domain);
    if (registrable === null) {
        return problem(
            "is a public suffix, below which others register their domains",
            `Give a domain of your own, e.g. example.${domain}.`,
        );
    }
    return undefined;
}

/** The address forms that every mail system takes: a dot-atom of at most 64 characters (RFC 5321 §4.5.3.1.1). */
const localPart = /^(?=.{1,64}$)[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;

/** What is wrong with an e-mail address (`local@domain`, ASCII, no display name); undefined when nothing is. */
export function emailProblem(path: string, email: string | undefined): Problem | undefined {
    if (email === undefined || email === "") {
        return {
            path,
            reason: "The e-mail address is missing.",
            remedy: "Give one that you read: the certificate authority and the host write to it, e.g. you@example.net.",
        };
    }
    const at = email.lastIndexOf("@");
    if (
        localPart.test(email.slice(0, Math.max(at, 0))) &&
        isHostName(email.slice(at + 1).toLowerCase())
    ) {
        return undefined;
    }
    return {
        path,
        reason: `${JSON.stringify(email)} is not an e-mail address.`,
        remedy: "Give one address without a display name, e.g. you@example.net.",
    };
}

/** What is wrong with an address block in CIDR form (RFC 4632 §3.1, RFC 4291 §2.3); undefined when nothing is. */
export function cidrProblem(path: string, cidr: string): Problem | undefined {
    const problem = (fault: string, remedy: string): Problem => ({
        path,
        reason: `${JSON.stringify(cidr)} ${fault}.`,
        remedy,
    });
    if (ipaddr.IPv4.isValidFourPartDecimal(cidr))
        return problem("has no prefix length", `Write ${cidr}/32.`);
    if (ipaddr.IPv6.isValid(cidr)) return problem("has no prefix length", `Write ${cidr}/128.`);
    const isIpv4 = ipaddr.IPv4.isValidCIDRFourPartDecimal(cidr);
    if (!isIpv4 && !ipaddr.IPv6.isValidCIDR(cidr)) {
        return problem("is not an address block", "Write it as 203.0.113.0/24 or 2001:db8::/32.");
    }
    const [address, length] = ipaddr.parseCIDR(cidr);
    const network = isIpv4
        ? ipaddr.IPv4.networkAddressFromCIDR(cidr)
        : ipaddr.IPv6.networkAddressFromCIDR(cidr);
    if (address.toNormalizedString() !== network.toNormalizedString()) {
        return problem(
            `is not the start of its block`,
            `Write ${network.toString()}/${length}, or ${address.toString()}/${isIpv4 ? 32 : 128} for the one address.`,
        );
    }
    return undefined;
}

/** Whether the block is every address of its family. */
export function isEverywhere(cidr: string): boolean {
    return ipaddr.isValidCIDR(cidr) && ipaddr.parseCIDR(cidr)[1] === 0;
}

/** The host's own address in the network that it was given: the first after the network's, `<prefix>::1`. */
export function firstHostAddress(network: string): string {
    const bytes = ipaddr.IPv6.parse(network.replace(/\/\d+$/, "")).toByteArray();
    bytes[15] = (bytes[15] ?? 0) | 1;
    return ipaddr.fromByteArray(bytes).toString();
}

/** The number of characters to insert, delete, replace or swap with their neighbour to turn one name into the other. */
function editDistance(a: string, b: string): number {
    let beforeLast: number[] = [];
    let last = Array.from({ length: b.length + 1 }, (_, column) => column);
    for (let row = 1; row <= a.length; row++) {
        const current = [row];
        for (let column = 1; column <= b.length; column++) {
            const same = a[row - 1] === b[column - 1];
            let cost = Math.min(
                (last[column] ?? 0) + 1,
                (current[column - 1] ?? 0) + 1,
                (last[column - 1] ?? 0) + (same ? 0 : 1),
            );
            if (a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
                cost = Math.min(cost, (beforeLast[column - 2] ?? Infinity) + 1);
            }
            current.push(cost);
        }
        beforeLast = last;
        last = current;
    }
    return last[b.length] ?? 0;
}

/** The name that was probably meant: the nearest, when at most a third of the longer differs; case doesn't count. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
    const ranked = names
        .map((candidate) => ({
            candidate,
            distance: editDistance(name.toLowerCase(), candidate.toLowerCase()),
        }))
        .filter(
            ({ candidate, distance }) => 3 * distance <= Math.max(name.length, candidate.length),
        )
        .sort((a, b) => a.distance - b.distance);
    return ranked[0]?.candidate;
}
