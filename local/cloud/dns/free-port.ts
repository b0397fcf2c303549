import { randomInt } from "node:crypto";
import * as dgram from "node:dgram";
import * as fs from "node:fs";
import * as net from "node:net";

/**
 * Where a port is taken from: below those that the kernel gives to connections and to whoever asks for any port, so
 * that none of them has it before its server starts, or while that is down. Where the kernel gives nearly all, from the
 * usual ones.
 */
function portRange(): [lowest: number, highest: number] {
    const lowest = 20_000;
    const [first = 0] = fs
        .readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8")
        .split(/\s+/)
        .map(Number);
    return [lowest, first >= lowest + 1000 ? first - 1 : 32_767];
}

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
    const [lowest, highest] = portRange();
    let taken: unknown;
    for (let attempt = 0, port = wish; attempt < 50; attempt++, port = 0) {
        if (port === 0) port = randomInt(lowest, highest + 1);
        try {
            for (const host of hosts) {
                await bindTcp(host, port);
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
function bindTcp(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
        const server = net.createServer().once("error", reject);
        server.listen(port, host, () => server.close(() => resolve()));
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
