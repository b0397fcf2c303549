// Registries for tests, on loopback: one in this process that answers as it is told and counts, and Debian's own.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { run } from "../../../cli/run-program";

/** A certificate for 127.0.0.1 that is its own authority. */
export interface Certified {
    key: string;
    cert: string;
    /** PEM file of the authority. */
    caFile: string;
    keyFile: string;
    remove(): void;
}

export async function certifyLoopback(): Promise<Certified> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "registry-"));
    const caFile = path.join(folder, "cert.pem");
    const keyFile = path.join(folder, "key.pem");
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const files = ["-keyout", keyFile, "-out", caFile, "-days", "2"];
    const names = ["-subj", "/CN=registry", "-addext", "subjectAltName=IP:127.0.0.1"];
    await run("openssl", ["req", "-x509", ...key, ...files, ...names]);
    return {
        key: fs.readFileSync(keyFile, "utf8"),
        cert: fs.readFileSync(caFile, "utf8"),
        caFile,
        keyFile,
        remove: () => fs.rmSync(folder, { recursive: true }),
    };
}

/** A manifest as it is stored, whose bytes decide its digest. */
export interface Manifest {
    mediaType: string;
    body: string;
}

export const digestOf = (text: string) =>
    `sha256:${createHash("sha256").update(text).digest("hex")}`;

export interface FakeRegistry {
    /** `127.0.0.1:PORT` */
    host: string;
    /** `HEAD /v2/library/mongo/manifests/8.0`, in their order. */
    requests: string[];
    stop(): Promise<void>;
}

interface FakeOptions {
    certified: Certified;
    /** `library/mongo:8.0` → its manifest. */
    images: Record<string, Manifest>;
    /** Who may have a token; absent: no token is needed. `anonymous`: whoever asks. */
    tokensFor?: "anonymous" | { username: string; password: string };
    /** Asks for a name and password at every request instead. */
    basic?: boolean;
    /** Leaves Docker-Content-Digest out. */
    silentDigest?: boolean;
    /** Answers every request for a manifest with this. */
    broken?: number;
}

export async function startFakeRegistry(options: FakeOptions): Promise<FakeRegistry> {
    const { certified, images, tokensFor, basic, silentDigest, broken } = options;
    const requests: string[] = [];
    let host = "";

    const grant = (request: IncomingMessage, response: ServerResponse, url: URL) => {
        const pair = Buffer.from(
            (request.headers.authorization ?? "").slice("Basic ".length),
            "base64",
        );
        const known =
            tokensFor === "anonymous" ||
            pair.toString() === `${tokensFor?.username}:${tokensFor?.password}`;
        const asked = `${url.searchParams.get("service")} ${url.searchParams.get("scope")}`;
        response.writeHead(known ? 200 : 401, { "content-type": "application/json" });
        response.end(known ? JSON.stringify({ token: `for ${asked}` }) : "{}");
    };

    const server = createServer(certified, (request, response) => {
        const url = new URL(request.url ?? "", `https://${host}`);
        requests.push(`${request.method} ${url.pathname}`);
        if (url.pathname === "/token") return grant(request, response, url);
        const [, repository = "", reference = ""] =
            /^\/v2\/(.+)\/manifests\/(.+)$/.exec(url.pathname) ?? [];
        if (broken !== undefined) return response.writeHead(broken).end();
        if (basic) {
            return response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
        }
        const scope = `repository:${repository}:pull`;
        if (tokensFor && request.headers.authorization !== `Bearer for the registry ${scope}`) {
            const challenge = `Bearer realm="https://${host}/token",service="the registry",scope="${scope}"`;
            return response.writeHead(401, { "www-authenticate": challenge }).end();
        }
        const manifest = Object.entries(images).find(
            ([name, { body }]) =>
                name === `${repository}:${reference}` ||
                (name.startsWith(`${repository}:`) && digestOf(body) === reference),
        )?.[1];
        const accepted = (request.headers.accept ?? "").split(", ");
        if (!manifest || !accepted.includes(manifest.mediaType)) {
            return response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
        }
        response.writeHead(200, {
            "content-type": manifest.mediaType,
            ...(!silentDigest && { "docker-content-digest": digestOf(manifest.body) }),
        });
        response.end(request.method === "HEAD" ? undefined : manifest.body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    return {
        host,
        requests,
        stop: () =>
            new Promise((resolve) => {
                server.close(() => resolve());
                server.closeAllConnections();
            }),
    };
}

/** Debian's `docker-registry`, the one that others use; undefined where it isn't installed. */
export async function startDistribution(
    certified: Certified,
): Promise<{ host: string; stop(): Promise<void> } | undefined> {
    const program = "/usr/bin/docker-registry";
    if (!fs.existsSync(program)) return undefined;
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "registry-"));
    const config = path.join(folder, "config.json");
    const tls = { certificate: certified.caFile, key: certified.keyFile };
    // JSON is YAML too.
    fs.writeFileSync(
        config,
        JSON.stringify({
            version: 0.1,
            storage: { filesystem: { rootdirectory: path.join(folder, "data") } },
            http: { addr: "127.0.0.1:0", tls },
        }),
    );
    const child = spawn(program, ["serve", config], { stdio: ["ignore", "ignore", "pipe"] });
    const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
    const host = await new Promise<string>((resolve, reject) => {
        let said = "";
        child.stderr.setEncoding("utf8").on("data", (text: string) => {
            said += text;
            const [, address] = /listening on (127\.0\.0\.1:\d+)/.exec(said) ?? [];
            if (address !== undefined) resolve(address);
        });
        void ended.then(() => reject(new Error(`docker-registry ended:\n${said}`)));
    });
    return {
        host,
        async stop() {
            child.kill();
            await ended;
            fs.rmSync(folder, { recursive: true });
        },
    };
}
