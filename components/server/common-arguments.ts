import { systems, type System } from "../host/plan";
import { cidrProblem, nearestName } from "../names";
import type { Problem } from "../problem";

/** What a rented server is told at every provider. */
interface CommonArgs {
    sshAllowedCidrs: string[];
    image: string;
    system: System;
    volumeSizeGb: number;
    authorizedKeys: string[];
}

/** What is left out, and what the provider's volumes can have. */
interface CommonRules {
    defaults: { image: System; volumeSizeGb: number };
    volumeGb: { smallest: number; largest: number };
}

const isSnapshot = (image: string): boolean => /^[1-9]\d*$/.test(image);

/** Whether it is one of the systems that the host set-up knows. */
export const isSystem = (name: string): name is System => systems.some((system) => system === name);

/**
 * What is wrong with the arguments that have the same names and forms at every provider.
 *
 * @param path stands before the name of each argument.
 */
export function commonProblems(
    path: string,
    args: Partial<CommonArgs>,
    { defaults, volumeGb }: CommonRules,
): Problem[] {
    return [
        ...imageProblems(path, args, defaults.image),
        ...cidrProblems(`${path}.sshAllowedCidrs`, args.sshAllowedCidrs),
        ...volumeProblems(
            `${path}.volumeSizeGb`,
            args.volumeSizeGb ?? defaults.volumeSizeGb,
            volumeGb,
        ),
        ...(args.authorizedKeys ?? []).flatMap(
            (key, index) => publicKeyProblem(`${path}.authorizedKeys[${index}]`, key) ?? [],
        ),
    ];
}

function imageProblems(path: string, args: Partial<CommonArgs>, defaultImage: System): Problem[] {
    const image = args.image ?? defaultImage;
    if (isSystem(image)) {
        if (args.system === undefined) return [];
        return [
            {
                path: `${path}.system`,
                reason: `${JSON.stringify(args.system)} is only for a snapshot, but ${path}.image is ${image}.`,
                remedy: `Leave ${path}.system out, or give the number of a snapshot as ${path}.image.`,
            },
        ];
    }
    const known = systems.join(", ");
    if (!isSnapshot(image)) {
        const near = nearestName(image, systems);
        return [
            {
                path: `${path}.image`,
                reason: `${JSON.stringify(image)} is not a system that the host set-up knows.`,
                remedy: `${near ? `Did you mean ${near}? ` : ""}Choose ${known}, or the number of a snapshot.`,
            },
        ];
    }
    if (args.system === undefined) {
        return [
            {
                path: `${path}.system`,
                reason: `Image ${image} is a snapshot, and what it holds is not said.`,
                remedy: `Choose one of ${known}.`,
            },
        ];
    }
    if (!isSystem(args.system)) {
        return [
            {
                path: `${path}.system`,
                reason: `${JSON.stringify(args.system)} is not a system that the host set-up knows.`,
                remedy: `Choose one of ${known}.`,
            },
        ];
    }
    return [];
}

const cidrRemedy =
    "List the address blocks that you administer from, e.g. 203.0.113.0/24 (0.0.0.0/0 is everyone).";

function cidrProblems(path: string, cidrs: readonly string[] | undefined): Problem[] {
    if (cidrs === undefined) {
        return [
            {
                path,
                reason: "Nothing says who may connect over SSH; no default is safe.",
                remedy: cidrRemedy,
            },
        ];
    }
    return cidrListProblems(path, cidrs);
}

/** What is wrong with a list of the address blocks that SSH is let in from. */
export function cidrListProblems(path: string, cidrs: readonly string[]): Problem[] {
    if (cidrs.length === 0) {
        return [
            {
                path,
                reason: "The list is empty, and the host is set up over SSH.",
                remedy: cidrRemedy,
            },
        ];
    }
    return cidrs.flatMap((cidr, index) => cidrProblem(`${path}[${index}]`, cidr) ?? []);
}

function volumeProblems(
    path: string,
    sizeGb: number,
    { smallest, largest }: CommonRules["volumeGb"],
): Problem[] {
    if (Number.isInteger(sizeGb) && sizeGb >= smallest && sizeGb <= largest) return [];
    return [
        {
            path,
            reason: `${sizeGb} is not a size that a volume can have.`,
            remedy: `Give a whole number of GB from ${smallest} to ${largest}.`,
        },
    ];
}

const keyAlgorithms = [
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
];

export function isPrivateKey(key: string): boolean {
    return key.includes("PRIVATE KEY");
}

/** Wanted is `algorithm base64 [comment]` on one line, the blob naming the same algorithm (RFC 4253 §6.6). */
export function publicKeyProblem(path: string, key: string): Problem | undefined {
    if (isPrivateKey(key)) {
        return {
            path,
            reason: "This is a private key.",
            remedy: "Give the public one (the file that ends in .pub), and make a new pair: this one has been shown.",
        };
    }
    const [algorithm = "", blob = ""] = key.trim().split(/[ \t]+/);
    const bytes = Buffer.from(blob, "base64");
    const named =
        bytes.length > 4 ? bytes.subarray(4, 4 + bytes.readUInt32BE(0)).toString("latin1") : "";
    if (!/[\r\n]/.test(key.trim()) && keyAlgorithms.includes(algorithm) && named === algorithm)
        return undefined;
    return {
        path,
        reason: `${JSON.stringify(key.length > 60 ? `${key.slice(0, 60)}…` : key)} is not an OpenSSH public key.`,
        remedy: "Give the one line of a .pub file: ssh-ed25519 AAAA… name.",
    };
}
