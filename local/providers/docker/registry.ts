import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import * as tls from "node:tls";
import type { CloudInfo } from "../../paths";
import { laptopCloud, laptopEndpoint } from "../laptop-endpoint";
import type { ImageName } from "./image-name";

/** A registry that needs a login, or another scheme than https. */
export interface RegistryLogin {
    /** With its scheme; without one it is https. */
    address: string;
    username?: string;
    password?: string;
}

export interface RegistryOptions {
    logins: readonly RegistryLogin[];
    /** Accepts any certificate. */
    insecureSkipVerify: boolean;
    environment: NodeJS.ProcessEnv;
    signal: AbortSignal;
}

const manifests = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
].join(", ");

/** What the real provider asks for when a registry has given nothing else. */
const oldManifests = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/** Milliseconds. */
const timeout = 30_000;

/**
 * The digest of an image's manifest; of an image for several architectures that of their index.
 *
 * @throws Error in the real provider's words when the registry refuses, can't be reached or isn't of a laptop cloud.
 */
export async function imageDigest(image: ImageName, options: RegistryOptions): Promise<string> {
    const client = new RegistryClient(image, options);
    try {
        return await client.digest(manifests).catch(() => client.digest(oldManifests));
    } catch (error) {
        throw new Error(
            `Got error when attempting to fetch image version ${image.repository}:${image.reference} from registry: ${(error as Error).message}`,
        );
    }
}

interface Answer {
    status: number;
    /** `404 Not Found` */
    statusLine: string;
    headers: http.IncomingHttpHeaders;
    body: Buffer;
}

class RegistryClient {
    private readonly login: RegistryLogin | undefined;
    private readonly manifestUrl: string;

    constructor(
        { registry, repository, reference }: ImageName,
        private readonly options: RegistryOptions,
    ) {
        this.login = options.logins.find(({ address }) => hostOf(address) === registry);
        const address = this.login?.address ?? registry;
        const base = address.includes("://") ? address.replace(/\/+$/, "") : `https://${address}`;
        this.manifestUrl = `${base}/v2/${repository}/manifests/${reference}`;
    }

    async digest(accept: string): Promise<string> {
        const first = await this.send("HEAD", this.manifestUrl, {
            accept,
            ...this.basicAuthorization(),
        });
        if (first.status === 200) return digestOf(first);
        if (first.status !== 401) throw badResponse(first);
        const challenge = first.headers["www-authenticate"] ?? "";
        if (!challenge.startsWith("Bearer"))
            throw new Error(`Bad credentials: ${first.statusLine}`);

        const authorization = `Bearer ${await this.token(challenge)}`;
        const head = await this.send("HEAD", this.manifestUrl, { accept, authorization });
        if (head.status !== 200) throw badResponse(head);
        if (head.headers["docker-content-digest"] !== undefined) return digestOf(head);
        const whole = await this.send("GET", this.manifestUrl, { accept, authorization });
        if (whole.status !== 200) throw badResponse(whole);
        return digestOf(whole);
    }

    private async token(challenge: string): Promise<string> {
        const { realm = "", service = "", scope = "" } = parameters(challenge);
        const query = new URLSearchParams({ service, scope });
        const answer = await this.send(
            "GET",
            `${realm}?${query.toString()}`,
            this.basicAuthorization(),
        );
        if (answer.status !== 200) throw badResponse(answer);
        const given = JSON.parse(answer.body.toString()) as {
            token?: string;
            access_token?: string;
        };
        const token = given.token || given.access_token;
        if (!token) throw new Error("Error unsupported OAuth response");
        return token;
    }

    private basicAuthorization(): Record<string, string> {
        const { username, password = "" } = this.login ?? {};
        if (!username) return {};
        const pair = Buffer.from(`${username}:${password}`).toString("base64");
        return { authorization: `Basic ${pair}` };
    }

    private async send(
        method: "HEAD" | "GET",
        url: string,
        headers: Record<string, string>,
    ): Promise<Answer> {
        const { environment, insecureSkipVerify, signal } = this.options;
        const wanted = new URL(laptopEndpoint("docker:registry", url));
        // What an earlier version's cloud says has none.
        const registry: CloudInfo["registry"] | undefined = laptopCloud(environment)?.registry;
        const isLaptops = registry?.host === wanted.host;
        const reached = new URL(wanted);
        if (isLaptops) reached.host = registry.localHost;
        const request = {
            method,
            headers: { ...headers, host: wanted.host },
            signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
        };
        const authorities = [...trusted(environment)];
        if (isLaptops) authorities.push(fs.readFileSync(registry.caFile, "utf8"));
        return new Promise<Answer>((resolve, reject) => {
            const failed = (error: NodeJS.ErrnoException) => {
                const why = error.message || error.code;
                const verb = method === "HEAD" ? "Head" : "Get";
                reject(new Error(`Error during registry request: ${verb} "${url}": ${why}`));
            };
            const answered = (response: http.IncomingMessage) => {
                const chunks: Buffer[] = [];
                response
                    .on("data", (chunk: Buffer) => chunks.push(chunk))
                    .on("error", failed)
                    .on("end", () => {
                        const { statusCode = 0, headers: given } = response;
                        resolve({
                            status: statusCode,
                            statusLine: `${statusCode} ${http.STATUS_CODES[statusCode] ?? ""}`,
                            headers: given,
                            body: Buffer.concat(chunks),
                        });
                    });
            };
            const sent =
                wanted.protocol === "http:"
                    ? http.request(reached, request, answered)
                    : https.request(
                          reached,
                          {
                              ...request,
                              agent: false,
                              ca: authorities,
                              rejectUnauthorized: !insecureSkipVerify,
                              // The certificate is of the name that the image has, wherever it is reached.
                              checkServerIdentity: (_, certificate) =>
                                  tls.checkServerIdentity(plainHost(wanted), certificate),
                          },
                          answered,
                      );
            sent.on("error", failed).end();
        });
    }
}

/** As programs written in Go: the file of `SSL_CERT_FILE` stands for the computer's own authorities. */
function trusted(environment: NodeJS.ProcessEnv): readonly string[] {
    const file = environment["SSL_CERT_FILE"];
    return file ? [fs.readFileSync(file, "utf8")] : tls.rootCertificates;
}

function plainHost({ hostname }: URL): string {
    return hostname.replace(/^\[|\]$/g, "");
}

function hostOf(address: string): string {
    return address.replace(/^https?:\/\//, "").split("/")[0] ?? "";
}

function badResponse({ statusLine }: Answer): Error {
    return new Error(`Got bad response from registry: ${statusLine}`);
}

function digestOf({ headers, body }: Answer): string {
    const given = headers["docker-content-digest"];
    if (typeof given === "string") return given;
    if (body.length === 0) throw new Error("Error reading registry response body: it is empty");
    return `sha256:${createHash("sha256").update(body).digest("hex")}`;
}

/** `realm`, `service`, `scope` of a challenge: `Bearer realm="…",service="…",scope="…"`. */
function parameters(challenge: string): Record<string, string> {
    return Object.fromEntries(
        [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [
            name,
            value,
        ]),
    );
}
