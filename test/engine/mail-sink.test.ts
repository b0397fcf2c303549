// The mail sink as a host sends to it: real connections, judged against a real DNS server. Each connection comes from
// loopback here; whose it is, the sink is told.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { dkimSign } from "mailauth";
import { createTransport } from "nodemailer";
import { run } from "../../cli/run-program";
import type { DnsServer, ZoneRecord } from "../../local/cloud/dns/dns-server";
import { startKnot } from "../../local/cloud/dns/knot";
import { reverseZones } from "../../local/cloud/dns/reverse-zones";
import { startMailSink, type MailSink } from "../../local/cloud/sink/mail-sink";
import { readSinkLog, type SinkLine } from "../../local/cloud/sink/sink-log";
import { sinkHost, sinkZone } from "../../local/cloud/sink/sink-zone";

const host = { name: "mx.example.test", address: "198.18.1.10", ipv6: "2001:db8:1:a::1" };
/** Somebody who has written the host's name into a reverse zone of his own. */
const stranger = "198.18.1.99";

const key = generateKeyPairSync("rsa", { modulusLength: 2048 });
const publicKey = key.publicKey.export({ type: "spki", format: "der" }).toString("base64");
const signing = (signingDomain: string) => ({
    signingDomain,
    selector: "fe-1",
    privateKey: key.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
});

const record = (name: string, type: string, rdata: string): ZoneRecord => ({
    ...{ name, type, rdata, ttl: 300 },
});
const keyRecord = (domain: string) => {
    const half = publicKey.length / 2;
    const strings = [`v=DKIM1; k=rsa; p=${publicKey.slice(0, half)}`, publicKey.slice(half)];
    const rdata = strings.map((one) => `"${one}"`).join(" ");
    return record(`fe-1._domainkey.${domain}`, "TXT", rdata);
};

let folder: string;
let dns: DnsServer;
let sink: MailSink;
let certificate: { key: string; cert: string };
let log: string;
/** Whose the next connection is. */
let client = host.address;

before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "sink-"));
    log = path.join(folder, "log");
    dns = await startKnot({ directory: path.join(folder, "dns"), hosts: ["127.0.0.1"], port: 0 });
    await dns.publish({
        name: "example.test",
        signed: false,
        records: [
            record("example.test", "A", host.address),
            record(host.name, "A", host.address),
            record(host.name, "AAAA", host.ipv6),
            record("example.test", "MX", `0 ${host.name}.`),
            record("example.test", "TXT", '"v=spf1 a:mx.example.test -all"'),
            record("fe-bounces.example.test", "CNAME", "example.test."),
            record("_dmarc.example.test", "TXT", '"v=DMARC1; p=quarantine"'),
            keyRecord("example.test"),
        ],
    });
    await dns.publish({
        name: "other.test",
        signed: false,
        records: [keyRecord("other.test"), record("mx.other.test", "A", host.address)],
    });
    const pointers = [host.address, host.ipv6, stranger];
    for (const zone of reverseZones(
        1,
        pointers.map((ip) => ({ ip, dns_ptr: host.name })),
    )) {
        await dns.publish(zone);
    }
    await dns.publish(sinkZone("198.18.1.2"));
    certificate = await certify();
    sink = await startMailSink({
        ...{ host: "127.0.0.1", port: 0, nameServer: dns.address, certificate, log },
        addressOf: (remote) => (remote === "127.0.0.1" ? client : remote),
    });
});
beforeEach(() => {
    client = host.address;
    fs.rmSync(log, { force: true });
});
after(async () => {
    await sink?.stop();
    await dns?.stop();
    fs.rmSync(folder, { recursive: true, force: true });
});

async function certify(): Promise<{ key: string; cert: string }> {
    const ecdsa = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const files = ["-keyout", "key.pem", "-out", "cert.pem"];
    const names = ["-subj", `/CN=${sinkHost}`, "-addext", `subjectAltName=DNS:${sinkHost}`];
    await run("openssl", ["req", "-x509", "-days", "2", ...ecdsa, ...files, ...names], {
        cwd: folder,
    });
    const read = (file: string) => fs.readFileSync(path.join(folder, file), "utf8");
    return { key: read("key.pem"), cert: read("cert.pem") };
}

const mail = [
    "From: Me <me@example.test>",
    "To: proof@sink.test",
    "Subject: A subject that is",
    " folded",
    "Date: Tue, 24 Nov 2026 12:00:00 +0000",
    "Message-ID: <1@example.test>",
    "",
    "Hello",
    "",
].join("\r\n");

async function signed(domain: string): Promise<string> {
    const by = signing(domain);
    const { signatures, errors } = await dkimSign(mail, {
        ...{ ...by, signatureData: [by] },
        // Else it asks the clock when it signs and again when it writes the header.
        signTime: new Date(),
    });
    assert.deepEqual(errors, []);
    return signatures + mail;
}

/** Sends as a mail server does. */
async function send(
    raw: string,
    options: { ehlo?: string; from?: string; to?: string[]; plain?: boolean } = {},
): Promise<void> {
    const transport = createTransport({
        host: "127.0.0.1",
        port: sink.port,
        name: options.ehlo ?? host.name,
        ...(options.plain
            ? { ignoreTLS: true }
            : { requireTLS: true, tls: { ca: certificate.cert, servername: sinkHost } }),
    });
    const from = options.from ?? "bounce@fe-bounces.example.test";
    await transport.sendMail({ envelope: { from, to: options.to ?? ["proof@sink.test"] }, raw });
    transport.close();
}

function theLine(): SinkLine {
    const lines = readSinkLog(log);
    assert.equal(lines.length, 1);
    return lines[0]!;
}

describe("the mail sink", () => {
    test("finds nothing to complain of in what the host itself sends", async () => {
        await send(await signed("example.test"));
        const { time, tls, ...line } = theLine();
        assert.ok(Math.abs(Date.now() - Date.parse(time)) < 60_000);
        assert.equal(tls?.protocol, "TLSv1.3");
        assert.match(tls.cipher, /^TLS_AES_/);
        assert.deepEqual(line, {
            from: "bounce@fe-bounces.example.test",
            to: ["proof@sink.test"],
            subject: "A subject that is folded",
            messageId: "<1@example.test>",
            ehlo: host.name,
            clientAddress: host.address,
            connectedFrom: "127.0.0.1",
            ptr: [host.name],
            ehloConfirmed: true,
            // The return path's name is an alias of the domain, whose record it has.
            spf: { result: "pass", domain: "fe-bounces.example.test" },
            dkim: [{ domain: "example.test", selector: "fe-1", result: "pass", aligned: true }],
            dmarc: {
                result: "pass",
                policy: "quarantine",
                alignedSpf: "fe-bounces.example.test",
                alignedDkim: "example.test",
            },
        });
    });

    test("judges by the address that it is told, also over IPv6", async () => {
        client = host.ipv6;
        await send(await signed("example.test"), { from: "me@example.test" });
        const { spf, dmarc, ptr, ehloConfirmed } = theLine();
        assert.deepEqual(spf, { result: "pass", domain: "example.test" });
        assert.equal(dmarc?.alignedSpf, "example.test");
        assert.deepEqual([ptr, ehloConfirmed], [[host.name], true]);
    });

    test("sees through a stranger who greets with the host's name", async () => {
        client = stranger;
        await send(mail, { from: "me@example.test" });
        const { spf, dkim, dmarc, ptr, ehloConfirmed } = theLine();
        assert.deepEqual(spf, { result: "fail", domain: "example.test" });
        assert.deepEqual(dkim, []);
        assert.equal(dmarc?.result, "fail");
        assert.deepEqual([ptr, ehloConfirmed], [[host.name], false]);
    });

    test("sees that a message was changed after it was signed", async () => {
        client = stranger;
        await send((await signed("example.test")).replace("Hello", "Send money"));
        const { dkim, dmarc } = theLine();
        assert.deepEqual(
            dkim.map(({ domain, result }) => [domain, result]),
            [["example.test", "neutral"]],
        );
        assert.equal(dmarc?.result, "fail");
    });

    test("takes another domain's signature for what it is", async () => {
        client = stranger;
        await send(await signed("other.test"));
        const { dkim, dmarc } = theLine();
        assert.deepEqual(dkim, [
            { domain: "other.test", selector: "fe-1", result: "pass", aligned: false },
        ]);
        assert.equal(dmarc?.result, "fail");
    });

    test("notices a greeting that is not the address's name", async () => {
        // The name leads to the address, but the address not to the name.
        await send(await signed("example.test"), { ehlo: "mx.other.test" });
        const { ehlo, ptr, ehloConfirmed } = theLine();
        assert.deepEqual([ehlo, ptr, ehloConfirmed], ["mx.other.test", [host.name], false]);
    });

    test("notices an address without a name", async () => {
        client = "198.18.1.77";
        await send(mail);
        const { ptr, ehloConfirmed } = theLine();
        assert.deepEqual([ptr, ehloConfirmed], [[], false]);
    });

    test("notes what came in plain text", async () => {
        await send(await signed("example.test"), { plain: true });
        assert.equal(theLine().tls, null);
    });

    test("takes nothing for anybody else", async () => {
        await assert.rejects(
            send(mail, { to: ["someone@example.test"] }),
            /550 5\.7\.1 .*sink\.test/,
        );
        await assert.rejects(send(mail, { to: ["someone@not-sink.test"] }), /550/);
        assert.deepEqual(readSinkLog(log), []);
    });

    test("keeps one line of each message, in their order", async () => {
        await send(mail, { from: "first@example.test" });
        await send(mail, { from: "second@example.test" });
        assert.deepEqual(
            readSinkLog(log).map(({ from }) => from),
            ["first@example.test", "second@example.test"],
        );
        assert.equal(fs.statSync(log).mode & 0o777, 0o600);
    });
});

test("a sink whose name server is gone asks the sender to come again", async () => {
    const nobody = { host: "127.0.0.1", port: 1 };
    const deaf = await startMailSink({
        ...{ host: "127.0.0.1", port: 0, nameServer: nobody, certificate, log },
        addressOf: () => host.address,
    });
    const before = sink;
    sink = deaf;
    try {
        await assert.rejects(send(mail), /451 4\.3\.0/);
        assert.deepEqual(readSinkLog(log), []);
    } finally {
        sink = before;
        await deaf.stop();
    }
});

test("two sinks never share a port", async () => {
    const second = startMailSink({
        ...{ host: "127.0.0.1", port: sink.port, nameServer: dns.address, certificate, log },
        addressOf: (remote) => remote,
    });
    await assert.rejects(second, /EADDRINUSE/);
});
