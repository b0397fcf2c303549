import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import {
    guardDeleteCommand,
    guardLeaveCommand,
    leaveScript,
    stopScript,
} from "../../../components/host/data-guard";
import { receiveCommand } from "../../../components/host/ssh-channel";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-guard-"));
after(() => fs.rmSync(folder, { recursive: true }));

const key = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n";
const connection = (further = "") =>
    `192.0.2.7\n2222\nroot\nssh-ed25519 AAAAhost\n${further}\n${key}`;

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
previous=
for word; do
    [ "$previous" != -- ] || printf '%s\\n' "$word $port" >>"$STUB/ports"
    previous=$word
done
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
case "$*" in *" 203.0.113.7 true") cat "$STUB/says-further" >&2 2>/dev/null && exit 255 ;; esac
cat "$STUB/says-$port" >&2 2>/dev/null || cat "$STUB/says-other" >&2
exit "$(cat "$STUB/code")"
`;

interface Ending {
    code: number;
    says?: string;
    /** What is said of ports other than SSH's. @default it times out */
    others?: string;
    /** What is said at the further address 203.0.113.7, which the host has then. @default it has none */
    further?: string;
}

interface Removal {
    command?: string;
    /** The host that the operator gives up. */
    abandoned?: string;
}

const silent = "ssh: connect to host 192.0.2.7 port 443: Connection timed out\n";

function remove(ending: Ending, { command = guardDeleteCommand, abandoned }: Removal = {}) {
    fs.writeFileSync(path.join(folder, "code"), String(ending.code));
    fs.writeFileSync(path.join(folder, "says-2222"), ending.says ?? "");
    fs.writeFileSync(path.join(folder, "says-other"), ending.others ?? silent);
    if (ending.further) fs.writeFileSync(path.join(folder, "says-further"), ending.further);
    const ended = spawnSync("/bin/sh", ["-c", command], {
        encoding: "utf8",
        input: connection(ending.further && "203.0.113.7"),
        env: {
            ...process.env,
            PATH: `${folder}:${process.env["PATH"]}`,
            STUB: folder,
            ...(abandoned !== undefined && { MAILHOST_ABANDON_HOST: abandoned }),
        },
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

const dead = [
    "ssh: connect to host 192.0.2.7 port 2222: Connection timed out\n",
    "ssh: connect to host 192.0.2.7 port 2222: Operation timed out\n",
    "ssh: connect to host 192.0.2.7 port 2222: No route to host\n",
    "ssh: connect to host 192.0.2.7 port 2222: Network is unreachable\n",
    "Connection timed out during banner exchange\nConnection to 192.0.2.7 port 2222 timed out\n",
];

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

    for (const says of dead) {
        test(`warns and goes on: ${says.split("\n")[0]}`, () => {
            const { status, lastLine } = remove({ code: 255, says });
            assert.equal(status, 0);
            assert.equal(
                lastLine,
                "mailhost: warning: 192.0.2.7 does not answer at any port, so its data volume was not unmounted first; the next host checks its file system before use",
            );
            assert.deepEqual(read("ports").trim().split("\n"), [
                ...["192.0.2.7 2222", "192.0.2.7 443", "192.0.2.7 25", "192.0.2.7 80"],
            ]);
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
            /shows another host key .* Nothing was removed\. If that host is gone for good, run this again with MAILHOST_ABANDON_HOST=192\.0\.2\.7 in the environment$/,
        ],
        [
            "a refused login",
            { code: 255, says: "root@192.0.2.7: Permission denied (publickey).\n" },
            /root@192\.0\.2\.7 refuses the program's SSH key\. Nothing was removed\. Put the public key back .* yourself\. If that host is gone for good, run/,
        ],
        [
            "a connection that breaks",
            { code: 255, says: "client_loop: send disconnect: Broken pipe\n" },
            /the connection to 192\.0\.2\.7 broke, see above: whether its data is at rest is not known\. Nothing was removed\. Try again\. If that/,
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

    for (const says of [
        "Host key verification failed.\n",
        "root@192.0.2.7: Permission denied (publickey).\n",
        "ssh: connect to host 192.0.2.7 port 2222: Connection refused\n",
        "client_loop: send disconnect: Broken pipe\n",
    ]) {
        test(`lets go of a host that is given up by name: ${says.trim()}`, () => {
            const { status, lastLine } = remove({ code: 255, says }, { abandoned: "192.0.2.7" });
            assert.equal(status, 0);
            assert.equal(
                lastLine,
                "mailhost: warning: 192.0.2.7 is given up (MAILHOST_ABANDON_HOST): nothing was stopped or written out there",
            );
            assert.equal(remove({ code: 255, says }, { abandoned: "1" }).status, 1);
            assert.equal(remove({ code: 255, says }, { abandoned: "" }).status, 1);
        });
    }

    test("asks the pinned host first, also when it is given up", () => {
        const abandoned = "192.0.2.7";
        assert.deepEqual(remove({ code: 0 }, { abandoned }), {
            ...{ status: 0, stderr: "", lastLine: "" },
        });
        assert.equal(read("input"), stopScript);
        assert.match(read("arguments"), /StrictHostKeyChecking=yes/);
        // What came to the host and could not be done there is mended there.
        assert.equal(remove({ code: 1 }, { abandoned }).status, 1);
    });

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

describe("removing the guard of a machine that stays", () => {
    const leave = (ending: Ending) => remove(ending, { command: guardLeaveCommand });
    const timedOut = dead[0]!;

    test("sends the script that leaves it", () => {
        assert.equal(leave({ code: 0 }).status, 0);
        assert.equal(read("input"), leaveScript);
    });

    test("looks for a silent machine at its public address too", () => {
        const further = "Connection closed by 203.0.113.7 port 443\n";
        const { status, lastLine } = leave({ code: 255, says: timedOut, further });
        assert.equal(status, 1);
        assert.equal(
            lastLine,
            "mailhost: error: 192.0.2.7 is alive, but this computer can't log in at port 2222: its address is not in sshAllowedCidrs, or sshd does not run there. Nothing was removed. Add this computer's address, or start sshd there, and run this again. If that host is gone for good, run this again with MAILHOST_ABANDON_HOST=192.0.2.7 in the environment",
        );
        assert.deepEqual(read("ports").trim().split("\n"), [
            ...["192.0.2.7 2222", "192.0.2.7 443", "192.0.2.7 25", "192.0.2.7 80"],
            "203.0.113.7 443",
        ]);
    });

    test("lets go of one that is silent everywhere, and says what goes on there", () => {
        const { status, lastLine } = leave({ code: 255, says: timedOut, further: silent });
        assert.equal(status, 0);
        assert.equal(
            lastLine,
            "mailhost: warning: 192.0.2.7 does not answer at any port, nothing was stopped there: when it comes back, it goes on as a mail host, with the token for Cloudflare in /root/.cloudflare.ini",
        );
        assert.equal(read("ports").trim().split("\n").length, 7);
    });

    test("asks for the key, and for nothing of a data volume", () => {
        const says = "root@192.0.2.7: Permission denied (publickey).\n";
        const { status, lastLine } = leave({ code: 255, says });
        assert.equal(status, 1);
        assert.match(
            lastLine,
            /Put the public key back into authorized_keys on the host\. If that host is gone for good, run/,
        );
    });
});
