// The clients of the proofs against servers on loopback that are none of ours: node's own TLS and HTTPS, smtp-server,
// and a name server that is Knot.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import * as tls from "node:tls";
import { after, before, beforeEach, describe, test } from "node:test";
import { SMTPServer } from "smtp-server";
import { run } from "../../../cli/run-program";
import type { DnsServer } from "../../../local/cloud/dns/dns-server";
import { startKnot } from "../../../local/cloud/dns/knot";
import { HttpsClient } from "../../../local/proof/https-client";
import { deliver, isWhole, refusalOf, submit, writeLetter } from "../../../local/proof/mail-client";
import { isOpen, Outside } from "../../../local/proof/outside";
import { readByPop3 } from "../../../local/proof/pop3-client";
import { queryTlsa, readTlsaAnswer, renderTlsaQuery } from "../../../local/proof/tlsa-query";
import { stoppedStatus, type LocalStatus } from "../../../local/status";

const names = ["mx.example.test", "example.test"];
const mailbox = { address: "proof@example.test", password: "right" };

let folder: string;
let certificate: { key: string; cert: string };
let dns: DnsServer;
let status: LocalStatus;
const closers: (() => void)[] = [];
/** What the mail servers have taken. */
let taken: string[] = [];
/** What the POP3 server has in the mailbox, oldest first. */
let waiting: string[] = [];

before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "outside-"));
    certificate = await certify();
    dns = await startKnot({ directory: path.join(folder, "dns"), hosts: ["127.0.0.1"], port: 0 });
    status = {
        ...stoppedStatus(
            { kind: "vm" },
            { project: "mailhost", stack: "local", backend: "file:///state" },
            {},
        ),
        ...{ running: true, domain: "example.test", host: "mx.example.test", dns: dns.address },
        domains: ["example.test"],
        address: { ipv4: "127.0.0.1", ipv6: null },
        acme: { directory: "https://ca.test/dir", caFile: path.join(folder, "cert.pem") },
    };
    status.ports = {
        25: await listen(smtpServer(false)),
        465: await listen(smtpServer(true)),
        995: await listen(pop3Server()),
        443: await listen(httpsServer()),
        80: await listen(httpServer()),
    };
});
beforeEach(() => {
    taken = [];
    waiting = [];
});
after(async () => {
    for (const close of closers) close();
    await dns?.stop();
    fs.rmSync(folder, { recursive: true, force: true });
});

async function certify(): Promise<{ key: string; cert: string }> {
    const ecdsa = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const files = ["-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=mx.example.test"];
    const covered = `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}`;
    await run("openssl", ["req", "-x509", "-days", "2", ...ecdsa, ...files, "-addext", covered], {
        cwd: folder,
    });
    const read = (file: string) => fs.readFileSync(path.join(folder, file), "utf8");
    return { key: read("key.pem"), cert: read("cert.pem") };
}

function listen(server: net.Server): Promise<number> {
    closers.push(() => server.close());
    return new Promise((resolve) =>
        server.listen(0, "127.0.0.1", () => resolve((server.address() as net.AddressInfo).port)),
    );
}

function smtpServer(secure: boolean): net.Server {
    const refuse = (responseCode: number, text: string) =>
        Object.assign(new Error(text), { responseCode });
    const server = new SMTPServer({
        ...certificate,
        ...{ name: "mx.example.test", secure, disableReverseLookup: true },
        ...(secure ? {} : { disabledCommands: ["AUTH"] }),
        onAuth: ({ username, password }, _session, callback) =>
            password === mailbox.password
                ? callback(null, { user: username })
                : callback(refuse(535, "5.7.8 No")),
        onRcptTo: ({ address }, { secure: over }, callback) => {
            if (!over) return callback(refuse(530, "5.7.0 STARTTLS first"));
            callback(address.startsWith("nobody") ? refuse(550, "5.1.1 No such user") : null);
        },
        onData: (stream, _session, callback) => {
            let message = "";
            stream.on("data", (part: Buffer) => (message += part.toString("latin1")));
            stream.on("end", () => {
                taken.push(message);
                callback(null, "2.0.0 queued as 42");
            });
        },
    });
    server.on("error", () => undefined);
    return server.server;
}

function pop3Server(): net.Server {
    return tls.createServer(certificate, (socket) => {
        let rest = "";
        let user = "";
        const say = (text: string) => socket.write(`${text}\r\n`);
        say("+OK ready");
        socket
            .on("error", () => undefined)
            .on("data", (data: Buffer) => {
                const lines = (rest + data.toString()).split("\r\n");
                rest = lines.pop() ?? "";
                for (const line of lines) {
                    const [command = "", argument = ""] = line.split(" ");
                    if (command === "USER") say(`+OK ${(user = argument)}`);
                    else if (command === "PASS") {
                        const right = user === mailbox.address && argument === mailbox.password;
                        say(right ? "+OK" : "-ERR [AUTH] no");
                    } else if (command === "STAT") say(`+OK ${waiting.length} 100`);
                    else if (command === "RETR") {
                        const message = waiting[Number(argument) - 1] ?? "";
                        say("+OK");
                        say(`${message.replace(/^\./gm, "..")}.`);
                    } else say("+OK bye");
                }
            });
    });
}

function httpsServer(): net.Server {
    return https.createServer(certificate, (request, response) => {
        const { method, url, headers } = request;
        response.setHeader("set-cookie", ["session=1; HttpOnly; Path=/", "theme=dark"]);
        let body = "";
        request.on("data", (part: Buffer) => (body += part.toString()));
        request.on("end", () =>
            response.end(
                JSON.stringify({
                    ...{ method, url, body, host: headers.host, accept: headers.accept },
                    ...{ cookie: headers.cookie, authorization: headers.authorization },
                }),
            ),
        );
    });
}

function httpServer(): net.Server {
    return http.createServer((request, response) => {
        const location = `https://${request.headers.host}${request.url}`;
        response.writeHead(301, { location }).end();
    });
}

describe("the clients of the proofs", () => {
    test("take a certificate of the authority for that name, and no other", async () => {
        const outside = Outside.of(status);
        for (const [port, starttls] of [
            [25, true],
            [465, false],
        ] as const) {
            const socket = await outside.connect(port, "mx.example.test", { starttls });
            assert.equal(socket.authorized, true);
            socket.destroy();
            await assert.rejects(
                outside.connect(port, "mx.other.test", { starttls }),
                new RegExp(`mx\\.other\\.test port ${port} .*does not match`),
            );
        }
        // Verified by the system's own roots, which are other ones.
        const other = { ...status, acme: { directory: "", caFile: path.join(folder, "no.pem") } };
        fs.writeFileSync(other.acme.caFile, tls.rootCertificates[0]!);
        await assert.rejects(
            Outside.of(other).connect(25, "mx.example.test", { starttls: true }),
            /self-signed certificate/,
        );
    });

    test("hand over a letter whole, over TLS", async () => {
        const outside = Outside.of(status);
        const letter = writeLetter("a@sink.test", "b@example.test");
        assert.match(await deliver(outside, letter), /queued as 42/);
        assert.match(await submit(outside, letter, mailbox), /queued as 42/);
        assert.equal(taken.length, 2);
        for (const message of taken) assert.ok(isWhole(message, letter));
    });

    test("tell a refusal from what was taken, and from a server that is not there", async () => {
        const outside = Outside.of(status);
        const nobody = writeLetter("a@sink.test", "nobody@example.test");
        const somebody = writeLetter("a@sink.test", "b@example.test");
        assert.match(await refusalOf(deliver(outside, nobody)), /^550 5\.1\.1/);
        assert.match(await refusalOf(submit(outside, somebody)), /^5\d\d /);
        const wrong = { ...mailbox, password: "wrong" };
        assert.match(await refusalOf(submit(outside, somebody, wrong)), /^535/);
        await assert.rejects(refusalOf(deliver(outside, somebody)), /it was taken/);
        const gone = Outside.of({ ...status, ports: { 25: 1 } });
        await assert.rejects(refusalOf(deliver(gone, somebody)), /ECONNREFUSED/);
    });

    test("read the letter that is wanted by POP3, with its dots", async () => {
        const outside = Outside.of(status);
        const letters = Array.from({ length: 3 }, () => writeLetter("a@sink.test", "b@c.test"));
        waiting = letters.map(({ raw }) => raw);
        const [first] = letters;
        const read = await readByPop3(outside, mailbox, (one) => one.includes(first!.messageId));
        assert.ok(isWhole(read ?? "", first!));
        assert.equal(await readByPop3(outside, mailbox, () => false), undefined);
        const wrong = { ...mailbox, password: "wrong" };
        await assert.rejects(
            readByPop3(outside, wrong, () => true),
            /PASS is refused: -ERR \[AUTH\]/,
        );
    });

    test("speak HTTPS with names that no name server has, and keep cookies", async () => {
        const client = new HttpsClient(Outside.of(status));
        const url = "https://example.test/a?b=c";
        const auth = { username: "admin", password: "p:w" };
        const first = await client.request("POST", url, { body: { a: 1 }, auth });
        assert.deepEqual(JSON.parse(first.text), {
            ...{ method: "POST", url: "/a?b=c", body: '{"a":1}', host: "example.test" },
            accept: "application/json",
            authorization: `Basic ${Buffer.from("admin:p:w").toString("base64")}`,
        });
        const second = await client.request("GET", url);
        const { cookie } = JSON.parse(second.text) as { cookie: string };
        assert.equal(cookie, "session=1; theme=dark");
        await assert.rejects(
            client.request("GET", "https://other.test/"),
            /GET https:\/\/other\.test\/: .*does not match/,
        );
    });

    test("follow no redirect", async () => {
        const client = new HttpsClient(Outside.of(status));
        const { status: code, headers } = await client.request("GET", "http://example.test/x");
        assert.deepEqual([code, headers.location], [301, "https://example.test/x"]);
    });

    test("say when a port is not let through, or a host is not there", () => {
        assert.throws(() => Outside.of(status).endpoint(993), /Port 993 .* not let through/);
        assert.throws(() => Outside.of({ ...status, running: false }), /no running host/);
        assert.throws(() => Outside.of({ ...status, acme: null }), /no running host/);
    });

    test("tell an open port from a closed one", async () => {
        assert.equal(await isOpen("127.0.0.1", status.ports["443"]!), true);
        assert.equal(await isOpen("127.0.0.1", 1), false);
    });
});

describe("TLSA records", () => {
    const owner = "_25._tcp.mx.example.test";
    const data = "ab".repeat(32);
    const record = (name: string, type: string, rdata: string) => ({
        ...{ name, type, rdata, ttl: 300 },
    });

    test("are asked of a real name server, through aliases too", async () => {
        await dns.publish({
            name: "example.test",
            signed: true,
            records: [
                record(owner, "TLSA", `3 1 1 ${data}`),
                record(owner, "TLSA", `3 1 1 ${"cd".repeat(32)}`),
                record("_465._tcp.mx.example.test", "CNAME", `${owner}.`),
            ],
        });
        const expected = [data, "cd".repeat(32)].map((one) => ({
            ...{ usage: 3, selector: 1, matchingType: 1, data: one },
        }));
        const sorted = async (name: string) =>
            (await queryTlsa(dns.address, name)).sort((a, b) => (a.data < b.data ? -1 : 1));
        assert.deepEqual(await sorted(owner), expected);
        assert.deepEqual(await sorted("_465._tcp.mx.example.test"), expected);
        assert.deepEqual(await queryTlsa(dns.address, "_99._tcp.mx.example.test"), []);
        await assert.rejects(queryTlsa(dns.address, "_25._tcp.elsewhere.test"), /code 5/);
        await assert.rejects(queryTlsa({ host: "127.0.0.1", port: 1 }, owner), /ECONNREFUSED/);
    });

    test("of another question's answer are none", () => {
        const query = renderTlsaQuery(7, owner);
        assert.throws(() => readTlsaAnswer(query, 8), /another question/);
        assert.deepEqual(readTlsaAnswer(query, 7), []);
    });
});
