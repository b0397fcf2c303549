// The SSH channel against a real sshd on a real host: a connection that is cut runs nothing.
import assert from "node:assert/strict";
import * as net from "node:net";
import { after, before, describe, test } from "node:test";
import { runQuietly } from "../../cli/run-program";
import { receiveCommand } from "../../components/host/ssh-channel";
import { sealScript } from "../../components/host/seal";
import { snapshot } from "../../local/laptop";
import { sshArguments } from "../../local/status";
import { hostProgram, suiteLimit, TestLaptop } from "./support/test-laptop";

/** A TCP relay to the host that breaks every connection after so many bytes of the client. */
function cuttingRelay(host: string, port: number, limit: number): Promise<net.Server> {
    const server = net.createServer((client) => {
        const upstream = net.connect(port, host);
        let passed = 0;
        client.on("data", (chunk: Buffer) => {
            const room = limit - passed;
            passed += chunk.length;
            upstream.write(chunk.subarray(0, Math.max(0, room)), () => {
                if (passed < limit) return;
                client.destroy();
                upstream.destroy();
            });
        });
        upstream.on("data", (chunk: Buffer) => client.write(chunk));
        for (const socket of [client, upstream]) {
            socket.on("error", () => undefined);
            socket.on("close", () => {
                client.destroy();
                upstream.destroy();
            });
        }
    });
    return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

describe("the SSH channel", { timeout: suiteLimit }, () => {
    let laptop: TestLaptop;

    before(async () => {
        laptop = await TestLaptop.start("channel", {
            ...{ kind: "container", project: hostProgram, image: snapshot },
        });
        await laptop.up();
    });
    after(() => laptop.close());

    /** Every line leaves a mark, so that a part that ran would show. Larger than SSH's own windows and buffers. */
    const script = sealScript(
        Array.from(
            { length: 4000 },
            (_, n) => `echo ${n} >>/run/channel-marks # ${"x".repeat(60)}\n`,
        ).join(""),
    );

    const send = async (limit: number) => {
        const { ssh } = await laptop.status();
        const relay = await cuttingRelay(ssh!.host, ssh!.port, limit);
        try {
            const { port } = relay.address() as net.AddressInfo;
            const args = sshArguments({ ...ssh!, host: "127.0.0.1", port });
            return await runQuietly(
                "ssh",
                ["-o", "BatchMode=yes", "-o", `HostKeyAlias=${ssh!.host}`, ...args, receiveCommand],
                { input: script, timeoutSeconds: 180 },
            );
        } finally {
            relay.close();
        }
    };
    const marks = () => laptop.ssh("cat /run/channel-marks 2>/dev/null | wc -l");

    test("cut at any of 20 offsets a script runs nothing", async () => {
        const handshake = 4000;
        for (let n = 0; n < 20; n++) {
            const offset = handshake + Math.floor(((script.length - 2000) * n) / 19);
            const { code } = await send(offset);
            assert.notEqual(code, 0, `cut after ${offset} bytes`);
        }
        // What was received may still be looked at when the connection is gone.
        await new Promise((resolve) => setTimeout(resolve, 3000));
        assert.equal(await marks(), "0");
    });

    test("uncut the same script runs once and whole", async () => {
        const { code, stderr } = await send(Number.MAX_SAFE_INTEGER);
        assert.equal(code, 0, stderr);
        assert.equal(await marks(), "4000");
        assert.equal(await laptop.ssh("ls -d /run/mailhost-script.* 2>/dev/null | wc -l"), "0");
    });
});
