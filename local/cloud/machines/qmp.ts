import * as net from "node:net";
import { createInterface } from "node:readline";

interface Reply {
    return?: unknown;
    error?: { class: string; desc: string };
    event?: string;
    QMP?: unknown;
}

/** A connection to QEMU's machine protocol. QEMU talks to one client at a time: close it. */
export class Qmp {
    private readonly waiting: ((reply: Reply | Error) => void)[] = [];

    private constructor(private readonly socket: net.Socket) {
        createInterface({ input: socket }).on("line", (line) => {
            const reply = JSON.parse(line) as Reply;
            if (reply.event === undefined) this.waiting.shift()?.(reply);
        });
        const fail = () => {
            const error = new Error("QEMU closed its monitor: the machine is off.");
            for (const settle of this.waiting.splice(0)) settle(error);
        };
        socket.on("error", fail).on("close", fail);
    }

    /** @throws Error when nobody listens there. */
    static async connect(socketPath: string): Promise<Qmp> {
        const socket = net.connect(socketPath);
        await new Promise<void>((resolve, reject) => {
            socket.once("connect", resolve).once("error", reject);
        });
        const qmp = new Qmp(socket);
        await qmp.nextReply();
        await qmp.execute("qmp_capabilities");
        return qmp;
    }

    /** @throws Error with QEMU's description of what is wrong. */
    async execute(command: string, args: object = {}): Promise<unknown> {
        const reply = this.nextReply();
        this.socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
        const { error, return: result } = await reply;
        if (error) throw new Error(`QEMU refused ${command}: ${error.desc}`);
        return result;
    }

    /** Runs a command of the human monitor, for what QMP has none of its own. */
    async monitor(line: string): Promise<string> {
        return String(await this.execute("human-monitor-command", { "command-line": line }));
    }

    close(): void {
        this.socket.destroy();
    }

    private nextReply(): Promise<Reply> {
        return new Promise((resolve, reject) => {
            const timer = setTimeout(
                () => settle(new Error("QEMU's monitor did not answer within 30 s.")),
                30_000,
            );
            const settle = (reply: Reply | Error) => {
                clearTimeout(timer);
                if (reply instanceof Error) reject(reply);
                else resolve(reply);
            };
            this.waiting.push(settle);
        });
    }
}
