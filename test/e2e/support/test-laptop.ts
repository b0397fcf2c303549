import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import type { ExportedStack, StateResource } from "../../../cli/deployment";
import { runQuietly, type Finished } from "../../../cli/run-program";
import { startCloud, stopCloud } from "../../../local/cloud/start";
import { ensureEngine, type Engine } from "../../../local/engine/find-engine";
import { LocalStack, stackName, type StackConfig } from "../../../local/engine/stack";
import type { ImageSystem } from "../../../local/image/systems";
import {
    localConfig,
    readStatus,
    rememberHost,
    type ServerProviderName,
} from "../../../local/laptop";
import { cloudPaths, projectRoot, type CloudInfo, type MachineKind } from "../../../local/paths";
import { addZones } from "../../../local/zones";
import { sshArguments, type LocalStatus } from "../../../local/status";

/**
 * Deadline of the suite of a file, three times what the longest takes on two cores. The runner's own for a file comes
 * later (local/commands/test.ts), so that a suite still removes what it has made.
 */
export const suiteLimit = 60 * 60_000;

/**
 * How many resources the local stack has: 19 of the host, 73 of the DNS records of its two mail domains, 3 of the
 * certificate, 10 of the mail services.
 */
export const stackSize = 105;

/** Of a host on a Droplet: it has no addresses of their own, and so no PTR records. */
export const dropletStackSize = stackSize - 4;

/** The program of the tests that look at the host alone. */
export const hostProgram = path.join(projectRoot, "test", "e2e", "host-program");

/** How many resources the host alone has: 17 of the host, 67 of the DNS records of its two mail domains. */
export const hostStackSize = 84;

/** What `pulumi up` said it did: `+ 3 created`, `~ 1 updated`, `20 unchanged`. */
export type Changes = Record<string, number>;

/** A line of the simulated API's request log. */
export interface RequestLine {
    method: string;
    path: string;
    /** `hang`: done, but never answered, as a fault asked for. */
    status: number | "hang";
}

/** A laptop cloud of a test's own, beside the user's: the real engine, the project's program, a machine. */
export class TestLaptop {
    private constructor(
        readonly name: string,
        readonly info: CloudInfo,
        readonly engine: Engine,
        readonly stack: LocalStack,
    ) {}

    /** Starts from nothing. */
    static async start(
        name: string,
        options: {
            kind: MachineKind;
            /** What its machines can boot. @default "debian-13" */
            system?: ImageSystem;
            /** Who lends the server. @default "hetzner" */
            provider?: ServerProviderName;
            config?: StackConfig;
            /** Settings of `mailhost:server` that differ from the `local` stack's. */
            server?: Record<string, unknown>;
            /** `snapshot` where nobody looks at how packages come there. @default the stock image */
            image?: { id: number; system: string };
            /** How long certificates are valid. @default 90 days */
            certificateSeconds?: number;
            /** The folder of the Pulumi project. @default this project */
            project?: string;
        },
    ): Promise<TestLaptop> {
        const cloud = `test-${name}`;
        await stopCloud(cloud, { keepData: false });
        const engine = await ensureEngine(() => undefined);
        const info = await startCloud({
            name: cloud,
            kind: options.kind,
            ...(options.system && { system: options.system }),
            ...(options.certificateSeconds && { certificateSeconds: options.certificateSeconds }),
        });
        const stack = new LocalStack(engine, info, options.project);
        const config = localConfig(options.image, info, options.provider);
        const server = { ...(config["mailhost:server"] as object), ...options.server };
        await stack.prepare({ ...config, "mailhost:server": server, ...options.config });
        await addZones(info, stack);
        return new TestLaptop(cloud, info, engine, stack);
    }

    async close(): Promise<void> {
        await stopCloud(this.name, { keepData: false });
    }

    get folder(): string {
        return cloudPaths(this.name).root;
    }

    /** `pulumi up`; its changes, after it has succeeded. */
    async up(...args: string[]): Promise<{ changes: Changes; printed: string }> {
        const finished = await this.pulumi("up", "--yes", "--skip-preview", ...args);
        const printed = finished.stdout + finished.stderr;
        assert.equal(finished.code, 0, printed);
        await rememberHost(this.name, await this.stack.outputs());
        return { changes: readChanges(printed), printed };
    }

    pulumi(...args: string[]): Promise<Finished> {
        return this.stack.pulumi([...args, "--stack", stackName]);
    }

    /** Sets a key of the stack's configuration; an object stands in it as an object. */
    async configure(key: string, value: boolean | number | string | object): Promise<void> {
        const entry =
            typeof value === "object"
                ? { objectValue: value, value: JSON.stringify(value), secret: false }
                : { value: String(value), secret: false };
        const { code, stderr } = await this.pulumi(
            ...["config", "set-all", "--json", JSON.stringify({ [key]: entry })],
        );
        assert.equal(code, 0, stderr);
    }

    /** The one resource of a type in the state. */
    async stateOf(type: string): Promise<StateResource> {
        const { stdout } = await this.pulumi("stack", "export");
        const { deployment } = JSON.parse(stdout) as ExportedStack;
        const found = (deployment.resources ?? []).filter((r) => r.type === type);
        assert.equal(found.length, 1, type);
        return found[0]!;
    }

    async urn(type: string): Promise<string> {
        return (await this.stateOf(type)).urn;
    }

    /** The present `mailhost:server` of the stack's configuration. */
    async server(): Promise<Record<string, unknown>> {
        const { stdout } = await this.pulumi("config", "get", "mailhost:server");
        return JSON.parse(stdout) as Record<string, unknown>;
    }

    status(askHost = false): Promise<LocalStatus> {
        return readStatus(this.name, askHost);
    }

    /** Runs a command on the host as root and returns its output; fails the test when it fails. */
    async ssh(command: string, input?: string): Promise<string> {
        const finished = await this.trySsh(command, input);
        assert.equal(finished.code, 0, `${command}\n${finished.stdout}${finished.stderr}`);
        return finished.stdout.trim();
    }

    async trySsh(command: string, input?: string): Promise<Finished> {
        const { ssh } = await this.status();
        assert.ok(ssh, "the host has no reachable SSH port");
        // A host that goes down may leave the connection open.
        const options = ["-o", "BatchMode=yes", "-o", "ServerAliveInterval=15"];
        return runQuietly("ssh", [...options, ...sshArguments(ssh), command], {
            input,
            timeoutSeconds: 600,
        });
    }

    /** Waits until the host answers over SSH. */
    async waitForSsh(seconds = 600): Promise<void> {
        await eventually(async () => (await this.trySsh("true")).code === 0, seconds, "SSH");
    }

    /** A call of the simulated API of Hetzner Cloud, or of DigitalOcean where the path begins with `/v2`. */
    async api<T = Record<string, unknown>>(
        method: string,
        path: string,
        body?: unknown,
    ): Promise<T> {
        const { hcloudEndpoint, hcloudToken, digitalOceanEndpoint, digitalOceanToken } = this.info;
        const isOcean = path.startsWith("/v2/");
        const isLaptops = path.startsWith("/_laptop/");
        const base = isOcean
            ? digitalOceanEndpoint
            : isLaptops
              ? hcloudEndpoint.replace(/\/v1$/, "")
              : hcloudEndpoint;
        const response = await fetch(base + path, {
            method,
            headers: {
                authorization: `Bearer ${isOcean ? digitalOceanToken : hcloudToken}`,
                "content-type": "application/json",
            },
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        const text = await response.text();
        assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
        return (text === "" ? {} : JSON.parse(text)) as T;
    }

    /** What the simulated API was asked, oldest first. */
    requestLog(): RequestLine[] {
        const file = `${this.folder}/requests.log`;
        if (!fs.existsSync(file)) return [];
        return fs
            .readFileSync(file, "utf8")
            .split("\n")
            .filter((line) => line !== "")
            .map((line) => JSON.parse(line) as RequestLine);
    }

    /** Processes of this computer that belong to this cloud's engine: `pulumi`, its plugins, the program. */
    engineProcesses(): string[] {
        const found: string[] = [];
        for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
            try {
                const environment = fs.readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
                if (!environment.includes(`MAILHOST_LAPTOP_CLOUD=${this.folder}`)) continue;
                found.push(fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "));
            } catch {
                // It has ended meanwhile.
            }
        }
        return found;
    }

    /** The state file as it lies on disk. */
    stateOnDisk(): string {
        const file = `${cloudPaths(this.name).pulumi}/state/.pulumi/stacks/mailhost/${stackName}.json`;
        return fs.readFileSync(file, "utf8");
    }
}

/** Reads `Resources:` at the end of what `pulumi up` prints. */
export function readChanges(printed: string): Changes {
    const summary = printed.slice(printed.lastIndexOf("Resources:"));
    return Object.fromEntries(
        [...summary.matchAll(/^\s+(?:\S{1,2} )?(\d+) (?:to )?(\w+)/gm)].map((m) => [
            m[2]!,
            Number(m[1]),
        ]),
    );
}

/** Asks again every half second until the answer is yes. */
export async function eventually(
    holds: () => Promise<boolean>,
    seconds: number,
    what: string,
): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (Date.now() < deadline) {
        if (await holds()) return;
        await new Promise((resolve) => setTimeout(resolve, 500));
    }
    assert.fail(`${what}: not within ${seconds} s`);
}
