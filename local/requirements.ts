import * as fs from "node:fs";
import * as path from "node:path";
import { run, runQuietly } from "../cli/run-program";

/** What the commands need from the system, beyond Node and git. */
export type Purpose = "image" | "vm" | "container" | "check" | "test";

/** A program and the Debian or Ubuntu package that brings it. */
interface Requirement {
    program: string;
    package: string;
    purposes: Purpose[];
    /** Only an ordinary user needs it. */
    ordinaryUserOnly?: boolean;
}

const qemu = process.arch === "arm64" ? "qemu-system-aarch64" : "qemu-system-x86_64";

const requirements: Requirement[] = [
    { program: "ssh", package: "openssh-client", purposes: ["vm", "container"] },
    { program: "mmdebstrap", package: "mmdebstrap", purposes: ["image"] },
    { program: "apt-ftparchive", package: "apt-utils", purposes: ["image"] },
    { program: "umoci", package: "umoci", purposes: ["image"] },
    { program: "skopeo", package: "skopeo", purposes: ["image"] },
    { program: "gpg", package: "gpg", purposes: ["image"] },
    { program: "mke2fs", package: "e2fsprogs", purposes: ["image", "vm", "container"] },
    { program: "newuidmap", package: "uidmap", purposes: ["image"], ordinaryUserOnly: true },
    {
        program: qemu,
        package: process.arch === "arm64" ? "qemu-system-arm" : "qemu-system-x86",
        purposes: ["vm"],
    },
    { program: "genisoimage", package: "genisoimage", purposes: ["vm"] },
    { program: "socat", package: "socat", purposes: ["vm"] },
    { program: "knotd", package: "knot", purposes: ["vm", "container", "test"] },
    { program: "openssl", package: "openssl", purposes: ["vm", "container", "test"] },
    {
        program: "docker-registry",
        package: "docker-registry",
        purposes: ["image", "vm", "container", "test"],
    },
    { program: "systemd-nspawn", package: "systemd-container", purposes: ["container"] },
    { program: "nft", package: "nftables", purposes: ["container"] },
    { program: "ip", package: "iproute2", purposes: ["container", "test"] },
    { program: "shellcheck", package: "shellcheck", purposes: ["check", "test"] },
    { program: "nmap", package: "nmap", purposes: ["test"] },
    { program: "sshd", package: "openssh-server", purposes: ["test"] },
    { program: "dig", package: "bind9-dnsutils", purposes: ["test"] },
    { program: "named-checkzone", package: "bind9-utils", purposes: ["test"] },
    { program: "ldns-verify-zone", package: "ldnsutils", purposes: ["test"] },
    { program: "redis-server", package: "redis-server", purposes: ["test"] },
    { program: "nginx", package: "nginx-light", purposes: ["test"] },
    {
        program: "/usr/lib/nginx/modules/ngx_stream_module.so",
        package: "libnginx-mod-stream",
        purposes: ["test"],
    },
    { program: "certbot", package: "certbot", purposes: ["test"] },
    {
        program: "/usr/lib/python3/dist-packages/certbot_dns_cloudflare",
        package: "python3-certbot-dns-cloudflare",
        purposes: ["test"],
    },
    { program: "testssl", package: "testssl.sh", purposes: ["test"] },
];

/** Debian's archive keys, without which mmdebstrap trusts nothing; Ubuntu ships them in a package as well. */
const archiveKeys = {
    file: "/usr/share/keyrings/debian-archive-keyring.gpg",
    package: "debian-archive-keyring",
};

/**
 * Package → services that it would have run from the next start of the computer on, at every address. The laptop cloud
 * and the tests start these programs themselves, on loopback. Newer Ubuntus start SSH through a socket.
 */
const ownServices: Record<string, string[]> = {
    certbot: ["certbot.timer"],
    "docker-registry": ["docker-registry.service"],
    knot: ["knot.service"],
    "nginx-light": ["nginx.service"],
    "openssh-server": ["ssh.service", "ssh.socket"],
    "redis-server": ["redis-server.service"],
};

/** The packages that are missing for the given purposes, sorted. */
export function missingPackages(
    purposes: readonly Purpose[],
    isThere: (program: string) => boolean = isOnPath,
    isRoot = process.getuid?.() === 0,
): string[] {
    const missing = new Set(
        requirements
            .filter((r) => r.purposes.some((purpose) => purposes.includes(purpose)))
            .filter((r) => !(r.ordinaryUserOnly && isRoot))
            .filter((r) => !isThere(r.program))
            .map((r) => r.package),
    );
    if (purposes.includes("image") && !isThere(archiveKeys.file)) missing.add(archiveKeys.package);
    return [...missing].sort();
}

/** Looks on PATH and where Debian keeps the administrator's programs; a full path is looked up as it is. */
function isOnPath(program: string): boolean {
    if (path.isAbsolute(program)) return fs.existsSync(program);
    return [...(process.env["PATH"] ?? "").split(path.delimiter), "/usr/sbin", "/sbin"].some(
        (folder) => folder && fs.existsSync(path.join(folder, program)),
    );
}

/**
 * Installs what is missing: by apt when root on Debian or Ubuntu.
 *
 * @throws Error with exactly what to install where it can't.
 */
export async function ensureSystemPackages(
    purposes: readonly Purpose[],
    report: (line: string) => void,
): Promise<void> {
    const missing = missingPackages(purposes);
    if (missing.length === 0) return;
    const isRoot = process.getuid?.() === 0;
    if (!isRoot || !fs.existsSync("/usr/bin/apt-get")) {
        throw new Error(
            `These system packages are missing: ${missing.join(" ")}.\n` +
                `Install them and run the command again; on Debian or Ubuntu:\n  sudo apt-get install --no-install-recommends ${missing.join(" ")}`,
        );
    }
    report(`apt: installing ${missing.join(" ")}`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    await run("apt-get", ["update", "-qq"], { env });
    await withoutStartingServices(() =>
        run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], { env }),
    );
    for (const name of missing.flatMap((one) => ownServices[one] ?? [])) {
        // Not every release has each of them, nor systemd.
        await runQuietly("systemctl", ["disable", "--quiet", name]);
    }
    const still = missingPackages(purposes);
    if (still.length > 0) {
        throw new Error(
            `apt-get installed what it was asked for, yet these are still missing: ${still.join(" ")}.`,
        );
    }
}

const policyMark = "# Made by pulumi-mailhost while it installs packages; safe to remove.";

/** Keeps package scripts from starting what they install, by Debian's own means (policy-rc.d). */
async function withoutStartingServices<T>(install: () => Promise<T>): Promise<T> {
    const policy = "/usr/sbin/policy-rc.d";
    // One that a killed run of ours left behind is ours to replace; another's stays, whatever it says.
    if (fs.existsSync(policy) && !fs.readFileSync(policy, "utf8").includes(policyMark)) {
        return install();
    }
    const remove = () => fs.rmSync(policy, { force: true });
    const interrupted = () => process.exit(130);
    process.once("exit", remove).once("SIGINT", interrupted).once("SIGTERM", interrupted);
    fs.writeFileSync(policy, `#!/bin/sh\n${policyMark}\nexit 101\n`, { mode: 0o755 });
    try {
        return await install();
    } finally {
        remove();
        process.off("exit", remove).off("SIGINT", interrupted).off("SIGTERM", interrupted);
    }
}
