import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { planHost } from "../../../components/host/plan";
import { planArguments } from "../host/arguments";
import { host, selfSigned, simulateHost } from "../stack-deploy/simulated-host";

const program = planHost(planArguments).files.find(({ path: file }) =>
    file.endsWith("/certificates"),
)!.content;

/**
 * Keeps how many are asked at once, answers when eight have been, with time for a ninth to come, and shows another
 * certificate where it is told to.
 */
const openssl = `#!/bin/bash
[ "$1" = s_client ] || exec /usr/bin/openssl "$@"
echo + >>"$FAKE/asked"
for ((n = 0; n < 600; n++)); do
    (($(grep -c '^+' "$FAKE/asked") < 8)) || break
    /bin/sleep 0.05
done
/bin/sleep 0.3
echo - >>"$FAKE/asked"
port=\${3##*:}
if [ -e "$FAKE/wrong-$port" ]; then cat "$FAKE/other.pem"; else cat "$FAKE/served.pem"; fi
`;

const ports: number[] = [];
const servers: net.Server[] = [];
before(async () => {
    for (let n = 0; n < 20; n++) {
        const server = net.createServer((socket) => socket.end());
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        servers.push(server);
        ports.push((server.address() as net.AddressInfo).port);
    }
});
after(() => servers.forEach((server) => server.close()));

simulateHost();
beforeEach(() => {
    fs.writeFileSync(path.join(host.root, "bin", "openssl"), openssl, { mode: 0o755 });
    fs.mkdirSync(path.join(host.root, "etc"));
    fs.writeFileSync(
        path.join(host.root, "etc", "certificates"),
        "directory https://ca.example.net/dir\nemail you@example.net\npropagation 20\nlineage example.com example.com\n",
    );
    host.set("other.pem", selfSigned("example.net").certificate);
    host.place(
        "releases/current/verify",
        ports.map((port, n) => `${port}|tls|n${n}.example.com|example.com|web\n`).join(""),
    );
});

const show = () => host.run(program.replaceAll("/etc/mailhost/", `${host.root}/etc/`), ["show"]);

describe("certificates show", () => {
    it("asks the ports side by side, eight at most", async () => {
        const { code, stdout, stderr } = await show();
        assert.deepEqual([code, stderr], [0, ""]);
        assert.match(stdout, /^example\.com \d+\n$/);
        let now = 0;
        const at = host.told("asked").map((sign) => (now += sign === "+" ? 1 : -1));
        assert.equal(at.length, 40);
        assert.equal(Math.max(...at), 8);
    });

    it("names each that serves another one, in their order", async () => {
        host.set(`wrong-${ports[11]}`, "");
        host.set(`wrong-${ports[3]}`, "");
        const { code, stderr } = await show();
        assert.equal(code, 1);
        assert.match(stderr, /^mailhost: error: these do not serve the certificate that is in /);
        assert.deepEqual(stderr.match(/n\d+\.example\.com:\d+ \(web\)/g), [
            `n3.example.com:${ports[3]} (web)`,
            `n11.example.com:${ports[11]} (web)`,
        ]);
        assert.deepEqual(
            fs
                .readdirSync(path.join(host.root, "run", "certificates"))
                .filter((f) => /served/.test(f)),
            [],
        );
    });

    it("does not ask what nobody listens at", async () => {
        host.place("releases/current/verify", "1|tls|example.com|example.com|web\n");
        assert.equal((await show()).code, 0);
        assert.deepEqual(host.told("asked"), []);
    });
});
