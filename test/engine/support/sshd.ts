import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { freePort } from "../../../local/cloud/dns/free-port";
import { makeKey, type Key } from "../../../local/providers/tls/private-key";

/** An OpenSSH server of this computer's user on 127.0.0.1. */
export interface SshServer {
    port: number;
    user: string;
    hostKey: Key;
    /** May log in. */
    userKey: Key;
    /** What the server wrote of its connections. */
    log(): string;
    stop(): Promise<void>;
}

const ed25519 = () => makeKey({ algorithm: "ED25519", rsaBits: 2048, ecdsaCurve: "P224" });

/** A port of 127.0.0.1 that nothing listens on. */
export const unusedPort = () => freePort(["127.0.0.1"], 0);

/** Starts a server; the port is free until then when it is given. */
export async function startSshServer(port?: number): Promise<SshServer> {
    const program = "/usr/sbin/sshd";
    if (!fs.existsSync(program)) {
        throw new Error(`${program} is missing: apt-get install openssh-server`);
    }
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-sshd-"));
    const write = (name: string, content: string) => {
        fs.writeFileSync(path.join(folder, name), content, { mode: 0o600 });
        return path.join(folder, name);
    };
    const [hostKey, userKey] = [ed25519(), ed25519()];
    const chosen = port ?? (await unusedPort());
    const config = write(
        "config",
        `ListenAddress 127.0.0.1:${chosen}
HostKey ${write("host_key", hostKey.privateKeyOpenssh)}
AuthorizedKeysFile ${write("authorized_keys", userKey.publicKeyOpenssh)}
PidFile none
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
AcceptEnv ALLOWED PULUMI_COMMAND_STDOUT
Subsystem sftp internal-sftp
LogLevel VERBOSE
`,
    );
    // As root it wants its folder for the unprivileged half, which only the package's service unit makes.
    if (os.userInfo().uid === 0) fs.mkdirSync("/run/sshd", { recursive: true });
    const log = path.join(folder, "log");
    const options = ["-f", config, ...withoutPenalties(program, config)];
    const child = spawn(program, ["-D", "-E", log, ...options], { stdio: "ignore" });
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    await answers(chosen);
    return {
        port: chosen,
        user: os.userInfo().username,
        hostKey,
        userKey,
        log: () => fs.readFileSync(log, "utf8"),
        async stop() {
            child.kill();
            await ended;
            fs.rmSync(folder, { recursive: true });
        },
    };
}

/** From 9.8 on it refuses an address for a while after a few failed logins, which tests make on purpose. */
function withoutPenalties(program: string, config: string): string[] {
    const option = ["-o", "PerSourcePenalties=no"];
    const { status } = spawnSync(program, ["-t", "-f", config, ...option], { stdio: "ignore" });
    return status === 0 ? option : [];
}

async function answers(port: number): Promise<void> {
    for (let waited = 0; waited < 120_000; waited += 50) {
        const open = await new Promise<boolean>((resolve) => {
            const socket = net.connect(port, "127.0.0.1");
            socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
            socket.once("connect", () => socket.destroy());
        });
        if (open) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`No SSH server answers on 127.0.0.1:${port}.`);
}
