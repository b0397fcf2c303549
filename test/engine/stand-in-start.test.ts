import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { describe, test } from "node:test";
import { onStandInMachine, storage, user } from "./support/stand-in-machine";

onStandInMachine("the stand-in of the mail image without what it needs", __filename, (machine) => {
    describe("does not start", () => {
        const missing =
            "MISSING CONFIG VALUES: DOMAIN, HELPER_ENCRYPTION_KEY, TXT_ENCRYPTION_KEY, WEBHOOK_SIGNATURE_KEY";

        test("when .env can't be read: it says nothing of that, but misses what is in it", async () => {
            machine.placeEnvironment({}, 0);
            const { code, stdout, stderr } = await machine.runProgram("bree.js");
            machine.placeEnvironment();
            assert.equal(code, 1);
            assert.match(
                stdout,
                /bree: the laptop cloud's stand-in of Forward Email, version v1\.2\.3$/m,
            );
            assert.ok(stderr.includes(`Error: ${missing}\n`), stderr);
            assert.ok(!(stdout + stderr).includes("EACCES"), stderr);
        });

        test("when one variable is missing; the process's own count", async () => {
            machine.placeEnvironment({ WEBHOOK_SIGNATURE_KEY: undefined });
            const { code, stderr } = await machine.runProgram("bree.js");
            assert.equal(code, 1);
            assert.match(stderr, /^Error: MISSING CONFIG VALUES: WEBHOOK_SIGNATURE_KEY$/m);
            const bree = await machine.start("bree.js", { WEBHOOK_SIGNATURE_KEY: "abc" });
            assert.equal(await bree.stop(), 0);
            machine.placeEnvironment();
        });

        for (const [file, program] of [
            ["privkey.pem", "imap.js"],
            ["chain.pem", "web.js"],
            ["dkim.key", "bree.js"],
        ] as const) {
            test(`when ${file} can't be read: ${program}`, async () => {
                fs.chownSync(path.join(machine.ssl, file), 0, 0);
                const { code, stderr } = await machine.runProgram(program);
                fs.chownSync(path.join(machine.ssl, file), user, user);
                assert.equal(code, 1);
                const reason = `Error: EACCES: permission denied, open '${path.join(machine.ssl, file)}'`;
                assert.ok(stderr.includes(reason), stderr);
            });
        }

        for (const program of ["sqlite.js", "sqlite-bree.js"]) {
            test(`when the mailboxes can't be written: ${program}`, async () => {
                fs.chownSync(storage, 0, 0);
                const { code, stderr } = await machine.runProgram(program);
                fs.chownSync(storage, user, user);
                assert.equal(code, 1);
                assert.match(stderr, /EACCES: permission denied, open '\/mnt\/sqlite_storage\//);
            });
        }

        for (const [variable, name] of [
            ["MONGO_PORT", "MongoDB"],
            ["REDIS_PORT", "Redis"],
        ] as const) {
            test(`without ${name}`, async () => {
                const { code, stderr } = await machine.runProgram("api.js", { [variable]: "9" });
                assert.equal(code, 1);
                assert.ok(
                    stderr.includes(`Error: ${name}: connect ECONNREFUSED 127.0.0.1:9`),
                    stderr,
                );
            });
        }

        for (const [program, port] of [
            ["smtp.js", 465],
            ["mx.js", 25],
            ["imap.js", 993],
        ] as const) {
            test(`when its user may not have port ${port}: ${program}`, async () => {
                const { code, stderr } = await machine.runProgram(program, { MX_PORT: "25" });
                assert.equal(code, 1);
                assert.ok(
                    stderr.includes(`Error: listen EACCES: permission denied :::${port}`),
                    stderr,
                );
            });
        }

        test("when its port is taken", async () => {
            const other = net.createServer();
            await new Promise<void>((resolve) => other.listen(3000, "::", resolve));
            const { code, stderr } = await machine.runProgram("web.js");
            await new Promise((resolve) => other.close(resolve));
            assert.equal(code, 1);
            assert.match(stderr, /listen EADDRINUSE: address already in use :::3000/);
        });
    });
});
