import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { failureCauses } from "../../../components/stack/deploy-causes";

/** What services, databases and compose really say → how the cause begins. */
const samples: readonly [text: string, cause: string][] = [
    ["Error: listen EACCES: permission denied :::25", "the kernel does not let"],
    ["nginx: [emerg] bind() to 0.0.0.0:443 failed (13: Permission denied)", "the kernel does not"],
    [
        "Error: EACCES: permission denied, open '/app/ssl/privkey.pem'",
        "the service's user can't read",
    ],
    [
        'cannot load certificate key "/etc/nginx/x/privkey.pem": Permission denied',
        "the service's user can't read",
    ],
    ["Error: EACCES: permission denied, open '/app/ssl/dkim.key'", "the service's user can't read"],
    ["MISSING CONFIG VALUES: SRS_SECRET, API_SECRETS", "the service finds variables missing"],
    [
        "Error: EACCES: permission denied, mkdir '/mnt/sqlite_storage/a'",
        "the service's user can't write",
    ],
    ["SqliteError: unable to open database file", "the service's user can't write"],
    ["Error: connect ECONNREFUSED 127.0.0.1:27017", "the service does not reach MongoDB"],
    ["MongooseServerSelectionError: connection timed out", "the service does not reach MongoDB"],
    ["Error: connect ECONNREFUSED 127.0.0.1:6379", "the service does not reach Redis"],
    ["state: restarting, exit code 132, out of memory: false, restarts: 4", "MongoDB from 5.0 on"],
    [
        "state: exited, exit code 137, out of memory: true, restarts: 0",
        "the service needs more memory",
    ],
    ["state: exited, exit code 137, out of memory: false, restarts: 0", "the container was killed"],
    [
        "FATAL ERROR: Reached heap limit - JavaScript heap out of memory",
        "the service needs more memory",
    ],
    ["write /var/lib/docker/tmp: no space left on device", "a disk is full"],
    ["Error: ENOSPC: no space left on device, write", "a disk is full"],
    [
        "Error: listen EADDRINUSE: address already in use :::3000",
        "another process has taken a port",
    ],
    [
        "bind() to 0.0.0.0:80 failed (98: Address already in use)",
        "another process has taken a port",
    ],
    ["Error: certificate has expired, code: 'CERT_HAS_EXPIRED'", "a certificate has expired"],
    [
        "exec /usr/local/bin/docker-entrypoint.sh: exec format error",
        "the image is made for another",
    ],
    [
        "Error response from daemon: No such image: registry.example.net/mail@sha256:0123",
        "an image of the release is no longer on the host",
    ],
    ["Error: Cannot find module '/app/web.js'", "the image does not hold the program"],
    [
        'exec: "node": executable file not found in $PATH: unknown',
        "the image does not hold the program",
    ],
    [
        "Invalid featureCompatibilityVersion document in admin.system.version",
        "the data belongs to another major",
    ],
    ["Can't handle RDB format version 12", "the data belongs to a newer version of Redis"],
    ["SqliteError: file is not a database", "the data is encrypted with another key"],
    [
        'nginx: [emerg] unknown directive "sever" in /etc/nginx/mailhost/nginx.conf:3',
        "nginx does not take",
    ],
    [
        'invalid mount config for type "bind": bind source path does not exist: /x',
        "a file or folder that",
    ],
    [
        "port 465 at 192.0.2.1 shows another certificate than that of example.com",
        "the service serves a certificate",
    ],
    ["Error: getaddrinfo ENOTFOUND smtp.example.com", "the host does not resolve a name"],
];

function firstInJavaScript(text: string): string | undefined {
    return failureCauses.find(({ sign }) => new RegExp(sign).test(text))?.cause;
}

function firstInGrep(text: string): string | undefined {
    return failureCauses.find(
        ({ sign }) => spawnSync("grep", ["-qE", "--", sign], { input: text }).status === 0,
    )?.cause;
}

describe("the known causes of a failure", () => {
    for (const [text, cause] of samples) {
        test(text, () => {
            const found = firstInGrep(text);
            assert.ok(found?.startsWith(cause), `${found} instead of ${cause}`);
            assert.equal(firstInJavaScript(text), found);
        });
    }

    test("are all there for a sample", () => {
        const found = new Set(samples.map(([text]) => firstInJavaScript(text)));
        assert.deepEqual(
            failureCauses.map(({ cause }) => cause).filter((cause) => !found.has(cause)),
            [],
        );
    });

    test("see nothing in what a healthy service says", () => {
        for (const text of [
            "state: running, exit code 0, out of memory: false, restarts: 0",
            "Server listening on port 465",
            "connected to 127.0.0.1:27017",
        ]) {
            assert.equal(firstInGrep(text), undefined);
        }
    });

    test("fit into a table", () => {
        for (const { sign, cause, mend } of failureCauses) {
            assert.doesNotMatch(sign + cause + mend, /[\t\n]/);
            assert.match(cause, /[^.]$/);
            assert.match(mend, /\.$/);
        }
    });
});
