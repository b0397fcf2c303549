// The stand-in of the mail image as the image runs it: its real ports, paths and user, and real databases. All of it in
// namespaces of its own, so that nothing of it is to be seen from outside.
import * as assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as https from "node:https";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import * as tls from "node:tls";
import { ImapFlow } from "imapflow";
import { createTransport } from "nodemailer";
import { run, runQuietly, type Finished } from "../../cli/run-program";
import type { DnsServer, ZoneRecord } from "../../local/cloud/dns/dns-server";
import { startKnot } from "../../local/cloud/dns/knot";
import { startMailSink, type MailSink } from "../../local/cloud/sink/mail-sink";
import { readSinkLog } from "../../local/cloud/sink/sink-log";
import { sinkHost, sinkZone } from "../../local/cloud/sink/sink-zone";
import { ensureGoProgram } from "../../local/go-programs/build";
import { bundleStandIn } from "../../local/stack/bundle";

const insideVariable = "MAILHOST_TEST_INSIDE";
/** Nobody's, and no default of anything. */
const user = 23_456;
const domain = "example.test";
const host = `mx.${domain}`;
const address = "198.18.200.10";
const sinkAddress = "198.18.200.2";
const mxPort = 2525;

if (process.env[insideVariable] === undefined) outside();
else inside(process.env[insideVariable]);

function outside(): void {
    const skip = process.getuid?.() === 0 ? false : "only root can make namespaces";
    test("the stand-in of the mail image", { skip }, async () => {
        const ferretdb = await ensureGoProgram("ferretdb", () => undefined);
        const env: NodeJS.ProcessEnv = { ...process.env, [insideVariable]: ferretdb };
        // Else it would report to this process's parent in its place.
        delete env["NODE_TEST_CONTEXT"];
        const { code, stdout, stderr } = await runQuietly(
            "setpriv",
            [
                ...["--pdeathsig", "KILL", "unshare", "--net", "--mount", "--uts"],
                ...[process.execPath, "--import", "tsx", "--test-reporter=spec", __filename],
            ],
            { env, timeoutSeconds: 300 },
        );
        assert.equal(code, 0, stdout + stderr);
    });
}

function inside(ferretdb: string): void {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-stand-in-"));
    const app = path.join(folder, "app");
    const ssl = path.join(folder, "ssl");
    const storage = "/mnt/sqlite_storage";
    const running = new Map<string, Program>();
    const databases: ChildProcess[] = [];
    let dns: DnsServer;
    let forward: net.Server;
    let sink: MailSink;
    let ca: string;

    const variables: Record<string, string> = {
        SELF_HOSTED: "true",
        DOMAIN: domain,
        WEB_HOST: domain,
        API_HOST: `api.${domain}`,
        SQLITE_HOST: `sqlite.${domain}`,
        SMTP_EXCHANGE_DOMAINS: host,
        MX_PORT: String(mxPort),
        SMTP_PORT: "465",
        IMAP_PORT: "993",
        POP3_PORT: "995",
        MONGO_HOST: "127.0.0.1",
        REDIS_HOST: "127.0.0.1",
        SQLITE_STORAGE_PATH: "sqlite_storage",
        SMTP_MESSAGE_MAX_SIZE: "1mb",
        AUTH_BASIC_USERNAME: "admin",
        AUTH_BASIC_PASSWORD: "a password to set up",
        API_SECRETS: `${randomBytes(32).toString("hex")},`,
        DKIM_PRIVATE_KEY_PATH: path.join(ssl, "dkim.key"),
        HELPER_ENCRYPTION_KEY: "abcdefghijklmnopqrstuvwxyzABCDEF",
        TXT_ENCRYPTION_KEY: "00112233445566778899aabbccddeeff",
        WEBHOOK_SIGNATURE_KEY: "00112233445566778899aabbccddeeff",
    };
    for (const service of ["WEB", "API", "CALDAV", "CARDDAV"]) {
        variables[`${service}_SSL_KEY_PATH`] = path.join(ssl, "privkey.pem");
        variables[`${service}_SSL_CERT_PATH`] = path.join(ssl, "fullchain.pem");
        variables[`${service}_SSL_CA_PATH`] = path.join(ssl, "chain.pem");
    }

    const placeFile = (file: string, content: string, owner = user) => {
        fs.writeFileSync(file, content);
        fs.chownSync(file, owner, owner);
        fs.chmodSync(file, 0o400);
    };
    const placeEnvironment = (changes: Record<string, string | undefined> = {}, owner = user) => {
        const lines = Object.entries({ ...variables, ...changes }).flatMap(([name, value]) =>
            value === undefined ? [] : [`${name}=${value}\n`],
        );
        const file = path.join(app, ".env");
        fs.rmSync(file, { force: true });
        placeFile(file, lines.join(""), owner);
    };
    const asUser = (program: string): [string, string[]] => [
        "setpriv",
        [
            ...["--pdeathsig", "KILL", "--reuid", String(user), "--regid", String(user)],
            ...["--clear-groups", "--bounding-set=-all", process.execPath, program],
        ],
    ];
    const plainEnvironment = { PATH: process.env["PATH"], NODE_ENV: "production" };

    /** A program that ends by itself. */
    const runProgram = (program: string, env: Record<string, string> = {}): Promise<Finished> =>
        runQuietly(...asUser(program), {
            ...{ cwd: app, env: { ...plainEnvironment, ...env }, timeoutSeconds: 30 },
        });
    const start = async (
        program: string,
        env: Record<string, string> = {},
        name = program,
    ): Promise<Program> => {
        const started = new Program(...asUser(program), app, { ...plainEnvironment, ...env });
        running.set(name, started);
        await started.says(/listening on port|running|waiting for emails/);
        return started;
    };

    before(async () => {
        for (const command of [
            "ip link set lo up",
            "ip link add mail0 type veth peer name mail1",
            "ip link set mail1 up",
            "ip link set mail0 up",
            `ip address add ${address}/24 dev mail0`,
            `ip address add ${sinkAddress}/24 dev mail0`,
            "mount --make-rprivate /",
            "mount -t tmpfs -o mode=0755 tmpfs /mnt",
            `hostname ${host}`,
        ]) {
            const [name = "", ...parameters] = command.split(" ");
            await run(name, parameters);
        }
        const cover = async (file: string, content: string) => {
            const cover = path.join(folder, path.basename(file));
            fs.writeFileSync(cover, content);
            await run("mount", ["--bind", cover, file]);
        };
        await cover("/etc/hosts", `127.0.0.1 localhost sqlite.${domain} api.${domain}\n`);
        await cover("/etc/resolv.conf", "nameserver 127.0.0.1\noptions use-vc\n");
        fs.chmodSync(folder, 0o755);
        for (const made of [app, ssl, path.join(folder, "db"), storage]) fs.mkdirSync(made);
        fs.chownSync(storage, user, user);

        ca = await certify(folder);
        const key = fs.readFileSync(path.join(folder, "key.pem"), "utf8");
        placeFile(path.join(ssl, "privkey.pem"), key);
        placeFile(path.join(ssl, "fullchain.pem"), ca);
        placeFile(path.join(ssl, "chain.pem"), ca);
        const systemKey = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
        const pem = systemKey.export({ type: "pkcs8", format: "pem" }).toString();
        placeFile(path.join(ssl, "dkim.key"), pem);
        await bundleStandIn(app, { version: "v1.2.3" });
        placeEnvironment();

        const mongo = ["-listen-addr", "127.0.0.1:27017", "-sqlite-url", `file:${folder}/db/`];
        const redis = ["--bind", "127.0.0.1", "--save", "", "--dir", path.join(folder, "db")];
        for (const [program, parameters, port] of [
            [ferretdb, mongo, 27017],
            ["redis-server", redis, 6379],
        ] as const) {
            const command = ["--pdeathsig", "KILL", program, ...parameters];
            databases.push(spawn("setpriv", command, { stdio: "ignore" }));
            await answers(port);
        }
        dns = await startKnot({
            ...{ directory: path.join(folder, "dns"), hosts: ["127.0.0.1"], port: 0 },
        });
        // A machine under user networking reaches name servers by TCP alone.
        forward = net.createServer((socket) => {
            const onward = net.connect(dns.address.port, dns.address.host);
            socket.on("error", () => onward.destroy()).pipe(onward);
            onward.on("error", () => socket.destroy()).pipe(socket);
        });
        await new Promise<void>((resolve) => forward.listen(53, "127.0.0.1", resolve));
        await dns.publish(sinkZone(sinkAddress));
        sink = await startMailSink({
            ...{ host: sinkAddress, port: 25, nameServer: dns.address },
            certificate: { key, cert: ca },
            log: path.join(folder, "sink.log"),
            // Both are this computer's: the kernel takes the address that is asked.
            addressOf: () => address,
        });
    });
    after(async () => {
        for (const program of running.values()) program.kill();
        await sink?.stop();
        forward?.close();
        await dns?.stop();
        for (const database of databases) database.kill("SIGKILL");
        fs.rmSync(folder, { recursive: true, force: true });
    });

    describe("does not start", () => {
        const missing =
            "MISSING CONFIG VALUES: DOMAIN, HELPER_ENCRYPTION_KEY, TXT_ENCRYPTION_KEY, WEBHOOK_SIGNATURE_KEY";

        test("when .env can't be read: it says nothing of that, but misses what is in it", async () => {
            placeEnvironment({}, 0);
            const { code, stdout, stderr } = await runProgram("bree.js");
            placeEnvironment();
            assert.equal(code, 1);
            assert.match(
                stdout,
                /bree: the laptop cloud's stand-in of Forward Email, version v1\.2\.3$/m,
            );
            assert.ok(stderr.includes(`Error: ${missing}\n`), stderr);
            assert.ok(!(stdout + stderr).includes("EACCES"), stderr);
        });

        test("when one variable is missing; the process's own count", async () => {
            placeEnvironment({ WEBHOOK_SIGNATURE_KEY: undefined });
            const { code, stderr } = await runProgram("bree.js");
            assert.equal(code, 1);
            assert.match(stderr, /^Error: MISSING CONFIG VALUES: WEBHOOK_SIGNATURE_KEY$/m);
            const bree = await start("bree.js", { WEBHOOK_SIGNATURE_KEY: "abc" });
            assert.equal(await bree.stop(), 0);
            placeEnvironment();
        });

        for (const [file, program] of [
            ["privkey.pem", "imap.js"],
            ["chain.pem", "web.js"],
            ["dkim.key", "bree.js"],
        ] as const) {
            test(`when ${file} can't be read: ${program}`, async () => {
                fs.chownSync(path.join(ssl, file), 0, 0);
                const { code, stderr } = await runProgram(program);
                fs.chownSync(path.join(ssl, file), user, user);
                assert.equal(code, 1);
                const reason = `Error: EACCES: permission denied, open '${path.join(ssl, file)}'`;
                assert.ok(stderr.includes(reason), stderr);
            });
        }

        for (const program of ["sqlite.js", "sqlite-bree.js"]) {
            test(`when the mailboxes can't be written: ${program}`, async () => {
                fs.chownSync(storage, 0, 0);
                const { code, stderr } = await runProgram(program);
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
                const { code, stderr } = await runProgram("api.js", { [variable]: "9" });
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
                const { code, stderr } = await runProgram(program, { MX_PORT: "25" });
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
            const { code, stderr } = await runProgram("web.js");
            await new Promise((resolve) => other.close(resolve));
            assert.equal(code, 1);
            assert.match(stderr, /listen EADDRINUSE: address already in use :::3000/);
        });
    });

    describe("serves mail", () => {
        const me = `me@${domain}`;
        let cookie = "";
        let token = "";
        let password = "";
        const askWeb = (method: string, path: string, options: AskOptions = {}) =>
            ask(ca, domain, 3000, method, path, {
                ...options,
                headers: { accept: "application/json", cookie, ...options.headers },
            });
        const askApi = (method: string, path: string, body?: object) =>
            ask(ca, `api.${domain}`, 4000, method, path, { body, auth: `${token}:` });
        const checks = async () =>
            (await askWeb("GET", `/setup/dns/${domain}`)).body as {
                checklist: { name: string; type: string; value: string; ok: boolean }[];
                complete: boolean;
            };
        const publish = async (records: ZoneRecord[]) =>
            dns.publish({ name: domain, signed: false, records });
        const send = async (transport: object, from: string, to: string, subject: string) => {
            const mailer = createTransport({ name: "client.test", tls: { ca }, ...transport });
            try {
                const mail = { from, to, subject, text: "Ein Gruß.\n.\n..x\nEnd" };
                return (await mailer.sendMail(mail)).response;
            } finally {
                mailer.close();
            }
        };
        const toMx = { host: "127.0.0.1", port: mxPort, requireTLS: true };
        const secureMx = { ...toMx, tls: undefined as object | undefined };
        const submission = () => ({
            ...{ host: "127.0.0.1", port: 465, secure: true, auth: { user: me, pass: password } },
            tls: { ca, servername: `smtp.${domain}` },
        });

        before(async () => {
            fs.writeFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "25");
            secureMx.tls = { ca, servername: host };
            const programs = ["web", "api", "bree", "smtp", "smtp-bree", "mx", "imap", "pop3"];
            const further = ["sqlite", "sqlite-bree", "caldav", "carddav"];
            await start("sqlite.js");
            for (const program of [...programs, ...further]) {
                if (program !== "sqlite") await start(`${program}.js`);
            }
        });

        test("nobody passes without the first password, until there is an administrator", async () => {
            const refused = await askWeb("GET", "/");
            assert.equal(refused.status, 401);
            assert.equal(refused.headers["www-authenticate"], 'Basic realm="Secure Area"');
            const wrong = await askWeb("GET", "/", { auth: "admin:wrong" });
            assert.equal(wrong.status, 401);
            const auth = "admin:a password to set up";
            const led = await askWeb("GET", "/", { auth });
            assert.deepEqual([led.status, led.headers.location], [302, "/setup"]);
            const weak = { email: me, password: "short" };
            assert.equal((await askWeb("POST", "/register", { auth, body: weak })).status, 400);
            const body = { email: me, password: "a long password" };
            const registered = await askWeb("POST", "/register", { auth, body });
            assert.deepEqual(
                [registered.status, registered.body],
                [200, { email: me, group: "admin" }],
            );
            assert.equal((await askWeb("GET", "/")).status, 200);
        });

        test("who logs in gets a token for the API", async () => {
            const body = { email: me, password: "a long password" };
            const wrong = { ...body, password: "another password" };
            assert.equal((await askWeb("POST", "/login", { body: wrong })).status, 401);
            assert.equal((await askWeb("GET", "/my-account/security")).status, 401);
            const loggedIn = await askWeb("POST", "/login", { body });
            cookie = loggedIn.headers["set-cookie"]![0]!.split(";")[0]!;
            const account = await askWeb("GET", "/my-account/security");
            token = (account.body as { api_token: string }).api_token;
            assert.match(token, /^[0-9a-f]{24}$/);
            assert.equal((await askApi("GET", "/v1/domains")).status, 200);
            token = "0".repeat(24);
            assert.equal((await askApi("GET", "/v1/domains")).status, 401);
            assert.equal((await askApi("GET", "/v1/test")).status, 200);
            token = (account.body as { api_token: string }).api_token;
        });

        test("a later user is no administrator, and has no domain of others", async () => {
            const body = { email: `you@${domain}`, password: "a long password" };
            const registered = await askWeb("POST", "/register", { body });
            assert.deepEqual(registered.body, { email: `you@${domain}`, group: "user" });
            assert.equal((await askWeb("POST", "/register", { body })).status, 409);
        });

        test("a domain gets a selector, a key and a value that nobody could know", async () => {
            const made = await askWeb("POST", "/setup/domain", { body: { domain } });
            assert.equal(made.status, 200);
            const again = await askWeb("POST", "/setup/domain", { body: { domain } });
            assert.deepEqual(again.body, made.body);
            assert.equal((await askApi("POST", "/v1/domains", { domain })).status, 409);
            const { checklist, complete } = await checks();
            assert.equal(complete, false);
            assert.deepEqual(
                checklist.filter(({ ok }) => ok),
                [],
            );
            const key = checklist.find(({ name }) => /^fe-[0-9a-f]{10}\._domainkey\./.test(name));
            assert.match(key?.value ?? "", /^v=DKIM1; k=rsa; p=[A-Za-z0-9+/=]{392};$/);
        });

        test("an alias gets a password, once", async () => {
            const aliases = `/v1/domains/${domain}/aliases`;
            const made = await askApi("POST", aliases, { name: "me", has_imap: true });
            const { id } = made.body as { id: string };
            assert.deepEqual(made.body, { id, name: "me", domain, has_imap: true });
            assert.equal((await askApi("POST", aliases, { name: "../x" })).status, 400);
            await askApi("POST", aliases, { name: "forward" });
            const generated = await askApi("POST", `${aliases}/${id}/generate-password`, {});
            const { username } = generated.body as { username: string };
            password = (generated.body as { password: string }).password;
            assert.equal(username, me);
            const chosen = { new_password: "of my own choice" };
            assert.deepEqual(
                (await askApi("POST", `${aliases}/forward/generate-password`, chosen)).body,
                { username: `forward@${domain}`, password: "of my own choice" },
            );
        });

        test("mail for the alias is stored before it counts as taken", async () => {
            const from = "sender@client.test";
            const response = await send(secureMx, from, `ME@${domain}`, "First");
            assert.match(response, /^250 2\.0\.0 /);
            assert.match(
                fs.readFileSync(path.join(storage, me, "1.eml"), "utf8"),
                /^Return-Path: <sender@client\.test>\r\nDelivered-To: me@example\.test\r\n/,
            );
            await Promise.all(
                ["a", "b", "c", "d"].map((subject) => send(secureMx, from, me, subject)),
            );
            assert.deepEqual(fs.readdirSync(path.join(storage, me)).sort(), [
                ...["1.eml", "2.eml", "3.eml", "4.eml", "5.eml"],
            ]);
        });

        for (const [what, to] of [
            ["an unknown recipient", `nobody@${domain}`],
            ["an alias without a mailbox", `forward@${domain}`],
            ["another domain: no open relay", "someone@sink.test"],
        ] as const) {
            test(`mail is refused for ${what}`, async () => {
                await assert.rejects(send(secureMx, "sender@client.test", to, "No"), {
                    responseCode: 550,
                    response: "550 5.1.1 Error: no such mailbox here",
                });
            });
        }

        test("a message that is too large is refused, and not kept", async () => {
            const mailer = createTransport({ ...secureMx, name: "client.test" });
            const text = "x".repeat(1_100_000);
            await assert.rejects(
                mailer.sendMail({ from: "sender@client.test", to: me, text }),
                /552|exceeds/,
            );
            mailer.close();
            assert.equal(fs.readdirSync(path.join(storage, me)).length, 5);
        });

        test("the greeting is the machine's name, the certificate the one of the files", async () => {
            const socket = net.connect(mxPort, "127.0.0.1");
            const greeting = await firstLine(socket);
            socket.destroy();
            assert.match(greeting, /^220 mx\.example\.test ESMTP/);
            for (const port of [465, 993, 995, 3000, 4000, 3456, 5000, 6000]) {
                const socket = tls.connect({ port, host: "127.0.0.1", ca, servername: domain });
                await new Promise((resolve, reject) =>
                    socket.once("secureConnect", resolve).once("error", reject),
                );
                assert.equal(socket.authorized, true);
                socket.destroy();
            }
        });

        test("imapflow reads the mailbox", async () => {
            const client = new ImapFlow({
                ...{ host: "127.0.0.1", port: 993, secure: true, logger: false },
                auth: { user: me, pass: password },
                tls: { ca, servername: `imap.${domain}` },
            });
            await client.connect();
            const lock = await client.getMailboxLock("INBOX");
            try {
                assert.equal(client.mailbox && client.mailbox.exists, 5);
                assert.deepEqual(
                    (await client.list()).map(({ path }) => path),
                    ["INBOX"],
                );
                assert.deepEqual(await client.status("INBOX", { messages: true, uidNext: true }), {
                    ...{ path: "INBOX", messages: 5, uidNext: 6 },
                });
                const found = await client.search({ subject: "first" }, { uid: true });
                assert.deepEqual(found, [1]);
                const message = await client.fetchOne(
                    "1",
                    { uid: true, source: true, envelope: true, size: true, bodyStructure: true },
                    { uid: true },
                );
                assert.ok(message);
                assert.equal(message.envelope?.subject, "First");
                assert.equal(message.envelope?.from?.[0]?.address, "sender@client.test");
                const stored = fs.readFileSync(path.join(storage, me, "1.eml"));
                assert.deepEqual(message.source, stored);
                assert.equal(message.size, stored.length);
                const { content } = await client.download("1", "1", { uid: true });
                const chunks: Buffer[] = [];
                for await (const chunk of content as AsyncIterable<Buffer>) chunks.push(chunk);
                assert.equal(
                    Buffer.concat(chunks).toString("utf8").replaceAll("\r\n", "\n").trim(),
                    "Ein Gruß.\n.\n..x\nEnd",
                );
                const arrived = new Promise((resolve) => client.once("exists", resolve));
                const idling = client.idle();
                await send(secureMx, "sender@client.test", me, "While idle");
                await arrived;
                await client.noop();
                await idling;
            } finally {
                lock.release();
            }
            await client.logout();
        });

        test("Python's imaplib and poplib read it as well", async () => {
            const script = `
import imaplib, json, poplib, ssl, sys
ca, user, password = sys.argv[1:]
context = ssl.create_default_context(cadata=ca)
class Imap(imaplib.IMAP4_SSL):
    def _create_socket(self, timeout=None):
        sock = imaplib.IMAP4._create_socket(self, timeout)
        return context.wrap_socket(sock, server_hostname="imap.${domain}")
imap = Imap("127.0.0.1", 993)
imap.login(user, password)
count = int(imap.select("INBOX")[1][0])
ids = imap.search(None, "ALL", "HEADER", "Subject", '"While idle"')[1][0].decode()
text = imap.fetch("1", "(FLAGS RFC822)")[1][0][1].decode()
header = imap.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1][0][1].decode()
partial = imap.uid("fetch", "1", "(BODY.PEEK[TEXT]<0.3>)")[1][0][1].decode()
refused = imap.store("1", "+FLAGS", "\\\\Deleted")[0]
imap.close(); imap.logout()
class Pop(poplib.POP3_SSL):
    def _create_socket(self, timeout):
        sock = poplib.POP3._create_socket(self, timeout)
        return context.wrap_socket(sock, server_hostname="pop3.${domain}")
pop = Pop("127.0.0.1", 995)
pop.user(user); pop.pass_(password)
stat = pop.stat()
lines = pop.retr(1)[1]
top = pop.top(1, 0)[1]
uidl = [line.decode() for line in pop.uidl()[1]]
pop.quit()
print(json.dumps({"count": count, "ids": ids, "text": text, "header": header,
    "partial": partial, "refused": refused, "stat": stat[0],
    "retr": "\\r\\n".join(line.decode() for line in lines) + "\\r\\n", "top": len(top), "uidl": uidl}))
`;
            const said = await run("python3", ["-c", script, ca, me, password]);
            const text = fs.readFileSync(path.join(storage, me, "1.eml"), "utf8");
            const end = text.indexOf("\r\n\r\n");
            assert.deepEqual(JSON.parse(said), {
                ...{ count: 6, ids: "6", text, header: "Subject: First\r\n\r\n" },
                ...{ partial: text.slice(end + 4, end + 7), refused: "NO", stat: 6, retr: text },
                top: text.slice(0, end).split("\r\n").length + 1,
                uidl: ["1 1", "2 2", "3 3", "4 4", "5 5", "6 6"],
            });
        });

        for (const [what, login] of [
            ["a wrong password", () => ({ user: me, pass: "wrong" })],
            ["a wrong user", () => ({ user: `x@${domain}`, pass: password })],
            ["no mailbox", () => ({ user: `forward@${domain}`, pass: "of my own choice" })],
        ] as const) {
            test(`IMAP and POP3 refuse ${what}`, async () => {
                const { user: name, pass } = login();
                const imap = new ImapFlow({
                    ...{ host: "127.0.0.1", port: 993, secure: true, logger: false },
                    ...{ auth: { user: name, pass }, tls: { ca, servername: domain } },
                });
                await assert.rejects(imap.connect(), { authenticationFailed: true });
                const socket = tls.connect({
                    port: 995,
                    host: "127.0.0.1",
                    ca,
                    servername: domain,
                });
                socket.write(`USER ${name}\r\nPASS ${pass}\r\nSTAT\r\nQUIT\r\n`);
                assert.equal(
                    await everything(socket),
                    "+OK ready\r\n+OK\r\n-ERR [AUTH] wrong user or password\r\n-ERR log in first\r\n+OK\r\n",
                );
            });
        }

        test("calendars and contacts know who may have some", async () => {
            for (const port of [5000, 6000]) {
                const refused = await ask(ca, domain, port, "GET", "/", {});
                assert.equal(refused.status, 401);
                const given = await ask(ca, domain, port, "GET", "/", {
                    auth: `${me}:${password}`,
                });
                assert.equal(given.status, 200);
            }
        });

        test("nothing is taken for sending before DNS is right", async () => {
            await assert.rejects(send(submission(), me, "proof@sink.test", "Early"), {
                responseCode: 535,
                response: "535 5.7.1 Error: the domain is pending admin approval for outbound SMTP",
            });
            const refused = await askApi("GET", `/v1/domains/${domain}/verify-smtp`);
            assert.equal(refused.status, 400);
            assert.match(JSON.stringify(refused.body), /CNAME fe-bounces\.example\.test has to be/);
        });

        test("the list is complete once everything is published; then the domain may send", async () => {
            await publish(records(await checks()));
            await publishPointer();
            const list = await checks();
            assert.deepEqual(
                list.checklist.filter(({ ok }) => !ok),
                [],
            );
            assert.equal(list.complete, true);
            for (const what of ["verify-records", "verify-smtp"]) {
                const verified = await askApi("GET", `/v1/domains/${domain}/${what}`);
                assert.equal(verified.status, 200, JSON.stringify(verified.body));
            }
            const { has_smtp } = (await askApi("GET", `/v1/domains/${domain}`)).body as {
                has_smtp: boolean;
            };
            assert.equal(has_smtp, true);
        });

        const publishPointer = () =>
            dns.publish({
                ...{ name: "200.18.198.in-addr.arpa", signed: false },
                records: [record("10.200.18.198.in-addr.arpa", "PTR", `${host}.`)],
            });

        const faults: [code: string, change: (records: ZoneRecord[]) => ZoneRecord[]][] = [
            [
                "INVALID_DKIM_SIGNATURE",
                (all) => all.filter(({ name }) => !name.includes("._domainkey.")),
            ],
            [
                "INVALID_RETURN_PATH",
                (all) =>
                    all.map((one) => (one.type === "CNAME" ? { ...one, rdata: `${host}.` } : one)),
            ],
            [
                "INVALID_SPF_RESULT",
                (all) =>
                    all.map((one) =>
                        one.rdata.startsWith('"v=spf1')
                            ? { ...one, rdata: '"v=spf1 ip4:198.18.200.99 -all"' }
                            : one,
                    ),
            ],
            [
                "INVALID_DMARC_RESULT",
                (all) => all.filter(({ name }) => !name.startsWith("_dmarc.")),
            ],
        ];
        for (const [code, change] of faults) {
            test(`what is queued is refused: ${code}`, async () => {
                const right = records(await checks());
                await publish(change(right));
                const response = await send(submission(), me, "proof@sink.test", code);
                const email = await settled(askApi, response);
                assert.deepEqual([email.status, email.error?.code], ["rejected", code]);
                assert.match(running.get("smtp-bree.js")!.said, new RegExp(code));
                await publish(right);
            });
        }

        test("what is sent passes a careful receiver", async () => {
            const response = await send(submission(), me, "proof@sink.test", "Sent");
            assert.match(response, /^250 2\.0\.0 OK: queued as [0-9a-f]{24}$/);
            const email = await settled(askApi, response);
            assert.deepEqual([email.status, email.error], ["sent", null]);
            const [line] = readSinkLog(path.join(folder, "sink.log"));
            assert.equal(line?.from, `bounce+${email.id}@fe-bounces.${domain}`);
            assert.deepEqual([line.ehlo, line.ehloConfirmed, line.subject], [host, true, "Sent"]);
            assert.deepEqual(line.spf, { result: "pass", domain: `fe-bounces.${domain}` });
            assert.equal(line.dkim.length, 1);
            assert.deepEqual(
                [line.dkim[0]?.result, line.dkim[0]?.aligned, line.dkim[0]?.domain],
                ["pass", true, domain],
            );
            assert.equal(line.dmarc?.result, "pass");
            assert.ok(line.tls);
        });

        test("what the other server refuses bounces", async () => {
            const mx = record("other.test", "MX", `10 ${sinkHost}.`);
            await dns.publish({ name: "other.test", signed: false, records: [mx] });
            const response = await send(submission(), me, "someone@other.test", "Refused");
            const email = await settled(askApi, response);
            assert.deepEqual([email.status, email.error?.code], ["bounced", "550"]);
        });

        test("a server that is away is tried again", async () => {
            await sink.stop();
            const response = await send(submission(), me, "proof@sink.test", "Away");
            const email = await settled(askApi, response);
            assert.deepEqual([email.status, email.attempts], ["deferred", 1]);
            assert.match(email.error?.message ?? "", /ECONNREFUSED/);
        });

        for (const [what, from, login] of [
            ["another's address", `you@${domain}`, () => ({ user: me, pass: password })],
            ["a wrong password", me, () => ({ user: me, pass: "wrong" })],
        ] as const) {
            test(`submission refuses ${what}`, async () => {
                const transport = { ...submission(), auth: login() };
                const code = what === "a wrong password" ? 535 : 553;
                await assert.rejects(send(transport, from, "proof@sink.test", "No"), {
                    responseCode: code,
                });
            });
        }

        test("with STARTTLS on 587 nobody logs in without it", async () => {
            const second = await start("smtp.js", { SMTP_PORT: "587" }, "smtp_starttls");
            const transport = { ...submission(), port: 587, secure: false, requireTLS: true };
            assert.match(await send(transport, me, "proof@sink.test", "587"), /^250 /);
            const socket = await greeted(587);
            socket.write("EHLO client.test\r\nAUTH PLAIN AGEAYg==\r\nQUIT\r\n");
            const said = await everything(socket);
            assert.match(said, /^250[- ]STARTTLS\r$/m);
            assert.match(said, /^538 /m);
            assert.equal(await second.stop(), 0);
        });

        test("another key is noticed: what it did not encrypt can't be read", async () => {
            await running.get("imap.js")!.stop();
            const other = { HELPER_ENCRYPTION_KEY: "another key with the same length" };
            const imap = await start("imap.js", other);
            assert.match(await logIn(ca, me, password), /^1 NO \[UNAVAILABLE\]/m);
            assert.match(imap.said, /unable to authenticate data: encrypted with another/);
            assert.match(imap.said, /sqlite at sqlite\.example\.test:3456 answered 401/);
            await imap.stop();
        });

        test("secrets that are no list (no comma) keep the services from each other", async () => {
            const imap = await start("imap.js", { API_SECRETS: "secret" });
            assert.match(await logIn(ca, me, password), /^1 NO \[UNAVAILABLE\]/m);
            assert.match(imap.said, /API_SECRETS is no list/);
            await imap.stop();
        });

        test("a mailbox needs sqlite, found by its name", async () => {
            const imap = await start("imap.js", { SQLITE_HOST: "localhost", SQLITE_PORT: "9" });
            await imap.says(/sqlite at localhost:9: connect ECONNREFUSED/);
            assert.match(await logIn(ca, me, password), /^1 NO \[UNAVAILABLE\]/m);
            await imap.stop();
            await start("imap.js");
            assert.match(await logIn(ca, me, password), /^1 OK /m);
        });

        test("a service that ends takes what is being received, and nothing new", async () => {
            const mx = running.get("mx.js")!;
            const socket = await greeted(mxPort);
            const said = everything(socket);
            socket.write(`EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<${me}>\r\n`);
            socket.write("DATA\r\n");
            await sleep(500);
            socket.write("Subject: Late\r\n\r\nfirst half\r\n");
            const idle = everything(await greeted(mxPort));
            const begun = Date.now();
            const ended = mx.stop();
            await sleep(300);
            assert.match(await idle, /^421 /m);
            await assert.rejects(firstLine(net.connect(mxPort, "127.0.0.1")), /ECONNREFUSED/);
            socket.write("second half\r\n.\r\n");
            assert.equal(await ended, 0);
            assert.ok(Date.now() - begun < 5000);
            assert.match(await said, /^250 2\.0\.0 OK: message stored\r\n421 /m);
            assert.match(
                fs.readFileSync(path.join(storage, me, "7.eml"), "utf8"),
                /second half\r\n$/,
            );
        });

        test("a client that never finishes does not keep a service from ending", async () => {
            await start("mx.js");
            const socket = await greeted(mxPort);
            const said = everything(socket);
            socket.write(`EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<${me}>\r\n`);
            socket.write("DATA\r\nSubject: Never\r\n");
            await sleep(500);
            const begun = Date.now();
            assert.equal(await running.get("mx.js")!.stop(), 0);
            assert.ok(Date.now() - begun < 5000);
            assert.ok(!(await said).includes("250 2.0.0"));
            assert.equal(fs.readdirSync(path.join(storage, me)).length, 7);
        });

        test("mail is taken without sqlite, which is said in the log", async () => {
            const mx = await start("mx.js", { SQLITE_HOST: "localhost", SQLITE_PORT: "9" });
            assert.match(await send(secureMx, "sender@client.test", me, "Alone"), /^250 /);
            await mx.says(/error: sqlite at localhost:9: connect ECONNREFUSED/);
            assert.equal(fs.readdirSync(path.join(storage, me)).length, 8);
        });

        test("the first password goes on to be asked for where that is wanted", async () => {
            await running.get("web.js")!.stop();
            await start("web.js", { AUTH_BASIC_ALWAYS: "true" });
            assert.equal((await askWeb("GET", "/")).status, 401);
            const auth = "admin:a password to set up";
            assert.equal((await askWeb("GET", "/my-account/security", { auth })).status, 200);
        });

        test("every service ends with 0 within 5 s", async () => {
            const begun = Date.now();
            const codes = await Promise.all([...running.values()].map((one) => one.stop()));
            assert.deepEqual(new Set(codes), new Set([0]));
            assert.ok(Date.now() - begun < 5000);
        });
    });
}

/** A service that runs. */
class Program {
    said = "";
    private readonly child: ChildProcess;
    private readonly ended: Promise<number | null>;

    constructor(program: string, parameters: string[], cwd: string, env: NodeJS.ProcessEnv) {
        this.child = spawn(program, parameters, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
        for (const stream of [this.child.stdout!, this.child.stderr!]) {
            stream.setEncoding("utf8").on("data", (text: string) => (this.said += text));
        }
        this.ended = new Promise((resolve) => this.child.once("exit", resolve));
    }

    async says(pattern: RegExp): Promise<void> {
        for (let waited = 0; waited < 30_000; waited += 20) {
            if (pattern.test(this.said)) return;
            if (this.child.exitCode !== null) break;
            await sleep(20);
        }
        throw new Error(`It does not say ${String(pattern)}, but:\n${this.said}`);
    }

    /** @returns its exit code. */
    stop(): Promise<number | null> {
        this.child.kill("SIGTERM");
        return this.ended;
    }

    kill(): void {
        this.child.kill("SIGKILL");
    }
}

const record = (name: string, type: string, rdata: string): ZoneRecord => ({
    ...{ name, type, rdata, ttl: 300 },
});

/** What a checklist asks for, as records of the zone. */
function records({ checklist }: { checklist: { name: string; type: string; value: string }[] }) {
    const strings = (text: string) =>
        (text.match(/.{1,250}/g) ?? []).map((part) => `"${part}"`).join(" ");
    return [
        record(domain, "A", address),
        ...checklist
            .filter(({ type }) => type !== "PTR")
            .map(({ name, type, value }) =>
                record(
                    ...([name, type] as const),
                    type === "TXT" ? strings(value) : type === "A" ? value : `${value}.`,
                ),
            ),
    ];
}

/** An email of which something has become. */
async function settled(
    askApi: (method: string, path: string) => Promise<Answer>,
    response: string,
): Promise<Email> {
    const id = /queued as (\w+)$/.exec(response)?.[1];
    for (let waited = 0; waited < 20_000; waited += 100) {
        const email = (await askApi("GET", `/v1/emails/${id}`)).body as Email;
        if (email.status !== "queued") return email;
        await sleep(100);
    }
    throw new Error(`Nothing becomes of email ${id}.`);
}

interface Email {
    id: string;
    status: string;
    attempts: number;
    error: { code: string; message: string } | null;
}

interface AskOptions {
    auth?: string;
    body?: object;
    headers?: Record<string, string>;
}

interface Answer {
    status: number;
    headers: import("node:http").IncomingHttpHeaders;
    body: unknown;
}

function ask(
    ca: string,
    servername: string,
    port: number,
    method: string,
    path: string,
    { auth, body, headers }: AskOptions,
): Promise<Answer> {
    const request = https.request({
        ...{ host: "127.0.0.1", port, method, path, auth, ca, servername, agent: false },
        headers: { ...headers, ...(body && { "content-type": "application/json" }) },
    });
    request.end(body && JSON.stringify(body));
    return new Promise((resolve, reject) => {
        request.on("error", reject);
        request.on("response", (response) => {
            let text = "";
            response.setEncoding("utf8").on("data", (part: string) => (text += part));
            response.on("end", () => {
                const json = response.headers["content-type"] === "application/json";
                resolve({
                    ...{ status: response.statusCode ?? 0, headers: response.headers },
                    body: json ? JSON.parse(text) : text,
                });
            });
        });
    });
}

function logIn(ca: string, user: string, password: string): Promise<string> {
    const socket = tls.connect({ port: 993, host: "127.0.0.1", ca, servername: domain });
    socket.write(`1 LOGIN ${user} ${password}\r\n2 LOGOUT\r\n`);
    return everything(socket);
}

function everything(socket: net.Socket): Promise<string> {
    let said = "";
    socket.setEncoding("utf8").on("data", (text: string) => (said += text));
    return new Promise((resolve, reject) =>
        socket.on("error", reject).on("close", () => resolve(said)),
    );
}

async function firstLine(socket: net.Socket): Promise<string> {
    const line = await new Promise<string>((resolve, reject) => {
        socket.once("error", reject);
        socket.setEncoding("utf8").once("data", resolve);
    });
    return line;
}

/** A connection to a server that has said its first line. */
async function greeted(port: number): Promise<net.Socket> {
    const socket = net.connect(port, "127.0.0.1");
    await firstLine(socket);
    return socket;
}

async function answers(port: number): Promise<void> {
    for (let waited = 0; waited < 20_000; waited += 50) {
        const socket = net.connect(port, "127.0.0.1");
        const open = await new Promise((resolve) => {
            socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
        });
        socket.destroy();
        if (open) return;
        await sleep(50);
    }
    throw new Error(`Nothing answers on port ${port}.`);
}

/** A certificate for the domain and the sink, which is its own authority. */
async function certify(folder: string): Promise<string> {
    const ecdsa = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const files = ["-keyout", "key.pem", "-out", "cert.pem"];
    const names = [domain, `*.${domain}`, sinkHost].map((name) => `DNS:${name}`).join(",");
    const subject = ["-subj", `/CN=${domain}`, "-addext", `subjectAltName=${names}`];
    await run("openssl", ["req", "-x509", "-days", "2", ...ecdsa, ...files, ...subject], {
        cwd: folder,
    });
    return fs.readFileSync(path.join(folder, "cert.pem"), "utf8");
}
