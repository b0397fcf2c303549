import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import * as net from "node:net";
import { after, describe, test } from "node:test";
import * as tls from "node:tls";
import { SMTPServer } from "smtp-server";
import type { VerifiedPort } from "../../../components/stack/model";
import {
    reachabilityInput,
    reachabilityProgram,
    type Reachability,
} from "../../../components/stack/reachability";
import { selfSigned } from "./simulated-host";

const { certificate, key } = selfSigned();
const until = new Date(new X509Certificate(certificate).validTo).toISOString().slice(0, 10);
const spki = createHash("sha256")
    .update(new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");

const closing: (() => void)[] = [];
after(() => closing.forEach((close) => close()));

async function listen(server: net.Server): Promise<number> {
    closing.push(() => server.close());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    return address.port;
}

const implicit = () => listen(tls.createServer({ cert: certificate, key }));
const startTls = (options = {}) =>
    listen(new SMTPServer({ cert: certificate, key, authOptional: true, ...options }).server);
const silent = (onConnection: (socket: net.Socket) => void = () => undefined) =>
    listen(
        net.createServer((socket) => {
            closing.push(() => socket.destroy());
            onConnection(socket);
        }),
    );
/** Nobody listens there. */
const closed = 1;

function look(input: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
    return new Promise((resolve, reject) => {
        const child = spawn(process.execPath, ["-e", reachabilityProgram]);
        let stdout = "";
        let stderr = "";
        child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
        child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
        child.once("error", reject);
        child.once("close", (code) => resolve({ code, stdout, stderr }));
        child.stdin.end(input);
    });
}

async function oneLine(port: number, further: Partial<VerifiedPort & Reachability> = {}) {
    const target: VerifiedPort = {
        port,
        tls: further.tls ?? "implicit",
        name: further.name ?? "mx.example.com",
        lineage: "example.com",
        service: "mx",
    };
    const addresses = further.addresses ?? ["127.0.0.1", ""];
    const { code, stdout, stderr } = await look(
        reachabilityInput({
            addresses,
            ports: [target],
            spki: further.spki,
            seconds: further.seconds ?? 30,
        }),
    );
    assert.deepEqual([code, stderr], [0, ""]);
    return stdout.replaceAll(`port ${port} `, "port N ");
}

describe("the second look", () => {
    test("sees a certificate behind TLS and behind STARTTLS", async () => {
        const expected = (port: number) =>
            `mailhost: reached from here at 127.0.0.1, with the right certificates, valid until ${until} at least: ${port}\n`;
        const [first, second] = [await implicit(), await startTls()];
        assert.equal(await oneLine(first, { spki: { "example.com": spki } }), expected(first));
        assert.equal(await oneLine(second, { tls: "smtp-starttls" }), expected(second));
    });

    test("warns of another name, another key, and what does not answer, and fails for none", async () => {
        const port = await implicit();
        assert.match(
            await oneLine(port, { name: "mx.example.net" }),
            /^mailhost: warning: port N \(mx\) at 127\.0\.0\.1 is reached from here, but its certificate is not for mx\.example\.net: DNS:example\.com, DNS:\*\.example\.com\./,
        );
        assert.match(
            await oneLine(port, { spki: { "example.com": "00" } }),
            /^mailhost: warning: .* has another key than the host's\./,
        );
        assert.equal(
            await oneLine(closed),
            "mailhost: warning: port N (mx) at 127.0.0.1 is not reached from here: the connection is refused. On the host itself it answers: look at the firewalls in between, the cloud's and this network's\n",
        );
        assert.match(
            await oneLine(await silent(), { seconds: 2 }),
            /^mailhost: warning: .* is not reached from here: no answer\. On the host/,
        );
        assert.match(
            await oneLine(await startTls({ hideSTARTTLS: true, disabledCommands: ["STARTTLS"] }), {
                tls: "smtp-starttls",
            }),
            /^mailhost: warning: .* is not reached from here: it says 5\d\d /,
        );
    });

    test("says of port 25 that networks block it", async () => {
        const { stdout } = await look(
            reachabilityInput({
                // Where no mail server of this computer listens.
                addresses: ["127.0.0.25"],
                ports: [
                    {
                        port: 25,
                        tls: "smtp-starttls",
                        name: "mx.example.com",
                        lineage: "example.com",
                        service: "mx",
                    },
                ],
                seconds: 1,
            }),
        );
        assert.match(
            stdout,
            /Many networks block outbound port 25; on the host itself it answers\n$/,
        );
    });

    test("looks at every port of every address at once, in order", async () => {
        let [open, most] = [0, 0];
        const first = await silent((socket) => {
            most = Math.max(most, ++open);
            socket.on("close", () => open--).on("error", () => undefined);
        });
        const second = await implicit();
        const port = (number: number): VerifiedPort => ({
            port: number,
            tls: "implicit",
            name: "mx.example.com",
            lineage: "example.com",
            service: "mx",
        });
        const { stdout } = await look(
            reachabilityInput({
                addresses: ["127.0.0.1", "127.0.0.1"],
                ports: [port(first), port(first), port(second)],
                seconds: 3,
            }),
        );
        const atOne = [
            `mailhost: warning: port ${first} (mx) at A is not reached from here: no answer.`,
            `mailhost: reached from here at A, with the right certificates, valid until ${until} at least: ${second}`,
        ];
        const lines = stdout.trimEnd().replaceAll("127.0.0.1", "A").split("\n");
        assert.deepEqual(
            lines.map((line) => line.replace(/ On the host.*/, "")),
            [...atOne, ...atOne],
        );
        assert.equal(most, 4);
    });

    test("fails for an input that it can't read", async () => {
        assert.notEqual((await look("{")).code, 0);
    });
});
