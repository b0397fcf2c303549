// Runs on the computer that deploys, as `node -e`, without any package. Standard input: JSON, see reachability.ts.
// Its findings are lines on standard output; a port that is not reached from here is no failure.
"use strict";
const { createHash } = require("node:crypto");
const net = require("node:net");
const { clearTimeout, setTimeout } = require("node:timers");
const tls = require("node:tls");

const noRoute = new Set(["ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"]);
const words = {
    ECONNREFUSED: "the connection is refused",
    ECONNRESET: "the connection is cut",
    ETIMEDOUT: "no answer",
};

/** Speaks SMTP until TLS may begin (RFC 3207). */
function startTls(socket, done, failed) {
    const commands = ["EHLO mailhost.invalid\r\n", "STARTTLS\r\n"];
    let text = "";
    const read = (chunk) => {
        text += chunk.toString("latin1");
        const last = /^(\d{3}) .*\r?\n$/m.exec(text);
        if (!last || !text.endsWith("\n")) return;
        if (!last[1].startsWith("2")) return failed(new Error(`it says ${text.trim()}`));
        text = "";
        const command = commands.shift();
        if (command !== undefined) return socket.write(command);
        socket.off("data", read);
        done();
    };
    socket.on("data", read);
    socket.on("end", () => failed(new Error("it hangs up before TLS begins")));
}

/** The certificate that a port shows. */
function certificateAt(address, { port, tls: kind, name }, milliseconds) {
    return new Promise((resolve, reject) => {
        const socket = net.connect({ host: address, port });
        const fail = (error) => {
            clearTimeout(timer);
            socket.destroy();
            reject(error);
        };
        const timer = setTimeout(
            () => fail(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })),
            milliseconds,
        );
        const secure = () => {
            // Who signed it is the authority's affair; which one it is, is judged here.
            const secured = tls.connect({ socket, servername: name, rejectUnauthorized: false });
            secured.once("secureConnect", () => {
                clearTimeout(timer);
                const certificate = secured.getPeerX509Certificate();
                secured.destroy();
                socket.destroy();
                if (certificate) resolve(certificate);
                else reject(new Error("it shows no certificate"));
            });
            secured.once("error", fail);
        };
        socket.once("error", fail);
        socket.once("connect", () =>
            kind === "smtp-starttls" ? startTls(socket, secure, fail) : secure(),
        );
    });
}

function describe(error) {
    return words[error.code] ?? error.message.split("\n")[0];
}

/** What there is to say of one port at one address: `{ until }` when all is well, `{ unreachable }` or `{ warning }`. */
async function look(address, target, input) {
    const { port, name, service, lineage } = target;
    const at = `port ${port} (${service}) at ${address}`;
    try {
        const certificate = await certificateAt(address, target, input.seconds * 1000);
        if (certificate.checkHost(name) === undefined) {
            return {
                warning: `${at} is reached from here, but its certificate is not for ${name}: ${certificate.subjectAltName ?? "it names nobody"}. Something between here and the host may answer in its place`,
            };
        }
        const expected = input.spki[lineage];
        const key = certificate.publicKey.export({ type: "spki", format: "der" });
        if (expected !== undefined && createHash("sha256").update(key).digest("hex") !== expected) {
            return {
                warning: `${at} is reached from here, but its certificate has another key than the host's. Something between here and the host answers in its place`,
            };
        }
        return { until: new Date(certificate.validTo).toISOString().slice(0, 10) };
    } catch (error) {
        if (noRoute.has(error.code) && net.isIPv6(address)) return { unreachable: true };
        const why =
            port === 25
                ? "Many networks block outbound port 25; on the host itself it answers"
                : "On the host itself it answers: look at the firewalls in between, the cloud's and this network's";
        return { warning: `${at} is not reached from here: ${describe(error)}. ${why}` };
    }
}

/** The lines on one address: what is wrong, then all that is well in one. */
async function lookAt(address, input) {
    const found = await Promise.all(
        input.ports.map(async (target) => ({ ...target, ...(await look(address, target, input)) })),
    );
    const lines = [
        ...new Set(found.flatMap(({ warning }) => (warning ? [`warning: ${warning}`] : []))),
    ];
    const well = found.filter(({ until }) => until);
    if (well.length > 0) {
        const ports = [...new Set(well.map(({ port }) => port))].sort((a, b) => a - b);
        const first = well.map(({ until }) => until).sort()[0];
        lines.push(
            `reached from here at ${address}, with the right certificates, valid until ${first} at least: ${ports.join(" ")}`,
        );
    }
    if (found.some(({ unreachable }) => unreachable)) {
        lines.push(`${address} was not tried: this computer has no way to IPv6 addresses`);
    }
    return lines;
}

let text = "";
process.stdin.on("data", (chunk) => (text += chunk));
process.stdin.on("end", async () => {
    const input = JSON.parse(text);
    const lines = await Promise.all(input.addresses.map((address) => lookAt(address, input)));
    for (const line of lines.flat()) console.log(`mailhost: ${line}`);
});
