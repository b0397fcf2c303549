import * as fs from "node:fs";
import type { Environment } from "./environment";

/** Which service's certificate. */
export type TlsName = "WEB" | "API" | "CALDAV" | "CARDDAV";

export interface TlsFiles {
    key: Buffer;
    cert: Buffer;
    ca?: Buffer;
}

/**
 * What a service's variables name, read once.
 *
 * @returns undefined when no key is named.
 * @throws Node's own error for a file that can't be read.
 */
export function readTlsFiles(environment: Environment, name: TlsName): TlsFiles | undefined {
    const [key, cert, ca] = [
        environment.text(`${name}_SSL_KEY_PATH`),
        environment.text(`${name}_SSL_CERT_PATH`),
        environment.text(`${name}_SSL_CA_PATH`),
    ];
    if (key === "") return undefined;
    return {
        key: fs.readFileSync(key),
        cert: fs.readFileSync(cert),
        ...(ca === "" ? {} : { ca: fs.readFileSync(ca) }),
    };
}
