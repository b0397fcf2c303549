import * as net from "node:net";
import { findRoute } from "./route";

const timeoutSeconds = 15;

/** What OpenSSH's client says of a connection that fails, so that scripts see here what they see elsewhere. */
const words: Record<string, string> = {
    ECONNREFUSED: "Connection refused",
    ETIMEDOUT: "Connection timed out",
    EHOSTUNREACH: "No route to host",
    ENETUNREACH: "Network is unreachable",
};

/** `connect.ts HOST PORT`: an ssh ProxyCommand that joins standard input and output to where the route leads. */
async function main(host: string, port: number): Promise<void> {
    const fail = (error: NodeJS.ErrnoException): never => {
        const reason = words[error.code ?? ""] ?? error.message;
        process.stderr.write(`ssh: connect to host ${host} port ${port}: ${reason}\n`);
        process.exit(1);
    };
    const route = await findRoute(host, port).catch(() =>
        // The machine is off, or its cloud's firewall is shut.
        fail(Object.assign(new Error(), { code: "EHOSTUNREACH" })),
    );
    const socket = net.connect({ ...route, timeout: timeoutSeconds * 1000 });
    socket.once("timeout", () => fail(Object.assign(new Error(), { code: "ETIMEDOUT" })));
    socket.once("connect", () => socket.setTimeout(0));
    socket.on("error", fail);
    process.stdin.pipe(socket).pipe(process.stdout);
}

void main(process.argv[2] ?? "", Number(process.argv[3]));
