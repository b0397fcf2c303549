import * as http from "node:http";
import ipaddr from "ipaddr.js";
import type { ServerProvider } from "./server-provider";

/**
 * A simulation of the providers' metadata services. Whoever asks is told about the server that has its address, by the
 * provider whose server it is; anyone else gets 404.
 */
export function createMetadataService(providers: readonly ServerProvider[]): http.Server {
    return http.createServer((request, response) => {
        const text = documentFor(providers, request);
        if (text === undefined) {
            response.writeHead(404, { "content-type": "text/plain" }).end("not found\n");
        } else {
            response.writeHead(200, { "content-type": "text/plain" }).end(text);
        }
    });
}

function documentFor(
    providers: readonly ServerProvider[],
    { socket, url = "/" }: http.IncomingMessage,
): string | undefined {
    const from = socket.remoteAddress ?? "";
    if (!ipaddr.isValid(from)) return undefined;
    const address = ipaddr.process(from);
    for (const provider of providers) {
        const server = provider.serverAt(address);
        if (server) return provider.metadata(server, url);
    }
    return undefined;
}
