// The process behind one laptop cloud: serves the simulated APIs and what machines ask for, and runs the servers of DNS,
// certificates, images and mail. Machines outlive it. Started by ./start.ts, which gives it its options as JSON.
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import type { ImageSet } from "../image/build-image";
import type { StackImageSet } from "../image/stack-images";
import { cloudPaths, type CloudInfo, type MachineKind } from "../paths";
import { Faults } from "./api/faults";
import { cloudflarePrefix, createCloudflareApi } from "./cloudflare/api";
import { digitalOceanApi, digitalOceanPrefix } from "./digitalocean/api";
import { startKnot } from "./dns/knot";
import { reversePublisher } from "./dns/reverse-zones";
import { createFileService } from "./file-service";
import { hetznerApi, tokenLength } from "./hetzner/api";
import { laptopApi, laptopPrefix } from "./laptop-api";
import { createMetadataService } from "./metadata-service";
import { metadataAddress, slotAddresses } from "./network/addresses";
import { identify } from "./machines/process-identity";
import { openProviders } from "./open-providers";
import type { ServerProvider } from "./server-provider";
import { startServices } from "./services";
import { sinkHost } from "./sink/sink-zone";

/** What a daemon is told. No secrets: it stands in the process list. */
export interface DaemonOptions {
    name: string;
    kind: MachineKind;
    accelerator?: "kvm" | "tcg";
    slot: number;
    portOffset: number;
    /** How long the ACME server's certificates are valid. @default as before, else 90 days */
    certificateSeconds?: number;
    made: MadeForCloud;
}

/** What was built before: in a namespace of the cloud's own there is no internet to build from. */
export interface MadeForCloud {
    image: ImageSet;
    stackImages: StackImageSet;
    /** The ACME server's program. */
    pebble: string;
}

/** In a namespace of the cloud's own, where nothing else takes them. */
const containerPorts = { api: 8081, services: 8080, dns: 53 };

/** Length of a token of the real Cloudflare API. */
const cloudflareTokenLength = 40;

async function serve(options: DaemonOptions): Promise<void> {
    const { name, kind, slot } = options;
    const paths = cloudPaths(name);
    const before = readInfo(paths.info);
    const { images, repository } = options.made.image;
    const inNamespace = kind === "container";
    const own = slotAddresses(slot).services;
    const host = inNamespace ? own.ipv4 : "127.0.0.1";

    const servers: http.Server[] = [];
    const listen = async (server: http.Server, at: string, port: number): Promise<number> => {
        servers.push(server);
        return listenAt(server, at, port);
    };
    const wish = (url: string | undefined) => (url ? Number(new URL(url).port) : 0);

    const faults = new Faults();
    const dns = await startKnot({
        directory: paths.dns,
        hosts: inNamespace ? [own.ipv4, own.ipv6] : [host],
        port: inNamespace ? containerPorts.dns : (before.dns?.port ?? 0),
    });
    const cloudflareToken = before.cloudflareToken ?? newToken(cloudflareTokenLength);
    const cloudflare = createCloudflareApi({
        storeFile: paths.zones,
        token: cloudflareToken,
        requestLog: path.join(paths.root, "cloudflare-requests.log"),
        faults,
        publisher: dns,
        dsAtRegistrar: true,
    });
    const outside = await startServices({
        ...{ cloud: name, slot, host, before, dns },
        ...{ stackImages: options.made.stackImages, pebble: options.made.pebble },
        standardPorts: inNamespace,
        ...(options.certificateSeconds && { certificateSeconds: options.certificateSeconds }),
        addressOf: (remote) => (inNamespace ? remote : (runningMachine(providers) ?? remote)),
    });
    const files = createFileService(repository);
    const services = http.createServer((request, response) => {
        const ofCloudflare = request.url?.startsWith(`${cloudflarePrefix}/`);
        return (ofCloudflare ? cloudflare : files)(request, response);
    });
    const servicesPort = inNamespace
        ? await listen(services, host, containerPorts.services)
        : await listen(services, host, wish(before.servicesUrl));
    const { hetzner, digitalOcean } = openProviders({
        ...options,
        images,
        servicesPort,
        services: outside.forMachines,
    });
    const providers = [hetzner, digitalOcean];
    const publishPointers = reversePublisher(providers, slot, dns, [
        { ip: own.ipv4, dns_ptr: sinkHost },
    ]);
    await publishPointers();
    if (inNamespace) await listen(createMetadataService(providers), metadataAddress, 80);

    let ending = false;
    const quit = (machines: boolean): void => {
        if (ending) return;
        ending = true;
        void end(providers, servers, [outside, dns], machines).then(() => process.exit(0));
    };
    const token = before.hcloudToken ?? newToken(tokenLength);
    const shared = {
        requestLog: path.join(paths.root, "requests.log"),
        faults,
        beforeAnswer: publishPointers,
    };
    const ofHetzner = hetznerApi(hetzner, { ...shared, token });
    const digitalOceanToken = before.digitalOceanToken ?? newDigitalOceanToken();
    const ofDigitalOcean = digitalOceanApi(digitalOcean, { ...shared, token: digitalOceanToken });
    const ofLaptop = laptopApi(providers, {
        ...{ ...shared, token, kind, quit },
        acme: outside.acme,
        registry: outside.registry,
    });
    const api = http.createServer((request, response) => {
        const begins = (prefix: string) => request.url?.startsWith(`${prefix}/`);
        if (begins(laptopPrefix)) ofLaptop(request, response);
        else if (begins(digitalOceanPrefix)) ofDigitalOcean(request, response);
        else ofHetzner(request, response);
    });
    const apiPort = await listen(
        api,
        host,
        inNamespace ? containerPorts.api : wish(before.hcloudEndpoint),
    );
    process.on("SIGTERM", () => quit(false)).on("SIGINT", () => quit(false));

    const bootId = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    for (const provider of providers) provider.powerUp(bootId);
    const info: CloudInfo = {
        name,
        kind,
        ...(options.accelerator && { accelerator: options.accelerator }),
        slot,
        pid: process.pid,
        hcloudEndpoint: `http://${host}:${apiPort}/v1`,
        hcloudToken: token,
        digitalOceanEndpoint: `http://${host}:${apiPort}`,
        digitalOceanToken,
        servicesUrl: `http://${own.ipv4}:${servicesPort}`,
        cloudflareApi: `http://${host}:${servicesPort}${cloudflarePrefix}`,
        cloudflareToken,
        dns: dns.address,
        ...outside.info,
        portOffset: options.portOffset,
    };
    writeJson(path.join(paths.root, "daemon.json"), identify(process.pid));
    writeJson(paths.info, info);
}

async function end(
    providers: readonly ServerProvider[],
    servers: http.Server[],
    others: readonly { stop(): Promise<void> }[],
    machines: boolean,
): Promise<void> {
    // The answer to the request that asks for the end is still under way.
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const server of servers) {
        server.close();
        server.closeAllConnections();
    }
    await Promise.all(providers.map((provider) => provider.idle()));
    if (machines) await Promise.all(providers.map((provider) => provider.powerDown()));
    await Promise.all(others.map((other) => other.stop()));
}

/** Mail of a VM comes from loopback: of the one that runs, as a rehearsal has one. */
function runningMachine(providers: readonly ServerProvider[]): string | undefined {
    return providers
        .flatMap((provider) => provider.servers().filter(({ id }) => provider.park.isRunning(id)))
        .map(({ ipv4 }) => ipv4)
        .find((address) => address !== undefined);
}

/** Listens at the wished port, or at a free one when another process has it. 0: any. */
function listenAt(server: http.Server, host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
        server.once("error", (error: NodeJS.ErrnoException) => {
            if (error.code === "EADDRINUSE" && host === "127.0.0.1" && port !== 0) {
                resolve(listenAt(server, host, 0));
            } else {
                reject(error);
            }
        });
        server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
    });
}

/** In the form of the real API's tokens. */
function newDigitalOceanToken(): string {
    return `dop_v1_${randomBytes(32).toString("hex")}`;
}

function newToken(length: number): string {
    return randomBytes(length * 0.75).toString("base64url");
}

/** Of the daemon before, which may have been an older version's. */
function readInfo(file: string): Partial<CloudInfo> {
    return fs.existsSync(file)
        ? (JSON.parse(fs.readFileSync(file, "utf8")) as Partial<CloudInfo>)
        : {};
}

/** Whole or not at all: others wait for the file. */
function writeJson(file: string, value: unknown): void {
    fs.writeFileSync(`${file}.next`, JSON.stringify(value, undefined, 1), { mode: 0o600 });
    fs.renameSync(`${file}.next`, file);
}

serve(JSON.parse(process.argv[2] ?? "{}") as DaemonOptions).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
});
