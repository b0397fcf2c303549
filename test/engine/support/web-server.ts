// The web server that a host will have, on loopback: it answers with the rendered documents and nothing else, and its
// certificate is of an authority of the test's own.
import * as fs from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { run } from "../../../cli/run-program";
import type { WebDocument } from "../../../components/client-settings/web-documents";

export interface WebServer {
    port: number;
    /** Certificate of the authority, PEM. */
    authority: string;
    /** URLs that were asked for, in their order. */
    requests: string[];
    stop(): Promise<void>;
}

/** @param names what the certificate covers. */
export async function serve(
    documents: readonly WebDocument[],
    names: readonly string[],
): Promise<WebServer> {
    const { key, cert, authority } = await certify(names);
    const requests: string[] = [];
    const server = createServer({ key, cert }, (request, response) => {
        const host = request.headers.host?.replace(/:\d+$/, "");
        requests.push(`https://${host}${request.url}`);
        const document = documents.find((d) => d.host === host && d.path === request.url);
        response.writeHead(document ? 200 : 404, {
            "content-type": document?.contentType ?? "text/plain",
        });
        response.end(document?.text);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return {
        port: (server.address() as AddressInfo).port,
        authority,
        requests,
        stop: () =>
            new Promise((resolve) => {
                server.close(() => resolve());
                server.closeAllConnections();
            }),
    };
}

async function certify(names: readonly string[]) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "certified-"));
    const read = (file: string) => fs.readFileSync(path.join(folder, file), "utf8");
    const openssl = (...args: string[]) => run("openssl", args, { cwd: folder });
    const ecdsa = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const ofAuthority = ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test authority"];
    const usage = ["-addext", "keyUsage=critical,keyCertSign"];
    const ofServer = ["-keyout", "key.pem", "-out", "cert.pem", "-subj", `/CN=${names[0]}`];
    const alternatives = `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}`;
    const signer = ["-CA", "ca.pem", "-CAkey", "ca.key"];
    const leaf = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", alternatives];
    try {
        await openssl("req", "-x509", "-days", "2", ...ecdsa, ...ofAuthority, ...usage);
        await openssl("req", "-x509", "-days", "2", ...ecdsa, ...ofServer, ...signer, ...leaf);
        return { key: read("key.pem"), cert: read("cert.pem"), authority: read("ca.pem") };
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}
