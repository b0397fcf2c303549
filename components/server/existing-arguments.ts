import { createHash } from "node:crypto";
import * as ipaddr from "ipaddr.js";
import type * as pulumi from "@pulumi/pulumi";
import { systems, type ExistingMachine, type System } from "../host/plan";
import { isHostName, nearestName } from "../names";
import { throwLateProblems, type Problem } from "../problem";
import type { MemoryArgument } from "../stack/memory";
import { cidrListProblems, isPrivateKey, isSystem, publicKeyProblem } from "./common-arguments";

/** A machine that is there already, reached over SSH as root. */
export interface ExistingArgs {
    /**
     * The machine's public IPv4 address, which has to be the first address of its first interface: the mail services
     * send from that one. Behind 1:1 NAT it is not.
     */
    ipv4: string;
    /**
     * The existing machine's public IPv6 address, as it stands on the machine. Give it only when its PTR record can be set.
     *
     * @default none: the host gets no AAAA record
     */
    ipv6?: string;
    /** The system that runs on it: `debian-13`, `debian-12`, `ubuntu-24.04` or `ubuntu-22.04`. */
    system: System;
    /**
     * The machine's ed25519 host key, which is pinned: `ssh-ed25519 AAAA…`, the first two words of
     * `/etc/ssh/ssh_host_ed25519_key.pub` there. Read it on the machine's console or in its provider's panel; what
     * `ssh-keyscan` says over the network may come from anybody. Another key is another machine.
     */
    sshHostKey: string;
    /**
     * Secret: the private key with which root logs in, in OpenSSH form and without a passphrase. Its public key stands
     * in `/root/.ssh/authorized_keys` on the machine.
     */
    sshPrivateKey: pulumi.Input<string>;
    /**
     * Name or address at which the existing machine's SSH is reached.
     *
     * @default `ipv4`
     */
    sshHost?: string;
    /**
     * The port at which sshd listens on the existing machine. The host's own firewall keeps open whatever port that is.
     *
     * @default 22
     */
    sshPort?: number;
    /**
     * Address blocks in CIDR form from which the host's own firewall lets SSH in. The computer that runs `pulumi up` must
     * be in one of them.
     *
     * @default every address: who may reach SSH stays as it is in front of the machine
     */
    sshAllowedCidrs?: string[];
    /**
     * A blank disk of the existing machine for the data, by its path below `/dev/disk/by-id`. It gets an ext4 file system; one that was made for
     * a mail host before is taken with what is on it. Changing it moves no data.
     *
     * @default the root disk
     */
    dataDevice?: string;
    /**
     * The existing machine's memory in MiB, by which the services are given theirs.
     *
     * @default unknown: the services set themselves no limits
     */
    memoryMb?: number;
    /**
     * Public keys of the operators in OpenSSH form, beside those that root's own `authorized_keys` has.
     *
     * @default []
     */
    authorizedKeys?: string[];
}

/** The addresses in the form in which the machine prints them. */
export function canonicalAddress(address: string): string {
    return ipaddr.parse(address).toString();
}

/** What the host plan is told. */
export function existingMachine(args: ExistingArgs): ExistingMachine {
    return {
        data: args.dataDevice === undefined ? "root-disk" : "device",
        ...(args.sshAllowedCidrs && { sshAllowedCidrs: args.sshAllowedCidrs }),
    };
}

/** The families in which it has an address. */
export function addressFamilies({
    ipv6,
}: Pick<ExistingArgs, "ipv6">): readonly ("ipv4" | "ipv6")[] {
    return ipv6 === undefined ? ["ipv4"] : ["ipv4", "ipv6"];
}

/** The host key without its comment. */
export function pinnedKey(hostKey: string): string {
    return hostKey.trim().split(/\s+/).slice(0, 2).join(" ");
}

/** What no two hosts can share, each as a sentence names it; nothing where the description is wrong. */
export function machineIdentities(args: ExistingArgs): string[] {
    if (existingProblems("", args).length > 0) return [];
    return [
        `address ${canonicalAddress(args.ipv4)}`,
        `host key ${keyFingerprint(args.sshHostKey)}`,
    ];
}

/** Where the host lets SSH in from. */
export function sshBlocks({ sshAllowedCidrs }: Pick<ExistingArgs, "sshAllowedCidrs">): string[] {
    return sshAllowedCidrs ?? ["0.0.0.0/0", "::/0"];
}

/** As OpenSSH shows a key: `SHA256:` and base64. */
export function keyFingerprint(hostKey: string): string {
    const blob = Buffer.from(pinnedKey(hostKey).split(" ")[1] ?? "", "base64");
    return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

/** Where the memory is described. What the machine has is up to its owner. */
export const existingMemory: MemoryArgument = {
    path: "server.memoryMb",
    value: "The machine",
    atLeast: () => undefined,
};

/**
 * Everything that is wrong with the arguments.
 *
 * @param path stands before the name of each argument.
 */
export function existingProblems(path: string, args: Partial<ExistingArgs>): Problem[] {
    const wrong = formProblems(path, args);
    if (wrong.length > 0) return wrong;
    const { ipv6, sshHost, sshPort, sshAllowedCidrs, dataDevice, memoryMb } = args;
    const at = (name: keyof ExistingArgs) => `${path}.${name}`;
    return [
        ...addressProblems(at("ipv4"), args.ipv4, 4),
        ...(ipv6 === undefined ? [] : addressProblems(at("ipv6"), ipv6, 6)),
        ...systemProblems(at("system"), args.system),
        ...hostKeyProblems(at("sshHostKey"), args.sshHostKey),
        ...privateKeyProblems(at("sshPrivateKey"), args.sshPrivateKey),
        ...unless(sshHost === undefined || isReachable(sshHost), {
            path: at("sshHost"),
            reason: `${JSON.stringify(sshHost)} is neither a host name nor an address.`,
            remedy: "Give one of them without a port, or leave it out.",
        }),
        ...unless(sshPort === undefined || isWhole(sshPort, 65535), {
            path: at("sshPort"),
            reason: `${sshPort} is not a port.`,
            remedy: "Give a whole number from 1 to 65535.",
        }),
        ...(sshAllowedCidrs ? cidrListProblems(at("sshAllowedCidrs"), sshAllowedCidrs) : []),
        ...unless(
            dataDevice === undefined || /^\/dev\/disk\/by-id\/[\w.:+@=-]+$/.test(dataDevice),
            {
                path: at("dataDevice"),
                reason: `${JSON.stringify(dataDevice)} is not a path below /dev/disk/by-id, which alone names the same disk after each boot.`,
                remedy: "ls -l /dev/disk/by-id on the machine shows those that there are.",
            },
        ),
        ...unless(memoryMb === undefined || isWhole(memoryMb, 1 << 30), {
            path: at("memoryMb"),
            reason: `${memoryMb} is not an amount of memory.`,
            remedy: "Give a whole number of MiB, e.g. 4096.",
        }),
        ...(args.authorizedKeys ?? []).flatMap(
            (key, index) => publicKeyProblem(`${at("authorizedKeys")}[${index}]`, key) ?? [],
        ),
    ];
}

const texts = ["ipv4", "ipv6", "system", "sshHostKey", "sshHost", "dataDevice"] as const;
const lists = ["sshAllowedCidrs", "authorizedKeys"] as const;

/** Values of another kind than the types allow, which a program without types can hand over. */
function formProblems(path: string, args: Partial<Record<keyof ExistingArgs, unknown>>): Problem[] {
    const isText = (value: unknown) => typeof value === "string";
    const wrong = (name: keyof ExistingArgs, kind: string): Problem => ({
        path: `${path}.${name}`,
        reason: `${JSON.stringify(args[name])} is not a ${kind}.`,
        remedy: `Give a ${kind}.`,
    });
    const given = (name: keyof ExistingArgs) => args[name] !== undefined;
    return [
        ...texts
            .filter((name) => given(name) && !isText(args[name]))
            .map((name) => wrong(name, "text")),
        ...lists
            .filter((name) => given(name))
            .filter((name) => {
                const value = args[name];
                return !Array.isArray(value) || !value.every(isText);
            })
            .map((name) => wrong(name, "list of texts")),
    ];
}

function unless(fine: boolean, problem: Problem): Problem[] {
    return fine ? [] : [problem];
}

function isWhole(value: number, most: number): boolean {
    return Number.isInteger(value) && value >= 1 && value <= most;
}

/** Reserved blocks that are let pass: those for examples (RFC 5737, RFC 3849) and for tests (RFC 2544). */
const forExamples = [
    ...["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15"],
    "2001:db8::/32",
].map((block) => ipaddr.parseCIDR(block));

/** What IANA has given out for single hosts of IPv6 (RFC 4291 §2.4). */
const globalUnicast = ipaddr.IPv6.parseCIDR("2000::/3");

/** Whether an address is one at which the world can reach a host. */
function isPublic(text: string): boolean {
    const address = ipaddr.parse(text);
    const isIn = (block: [ipaddr.IPv4 | ipaddr.IPv6, number]) =>
        block[0].kind() === address.kind() && address.match(block);
    if (forExamples.some(isIn)) return true;
    return address.range() === "unicast" && (address.kind() === "ipv4" || isIn(globalUnicast));
}

/** Whether it is what SSH can be reached at: an address in its usual form, without a zone, or a name. */
function isReachable(host: string): boolean {
    if (ipaddr.IPv4.isValidFourPartDecimal(host)) return true;
    if (ipaddr.IPv6.isValid(host)) return !host.includes("%");
    // A last label of digits, in whatever base, would be read as a part of an IPv4 address.
    return isHostName(host) && !/(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(host);
}

function addressProblems(path: string, address: string | undefined, family: 4 | 6): Problem[] {
    const remedy = `Give the machine's own public IPv${family} address, e.g. ${family === 4 ? "203.0.113.7" : "2001:db8::7"}.`;
    if (address === undefined || address === "") {
        return [{ path, reason: "The machine's address is missing.", remedy }];
    }
    const valid =
        family === 4
            ? ipaddr.IPv4.isValidFourPartDecimal(address)
            : ipaddr.IPv6.isValid(address) && !address.includes("%");
    const said = JSON.stringify(address);
    if (!valid) return [{ path, reason: `${said} is not an IPv${family} address.`, remedy }];
    if (isPublic(address)) return [];
    return [{ path, reason: `${said} is not an address that the world can reach.`, remedy }];
}

function systemProblems(path: string, system: string | undefined): Problem[] {
    if (system !== undefined && isSystem(system)) return [];
    const near = nearestName(system ?? "", systems);
    return [
        {
            path,
            reason:
                system === undefined
                    ? "Nothing says which system runs on the machine."
                    : `${JSON.stringify(system)} is not a system that the host set-up knows.`,
            remedy: `${near ? `Did you mean ${near}? ` : ""}Choose one of ${systems.join(", ")}.`,
        },
    ];
}

function hostKeyProblems(path: string, key: string | undefined): Problem[] {
    const remedy =
        "Give the first two words of /etc/ssh/ssh_host_ed25519_key.pub on the machine: ssh-ed25519 AAAA….";
    if (key === undefined || key.trim() === "") {
        return [
            {
                path,
                reason: "The machine's host key is missing; nothing connects to an unknown one.",
                remedy,
            },
        ];
    }
    const problem = publicKeyProblem(path, key);
    if (problem) return [isPrivateKey(key) ? problem : { ...problem, remedy }];
    const [algorithm = ""] = key.trim().split(/\s+/);
    if (algorithm === "ssh-ed25519") return [];
    return [
        {
            path,
            reason: `It is a key of ${algorithm}; the host is known by its ed25519 key.`,
            remedy,
        },
    ];
}

/** A private key as OpenSSH reads it: without carriage returns, and nothing around its armour but the last end of line. */
export function normalPrivateKey(key: string): string {
    return `${key.replaceAll("\r\n", "\n").trim()}\n`;
}

/** What is wrong with the key; one that is known only later passes, and {@link usablePrivateKey} looks at it then. */
function privateKeyProblems(path: string, key: pulumi.Input<string> | undefined): Problem[] {
    const remedy =
        "Give the whole file of a private key whose public key root's authorized_keys has, without a passphrase: " +
        "ssh-keygen -t ed25519 -N '' makes one.";
    if (key === undefined || key === "") {
        return [{ path, reason: "The private key for root's login is missing.", remedy }];
    }
    if (typeof key === "object") return [];
    const [, label = "", body = ""] =
        /^-----BEGIN ((?:OPENSSH|RSA|EC) PRIVATE KEY)-----\n([\s\S]+?)-----END \1-----\n$/.exec(
            normalPrivateKey(String(key)),
        ) ?? [];
    if (label === "") {
        return [{ path, reason: "The value (not shown) is not a private key.", remedy }];
    }
    if (!isEncrypted(label, body)) return [];
    return [{ path, reason: "The key (not shown) has a passphrase, which nobody types.", remedy }];
}

/**
 * The key in the form in which it is used.
 *
 * @throws Error that says what is wrong with it, without showing it.
 */
export function usablePrivateKey(name: string, path: string, key: string): string {
    throwLateProblems(name, privateKeyProblems(path, key));
    return normalPrivateKey(key);
}

/** Of OpenSSH's form the cipher's name comes first, of the older ones a header says so. */
function isEncrypted(label: string, body: string): boolean {
    if (!label.startsWith("OPENSSH")) return body.includes("ENCRYPTED");
    const bytes = Buffer.from(body, "base64");
    const magic = "openssh-key-v1\0";
    if (!bytes.toString("latin1").startsWith(magic)) return false;
    const start = magic.length + 4;
    return bytes.toString("latin1", start, start + bytes.readUInt32BE(magic.length)) !== "none";
}
