import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, test } from "node:test";
import { sealScript } from "../../../components/host/seal";
import { commandConnection, receiveCommand } from "../../../components/host/ssh-channel";

const run = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-receive-"));
after(() => fs.rmSync(run, { recursive: true }));

/** The constant itself, with a folder of the test's in place of the host's /run. */
const command = receiveCommand.replaceAll("/run/", `${run}/`);

interface Ended {
    code: number | null;
    stdout: string;
    stderr: string;
}

/** What sshd does with a command: the login shell runs it, the client's input arrives and ends. */
function receive(input: string | Buffer): Promise<Ended> {
    return new Promise((resolve, reject) => {
        const child = spawn("sh", ["-c", command]);
        let stdout = "";
        let stderr = "";
        child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
        child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
        child.once("error", reject);
        child.once("close", (code) => resolve({ code, stdout, stderr }));
        child.stdin.end(input);
    });
}

function scriptsLeft(): string[] {
    return fs.readdirSync(run).filter((name) => name.startsWith("mailhost-script."));
}

describe("the receiving command", () => {
    test("runs a whole script and passes its output and exit code on", async () => {
        const ended = await receive(sealScript("echo out\necho err >&2\nexit 7\n"));
        assert.deepEqual(ended, { code: 7, stdout: "out\n", stderr: "err\n" });
    });

    test("keeps the script to root, and leaves none behind whatever ends it", async () => {
        const { stdout } = await receive(
            sealScript(`stat -L -c "%a %h" /dev/fd/3\nls -A ${run}\nkill -9 $$ $PPID\n`),
        );
        // No name (link) is left while it runs, and none after it was killed together with who waits for it.
        assert.equal(stdout, "600 0\nmailhost.lock\n");
        assert.deepEqual(scriptsLeft(), []);
    });

    test("is strict and gives the script no input", async () => {
        const ended = await receive(sealScript("cat\nfalse | true\necho not reached\n"));
        assert.deepEqual(ended, { code: 1, stdout: "", stderr: "" });
        const unset = await receive(sealScript("printf '%s\\n' \"$unset_variable\"\n"));
        assert.equal(unset.code, 1);
    });

    const marker = path.join(run, "ran");
    const body = Array.from({ length: 40 }, () => `echo x >>${marker}\n`).join("");
    const whole = sealScript(body);
    const offsets = Array.from({ length: 20 }, (_, n) => Math.floor((n * whole.length) / 20));

    for (const offset of [...new Set([...offsets, body.length, whole.length - 1])]) {
        test(`runs nothing of a script that is cut at byte ${offset} of ${whole.length}`, async () => {
            const ended = await receive(whole.slice(0, offset));
            assert.deepEqual(ended, {
                code: 75,
                stdout: "",
                stderr: "mailhost: error: the script arrived incomplete, nothing of it was run: the connection was cut, try again\n",
            });
            assert.equal(fs.existsSync(marker), false);
            assert.deepEqual(scriptsLeft(), []);
        });
    }

    test("runs nothing of a script that lost a piece in its middle, or ends twice", async () => {
        for (const damaged of [
            whole.slice(0, 100) + whole.slice(140),
            whole + whole,
            sealScript(whole).replace("echo x", "echo y"),
            `${body}# mailhost: end of script\n`,
        ]) {
            assert.equal((await receive(damaged)).code, 75);
        }
        assert.equal(fs.existsSync(marker), false);
    });

    test("runs the same script uncut", async () => {
        assert.equal((await receive(whole)).code, 0);
        assert.equal(fs.readFileSync(marker, "utf8"), "x\n".repeat(40));
    });

    test("runs one script at a time", async () => {
        const log = path.join(run, "log");
        const script = (name: string) =>
            sealScript(`echo ${name} begins >>${log}\nsleep 0.4\necho ${name} ends >>${log}\n`);
        const ended = await Promise.all([receive(script("a")), receive(script("b"))]);
        assert.deepEqual(
            ended.map(({ code }) => code),
            [0, 0],
        );
        const lines = fs.readFileSync(log, "utf8").trim().split("\n");
        const [first, second] = lines[0] === "a begins" ? ["a", "b"] : ["b", "a"];
        assert.deepEqual(lines, [
            `${first} begins`,
            `${first} ends`,
            `${second} begins`,
            `${second} ends`,
        ]);
    });
});

describe("the connection", () => {
    test("has exactly the keys that the command provider knows, whatever else it is given", () => {
        const ssh = {
            host: "192.0.2.1",
            port: 22,
            user: "root",
            privateKey: "key",
            hostKey: "ssh-ed25519 AAAA",
            surprise: "secret",
        };
        assert.deepEqual(Object.keys(commandConnection(ssh)).sort(), [
            "dialErrorLimit",
            "host",
            "hostKey",
            "perDialTimeout",
            "port",
            "privateKey",
            "user",
        ]);
    });
});
