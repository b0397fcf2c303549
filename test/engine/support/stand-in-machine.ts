// The machine that the stand-in of the mail image is tested on: its real ports, paths and user, and real databases. All of it
// in namespaces of its own, so that nothing of it is to be seen from outside.
import * as assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { run, runQuietly, type Finished } from "../../../cli/run-program";
import type { DnsServer } from "../../../local/cloud/dns/dns-server";
import { startKnot } from "../../../local/cloud/dns/knot";
import { startMailSink, type MailSink } from "../../../local/cloud/sink/mail-sink";
import { sinkHost, sinkZone } from "../../../local/cloud/sink/sink-zone";
import { ensureGoProgram } from "../../../local/go-programs/build";
import { bundleStandIn } from "../../../local/stack/bundle";

const insideVariable = "MAILHOST_TEST_INSIDE";
/** Nobody's, and no default of anything. */
export const user = 23_456;
export const domain = "example.test";
export const host = `mx.${domain}`;
export const address = "198.18.200.10";
const sinkAddress = "198.18.200.2";
export const mxPort = 2525;
/** Of the mailboxes. */
export const storage = "/mnt/sqlite_storage";

/** Runs the tests of a file on a machine of their own; outside it, the file is one test. */
export function onStandInMachine(
    name: string,
    file: string,
    tests: (machine: StandInMachine) => void,
): void {
    const ferretdb = process.env[insideVariable];
    if (ferretdb === undefined) return outside(name, file);
    const machine = new StandInMachine(ferretdb);
    before(() => machine.setUp());
    after(() => machine.remove());
    tests(machine);
}

function outside(name: string, file: string): void {
    const skip = process.getuid?.() === 0 ? false : "only root can make namespaces";
    test(name, { skip }, async () => {
        const ferretdb = await ensureGoProgram("ferretdb", () => undefined);
        const env: NodeJS.ProcessEnv = { ...process.env, [insideVariable]: ferretdb };
        // Else it would report to this process's parent in its place.
        delete env["NODE_TEST_CONTEXT"];
        const { code, stdout, stderr } = await runQuietly(
            "setpriv",
            [
                ...["--pdeathsig", "KILL", "unshare", "--net", "--mount", "--uts"],
                ...[process.execPath, "--import", "tsx", "--test-reporter=spec", file],
            ],
            { env, timeoutSeconds: 900 },
        );
        assert.equal(code, 0, stdout + stderr);
    });
}

/** What {@link setUp} makes is there for the tests. */
export class StandInMachine {
    readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-stand-in-"));
    readonly app = path.join(this.folder, "app");
    readonly ssl = path.join(this.folder, "ssl");
    /** The services that were started, by their programs or other names. */
    readonly running = new Map<string, Program>();
    /** The certificate of the machine and of the other mail server, its own authority. */
    ca!: string;
    dns!: DnsServer;
    sink!: MailSink;
    private readonly databases: ChildProcess[] = [];
    private readonly variables = variables(this.ssl);
    private forward: net.Server | undefined;

    constructor(private readonly ferretdb: string) {}

    /** Writes the services' .env. */
    placeEnvironment(changes: Record<string, string | undefined> = {}, owner = user): void {
        const lines = Object.entries({ ...this.variables, ...changes }).flatMap(([name, value]) =>
            value === undefined ? [] : [`${name}=${value}\n`],
        );
        const file = path.join(this.app, ".env");
        fs.rmSync(file, { force: true });
        placeFile(file, lines.join(""), owner);
    }

    /** A program that ends by itself. */
    runProgram(program: string, env: Record<string, string> = {}): Promise<Finished> {
        return runQuietly(...asUser(program), {
            ...{ cwd: this.app, env: { ...plainEnvironment, ...env }, timeoutSeconds: 120 },
        });
    }

    async start(
        program: string,
        env: Record<string, string> = {},
        name = program,
    ): Promise<Program> {
        const started = new Program(...asUser(program), this.app, { ...plainEnvironment, ...env });
        this.running.set(name, started);
        await started.says(/listening on port|running|waiting for emails/);
        return started;
    }

    async startAll(): Promise<void> {
        fs.writeFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "25");
        const programs = ["web", "api", "bree", "smtp", "smtp-bree", "mx", "imap", "pop3"];
        const further = ["sqlite", "sqlite-bree", "caldav", "carddav"];
        await this.start("sqlite.js");
        for (const program of [...programs, ...further]) {
            if (program !== "sqlite") await this.start(`${program}.js`);
        }
    }

    async setUp(): Promise<void> {
        // The services' user reads what is made here, whatever started the tests.
        process.umask(0o022);
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
            const cover = path.join(this.folder, path.basename(file));
            fs.writeFileSync(cover, content);
            await run("mount", ["--bind", cover, file]);
        };
        await cover("/etc/hosts", `127.0.0.1 localhost sqlite.${domain} api.${domain}\n`);
        await cover("/etc/resolv.conf", "nameserver 127.0.0.1\noptions use-vc\n");
        fs.chmodSync(this.folder, 0o755);
        for (const made of [this.app, this.ssl, path.join(this.folder, "db"), storage])
            fs.mkdirSync(made);
        fs.chownSync(storage, user, user);

        this.ca = await certify(this.folder);
        const key = fs.readFileSync(path.join(this.folder, "key.pem"), "utf8");
        placeFile(path.join(this.ssl, "privkey.pem"), key);
        placeFile(path.join(this.ssl, "fullchain.pem"), this.ca);
        placeFile(path.join(this.ssl, "chain.pem"), this.ca);
        const systemKey = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
        const pem = systemKey.export({ type: "pkcs8", format: "pem" }).toString();
        placeFile(path.join(this.ssl, "dkim.key"), pem);
        await bundleStandIn(this.app, { version: "v1.2.3" });
        this.placeEnvironment();

        const mongo = ["-listen-addr", "127.0.0.1:27017", "-sqlite-url", `file:${this.folder}/db/`];
        const redis = ["--bind", "127.0.0.1", "--save", "", "--dir", path.join(this.folder, "db")];
        for (const [program, parameters, port] of [
            [this.ferretdb, mongo, 27017],
            ["redis-server", redis, 6379],
        ] as const) {
            const command = ["--pdeathsig", "KILL", program, ...parameters];
            this.databases.push(spawn("setpriv", command, { stdio: "ignore" }));
            await answers(port);
        }
        this.dns = await startKnot({
            ...{ directory: path.join(this.folder, "dns"), hosts: ["127.0.0.1"], port: 0 },
        });
        // A machine under user networking reaches name servers by TCP alone.
        const forward = net.createServer((socket) => {
            const onward = net.connect(this.dns.address.port, this.dns.address.host);
            socket.on("error", () => onward.destroy()).pipe(onward);
            onward.on("error", () => socket.destroy()).pipe(socket);
        });
        await new Promise<void>((resolve) => forward.listen(53, "127.0.0.1", resolve));
        this.forward = forward;
        await this.dns.publish(sinkZone(sinkAddress));
        this.sink = await startMailSink({
            ...{ host: sinkAddress, port: 25, nameServer: this.dns.address },
            certificate: { key, cert: this.ca },
            log: path.join(this.folder, "sink.log"),
            // Both are this computer's: the kernel takes the address that is asked.
            addressOf: () => address,
        });
    }

    async remove(): Promise<void> {
        for (const program of this.running.values()) program.kill();
        await this.sink?.stop();
        this.forward?.close();
        await this.dns?.stop();
        for (const database of this.databases) database.kill("SIGKILL");
        fs.rmSync(this.folder, { recursive: true, force: true });
    }
}

/** What the host's .env has for the services. */
function variables(ssl: string): Record<string, string> {
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
    return variables;
}

const placeFile = (file: string, content: string, owner = user) => {
    fs.writeFileSync(file, content);
    fs.chownSync(file, owner, owner);
    fs.chmodSync(file, 0o400);
};

const asUser = (program: string): [string, string[]] => [
    "setpriv",
    [
        ...["--pdeathsig", "KILL", "--reuid", String(user), "--regid", String(user)],
        ...["--clear-groups", "--bounding-set=-all", process.execPath, program],
    ],
];
const plainEnvironment = { PATH: process.env["PATH"], NODE_ENV: "production" };

/** A service that runs. */
export class Program {
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
        for (let waited = 0; waited < 120_000; waited += 20) {
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

async function answers(port: number): Promise<void> {
    for (let waited = 0; waited < 120_000; waited += 50) {
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
