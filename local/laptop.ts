import * as fs from "node:fs";
import * as path from "node:path";
import { parseStackFile } from "../cli/stack-file";
import type { DnsPlanArgs } from "../components/dns/plan";
import type { ImageName } from "../components/stack/model";
import { sinkDomain } from "./cloud/sink/sink-zone";
import { cloudStatus } from "./cloud/start";
import { providerOf, stackName, type StackConfig } from "./engine/stack";
import type { ImageFiles } from "./cloud/machines/machine";
import { snapshotImageId } from "./image/build-image";
import { cloudPaths, type CloudInfo } from "./paths";
import type { Timings } from "./progress";
import { readAccounts } from "./proof/accounts";
import { readProofs } from "./proof/proof";
import {
    hostPorts,
    hostProblems,
    startTlsPort,
    stoppedStatus,
    urlsOf,
    type LocalStatus,
} from "./status";

/** The user's laptop cloud; tests have clouds of their own. */
export const defaultCloud = "local";

/** The mail domain of the laptop cloud; `.test` is reserved for this (RFC 6761 §6.2). */
export const localDomain = "example.test";

/** A second mail domain, in a zone of its own. */
export const secondDomain = "second.test";

/** The operator's address is elsewhere, as it should be: at the mail server of the outside world. */
export const operatorEmail = `operator@${sinkDomain}`;

/** What a laptop cloud has in place of a certificate authority and of the registries that images come from. */
export interface HostSources {
    acme: {
        /** As machines reach it. */
        directory: string;
        /** As this computer reaches it. */
        localDirectory: string;
        caFile: string;
        rootsFile: string;
    };
    images: Readonly<Record<ImageName, string>>;
}

/** The issuer domain of the laptop cloud's authority in CAA records. */
const localIssuer = "pebble.test";

/** The providers of servers that the laptop cloud simulates. */
export const serverProviders = ["hetzner", "digitalocean"] as const;
export type ServerProviderName = (typeof serverProviders)[number];

/** What is rented at each: as small as a mail host can be. */
const rented: Record<ServerProviderName, Record<string, unknown>> = {
    hetzner: { type: process.arch === "arm64" ? "cax11" : "cx23", location: "fsn1" },
    digitalocean: { size: "s-2vcpu-4gb", region: "fra1" },
};

/**
 * The configuration of the `local` stack: a server of this computer's own architecture, nothing protected, certificates
 * and images of the laptop cloud's own.
 *
 * @param provider who lends the server.
 */
export function localConfig(
    image?: { id: number; system: string },
    sources?: HostSources,
    provider: ServerProviderName = "hetzner",
): StackConfig {
    return {
        "mailhost:domain": localDomain,
        "mailhost:email": operatorEmail,
        "mailhost:protect": false,
        "mailhost:dns": { provider: "cloudflare", dnssec: true },
        "mailhost:domains": [{ name: secondDomain }],
        "mailhost:server": {
            provider,
            ...rented[provider],
            // This computer, as a machine of either kind sees it.
            sshAllowedCidrs: ["198.18.0.0/15", "2001:db8::/32", "127.0.0.0/8"],
            volumeSizeGb: 10,
            ...(image && { image: String(image.id), system: image.system }),
        },
        ...(sources && {
            "mailhost:certificate": {
                authority: sources.acme.directory,
                issuer: localIssuer,
                ca: fs.readFileSync(sources.acme.caFile, "utf8"),
                // The DNS server answers with a record before its publication is confirmed.
                propagationSeconds: 0,
            },
            "mailhost:stack": { images: { ...sources.images } },
        }),
    };
}

/**
 * The images that a stack is to have, where the laptop cloud has built them anew since: the same name and tag with
 * another digest. What the user has set is left alone.
 *
 * @param current `mailhost:stack` of the stack's configuration.
 * @returns the new `mailhost:stack`; undefined when it stays.
 */
export function withRebuiltImages(
    current: unknown,
    images: HostSources["images"],
): Record<string, unknown> | undefined {
    const stack = (current ?? {}) as { images?: Record<string, unknown> };
    const tagOf = (reference: unknown) => String(reference).split("@")[0];
    const rebuilt = Object.entries(images).filter(([name, reference]) => {
        const before = stack.images?.[name];
        return before !== undefined && before !== reference && tagOf(before) === tagOf(reference);
    });
    if (rebuilt.length === 0) return undefined;
    return { ...stack, images: { ...stack.images, ...Object.fromEntries(rebuilt) } };
}

/** The image in which the host's packages are. */
export const snapshot = { id: snapshotImageId, system: "debian-13" };

/**
 * The image of a machine under software emulation, where installing packages takes minutes: one that has them already.
 * Undefined elsewhere: the machine boots from the stock image and installs them for real.
 */
export function snapshotFor(
    accelerator: CloudInfo["accelerator"],
    images: readonly ImageFiles[],
): typeof snapshot | undefined {
    const isThere = images.some(({ id }) => id === snapshot.id);
    return accelerator === "tcg" && isThere ? snapshot : undefined;
}

/** The files that a person or script logs in with, written from the stack's outputs. */
export function sshFiles(cloud: string): { keyFile: string; knownHostsFile: string } {
    const folder = path.join(cloudPaths(cloud).root, "ssh");
    return { keyFile: path.join(folder, "key"), knownHostsFile: path.join(folder, "known_hosts") };
}

const timingsFile = (cloud: string) => path.join(cloudPaths(cloud).root, "timings.json");

export function writeTimings(cloud: string, timings: Timings): void {
    fs.writeFileSync(timingsFile(cloud), JSON.stringify(timings, undefined, 2));
}

function readTimings(cloud: string): Timings {
    try {
        return JSON.parse(fs.readFileSync(timingsFile(cloud), "utf8")) as Timings;
    } catch {
        return {};
    }
}

/** The last `cloud.json`, also of a cloud that was shut down; undefined when there never was one. */
export function lastCloudInfo(cloud: string): CloudInfo | undefined {
    try {
        return JSON.parse(fs.readFileSync(cloudPaths(cloud).info, "utf8")) as CloudInfo;
    } catch {
        return undefined;
    }
}

/**
 * The outputs that `status` and `ssh` need, kept (0600) beside the cloud after each `up`: asking the engine takes seconds
 * and is impossible while it works.
 */
interface HostOutputs {
    hostName: string;
    domain: string;
    /** The primary one first. */
    domains: string[];
    /** What guards the web site at first. */
    webAuth?: { username: string; password: string };
    /** Whether port 587 is served. */
    startTlsSubmission?: boolean;
    /** Tells the host's machine from others, e.g. the one that it moves away from. */
    ipv4?: string;
}

const hostFile = (cloud: string) => path.join(cloudPaths(cloud).root, "host.json");

/** Writes what the stack's outputs say of the host: names, login key and pinned host key. */
export async function rememberHost(cloud: string, outputs: Record<string, unknown>): Promise<void> {
    const text = (name: string): string => {
        const value = outputs[name];
        if (typeof value !== "string") throw new Error(`the stack has no output ${name}`);
        return value;
    };
    const domain = text("hostName").replace(/^mx\./, "");
    const { description } = (outputs["dns"] ?? {}) as { description?: DnsPlanArgs };
    const further = description?.domains ?? [];
    const host: HostOutputs = {
        hostName: text("hostName"),
        domain,
        domains: [...new Set([domain, ...further.map(({ name }) => name)])],
        ...(outputs["authBasicPassword"] !== undefined && {
            webAuth: { username: text("authBasicUsername"), password: text("authBasicPassword") },
        }),
        startTlsSubmission: description?.startTlsSubmission ?? false,
        // Programs of the tests have fewer outputs.
        ...(typeof outputs["ipv4"] === "string" && { ipv4: outputs["ipv4"] }),
    };
    fs.writeFileSync(hostFile(cloud), JSON.stringify(host), { mode: 0o600 });
    const { ssh } = await readStatus(cloud, false);
    if (!ssh) return;
    fs.mkdirSync(path.dirname(ssh.keyFile), { recursive: true, mode: 0o700 });
    fs.writeFileSync(ssh.keyFile, text("sshPrivateKey").trimEnd() + "\n", { mode: 0o600 });
    const name = ssh.port === 22 ? ssh.host : `[${ssh.host}]:${ssh.port}`;
    fs.writeFileSync(ssh.knownHostsFile, `${name} ${text("sshHostKey").trim()}\n`, { mode: 0o600 });
}

function readHost(cloud: string): HostOutputs | undefined {
    try {
        return JSON.parse(fs.readFileSync(hostFile(cloud), "utf8")) as HostOutputs;
    } catch {
        return undefined;
    }
}

/** Everything that `status` tells; `askHost` logs in to see what is wrong there. */
export async function readStatus(cloud: string, askHost: boolean): Promise<LocalStatus> {
    const info = lastCloudInfo(cloud);
    const stack = {
        project: "mailhost",
        stack: stackName,
        backend: `file://${path.join(cloudPaths(cloud).pulumi, "state")}`,
    };
    const timings = readTimings(cloud);
    const proofs = readProofs(cloud);
    const live = await cloudStatus(cloud);
    if (!info || !live) return stoppedStatus(info ?? { kind: "vm" }, stack, timings, proofs);
    const host = readHost(cloud);
    const machine = live.machines.find(({ ipv4 }) => ipv4 === host?.ipv4) ?? live.machines[0];
    const reach = (port: number) => machine?.reach[String(port)];
    const ports = Object.fromEntries(
        [...hostPorts, ...(host?.startTlsSubmission ? [startTlsPort] : [])].flatMap((port) => {
            const here = reach(port)?.ipv4 ?? reach(port)?.ipv6;
            return here ? [[String(port), here.port]] : [];
        }),
    );
    const login = reach(22)?.ipv4;
    const ssh = login
        ? { user: "root", host: login.host, port: login.port, ...sshFiles(cloud) }
        : null;
    const status: LocalStatus = {
        running: machine?.running ?? false,
        machine: info.kind,
        provider: machine?.provider ?? null,
        domain: host?.domain ?? null,
        domains: host?.domains ?? [],
        host: host?.hostName ?? null,
        address: { ipv4: login?.host ?? null, ipv6: reach(22)?.ipv6?.host ?? null },
        published: { ipv4: machine?.ipv4 ?? null, ipv6: machine?.ipv6 ?? null },
        ports,
        ssh,
        dns: info.dns,
        cloudflareApi: info.cloudflareApi,
        acme: sourcesOf(info),
        urls: host ? urlsOf(host.domain) : {},
        webAuth: host?.webAuth ?? null,
        mailbox: readAccounts(cloud).mailbox ?? null,
        stack,
        timings,
        proofs,
        problems: [],
    };
    if (!askHost || !status.running) return status;
    if (!ssh || !fs.existsSync(ssh.keyFile)) {
        const problem =
            "not looked at: no `up` has come far enough to say how to log in. Run `npm run local` again";
        return { ...status, problems: [problem] };
    }
    return { ...status, problems: await hostProblems(ssh) };
}

/** Null of a laptop cloud that an earlier version has made. */
function sourcesOf(info: CloudInfo): LocalStatus["acme"] {
    const { acme } = info as Partial<HostSources>;
    return acme ? { directory: acme.localDirectory, caFile: acme.rootsFile } : null;
}

/** Who lends the server of this cloud's stack; undefined before there is one. */
export function providerOfStack(cloud: string): string | undefined {
    if (!cloudExists(cloud)) return undefined;
    const file = path.join(cloudPaths(cloud).pulumi, `Pulumi.${stackName}.yaml`);
    const { config } = parseStackFile(fs.readFileSync(file, "utf8")).toJS() as {
        config?: StackConfig;
    };
    return providerOf(config?.["mailhost:server"]);
}

/** Whether a stack of this cloud was ever made. */
export function cloudExists(cloud: string): boolean {
    return fs.existsSync(path.join(cloudPaths(cloud).pulumi, `Pulumi.${stackName}.yaml`));
}
