import * as net from "node:net";
import { findRoute } from "./route";

/** `connect.ts HOST PORT`: an ssh ProxyCommand that joins standard input and output to where the route leads. */
async function main(host: string, port: number): Promise<void> {
    const socket = net.connect(await findRoute(host, port));
    socket.on("error", fail);
    process.stdin.pipe(socket).pipe(process.stdout);
}

function fail(error: Error): never {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
}

main(process.argv[2] ?? "", Number(process.argv[3])).catch(fail);
