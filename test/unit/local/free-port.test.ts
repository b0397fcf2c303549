import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as net from "node:net";
import { test } from "node:test";
import { freePort } from "../../../local/cloud/dns/free-port";

const [lowest] = fs
    .readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8")
    .split(/\s+/)
    .map(Number);

const tuned = lowest! < 21_000 && `the kernel gives connections the ports from ${lowest} on`;

test(
    "any port is none that a connection may have before its server starts",
    { skip: tuned },
    async () => {
        const ports = await Promise.all(
            Array.from({ length: 20 }, () => freePort(["127.0.0.1"], 0)),
        );
        for (const port of ports) assert.ok(port >= 1024 && port < lowest!, String(port));
        assert.ok(new Set(ports).size > 1, "two that ask at once would get the same");
    },
);

test("a wished port is taken where it is free, on loopback another one where it is not", async () => {
    const wish = await freePort(["127.0.0.1"], 0);
    assert.equal(await freePort(["127.0.0.1"], wish), wish);
    const other = net.createServer();
    await new Promise<void>((resolve) => other.listen(wish, "127.0.0.1", resolve));
    try {
        assert.notEqual(await freePort(["127.0.0.1"], wish), wish);
    } finally {
        other.close();
    }
});
