import * as net from "node:net";
import { Client, utils, type AuthenticationType, type ConnectConfig } from "ssh2";
import type { Context } from "../handler";
import type { Connection, Endpoint } from "./properties";
import { findRoute } from "./route";

/** What tests replace. */
export interface Clock {
    sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

const realClock: Clock = {
    sleep: (milliseconds, signal) =>
        new Promise((resolve) => {
            const timer = setTimeout(done, milliseconds);
            signal.addEventListener("abort", done, { once: true });
            function done() {
                clearTimeout(timer);
                signal.removeEventListener("abort", done);
                resolve();
            }
        }),
};

/**
 * Connects and authenticates by the real provider's rule: sleeps 0.1 s, half as long again each time and at most 5 s,
 * and gives up at attempt `dialErrorLimit` + 1 (-1: never). Refused keys and host keys are tried again like any other
 * failure; what is wrong with the arguments is not.
 *
 * @returns a client; the caller ends it.
 */
export async function dial(
    to: Connection,
    context: Context,
    clock: Clock = realClock,
): Promise<Client> {
    const config = await clientConfig(to);
    if (to.proxy === undefined) {
        return retry("Dial", to, context, clock, async () =>
            handshake(config, await connectTcp(to), to.perDialTimeout),
        );
    }
    const { proxy } = to;
    let bastion: Client | undefined;
    try {
        const proxyConfig = await clientConfig(proxy);
        const gate = await retry("Dial proxy", proxy, context, clock, async () =>
            handshake(proxyConfig, await connectTcp(proxy), proxy.perDialTimeout),
        );
        bastion = gate;
        const client = await retry("Dial from proxy", to, context, clock, async () =>
            handshake(config, await forward(gate, to), to.perDialTimeout),
        );
        return client.on("close", () => gate.end());
    } catch (error) {
        bastion?.end();
        throw new Error(`proxy: ${(error as Error).message}`);
    }
}

async function retry<T>(
    what: string,
    { dialErrorLimit }: Endpoint,
    context: Context,
    clock: Clock,
    attempt: () => Promise<T>,
): Promise<T> {
    for (let failed = 1, delay = 100; ; failed++, delay = Math.min(delay * 1.5, 5000)) {
        let reason: string;
        try {
            return await attempt();
        } catch (error) {
            reason = (error as Error).message;
        }
        if (dialErrorLimit > -1 && failed > dialErrorLimit) {
            throw new Error(`after ${failed - 1} failed attempts: ${reason}`);
        }
        const limit = dialErrorLimit === -1 ? "inf" : dialErrorLimit;
        context.status(`${what} ${failed}/${limit} failed: retrying`);
        await clock.sleep(delay, context.signal);
        if (context.signal.aborted) {
            const timedOut = (context.signal.reason as Error).name === "TimeoutError";
            throw new Error(timedOut ? "context deadline exceeded" : "context canceled");
        }
    }
}

async function clientConfig(to: Endpoint): Promise<ConnectConfig> {
    const agent = to.agentSocketPath ?? process.env["SSH_AUTH_SOCK"];
    if (agent !== undefined && agent !== "") await agentAnswers(agent);
    const methods: AuthenticationType[] = ["none"];
    const config: ConnectConfig = { username: to.user, readyTimeout: 0 };
    if (to.privateKey !== undefined) {
        const key = utils.parseKey(to.privateKey, to.privateKeyPassword);
        // Parse errors of the library quote nothing of the key.
        if (key instanceof Error) {
            throw new Error(
                `ssh: ${key.message}; here a private key is taken in OpenSSH's form (privateKeyOpenssh), PKCS#1 or SEC 1`,
            );
        }
        config.privateKey = to.privateKey;
        config.passphrase = to.privateKeyPassword;
        methods.push("publickey");
    }
    if (to.password !== undefined) {
        config.password = to.password;
        config.tryKeyboard = true;
        methods.push("password", "keyboard-interactive");
    }
    if (agent !== undefined && agent !== "" && to.privateKey === undefined) {
        config.agent = agent;
        methods.push("agent");
    }
    config.authHandler = methods;
    if (to.hostKey !== undefined) {
        const expected = utils.parseKey(to.hostKey);
        if (expected instanceof Error) {
            throw new Error(`failed to parse host key: ${expected.message}`);
        }
        config.algorithms = { serverHostKey: [expected.type] };
        config.hostVerifier = (key: Buffer) => key.equals(expected.getPublicSSH());
    }
    return config;
}

/** The real provider dials the agent whether it needs it or not. */
function agentAnswers(socketPath: string): Promise<void> {
    return new Promise((resolve, reject) => {
        const socket = net.connect(socketPath, () => {
            socket.destroy();
            resolve();
        });
        socket.on("error", (error: NodeJS.ErrnoException) =>
            reject(new Error(`dial unix ${socketPath}: connect: ${error.code ?? error.message}`)),
        );
    });
}

async function connectTcp({ host, port, perDialTimeout }: Endpoint): Promise<net.Socket> {
    const endpoint = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    const route = await findRoute(host, port);
    return new Promise((resolve, reject) => {
        const socket = net.connect(route);
        const fail = (reason: string) => {
            socket.destroy();
            reject(new Error(`dial tcp ${endpoint}: ${reason}`));
        };
        if (perDialTimeout > 0) {
            socket.setTimeout(perDialTimeout * 1000, () => fail("i/o timeout"));
        }
        socket.once("error", (error: NodeJS.ErrnoException) =>
            fail(
                error.code === "ECONNREFUSED"
                    ? "connect: connection refused"
                    : `connect: ${error.message}`,
            ),
        );
        socket.once("connect", () => {
            socket.setTimeout(0);
            socket.removeAllListeners("error");
            resolve(socket);
        });
    });
}

function forward(bastion: Client, { host, port }: Endpoint): Promise<net.Socket> {
    return new Promise((resolve, reject) => {
        bastion.forwardOut("127.0.0.1", 0, host, port, (error, channel) =>
            error ? reject(error) : resolve(channel as unknown as net.Socket),
        );
    });
}

function handshake(
    config: ConnectConfig,
    sock: net.Socket,
    timeoutSeconds: number,
): Promise<Client> {
    return new Promise((resolve, reject) => {
        const client = new Client();
        // A forwarded port of this computer accepts before the machine behind it does, so that the time for the
        // connection counts until the host's first word.
        const timer =
            timeoutSeconds > 0
                ? setTimeout(() => {
                      client.destroy();
                      reject(new Error("dial tcp: i/o timeout"));
                  }, timeoutSeconds * 1000)
                : undefined;
        const settled = () => clearTimeout(timer);
        client.once("ready", () => {
            settled();
            client.removeAllListeners("error");
            // Of an established connection the channels tell; without a listener Node would end the process.
            client.on("error", () => undefined);
            resolve(client);
        });
        client.on("keyboard-interactive", (_name, _instructions, _language, prompts, answer) =>
            answer(prompts.map(() => String(config.password))),
        );
        client.on("error", (error) => {
            settled();
            client.destroy();
            reject(new Error(`ssh: handshake failed: ${meaning(error)}`));
        });
        client.once("close", () => {
            settled();
            reject(new Error("ssh: handshake failed: EOF"));
        });
        client.connect({ ...config, sock });
        sock.once("data", settled);
    });
}

function meaning(error: Error & { level?: string }): string {
    if (error.level === "client-authentication") {
        return "ssh: unable to authenticate, no supported methods remain";
    }
    if (/host denied|verification failed/i.test(error.message)) return "ssh: host key mismatch";
    return error.message;
}
