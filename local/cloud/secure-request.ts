import * as https from "node:https";

/** Asks a server of the laptop cloud's own, trusting only the given authority. */
export function secureRequest(
    url: string,
    options: { ca?: string | Buffer; method?: string; headers?: Record<string, string> },
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }> {
    return new Promise((resolve, reject) => {
        const request = https.request(url, {
            ...options,
            // An ACME server refuses a client that does not name itself (RFC 8555 §6.1).
            headers: { "user-agent": "pulumi-mailhost", ...options.headers },
            agent: false,
            timeout: 5000,
        });
        request.on("error", reject);
        request.on("timeout", () => request.destroy(new Error(`${url} does not answer`)));
        request.on("response", (response) => {
            const parts: Buffer[] = [];
            response.on("error", reject);
            response.on("data", (part: Buffer) => parts.push(part));
            response.on("end", () =>
                resolve({
                    status: response.statusCode ?? 0,
                    headers: response.headers,
                    body: Buffer.concat(parts).toString(),
                }),
            );
        });
        request.end();
    });
}
