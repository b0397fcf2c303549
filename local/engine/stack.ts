import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Document } from "yaml";
import { cloudPaths, cloudVariable, projectRoot, type CloudInfo } from "../paths";
import { run, runInForeground, runQuietly, type Finished } from "../../cli/run-program";
import { parseStackFile } from "../../cli/stack-file";
import { installPlugins } from "../providers/install";
import type { Engine } from "./find-engine";

/** The name of the Pulumi stack in every laptop cloud. */
export const stackName = "local";

/** Plain stack configuration: full key → value of YAML. */
export type StackConfig = Record<string, unknown>;

/** Who lends the server, by the stack's `mailhost:server`. */
export function providerOf(server: unknown): string {
    return (server as { provider?: string } | undefined)?.provider ?? "hetzner";
}

/** The user's own accounts: nothing of them may reach the simulated providers, or be reached by them. */
const hiddenFromEngine = /^(PULUMI_|HCLOUD_|DIGITALOCEAN_|CLOUDFLARE_|DOCKER_)/;

/** The commands of `pulumi` that take a stack's file: ours stands in the cloud's folder, not in the project's. */
const takesConfigFile = new Set([
    "up",
    "update",
    "preview",
    "pre",
    "refresh",
    "destroy",
    "import",
    "config",
    "watch",
]);

/**
 * The Pulumi stack of one laptop cloud: the real engine on this project's program, with a private PULUMI_HOME, file
 * backend and passphrase (0600) in the cloud's folder.
 */
export class LocalStack {
    private readonly folder: string;
    private readonly stackFile: string;

    constructor(
        private readonly engine: Engine,
        private readonly cloud: CloudInfo,
        /** The folder of the Pulumi project. */
        readonly project: string = projectRoot,
    ) {
        this.folder = cloudPaths(cloud.name).pulumi;
        this.stackFile = path.join(this.folder, `Pulumi.${stackName}.yaml`);
    }

    /** `file://…` of the backend that holds the state. */
    get backend(): string {
        return `file://${path.join(this.folder, "state")}`;
    }

    /** What the engine and everything below it gets as its environment. */
    get environment(): NodeJS.ProcessEnv {
        const own = Object.entries(process.env).filter(([name]) => !hiddenFromEngine.test(name));
        return {
            ...Object.fromEntries(own),
            PATH: `${this.engine.bin}${path.delimiter}${process.env["PATH"] ?? ""}`,
            PULUMI_HOME: path.join(this.folder, "home"),
            // Files of attributes beside the state are not written whole: an engine that is killed just then leaves an
            // empty one, with which no command reads the state any more.
            PULUMI_BACKEND_URL: `${this.backend}?metadata=skip`,
            PULUMI_CONFIG_PASSPHRASE_FILE: path.join(this.folder, "passphrase"),
            PULUMI_SKIP_UPDATE_CHECK: "true",
            PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
            PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
            PULUMI_CREDENTIAL_STORE: "plaintext",
            // Checking the types of this project and of the providers' packages takes longer than all else that an
            // engine does before it starts; `npm run check` does it once.
            PULUMI_NODEJS_TRANSPILE_ONLY: "true",
            [cloudVariable]: cloudPaths(this.cloud.name).root,
        };
    }

    /** Whether the stack exists. */
    get exists(): boolean {
        return fs.existsSync(this.stackFile);
    }

    /** Makes home, backend, passphrase, plugins and stack where they are missing, and sets the configuration. */
    async prepare(config: StackConfig): Promise<void> {
        fs.mkdirSync(path.join(this.folder, "state"), { recursive: true, mode: 0o700 });
        const passphrase = path.join(this.folder, "passphrase");
        if (!fs.existsSync(passphrase)) {
            fs.writeFileSync(passphrase, randomBytes(32).toString("base64url"), { mode: 0o600 });
        }
        await installPlugins(path.join(this.folder, "home"));
        if (!this.exists) await this.initialise();
        // A stack of an earlier version has none.
        if (this.setting("cloudflare:apiToken") === undefined) {
            await this.setSecret("cloudflare:apiToken", this.cloud.cloudflareToken);
        }
        const server = this.setting("mailhost:server") ?? config["mailhost:server"];
        const isOcean = providerOf(server) === "digitalocean";
        if (isOcean && this.setting("digitalocean:token") === undefined) {
            await this.setSecret("digitalocean:token", this.cloud.digitalOceanToken);
        }
        this.configure(config, {
            "hcloud:endpoint": this.cloud.hcloudEndpoint,
            ...(isOcean && { "digitalocean:apiEndpoint": this.cloud.digitalOceanEndpoint }),
            "cloudflare:baseUrl": this.cloud.cloudflareApi,
        });
    }

    /** The stack's file. */
    document(): Document {
        return parseStackFile(fs.readFileSync(this.stackFile, "utf8"));
    }

    /** A key of the stack's configuration as its file has it; a secret is `{ secure: … }`. */
    setting(key: string): unknown {
        const document = this.document();
        return (document.toJS() as { config?: StackConfig } | null)?.config?.[key];
    }

    private async setSecret(key: string, value: string): Promise<void> {
        const { code, stderr } = await this.pulumi(
            ["config", "set", "--stack", stackName, "--secret", key],
            { input: value },
        );
        if (code !== 0) throw new Error(`pulumi config set ${key} failed:\n${stderr}`);
    }

    /** `pulumi stack init` writes the stack's file beside Pulumi.yaml, so it runs in a folder that has a copy. */
    private async initialise(): Promise<void> {
        const work = fs.mkdtempSync(path.join(this.folder, "init-"));
        try {
            fs.copyFileSync(path.join(this.project, "Pulumi.yaml"), path.join(work, "Pulumi.yaml"));
            const options = { cwd: work, env: this.environment };
            const { code, stderr } = await runQuietly(
                "pulumi",
                ["stack", "init", stackName, "--secrets-provider=passphrase", "--non-interactive"],
                options,
            );
            // A stack without its file is what a killed first run leaves; its file is made by a first configuration.
            if (code !== 0 && !stderr.includes("already exists")) {
                throw new Error(`pulumi stack init failed:\n${stderr}`);
            }
            await run(
                "pulumi",
                [
                    "config",
                    "set",
                    "--stack",
                    stackName,
                    "--secret",
                    "--non-interactive",
                    "hcloud:token",
                ],
                { ...options, input: this.cloud.hcloudToken },
            );
            fs.renameSync(path.join(work, `Pulumi.${stackName}.yaml`), this.stackFile);
            fs.chmodSync(this.stackFile, 0o600);
        } finally {
            fs.rmSync(work, { recursive: true, force: true });
        }
        await run("pulumi", ["stack", "select", stackName], {
            cwd: this.project,
            env: this.environment,
        });
    }

    /**
     * Sets the keys that are missing, and `always` whatever is there: what the user has set with `pulumi config` stays.
     */
    private configure(missing: StackConfig, always: StackConfig): void {
        const document = this.document();
        const before = document.toString();
        for (const [key, value] of Object.entries(missing)) {
            if (!document.hasIn(["config", key])) document.setIn(["config", key], value);
        }
        for (const [key, value] of Object.entries(always)) document.setIn(["config", key], value);
        if (document.toString() === before) return;
        fs.writeFileSync(`${this.stackFile}.tmp`, document.toString(), { mode: 0o600 });
        fs.renameSync(`${this.stackFile}.tmp`, this.stackFile);
    }

    /** Runs `pulumi` to its end and returns what it printed. */
    async pulumi(
        args: string[],
        options: { input?: string; env?: NodeJS.ProcessEnv } = {},
    ): Promise<Finished> {
        return runQuietly("pulumi", this.arguments([...args, "--non-interactive"]), {
            cwd: this.project,
            env: { ...this.environment, ...options.env },
            input: options.input,
        });
    }

    /** Runs `pulumi` on this terminal, arguments as typed, and returns its exit code. */
    async pulumiInForeground(args: string[]): Promise<number> {
        return runInForeground("pulumi", this.arguments(args), {
            cwd: this.project,
            env: this.environment,
        });
    }

    /** Adds the place of the stack's file to the commands that take one, unless the user named another. */
    arguments(args: string[]): string[] {
        const command = args.find((argument) => !argument.startsWith("-")) ?? "";
        if (!takesConfigFile.has(command) || args.some((a) => a.startsWith("--config-file")))
            return args;
        const at = args.indexOf(command) + 1;
        return [...args.slice(0, at), `--config-file=${this.stackFile}`, ...args.slice(at)];
    }

    /** The stack's outputs, secrets in plain. */
    async outputs(): Promise<Record<string, unknown>> {
        const { code, stdout } = await this.pulumi([
            "stack",
            "output",
            "--stack",
            stackName,
            "--json",
            "--show-secrets",
        ]);
        return code === 0 ? (JSON.parse(stdout) as Record<string, unknown>) : {};
    }
}
