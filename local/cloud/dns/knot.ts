import * as fs from "node:fs";
import * as path from "node:path";
import { runQuietly } from "../../../cli/run-program";
import { ChildServer } from "../child-server";
import { withSystemPrograms } from "../machines/disk";
import type { DnsServer, ZoneContent, ZoneKey } from "./dns-server";
import { freePort } from "./free-port";
import { controlSocket, renderKnotConfig, type ZoneFolder } from "./knot-config";
import { renderZoneLines } from "./zone-text";

const logName = "knot.log";

export interface KnotOptions {
    /** Everything that the server keeps: configuration, zones, journal, DNSSEC keys. Made when it is not there. */
    directory: string;
    /** Addresses to answer at, the first of which is told to others. */
    hosts: readonly [string, ...string[]];
    /** On loopback another one is taken when this is not free. 0: any. */
    port: number;
}

/**
 * Starts Knot DNS with the zones that it had before. It ends with this process, however that ends.
 *
 * @throws Error with what it said when it does not start.
 */
export async function startKnot(options: KnotOptions): Promise<DnsServer> {
    const { directory, hosts } = options;
    for (const folder of ["signed", "unsigned"] satisfies ZoneFolder[]) {
        fs.mkdirSync(path.join(directory, folder), { recursive: true, mode: 0o700 });
    }
    const port = await freePort(hosts, options.port);
    const knot = new Knot(directory, hosts, port);
    await knot.start();
    return knot;
}

class Knot implements DnsServer {
    readonly address: { host: string; port: number };
    private readonly zones: Map<string, ZoneFolder>;
    private process: ChildServer | undefined;
    private work: Promise<unknown> = Promise.resolve();

    constructor(
        private readonly directory: string,
        private readonly hosts: readonly [string, ...string[]],
        port: number,
    ) {
        this.address = { host: hosts[0], port };
        this.zones = new Map(
            (["signed", "unsigned"] as const).flatMap((folder) =>
                fs
                    .readdirSync(path.join(directory, folder))
                    .filter((file) => file.endsWith(".zone"))
                    .map((file) => [file.slice(0, -".zone".length), folder] as const),
            ),
        );
    }

    async start(): Promise<void> {
        this.configure();
        // A server that was killed leaves it, and its number may be another process's by now.
        fs.rmSync(path.join(this.directory, "knot.pid"), { force: true });
        this.process = await ChildServer.start({
            title: "The DNS server (knotd)",
            program: "knotd",
            args: ["-c", "knot.conf"],
            directory: this.directory,
            log: logName,
            address: this.address,
            isReady: async () => (await this.control("status")) !== "",
        });
    }

    publish(zone: ZoneContent): Promise<void> {
        return this.inTurn(async () => {
            const lines = renderZoneLines(zone);
            const undo = this.place(zone.name, zone.signed ? "signed" : "unsigned", lines);
            const read = fs.statSync(this.log).size;
            try {
                if (undo.configured) await this.control("reload");
                await this.control("--blocking", "zone-reload", zone.name);
            } catch (error) {
                const reason = explain(fs.readFileSync(this.log, "utf8").slice(read), lines);
                undo.files();
                if (undo.configured) await this.control("reload");
                throw new Error(
                    `The DNS server refuses zone ${zone.name}: ${reason ?? String(error)}`,
                    { cause: error },
                );
            }
        });
    }

    withdraw(name: string): Promise<void> {
        return this.inTurn(async () => {
            const folder = this.zones.get(name);
            if (!folder) return;
            await this.control("--force", "--blocking", "zone-purge", name);
            fs.rmSync(this.zoneFile(name, folder), { force: true });
            this.zones.delete(name);
            this.configure();
            await this.control("reload");
        });
    }

    keyOf(name: string): Promise<ZoneKey> {
        return this.inTurn(async () => {
            if (this.zones.get(name) !== "signed") throw new Error(`Zone ${name} is not signed.`);
            const ask = (what: string) => this.run("keymgr", ["--config", "knot.conf", name, what]);
            const ds = / DS (\d+) (\d+) 2 ([0-9a-f]{64})$/im.exec(await ask("ds"));
            const dnskey = / DNSKEY (\d+) 3 \d+ (\S+)$/m.exec(await ask("dnskey"));
            if (!ds || !dnskey) throw new Error(`The DNS server has no key for zone ${name}.`);
            return {
                keyTag: Number(ds[1]),
                algorithm: Number(ds[2]),
                flags: Number(dnskey[1]),
                publicKey: dnskey[2]!,
                digest: ds[3]!.toUpperCase(),
            };
        });
    }

    async stop(): Promise<void> {
        await this.work.catch(() => undefined);
        await this.process?.stop();
    }

    private get log(): string {
        return path.join(this.directory, logName);
    }

    private zoneFile(name: string, folder: ZoneFolder): string {
        return path.join(this.directory, folder, `${name}.zone`);
    }

    /** One change after another: a zone's file must not change while the server reads it. */
    private inTurn<T>(work: () => Promise<T>): Promise<T> {
        const result = this.work.then(work, work);
        this.work = result.catch(() => undefined);
        return result;
    }

    /** Writes the file of a zone, new, moved or changed, and says how to put back what was there. */
    private place(
        name: string,
        folder: ZoneFolder,
        lines: string[],
    ): { configured: boolean; files(): void } {
        const before = this.zones.get(name);
        const text = before && fs.readFileSync(this.zoneFile(name, before));
        const file = this.zoneFile(name, folder);
        // A zone is never in both folders, wherever this is broken off.
        if (before && before !== folder) fs.renameSync(this.zoneFile(name, before), file);
        writeWhole(file, lines.join("\n") + "\n");
        const configured = before !== folder;
        this.zones.set(name, folder);
        if (configured) this.configure();
        return {
            configured,
            files: () => {
                if (text === undefined || before === undefined) {
                    fs.rmSync(file);
                    this.zones.delete(name);
                } else {
                    writeWhole(file, text);
                    if (before !== folder) fs.renameSync(file, this.zoneFile(name, before));
                    this.zones.set(name, before);
                }
                if (configured) this.configure();
            },
        };
    }

    private configure(): void {
        const listen = this.hosts.map((host) => ({ host, port: this.address.port }));
        writeWhole(path.join(this.directory, "knot.conf"), renderKnotConfig(listen, this.zones));
    }

    private control(...args: string[]): Promise<string> {
        return this.run("knotc", ["--socket", controlSocket, ...args]);
    }

    private async run(program: string, args: string[]): Promise<string> {
        const { code, stdout, stderr } = await runQuietly(program, args, {
            cwd: this.directory,
            env: withSystemPrograms(),
        });
        if (code === 0) return stdout;
        throw new Error(`${program} ended with ${code}: ${(stdout + stderr).trim()}`);
    }
}

/** What the server said of the line that it could not read, or of the zone as a whole. */
function explain(log: string, lines: readonly string[]): string | undefined {
    const ofLine = /line (\d+) \((.+)\)$/m.exec(log);
    if (ofLine) return `${ofLine[2]} in "${lines[Number(ofLine[1]) - 1] ?? ""}"`;
    return /(?:error|warning): \[\S+\] (check, .+)$/m.exec(log)?.[1];
}

/** Whole or not at all, whenever this is broken off. */
function writeWhole(file: string, text: string | Buffer): void {
    fs.writeFileSync(`${file}.next`, text, { mode: 0o600 });
    fs.renameSync(`${file}.next`, file);
}
