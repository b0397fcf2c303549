// A story: what a test makes is there for those after it.
import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { before, describe, test } from "node:test";
import * as tls from "node:tls";
import { ImapFlow } from "imapflow";
import { createTransport } from "nodemailer";
import { run } from "../../cli/run-program";
import {
    Administrator,
    ask,
    everything,
    firstLine,
    greeted,
    toData,
} from "./support/stand-in-client";
import { domain, mxPort, onStandInMachine, storage } from "./support/stand-in-machine";

onStandInMachine("the stand-in of the mail image", __filename, (machine) => {
    const admin = new Administrator(machine);
    const { me } = admin;

    describe("serves mail", () => {
        before(() => machine.startAll());

        test("nobody passes without the first password, until there is an administrator", async () => {
            const refused = await admin.askWeb("GET", "/");
            assert.equal(refused.status, 401);
            assert.equal(refused.headers["www-authenticate"], 'Basic realm="Secure Area"');
            const wrong = await admin.askWeb("GET", "/", { auth: "admin:wrong" });
            assert.equal(wrong.status, 401);
            const auth = "admin:a password to set up";
            const led = await admin.askWeb("GET", "/", { auth });
            assert.deepEqual([led.status, led.headers.location], [302, "/setup"]);
            const weak = { email: me, password: "short" };
            assert.equal(
                (await admin.askWeb("POST", "/register", { auth, body: weak })).status,
                400,
            );
            const body = { email: me, password: "a long password" };
            const registered = await admin.askWeb("POST", "/register", { auth, body });
            assert.deepEqual(
                [registered.status, registered.body],
                [200, { email: me, group: "admin" }],
            );
            assert.equal((await admin.askWeb("GET", "/")).status, 200);
        });

        test("who logs in gets a token for the API", async () => {
            const body = { email: me, password: "a long password" };
            const wrong = { ...body, password: "another password" };
            assert.equal((await admin.askWeb("POST", "/login", { body: wrong })).status, 401);
            assert.equal((await admin.askWeb("GET", "/my-account/security")).status, 401);
            await admin.logIn(body);
            const { token } = admin;
            assert.match(token, /^[0-9a-f]{24}$/);
            assert.equal((await admin.askApi("GET", "/v1/domains")).status, 200);
            admin.token = "0".repeat(24);
            assert.equal((await admin.askApi("GET", "/v1/domains")).status, 401);
            assert.equal((await admin.askApi("GET", "/v1/test")).status, 200);
            admin.token = token;
        });

        test("a later user is no administrator, and has no domain of others", async () => {
            const body = { email: `you@${domain}`, password: "a long password" };
            const registered = await admin.askWeb("POST", "/register", { body });
            assert.deepEqual(registered.body, { email: `you@${domain}`, group: "user" });
            assert.equal((await admin.askWeb("POST", "/register", { body })).status, 409);
        });

        test("a domain gets a selector, a key and a value that nobody could know", async () => {
            const made = await admin.askWeb("POST", "/setup/domain", { body: { domain } });
            assert.equal(made.status, 200);
            const again = await admin.askWeb("POST", "/setup/domain", { body: { domain } });
            assert.deepEqual(again.body, made.body);
            assert.equal((await admin.askApi("POST", "/v1/domains", { domain })).status, 409);
            const { checklist, complete } = await admin.checks();
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
            const made = await admin.askApi("POST", aliases, { name: "me", has_imap: true });
            const { id } = made.body as { id: string };
            assert.deepEqual(made.body, { id, name: "me", domain, has_imap: true });
            assert.equal((await admin.askApi("POST", aliases, { name: "../x" })).status, 400);
            await admin.askApi("POST", aliases, { name: "forward" });
            const generated = await admin.askApi("POST", `${aliases}/${id}/generate-password`, {});
            const { username } = generated.body as { username: string };
            admin.password = (generated.body as { password: string }).password;
            assert.equal(username, me);
            const chosen = { new_password: "of my own choice" };
            assert.deepEqual(
                (await admin.askApi("POST", `${aliases}/forward/generate-password`, chosen)).body,
                { username: `forward@${domain}`, password: "of my own choice" },
            );
        });

        test("mail for the alias is stored before it counts as taken", async () => {
            const from = "sender@client.test";
            const response = await admin.send(admin.mx(), from, `ME@${domain}`, "First");
            assert.match(response, /^250 2\.0\.0 /);
            assert.match(
                fs.readFileSync(path.join(storage, me, "1.eml"), "utf8"),
                /^Return-Path: <sender@client\.test>\r\nDelivered-To: me@example\.test\r\n/,
            );
            await Promise.all(
                ["a", "b", "c", "d"].map((subject) => admin.send(admin.mx(), from, me, subject)),
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
                await assert.rejects(admin.send(admin.mx(), "sender@client.test", to, "No"), {
                    responseCode: 550,
                    response: "550 5.1.1 Error: no such mailbox here",
                });
            });
        }

        test("a message that is too large is refused, and not kept", async () => {
            const mailer = createTransport({ ...admin.mx(), name: "client.test" });
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
                const socket = tls.connect({
                    port,
                    host: "127.0.0.1",
                    ca: machine.ca,
                    servername: domain,
                });
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
                auth: { user: me, pass: admin.password },
                tls: { ca: machine.ca, servername: `imap.${domain}` },
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
                await admin.send(admin.mx(), "sender@client.test", me, "While idle");
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
            const said = await run("python3", ["-c", script, machine.ca, me, admin.password]);
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
            ["a wrong user", () => ({ user: `x@${domain}`, pass: admin.password })],
            ["no mailbox", () => ({ user: `forward@${domain}`, pass: "of my own choice" })],
        ] as const) {
            test(`IMAP and POP3 refuse ${what}`, async () => {
                const { user: name, pass } = login();
                const imap = new ImapFlow({
                    ...{ host: "127.0.0.1", port: 993, secure: true, logger: false },
                    ...{ auth: { user: name, pass }, tls: { ca: machine.ca, servername: domain } },
                });
                await assert.rejects(imap.connect(), { authenticationFailed: true });
                const socket = tls.connect({
                    port: 995,
                    host: "127.0.0.1",
                    ca: machine.ca,
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
                const refused = await ask(machine.ca, domain, port, "GET", "/", {});
                assert.equal(refused.status, 401);
                const given = await ask(machine.ca, domain, port, "GET", "/", {
                    auth: `${me}:${admin.password}`,
                });
                assert.equal(given.status, 200);
            }
        });

        test("another key is noticed: what it did not encrypt can't be read", async () => {
            await machine.running.get("imap.js")!.stop();
            const other = { HELPER_ENCRYPTION_KEY: "another key with the same length" };
            const imap = await machine.start("imap.js", other);
            assert.match(await admin.logInToImap(), /^1 NO \[UNAVAILABLE\]/m);
            await imap.says(/unable to authenticate data: encrypted with another/);
            await imap.says(/sqlite at sqlite\.example\.test:3456 answered 401/);
            await imap.stop();
        });

        test("secrets that are no list (no comma) keep the services from each other", async () => {
            const imap = await machine.start("imap.js", { API_SECRETS: "secret" });
            assert.match(await admin.logInToImap(), /^1 NO \[UNAVAILABLE\]/m);
            await imap.says(/API_SECRETS is no list/);
            await imap.stop();
        });

        test("a mailbox needs sqlite, found by its name", async () => {
            const imap = await machine.start("imap.js", {
                SQLITE_HOST: "localhost",
                SQLITE_PORT: "9",
            });
            await imap.says(/sqlite at localhost:9: connect ECONNREFUSED/);
            assert.match(await admin.logInToImap(), /^1 NO \[UNAVAILABLE\]/m);
            await imap.stop();
            await machine.start("imap.js");
            assert.match(await admin.logInToImap(), /^1 OK /m);
        });

        test("a service that ends takes what is being received, and nothing new", async () => {
            const mx = machine.running.get("mx.js")!;
            const socket = await greeted(mxPort);
            await toData(socket, me);
            const said = everything(socket);
            socket.write("Subject: Late\r\n\r\nfirst half\r\n");
            const idle = everything(await greeted(mxPort));
            const ended = mx.stop();
            assert.match(await idle, /^421 /m);
            await assert.rejects(firstLine(net.connect(mxPort, "127.0.0.1")), /ECONNREFUSED/);
            socket.write("second half\r\n.\r\n");
            assert.equal(await ended, 0);
            assert.match(await said, /^250 2\.0\.0 OK: message stored\r\n421 /m);
            assert.match(
                fs.readFileSync(path.join(storage, me, "7.eml"), "utf8"),
                /second half\r\n$/,
            );
        });

        test("a client that never finishes does not keep a service from ending", async () => {
            await machine.start("mx.js");
            const socket = await greeted(mxPort);
            await toData(socket, me);
            const said = everything(socket);
            socket.write("Subject: Never\r\n");
            assert.equal(await machine.running.get("mx.js")!.stop(), 0);
            assert.ok(!(await said).includes("250 2.0.0"));
            assert.equal(fs.readdirSync(path.join(storage, me)).length, 7);
        });

        test("mail is taken without sqlite, which is said in the log", async () => {
            const mx = await machine.start("mx.js", { SQLITE_HOST: "localhost", SQLITE_PORT: "9" });
            assert.match(await admin.send(admin.mx(), "sender@client.test", me, "Alone"), /^250 /);
            await mx.says(/error: sqlite at localhost:9: connect ECONNREFUSED/);
            assert.equal(fs.readdirSync(path.join(storage, me)).length, 8);
        });

        test("the first password goes on to be asked for where that is wanted", async () => {
            await machine.running.get("web.js")!.stop();
            await machine.start("web.js", { AUTH_BASIC_ALWAYS: "true" });
            assert.equal((await admin.askWeb("GET", "/")).status, 401);
            const auth = "admin:a password to set up";
            assert.equal((await admin.askWeb("GET", "/my-account/security", { auth })).status, 200);
        });

        test("every service ends with 0 before Docker would kill it", async () => {
            const begun = Date.now();
            const codes = await Promise.all([...machine.running.values()].map((one) => one.stop()));
            assert.deepEqual(new Set(codes), new Set([0]));
            assert.ok(Date.now() - begun < 10_000);
        });
    });
});
