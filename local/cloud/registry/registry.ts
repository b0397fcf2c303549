import * as fs from "node:fs";
import * as path from "node:path";
import { stringify } from "yaml";
import type { ServerCertificate } from "../authority";
import { ChildServer } from "../child-server";
import { freePort } from "../dns/free-port";
import { secureRequest } from "../secure-request";

export interface RegistryOptions {
    /** What it keeps: its configuration and its log. Made when it is not there. */
    directory: string;
    host: string;
    /** On loopback another one is taken when this is not free. 0: any. */
    port: number;
    /** The images, as the registry's file system driver has them. Never written to: several registries share it. */
    storage: string;
    certificate: ServerCertificate;
}

/** An image registry (OCI distribution). */
export interface Registry {
    readonly port: number;
    /** Starts it again, or makes it unreachable. */
    setRunning(running: boolean): Promise<void>;
    stop(): Promise<void>;
}

/**
 * Starts a read-only image registry. It ends with this process, however that ends.
 *
 * @throws Error with what it said when it does not start.
 */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
    const { directory, host, certificate } = options;
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    const port = await freePort([host], options.port);
    const ca = fs.readFileSync(certificate.caFile);
    fs.writeFileSync(path.join(directory, configuration), renderConfiguration(options, port), {
        mode: 0o600,
    });
    const start = () =>
        ChildServer.start({
            title: "The image registry (docker-registry)",
            program: "docker-registry",
            args: ["serve", configuration],
            directory,
            log: "registry.log",
            address: { host, port },
            // Variables REGISTRY_* would overrule the file.
            environment: { PATH: process.env["PATH"] },
            isReady: async () =>
                (await secureRequest(`https://${host}:${port}/v2/`, { ca })).status === 200,
        });
    let server: ChildServer | undefined = await start();
    const stop = async () => {
        await server?.stop();
        server = undefined;
    };
    return {
        port,
        setRunning: async (running) => {
            if (!running) await stop();
            else server ??= await start();
        },
        stop,
    };
}

const configuration = "registry.yml";

/** Source: https://distribution.github.io/distribution/about/configuration/ (2.8). */
function renderConfiguration(options: RegistryOptions, port: number): string {
    const { host, storage, certificate } = options;
    return stringify({
        version: 0.1,
        log: { level: "warn", accesslog: { disabled: true } },
        storage: {
            filesystem: { rootdirectory: storage },
            cache: { blobdescriptor: "inmemory" },
            maintenance: { readonly: { enabled: true }, uploadpurging: { enabled: false } },
        },
        http: {
            addr: `${host}:${port}`,
            tls: {
                certificate: certificate.certificateFile,
                key: certificate.keyFile,
                minimumtls: "tls1.2",
            },
        },
    });
}
