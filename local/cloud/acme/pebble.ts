import * as fs from "node:fs";
import * as path from "node:path";
import type { ServerCertificate } from "../authority";
import { ChildServer } from "../child-server";
import { freePort } from "../dns/free-port";
import { secureRequest } from "../secure-request";

/** As Let's Encrypt's. */
export const defaultCertificateSeconds = 90 * 24 * 3600;

export interface PebbleOptions {
    /** Of local/go-programs. */
    program: string;
    /** What it keeps: its accounts and its log. Made when it is not there. */
    directory: string;
    host: string;
    /** On loopback another one is taken when this is not free. 0: any. */
    port: number;
    /** The one that is asked for challenges, over TCP. */
    nameServer: { host: string; port: number };
    /** Of the directory itself, not of what it issues. */
    certificate: ServerCertificate;
    /** Its roots, PEM: the one of each start is added, since certificates of earlier starts must still verify. */
    rootsFile: string;
    /** How long a certificate is valid. */
    certificateSeconds: number;
}

/** An ACME server (RFC 8555) that validates DNS-01 challenges. */
export interface AcmeServer {
    readonly port: number;
    /** Issues from now on certificates of another duration. Its accounts stay, its root is a new one. */
    restart(certificateSeconds: number): Promise<void>;
    stop(): Promise<void>;
}

/**
 * Starts pebble with the accounts that it had before. It ends with this process, however that ends.
 *
 * @throws Error with what it said when it does not start.
 */
export async function startPebble(options: PebbleOptions): Promise<AcmeServer> {
    const { program, directory, host, nameServer, certificate } = options;
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    const port = await freePort([host], options.port);
    const ca = fs.readFileSync(certificate.caFile);
    const start = (certificateSeconds: number) =>
        ChildServer.start({
            title: "The ACME server (pebble)",
            program,
            args: [
                ...["-listen", `${host}:${port}`, "-name-server", addressOf(nameServer)],
                ...["-certificate", certificate.certificateFile, "-key", certificate.keyFile],
                ...["-accounts", path.join(directory, "accounts.json")],
                ...["-roots", options.rootsFile, "-lifetime", String(certificateSeconds)],
            ],
            directory,
            log: "pebble.log",
            address: { host, port },
            environment: {
                PATH: process.env["PATH"],
                // Neither the waits nor the refusals by lot that pebble teaches clients with.
                PEBBLE_VA_NOSLEEP: "1",
                PEBBLE_WFE_NONCEREJECT: "0",
                // Every order is validated, so that a challenge that can't be met is seen.
                PEBBLE_AUTHZREUSE: "0",
            },
            isReady: async () =>
                (await secureRequest(`https://${host}:${port}/dir`, { ca })).status === 200,
        });
    let server = await start(options.certificateSeconds);
    return {
        port,
        restart: async (certificateSeconds) => {
            await server.stop();
            server = await start(certificateSeconds);
        },
        stop: () => server.stop(),
    };
}

function addressOf({ host, port }: { host: string; port: number }): string {
    return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
