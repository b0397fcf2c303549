import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import { guardDeleteCommand, stopScript } from "../../../components/host/data-guard";
import { receiveCommand } from "../../../components/host/ssh-channel";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-guard-"));
after(() => fs.rmSync(folder, { recursive: true }));

const key = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n";
const connection = `192.0.2.7\n2222\nroot\nssh-ed25519 AAAAhost\n${key}`;

/**
 * Stands for OpenSSH's client: keeps what it was called with, says and ends as the test wants for the port that it is
 * asked for. What the real one says is taken from OpenSSH 9.2.
 */
const stub = `#!/bin/sh
port=
previous=
for word; do
    [ "$previous" != -p ] || port=$word
    previous=$word
done
printf '%s\\n' "$port" >>"$STUB/ports"
if [ "$port" = 2222 ]; then
    printf '%s\\0' "$@" >"$STUB/arguments"
    cat >"$STUB/input"
    for word; do
        case $word in
            */key) cp "$word" "$STUB/key"; stat -c %a "$word" "$(dirname "$word")" >"$STUB/modes" ;;
            UserKnownHostsFile=*) cp "\${word#*=}" "$STUB/known_hosts" ;;
        esac
    done
    printf '%s\\n' "$(dirname "$4")" >"$STUB/folder"
fi
cat "$STUB/says-$port" >&2 2>/dev/null || cat "$STUB/says-other" >&2
exit "$(cat "$STUB/code")"
`;

interface Ending {
    code: number;
    says?: string;
    /** What is said of ports other than SSH's. @default it times out */
    others?: string;
}

const silent = "ssh: connect to host 192.0.2.7 port 443: Connection timed out\n";

function remove(ending: Ending) {
    fs.writeFileSync(path.join(folder, "code"), String(ending.code));
    fs.writeFileSync(path.join(folder, "says-2222"), ending.says ?? "");
    fs.writeFileSync(path.join(folder, "says-other"), ending.others ?? silent);
    const ended = spawnSync("/bin/sh", ["-c", guardDeleteCommand], {
        encoding: "utf8",
        input: connection,
        env: { ...process.env, PATH: `${folder}:${process.env["PATH"]}`, STUB: folder },
    });
    return {
        status: ended.status,
        stderr: ended.stderr,
        lastLine: ended.stderr.trimEnd().split("\n").at(-1) ?? "",
    };
}

const read = (name: string) => fs.readFileSync(path.join(folder, name), "utf8");

beforeEach(() => {
    fs.rmSync(folder, { recursive: true });
    fs.mkdirSync(folder);
    fs.writeFileSync(path.join(folder, "ssh"), stub, { mode: 0o755 });
});

describe("removing the guard", () => {
    test("sends the stop script to the pinned host, by the fixed command", () => {
        assert.deepEqual(remove({ code: 0 }), { status: 0, stderr: "", lastLine: "" });
        const words = read("arguments").split("\0").slice(0, -1);
        const temporary = read("folder").trim();
        assert.deepEqual(words, [
            ...["-F", "/dev/null", "-i", `${temporary}/key`, "-o", "IdentitiesOnly=yes"],
            ...["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"],
            ...["-o", "HostKeyAlias=mailhost", "-o", `UserKnownHostsFile=${temporary}/known_hosts`],
            ...["-o", "GlobalKnownHostsFile=/dev/null", "-o", "ConnectTimeout=15"],
            ...["-o", "ConnectionAttempts=4", "-o", "ServerAliveInterval=15"],
            ...["-o", "ServerAliveCountMax=8", "-p", "2222", "-l", "root", "--", "192.0.2.7"],
            receiveCommand.trimEnd(),
        ]);
        assert.equal(read("input"), stopScript);
        assert.equal(read("key"), key);
        assert.equal(read("modes"), "600\n700\n");
        assert.equal(read("known_hosts"), "mailhost ssh-ed25519 AAAAhost\n");
        assert.equal(fs.existsSync(temporary), false, "the key was left behind");
    });

    const dead = [
        "ssh: connect to host 192.0.2.7 port 2222: Connection timed out\n",
        "ssh: connect to host 192.0.2.7 port 2222: Operation timed out\n",
        "ssh: connect to host 192.0.2.7 port 2222: No route to host\n",
        "ssh: connect to host 192.0.2.7 port 2222: Network is unreachable\n",
        "Connection timed out during banner exchange\nConnection to 192.0.2.7 port 2222 timed out\n",
    ];
    for (const says of dead) {
        test(`warns and goes on: ${says.split("\n")[0]}`, () => {
            const { status, lastLine } = remove({ code: 255, says });
            assert.equal(status, 0);
            assert.equal(
                lastLine,
                "mailhost: warning: 192.0.2.7 does not answer at any port, so its data volume was not unmounted first; the next host checks its file system before use",
            );
            assert.deepEqual(read("ports").trim().split("\n"), ["2222", "443", "25", "80"]);
        });
    }

    const refused = "ssh: connect to host 192.0.2.7 port 2222: Connection refused\n";
    const blocking: [what: string, ending: Ending, message: RegExp][] = [
        [
            "a host that answers elsewhere",
            { code: 255, says: dead[0], others: "kex_exchange_identification: banner\n" },
            /is alive, but this computer can't log in at port 2222: .* Nothing was removed\. Add this computer's address, or shut/,
        ],
        [
            "a host without sshd",
            { code: 255, says: refused },
            /is alive, but this computer can't log in at port 2222/,
        ],
        [
            "another host key",
            { code: 255, says: "Host key verification failed.\n" },
            /shows another host key .* Nothing was removed\. If the old host is gone for good, .*pulumi state delete/,
        ],
        [
            "a refused login",
            { code: 255, says: "root@192.0.2.7: Permission denied (publickey).\n" },
            /root@192\.0\.2\.7 refuses the program's SSH key\. Nothing was removed\. Put the public key back/,
        ],
        [
            "a connection that breaks",
            { code: 255, says: "client_loop: send disconnect: Broken pipe\n" },
            /broke, see above: whether its data volume is at rest is not known\. Nothing was removed, try again$/,
        ],
        [
            "a host that dies while it stops",
            { code: 255, says: "Timeout, server 192.0.2.7 not responding.\n" },
            /broke, see above/,
        ],
        [
            "a busy data volume",
            { code: 1, says: "mailhost: error: /root/x can't be unmounted, it is used by\n" },
            /^mailhost: error: 192\.0\.2\.7 could not be brought to rest, see above: nothing was removed$/,
        ],
        [
            "a script that did not arrive",
            { code: 75, says: "mailhost: error: the script arrived incomplete\n" },
            /could not be brought to rest/,
        ],
    ];
    for (const [what, ending, message] of blocking) {
        test(`stops for ${what} and shows what was said`, () => {
            const { status, stderr, lastLine } = remove(ending);
            assert.equal(status, 1);
            assert.match(lastLine, message);
            assert.ok(stderr.startsWith(ending.says ?? ""));
            assert.ok(!stderr.includes("c2VjcmV0"), "the key was shown");
        });
    }

    test("is the same command for every host, and holds nothing of one", () => {
        assert.ok(!guardDeleteCommand.includes("192.0.2.7"));
        assert.ok(!guardDeleteCommand.includes("PRIVATE KEY"));
        assert.ok(guardDeleteCommand.includes(stopScript));
        const check = spawnSync("shellcheck", ["-s", "sh", "-"], {
            input: guardDeleteCommand,
            encoding: "utf8",
        });
        assert.equal(check.stdout, "");
    });
});
