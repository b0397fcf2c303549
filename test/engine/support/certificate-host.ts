import { spawn, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { run, runQuietly, type Finished } from "../../../cli/run-program";
import { dataMountPoint } from "../../../components/host/data-volume";
import { planHost } from "../../../components/host/plan";
import { planArguments } from "../../unit/host/arguments";

/** A container as far as the host's script looks at it. */
export interface StandInContainer {
    name: string;
    label: "reload" | "restart";
    /** @default no health check */
    health?: string;
    /** What it is after it has been restarted. @default as before */
    healthAfter?: string;
    /** Docker does neither signal nor restart it. @default false */
    refused?: boolean;
    /** Seconds since it was started. */
    age: number;
}

/**
 * Plays `docker` for the few commands that the script uses: a container is a folder, what was done to it a line in the
 * log.
 */
const standInDocker = `#!/bin/bash
set -euo pipefail
cd /run/docker
command=$1
shift
case $command in
    ps)
        [ ! -e silent ] || exit 1
        for id in $(ls -r containers); do
            [ "--filter label=mailhost.certificate=$(cat "containers/$id/label")" != "$3 $4" ] || echo "$id"
        done
        ;;
    inspect)
        cd "containers/$3"
        case $2 in
            *StartedAt*) echo "/$(cat name)|$(cat started)" ;;
            *) cat health ;;
        esac
        ;;
    kill)
        [ ! -s "containers/$3/refused" ] || exit 1
        echo "kill $1 $2 $(cat "containers/$3/name")" >>log
        ;;
    restart)
        [ ! -s "containers/$1/refused" ] || exit 1
        echo "restart $(cat "containers/$1/name")" >>log
        date --utc --iso-8601=ns >"containers/$1/started"
        cp "containers/$1/health-after" "containers/$1/health"
        ;;
    *) exit 1 ;;
esac
`;

/** Everything that the script writes to lies in memory, seen by nobody else. */
const namespaceSetUp = `
set -e
mount -t tmpfs tmpfs /run
for folder in /etc /usr/local; do
    mkdir -p "/run/over$folder/upper" "/run/over$folder/work"
    mount -t overlay overlay -o "lowerdir=$folder,upperdir=/run/over$folder/upper,workdir=/run/over$folder/work" "$folder"
done
mount -t tmpfs tmpfs /root
mount -t tmpfs tmpfs /var/lib
mkdir -p ${dataMountPoint} /run/docker/containers /usr/local/lib/mailhost /usr/local/bin
mount -t tmpfs tmpfs ${dataMountPoint}
echo ready
exec sleep infinity
`;

/**
 * A host's files in a mount namespace of their own, with the host plan's certificate script at its real path; network
 * and processes are this computer's. For root.
 */
export class CertificateHost {
    private constructor(
        private readonly holder: ChildProcess,
        private readonly environment: NodeJS.ProcessEnv,
    ) {}

    /** @param environment of everything that runs there, beside PATH and HOME. */
    static async start(environment: NodeJS.ProcessEnv): Promise<CertificateHost> {
        // The kernel ends it when this process ends, and the namespace with it.
        const holder = spawn(
            "setpriv",
            ["--pdeathsig", "KILL", "unshare", "--mount", "sh", "-c", namespaceSetUp],
            { stdio: ["ignore", "pipe", "pipe"] },
        );
        await new Promise<void>((resolve, reject) => {
            let said = "";
            holder.stderr.on("data", (text: Buffer) => (said += text.toString()));
            holder.stdout.once("data", () => resolve());
            holder.once("exit", () => reject(new Error(`no mount namespace: ${said}`)));
        });
        const host = new CertificateHost(holder, environment);
        for (const file of planHost(planArguments).files) {
            if (!file.path.startsWith("/usr/local/")) continue;
            host.write(file.path, file.content, 0o755);
        }
        host.write("/usr/local/bin/docker", standInDocker, 0o755);
        return host;
    }

    /** Where this process finds a file of the host. */
    path(file: string): string {
        return path.join(`/proc/${this.holder.pid}/root`, file);
    }

    write(file: string, content: string, mode = 0o644): void {
        fs.mkdirSync(path.dirname(this.path(file)), { recursive: true });
        fs.writeFileSync(this.path(file), content, { mode });
    }

    read(file: string): string {
        return fs.readFileSync(this.path(file), "utf8");
    }

    exists(file: string): boolean {
        return fs.existsSync(this.path(file));
    }

    /** Permissions, owner and group, as in `0400 990:991`. */
    access(file: string): string {
        const { mode, uid, gid } = fs.lstatSync(this.path(file));
        return `${(mode & 0o7777).toString(8).padStart(4, "0")} ${uid}:${gid}`;
    }

    async bash(script: string, ...args: string[]): Promise<Finished> {
        return runQuietly(
            "nsenter",
            [`--mount=/proc/${this.holder.pid}/ns/mnt`, "bash", "-euo", "pipefail", "-s", ...args],
            {
                input: script,
                cwd: "/",
                env: {
                    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                    HOME: "/root",
                    ...this.environment,
                },
                timeoutSeconds: 300,
            },
        );
    }

    /** Runs the host's script as its users do. */
    certificates(...args: string[]): Promise<Finished> {
        return this.bash(`exec /usr/local/lib/mailhost/certificates "$@"`, ...args);
    }

    /** Replaces the containers that run, in the order in which they were made, and forgets what was done. */
    async containers(containers: readonly StandInContainer[]): Promise<void> {
        await this.bash(
            "rm -rf /run/docker/containers /run/docker/log; mkdir /run/docker/containers",
        );
        for (const [index, container] of containers.entries()) {
            const { name, label, health = "running", healthAfter = health, age } = container;
            const started = new Date(Date.now() - age * 1000).toISOString();
            const values = { name, label, started, health, "health-after": healthAfter };
            for (const [key, value] of Object.entries(values)) {
                this.write(`/run/docker/containers/${index}/${key}`, `${value}\n`);
            }
            if (container.refused) this.write(`/run/docker/containers/${index}/refused`, "yes\n");
        }
    }

    /** What was done to containers, a line each. */
    containerLog(): string[] {
        const log = "/run/docker/log";
        return this.exists(log) ? this.read(log).trim().split("\n") : [];
    }

    async stop(): Promise<void> {
        const ended = new Promise((resolve) => this.holder.once("exit", resolve));
        this.holder.kill("SIGKILL");
        await ended;
    }
}

/** Why the host's script can't be run here; undefined when it can. */
export async function whyNoCertificateHost(): Promise<string | undefined> {
    if (process.getuid?.() !== 0) return "a mount namespace is root's alone";
    for (const program of ["certbot", "knotd", "go", "nsenter"]) {
        const { code } = await runQuietly("sh", ["-c", `command -v ${program}`]);
        if (code !== 0) return `there is no ${program} here`;
    }
    const plugins = await run("certbot", ["plugins", "--prepare"]).catch(String);
    return plugins.includes("dns-cloudflare")
        ? undefined
        : "certbot has no plugin for Cloudflare here (python3-certbot-dns-cloudflare)";
}
