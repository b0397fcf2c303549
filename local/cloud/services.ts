import * as fs from "node:fs";
import * as path from "node:path";
import type { ImageName } from "../../components/stack/model";
import type { StackImage, StackImageSet } from "../image/stack-images";
import { cloudPaths, type CloudInfo } from "../paths";
import { defaultCertificateSeconds, startPebble, type AcmeServer } from "./acme/pebble";
import { issueServicesCertificate } from "./authority";
import type { DnsServer } from "./dns/dns-server";
import { slotAddresses } from "./network/addresses";
import { servicePorts, type MachineServices } from "./network/service-ports";
import { startRegistry, type Registry } from "./registry/registry";
import { startMailSink, type MailSink } from "./sink/mail-sink";
import { sinkLogName } from "./sink/sink-log";
import { sinkHost, sinkZone } from "./sink/sink-zone";

export interface ServicesOptions {
    cloud: string;
    slot: number;
    /** Where they listen. */
    host: string;
    /** The ports that the rest of the world knows are free there, as in a namespace of the cloud's own. */
    standardPorts: boolean;
    /** What the daemon before told: its ports are taken again, since machines outlive it. */
    before: Partial<CloudInfo>;
    /** @default as before, else 90 days */
    certificateSeconds?: number;
    dns: DnsServer;
    stackImages: StackImageSet;
    /** The ACME server's program. */
    pebble: string;
    /** The own address of the machine whose connections come from that one. */
    addressOf(remote: string): string;
}

/** What a mail host finds on the internet: a certificate authority, an image registry, and someone to write to. */
export interface Services {
    acme: AcmeServer;
    registry: Registry;
    forMachines: MachineServices;
    info: Pick<CloudInfo, "acme" | "registry" | "images" | "mailSink">;
    stop(): Promise<void>;
}

/**
 * Starts the services under a certificate of the cloud's own authority, and publishes the zone of the mail sink.
 *
 * @throws Error when one of them does not start.
 */
export async function startServices(options: ServicesOptions): Promise<Services> {
    const { host, dns, before, stackImages } = options;
    const paths = cloudPaths(options.cloud);
    const own = slotAddresses(options.slot).services;
    const certificate = await issueServicesCertificate(paths.authority, [
        ...[own.ipv4, own.ipv6, "127.0.0.1", sinkHost],
    ]);
    const certificateSeconds =
        options.certificateSeconds ?? before.acme?.certificateSeconds ?? defaultCertificateSeconds;
    const portOf = (standard: number, earlier: number | undefined) =>
        options.standardPorts ? standard : (earlier ?? 0);
    const nameServer = dns.address;
    const [acme, registry, sink] = await Promise.all([
        startPebble({
            program: options.pebble,
            directory: paths.acme,
            host,
            port: portOf(servicePorts.acme, portIn(before.acme?.localDirectory)),
            nameServer,
            certificate,
            rootsFile: paths.acmeRoots,
            certificateSeconds,
        }),
        startRegistry({
            directory: paths.registry,
            host,
            port: portOf(
                servicePorts.registry,
                portIn(before.registry && `https://${before.registry.localHost}`),
            ),
            storage: stackImages.storage,
            certificate,
        }),
        startSink({
            host,
            port: portOf(servicePorts.mail, before.mailSink?.port),
            nameServer,
            certificate: {
                key: fs.readFileSync(certificate.keyFile, "utf8"),
                cert: fs.readFileSync(certificate.certificateFile, "utf8"),
            },
            log: path.join(paths.root, sinkLogName),
            addressOf: (remote) => options.addressOf(remote),
        }),
        dns.publish(sinkZone(own.ipv4)),
    ]);
    const registryHost = `${own.ipv4}:${servicePorts.registry}`;
    return {
        acme,
        registry,
        forMachines: {
            authority: fs.readFileSync(certificate.caFile, "utf8"),
            localPorts: {
                dns: dns.address.port,
                mail: sink.port,
                registry: registry.port,
                acme: acme.port,
            },
        },
        info: {
            acme: {
                directory: `https://${own.ipv4}:${servicePorts.acme}/dir`,
                localDirectory: `https://${host}:${acme.port}/dir`,
                caFile: certificate.caFile,
                rootsFile: paths.acmeRoots,
                certificateSeconds,
            },
            registry: {
                host: registryHost,
                localHost: `${host}:${registry.port}`,
                caFile: certificate.caFile,
            },
            images: {
                mail: imageReference(registryHost, stackImages.images.mail),
                mongodb: imageReference(registryHost, stackImages.images.mongodb),
                redis: imageReference(registryHost, stackImages.images.redis),
                router: imageReference(registryHost, stackImages.images.router),
            } satisfies Record<ImageName, string>,
            mailSink: { host, port: sink.port },
        },
        stop: async () => {
            await Promise.all([acme.stop(), registry.stop(), sink.stop()]);
        },
    };
}

/** How a machine pulls an image: by its digest, whatever its tag says later. */
export function imageReference(registryHost: string, image: StackImage): string {
    return `${registryHost}/${image.repository}:${image.tag}@${image.digest}`;
}

/** On loopback another port is taken when this one is not free. */
async function startSink(options: Parameters<typeof startMailSink>[0]): Promise<MailSink> {
    try {
        return await startMailSink(options);
    } catch (error) {
        const isTaken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
        if (!isTaken || options.host !== "127.0.0.1" || options.port === 0) throw error;
        return startMailSink({ ...options, port: 0 });
    }
}

function portIn(url: string | undefined): number | undefined {
    return url === undefined ? undefined : Number(new URL(url).port);
}
