import * as dgram from "node:dgram";
import * as net from "node:net";
import type { AddressInfo } from "node:net";

/**
 * A port that is free for TCP and UDP at all of some addresses. Knot would start without what it can't bind, and share
 * a port with another one of the same user.
 *
 * @param wish 0: any.
 * @returns the wished port, or another one when it is taken on loopback.
 * @throws Error when it is taken elsewhere, where others expect it.
 */
export async function freePort(hosts: readonly string[], wish: number): Promise<number> {
    const loopback = hosts.every((host) => host === "127.0.0.1" || host === "::1");
    let taken: unknown;
    for (let attempt = 0, port = wish; attempt < 50; attempt++, port = 0) {
        try {
            for (const host of hosts) {
                port = await bindTcp(host, port);
                await bindUdp(host, port);
            }
            return port;
        } catch (error) {
            taken = error;
            if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || !loopback) break;
        }
    }
    throw taken;
}

/** Binds and lets go again. */
function bindTcp(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
        const server = net.createServer().once("error", reject);
        server.listen(port, host, () => {
            const bound = (server.address() as AddressInfo).port;
            server.close(() => resolve(bound));
        });
    });
}

function bindUdp(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
        const socket = dgram.createSocket(host.includes(":") ? "udp6" : "udp4");
        socket.once("error", (error) => {
            socket.close();
            reject(error);
        });
        socket.bind(port, host, () => socket.close(() => resolve()));
    });
}
