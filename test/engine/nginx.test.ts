// The router's configuration under a real nginx, on loopback ports: whose certificate answers under which name, and with
// what. Needs nginx with its stream module (Debian: nginx-light, libnginx-mod-stream).
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import * as tls from "node:tls";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../../cli/run-program";
import { certificateLineages } from "../../components/certificate/names";
import { webDocuments } from "../../components/client-settings/web-documents";
import { domainSettings } from "../../components/dns/domain-settings";
import { documentFile, renderRouter, type RouterContext } from "../../components/stack/nginx";
import { routerFolder } from "../../components/stack/services";
import { freePort } from "../../local/cloud/dns/free-port";

const primary = "example.com";

function routerOf(...further: string[]): RouterContext {
    return {
        domain: primary,
        profile: "storage",
        lineages: certificateLineages(primary, further),
        documents: [primary, ...further].flatMap((name) =>
            webDocuments(primary, domainSettings({ name }, "you@example.net")),
        ),
    };
}

const streamModule = "/usr/lib/nginx/modules/ngx_stream_module.so";
const found = spawnSync("nginx", ["-V"], { encoding: "utf8" });
const missing =
    found.error !== undefined
        ? "nginx is not installed"
        : fs.existsSync(streamModule) || / --with-stream(?: |$)/.test(found.stderr)
          ? false
          : "nginx has no stream module";

/** Distributions have the module apart; workers, which only root's change their user, read the test's own keys. */
const globals = [
    "daemon off;",
    ...(process.getuid?.() === 0 ? ["user root;"] : []),
    ...(fs.existsSync(streamModule) ? [`load_module ${streamModule};`] : []),
].join(" ");

/** The ports of the services and of the router itself, as the configuration has them. */
const ports = [80, 443, 3000, 4000, 5000, 6000, 8443] as const;
type Port = (typeof ports)[number];

async function freePorts(): Promise<Record<Port, number>> {
    const found = new Set<number>();
    while (found.size < ports.length) found.add(await freePort(["127.0.0.1"], 0));
    const entries = [...found].map((port, index) => [ports[index], port]);
    return Object.fromEntries(entries) as Record<Port, number>;
}

/** The configuration with the test's own folder and ports, on the loopback address. */
function moved(text: string, folder: string, at: Record<Port, number>): string {
    return text
        .replaceAll(" /tmp/", ` ${folder}/run/`)
        .replaceAll(routerFolder, folder)
        .replaceAll(/listen \[::\]:\d+[^;]*;\n/g, "\n")
        .replaceAll(
            /listen (80|443)\b/g,
            (_, port: string) => `listen 127.0.0.1:${at[Number(port) as Port]}`,
        )
        .replaceAll(
            /127\.0\.0\.1:(3000|4000|5000|6000|8443)\b/g,
            (_, port: string) => `127.0.0.1:${at[Number(port) as Port]}`,
        );
}

async function writeCertificate(folder: string, subject: string, names: readonly string[]) {
    fs.mkdirSync(folder, { recursive: true });
    await run(
        "openssl",
        [
            ...["req", "-x509", "-days", "2", "-nodes", "-newkey", "ec"],
            ...["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", `/CN=${subject}`],
            ...["-addext", `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}`],
            ...["-keyout", "privkey.pem", "-out", "fullchain.pem"],
        ],
        { cwd: folder },
    );
}

function writeRouter(folder: string, context: RouterContext, at: Record<Port, number>): void {
    fs.mkdirSync(path.join(folder, "run"), { recursive: true });
    for (const document of context.documents) {
        const file = path.join(folder, documentFile(document));
        fs.mkdirSync(path.dirname(file), { recursive: true });
        fs.writeFileSync(file, document.text);
    }
    fs.writeFileSync(path.join(folder, "nginx.conf"), moved(renderRouter(context), folder, at));
}

const checkConfiguration = (folder: string) =>
    spawnSync(
        "nginx",
        ["-t", "-e", "stderr", "-g", globals, "-c", path.join(folder, "nginx.conf")],
        { encoding: "utf8" },
    );

describe("the router under nginx", { skip: missing }, () => {
    const further = "example.org";
    const context = routerOf(further);
    let folder: string;
    let at: Record<Port, number>;
    let nginx: ChildProcess;
    const upstreams: tls.Server[] = [];

    before(async () => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "router-"));
        const taken: Partial<Record<Port, number>> = {};
        for (const { name, names } of context.lineages) {
            await writeCertificate(path.join(folder, "certificates", name), name, names);
        }
        for (const [service, port] of [
            ["web", 3000],
            ["api", 4000],
            ["caldav", 5000],
            ["carddav", 6000],
        ] as const) {
            const keys = path.join(folder, "upstream", service);
            await writeCertificate(keys, service, [service]);
            const server = tls.createServer(
                {
                    key: fs.readFileSync(path.join(keys, "privkey.pem")),
                    cert: fs.readFileSync(path.join(keys, "fullchain.pem")),
                },
                (socket) => socket.on("error", () => socket.destroy()),
            );
            server.on("tlsClientError", () => undefined);
            await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
            taken[port] = (server.address() as net.AddressInfo).port;
            upstreams.push(server);
        }
        // Last, so that nobody else takes nginx's own before it starts.
        at = { ...(await freePorts()), ...taken };
        writeRouter(folder, context, at);
        nginx = spawn(
            "nginx",
            ["-e", "stderr", "-g", globals, "-c", path.join(folder, "nginx.conf")],
            { stdio: ["ignore", "ignore", "inherit"] },
        );
        for (let waited = 0; waited < 600; waited++) {
            if (await isOpen(at[443])) return;
            await sleep(50);
        }
        throw new Error("nginx did not start");
    });

    after(async () => {
        const ended = new Promise((done) => nginx.once("exit", done));
        nginx.kill("SIGTERM");
        await ended;
        for (const server of upstreams) server.close();
        fs.rmSync(folder, { recursive: true, force: true });
    });

    /** The subject of the certificate that answers. */
    const subject = (name: string | undefined, options: tls.ConnectionOptions = {}) =>
        new Promise<string>((resolve, reject) => {
            const socket = tls.connect({
                host: "127.0.0.1",
                port: at[443],
                rejectUnauthorized: false,
                ...(name !== undefined && { servername: name }),
                ...options,
            });
            socket.on("secureConnect", () => {
                resolve(String(socket.getPeerCertificate().subject.CN));
                socket.destroy();
            });
            socket.on("error", reject);
        });

    interface Answer {
        status: number;
        headers: http.IncomingHttpHeaders;
        body: string;
    }

    const ask = (options: https.RequestOptions & { body?: string }, secure = true) =>
        new Promise<Answer>((resolve, reject) => {
            const { body, ...rest } = options;
            const request = (secure ? https : http).request(
                {
                    host: "127.0.0.1",
                    port: at[secure ? 443 : 80],
                    agent: false,
                    rejectUnauthorized: false,
                    ...rest,
                },
                (response) => {
                    let text = "";
                    response.setEncoding("utf8");
                    response.on("data", (chunk: string) => (text += chunk));
                    response.on("end", () =>
                        resolve({
                            status: response.statusCode ?? 0,
                            headers: response.headers,
                            body: text,
                        }),
                    );
                },
            );
            request.on("error", reject);
            request.end(body);
        });

    const get = (
        host: string,
        target: string,
        options: https.RequestOptions & { body?: string } = {},
    ) => ask({ servername: host, headers: { host }, path: target, ...options });

    const routes: [name: string | undefined, answers: string][] = [
        [undefined, "web"],
        ["example.com", "web"],
        ["imap.example.com", "web"],
        ["api.example.net", "web"],
        ["api.example.com.evil.test", "web"],
        ["api.example.com", "api"],
        ["API.Example.COM", "api"],
        ["caldav.example.com", "caldav"],
        ["carddav.example.com", "carddav"],
        ["mx.example.com", "example.com"],
        ["mta-sts.example.com", "example.com"],
        ["autoconfig.example.com", "example.com"],
        ["autodiscover.example.com", "example.com"],
        ["mta-sts.example.org", "example.org"],
        ["autoconfig.example.org", "example.org"],
        ["autodiscover.example.org", "example.org"],
        ["mx.example.org", "web"],
    ];
    for (const [name, answers] of routes) {
        it(`${name ?? "no name"}: ${answers} answers`, async () => {
            assert.equal(await subject(name), answers);
        });
    }

    for (const { host, path: target, contentType, text } of context.documents) {
        it(`https://${host}${target}`, async () => {
            const { status, headers, body } = await get(host, target);
            assert.deepEqual([status, headers["content-type"], body], [200, contentType, text]);
            assert.equal(headers["server"], "nginx");
        });
    }

    for (const method of ["GET", "POST"]) {
        for (const target of [
            "/autodiscover/autodiscover.xml",
            "/Autodiscover/Autodiscover.xml",
            "/AUTODISCOVER/AUTODISCOVER.XML?x=1",
        ]) {
            it(`${method} ${target} of Outlook`, async () => {
                const host = "autodiscover.example.org";
                const wanted = context.documents.find((one) => one.host === host);
                const body = method === "POST" ? "<Autodiscover/>" : undefined;
                const answer = await get(host, target, { method, ...(body && { body }) });
                assert.deepEqual([answer.status, answer.body], [200, wanted?.text]);
                assert.equal(answer.headers["content-type"], "text/xml; charset=utf-8");
            });
        }
    }

    it("answers with nothing but the documents", async () => {
        assert.equal((await get("mta-sts.example.org", "/")).status, 404);
        assert.equal((await get("mta-sts.example.org", "/.well-known/")).status, 404);
        assert.equal((await get("mta-sts.example.org", "/.well-known/caldav")).status, 404);
        assert.equal((await get("mta-sts.example.org", "/nginx.conf")).status, 404);
        assert.equal((await get("autoconfig.example.org", "/..%2f..%2fnginx.conf")).status, 400);
        assert.equal((await get("mx.example.com", "/.well-known/mta-sts.txt")).status, 404);
        const large = await get("autodiscover.example.org", "/autodiscover/autodiscover.xml", {
            method: "POST",
            body: "x".repeat(100_000),
        });
        assert.equal(large.status, 413);
    });

    it("refuses a host that is not asked for by TLS", async () => {
        const { status } = await ask({
            servername: "mx.example.com",
            headers: { host: "elsewhere.example" },
        });
        assert.equal(status, 421);
    });

    it("leads calendars and address books to where they are", async () => {
        for (const [service, end, method] of [
            ["caldav", "", "GET"],
            ["caldav", "/", "PROPFIND"],
            ["carddav", "", "PROPFIND"],
            ["carddav", "/", "GET"],
        ] as const) {
            const answer = await get("mx.example.com", `/.well-known/${service}${end}`, { method });
            assert.deepEqual(
                [answer.status, answer.headers.location],
                [301, `https://${service}.example.com/`],
            );
        }
        const { status, headers } = await get("mx.example.com", "/");
        assert.deepEqual([status, headers.location], [302, "https://example.com/"]);
    });

    it("answers on port 80 with a redirect alone", async () => {
        for (const [host, target, method] of [
            ["example.com", "/", "GET"],
            ["mta-sts.example.org", "/.well-known/mta-sts.txt", "GET"],
            ["imap.example.com", "/a/b?c=d&e=%20", "POST"],
        ] as const) {
            const answer = await ask({ headers: { host }, path: target, method }, false);
            assert.deepEqual(
                [answer.status, answer.headers.location],
                [301, `https://${host}${target}`],
            );
        }
        assert.match(
            await plain(at[80], "GET /x HTTP/1.0\r\n\r\n"),
            /^HTTP\/1\.1 301 [^]*\r\nLocation: https:\/\/example\.com\/x\r\n/,
        );
    });

    it("speaks TLS 1.2 and 1.3 with forward secrecy alone", async () => {
        const name = "mx.example.com";
        for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
            assert.equal(
                await subject(name, { minVersion: version, maxVersion: version }),
                "example.com",
            );
        }
        const old = {
            minVersion: "TLSv1",
            maxVersion: "TLSv1.1",
            ciphers: "ALL:@SECLEVEL=0",
        } as const;
        await assert.rejects(subject(name, old), /protocol|alert|reset/i);
        const weak = {
            maxVersion: "TLSv1.2",
            ciphers: "ECDHE-ECDSA-AES128-SHA:AES128-SHA",
        } as const;
        await assert.rejects(subject(name, weak), /handshake|alert|reset/i);
    });

    it("a certificate that is missing breaks its own names alone, and a new one is used at once", async () => {
        const keys = path.join(folder, "certificates", further);
        fs.rmSync(keys, { recursive: true });
        await assert.rejects(subject("mta-sts.example.org"));
        assert.equal(await subject("mta-sts.example.com"), "example.com");
        assert.equal(checkConfiguration(folder).status, 0);
        await writeCertificate(keys, "renewed", [`mta-sts.${further}`]);
        assert.equal(await subject("mta-sts.example.org"), "renewed");
    });
});

it("nginx takes the configuration of 400 domains with long names", { skip: missing }, async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "router-"));
    try {
        const names = Array.from(
            { length: 400 },
            (_, index) => `${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(60)}.d${index}.example`,
        );
        writeRouter(folder, routerOf(...names), await freePorts());
        const { status, stderr } = checkConfiguration(folder);
        assert.equal(status, 0, stderr);
        assert.doesNotMatch(stderr, /warn|emerg/);
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
});

async function isOpen(port: number): Promise<boolean> {
    return new Promise((resolve) => {
        const socket = net.connect(port, "127.0.0.1", () => {
            socket.destroy();
            resolve(true);
        });
        socket.on("error", () => resolve(false));
    });
}

/** What a server answers to plain text. */
async function plain(port: number, text: string): Promise<string> {
    return new Promise((resolve, reject) => {
        let answer = "";
        const socket = net.connect(port, "127.0.0.1", () => socket.write(text));
        socket.setEncoding("utf8");
        socket.on("data", (chunk: string) => (answer += chunk));
        socket.on("end", () => resolve(answer));
        socket.on("error", reject);
    });
}
