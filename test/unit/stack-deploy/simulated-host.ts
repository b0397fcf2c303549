import { spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach } from "node:test";
import { dataMountPoint } from "../../../components/host/data-volume";
import { deployScript, type Deployment } from "../../../components/stack/deploy";
import { describedRelease, describedSecrets } from "./described-release";

/**
 * Stands for docker. Its compose file has a line a service: name, content, and how it fares (`healthy`, `unhealthy`,
 * `ends`); a service whose line is another than before gets a new container. What it is called with is kept.
 */
const docker = String.raw`#!/bin/bash
set -euo pipefail
printf '%s\n' "$*" >>"$FAKE/calls"
mkdir -p "$FAKE/containers"
kill_all() { for pid in $(ps -o pid= --sid "$(ps -o sid= -p $$ | tr -d ' ')"); do [ "$pid" = $$ ] || kill -9 "$pid" || true; done 2>/dev/null; kill -9 $$; }
# The file says: at the how many-th call that matches which pattern; in a second line, once which file is there.
if [ -e "$FAKE/kill-at" ]; then
    { read -r count pattern; read -r after || true; } <"$FAKE/kill-at"
    if [[ $* =~ $pattern ]] && [ -e "$FAKE/$after" ]; then
        printf x >>"$FAKE/kill-count"
        [ "$(wc -c <"$FAKE/kill-count")" != "$count" ] || kill_all
    fi
fi
# A service is ill until the time in its file: seconds since 1970.
is_ill() { [ -e "$FAKE/ill-$1" ] && (($(date +%s) < $(cat "$FAKE/ill-$1"))); }
row() {
    local name=$1 id content state
    read -r id content state <"$FAKE/containers/$name"
    ! is_ill "$name" || state=unhealthy
    case $state in
        stopped) printf '%s|%s|exited|unhealthy|0|%s|false|2026-01-01T00:00:00Z|unless-stopped\n' "$name" "$id" "$(cat "$FAKE/exit-code" 2>/dev/null || echo 0)" ;;
        ends) printf '%s|%s|restarting|starting|4|1|false|2026-01-01T00:00:00Z|unless-stopped\n' "$name" "$id" ;;
        *) printf '%s|%s|running|%s|0|0|false|2026-01-01T00:00:00Z|unless-stopped\n' "$name" "$id" "$state" ;;
    esac
}
case "$*" in
    'info --format {{.DockerRootDir}}') printf '%s\n' "$FAKE" ;;
    info) [ ! -e "$FAKE/no-docker" ] || exit 1 ;;
    'image inspect --format {{.ID}} '*) grep -qxF -- "${"$"}{*:5}" "$FAKE/images" && printf 'sha256:%s\n' "$(printf '%s' "${"$"}{*:5}" | sha256sum | cut -c 1-64)" ;;
    'image inspect '*) grep -qxF -- "${"$"}{*:3}" "$FAKE/images" ;;
    'image rm '*) sed -i "\|^${"$"}{*:3}$|d" "$FAKE/images" ;;
    'pull --quiet '*) image=${"$"}{*:3}; file=$FAKE/pull-$(printf '%s' "$image" | tr '/:' '__'); if [ -s "$file" ]; then head -n 1 "$file" >&2; sed -i 1d "$file"; exit 1; fi; printf '%s\n' "$image" >>"$FAKE/images" ;;
    'run '*) cat "$FAKE/id" ;;
    compose*' config --quiet') for word; do case $word in */docker-compose-self-hosting.yml) ! grep -q broken "$word" || { cat "$FAKE/compose-refuses" 2>/dev/null || echo 'yaml: line 1: did not find'; exit 1; } >&2 ;; esac; done ;;
    compose*' up '*)
        for half in "$FAKE/containers"/????????????_*; do [ ! -e "$half" ] || { echo "Error response from daemon: Conflict. The container name \"/${"$"}{half##*/}\" is already in use" >&2; exit 1; }; done
        file=$(printf '%s\n' "$@" | grep docker-compose-self-hosting.yml | head -n 1)
        while read -r name content state; do
            if [ "$(cut -d ' ' -f 2 "$FAKE/containers/$name" 2>/dev/null)" != "$content" ]; then
                printf '%s %s %s\n' "$(cat /proc/sys/kernel/random/uuid)" "$content" "$state" >"$FAKE/containers/$name"
            fi
        done <"$file"
        for container in "$FAKE/containers"/*; do grep -q "^${"$"}{container##*/} " "$file" || rm "$container"; done
        [ ! -e "$FAKE/compose-seconds" ] || /bin/sleep "$(cat "$FAKE/compose-seconds")"
        while read -r name content state; do if [ -e "$FAKE/compose-waits" ] && is_ill "$name"; then state=unhealthy; fi; [ "$state" != unhealthy ] || { echo "dependency failed to start: container $name is unhealthy" >&2; : >"$FAKE/compose-failed"; exit 1; }; done <"$file"
        ;;
    compose*' logs '*) cat "$FAKE/logs" 2>/dev/null || true ;;
    compose*' stop') rm -f "$FAKE/containers"/* ;;
    'ps --all --quiet --no-trunc --latest'*) service=${"$"}{*: -1}; service=${"$"}{service##*=}; [ ! -e "$FAKE/containers/$service" ] || echo "$service" ;;
    'ps --all --quiet --filter '*) case "$*" in *status=running*) ls "$FAKE/containers" ;; esac ;;
    'ps --all --no-trunc '*'{{.ID}} {{.Names}}') for file in "$FAKE/containers"/*; do [ ! -e "$file" ] || printf '%s %s\n' "$(cut -d ' ' -f 1 "$file")" "${"$"}{file##*/}"; done ;;
    'stop -t 60 '*) ;;
    'rm --force '*) file=$(grep -l "^${"$"}{*:3} " "$FAKE/containers"/*) && rm "$file" ;;
    'ps --all --quiet --no-trunc'*) ls "$FAKE/containers" ;;
    'inspect --format {{index .Config.Labels "com.docker.compose.service"}}'*) for name in "${"$"}{@:4}"; do row "$name"; done ;;
    'inspect --format state:'*) cat "$FAKE/state" 2>/dev/null || echo 'state: running, exit code 0, out of memory: false, restarts: 0' ;;
    'inspect --format {{with .State.Health}}'*) ;;
    logs*) cat "$FAKE/logs" 2>/dev/null || true ;;
    *) echo "the simulated docker does not know: $*" >&2; exit 64 ;;
esac
`.replaceAll('${"$"}', "$");

const programs: Record<string, string> = {
    docker,
    mountpoint: '#!/bin/sh\n[ ! -e "$FAKE/not-mounted" ]\n',
    systemctl: String.raw`#!/bin/sh
printf "systemctl %s\n" "$*" >>"$FAKE/systemctl"
case "$*" in
    *is-system-running) cat "$FAKE/system" 2>/dev/null || echo running ;;
    *is-active*.timer) ! grep -qsF "$3" "$FAKE/inactive" ;;
    "show --property=ActiveState,SubState,Job "*) cat "$FAKE/unit" 2>/dev/null || printf "ActiveState=inactive\nSubState=dead\n" ;;
    *"show -p"*mailhost-stack.service) cat "$FAKE/stack-unit" 2>/dev/null || printf "ActiveState=active\nSubState=exited\nNRestarts=0\n" ;;
    "stop mailhost-stack.service") [ ! -e "$FAKE/unit-does-not-end" ] || exit 1; rm "$FAKE/unit" ;;
    *is-active*mailhost-firewall*) [ ! -e "$FAKE/no-firewall" ] ;;
    *is-enabled* | *is-active*mailhost*) exit 1 ;;
    *list-units*) cat "$FAKE/failed-units" 2>/dev/null || true ;;
    "show --timestamp=utc --property=ActiveEnterTimestamp --value docker.service") cat "$FAKE/docker-start" 2>/dev/null || true ;;
    *"show -P"*) echo "something" ;;
esac
`,
    journalctl:
        '#!/bin/sh\nprintf "%s\\n" "$*" >>"$FAKE/journal-asked"\ncat "$FAKE/journal" 2>/dev/null || true\n',
    // Long, as rule sets may be: who looks for a line must not stop reading at it, or the program before is cut off.
    nft: '#!/bin/sh\n[ ! -e "$FAKE/no-rules" ] || exit 1\nprintf "table inet mailhost {\\n\\tchain input {\\n\\t\\ttype filter hook input priority filter; policy %s;\\n\\t}\\n}\\n" "$(cat "$FAKE/policy" 2>/dev/null || echo drop)"; seq 100000\n',
    findmnt: '#!/bin/sh\ncat "$FAKE/mount-options" 2>/dev/null || echo rw,nosuid,nodev,noatime\n',
    // As that of Debian 12, which knows no short names.
    timedatectl: '#!/bin/sh\n[ "$*" = "show --property=NTPSynchronized --value" ] && echo yes\n',
    hostname: "#!/bin/sh\necho mx.example.com\n",
    // What is root's on a host may be run by anybody here.
    id: '#!/bin/sh\n[ "$*" = -u ] || exec /usr/bin/id "$@"\ncat "$FAKE/uid" 2>/dev/null || echo 0\n',
    ss: '#!/bin/sh\ncat "$FAKE/listeners" 2>/dev/null || true\n',
    // Waiting is not what is tested.
    sleep: "#!/bin/sh\nexec /bin/sleep 0.02\n",
    df: '#!/bin/sh\ncase "$*" in *--output=pcent*) printf "Use%%\\n%s%%\\n" "$(cat "$FAKE/full" 2>/dev/null || echo 12)";; *--output=size*) printf "1G-blocks\\n40G\\n";; *--output=avail\\ *) printf "Avail\\n%s\\n" "$(cat "$FAKE/free" 2>/dev/null || echo 5000)";; *) printf "Avail Size Mounted\\n%sM 9980M /somewhere\\n" "$(cat "$FAKE/free" 2>/dev/null || echo 5000)";; esac\n',
    openssl:
        '#!/bin/sh\nif [ "$1" = s_client ]; then printf "%s\\n" "$*" >>"$FAKE/asked"; if [ -e "$FAKE/served.pem" ]; then echo "CONNECTED(00000003)"; cat "$FAKE/served.pem"; else echo "connect:errno=111 Connection refused"; fi; exit 0; fi\nexec /usr/bin/openssl "$@"\n',
};

export interface Ended {
    code: number | null;
    stdout: string;
    stderr: string;
}

/** A certificate and its key, made once. */
let certificate: { certificate: string; key: string } | undefined;

export function selfSigned(name = "example.com"): { certificate: string; key: string } {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-certificate-"));
    const [keyFile, file] = [path.join(folder, "key"), path.join(folder, "certificate")];
    const made = spawnSync(
        "openssl",
        [
            ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
            ...["-keyout", keyFile, "-out", file, "-days", "30", "-subj", `/CN=${name}`],
            ...["-addext", `subjectAltName=DNS:${name},DNS:*.${name}`],
        ],
        { encoding: "utf8" },
    );
    if (made.status !== 0) throw new Error(made.stderr);
    const result = {
        certificate: fs.readFileSync(file, "utf8"),
        key: fs.readFileSync(keyFile, "utf8"),
    };
    fs.rmSync(folder, { recursive: true });
    return result;
}

/** A folder that stands for a host: the scripts run for real, on programs that are simulated. */
export class SimulatedHost {
    readonly root = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-deploy-"));
    readonly data = path.join(this.root, "data");
    readonly fake = path.join(this.root, "fake");
    private readonly bin = path.join(this.root, "bin");
    readonly owner = `${process.getuid?.()}:${process.getgid?.()}`;

    /** @param like a host to begin as. @default one without a deployment */
    constructor(like?: SimulatedHost) {
        if (like) {
            fs.cpSync(like.root, this.root, { recursive: true, verbatimSymlinks: true });
            return;
        }
        for (const folder of [this.data, this.fake, this.bin, path.join(this.root, "library")]) {
            fs.mkdirSync(folder);
        }
        for (const [name, text] of Object.entries(programs)) {
            fs.writeFileSync(path.join(this.bin, name), text, { mode: 0o755 });
        }
        const [uid, gid] = this.owner.split(":");
        this.set("id", `uid=${uid}(forwardemail) gid=${gid}(forwardemail) groups=${gid}\n`);
        this.set("images", `${Object.values(describedRelease().images).join("\n")}\n`);
        for (const program of ["certificates", "stack"]) {
            const text = `#!/bin/sh\nprintf '%s\\n' "${program} $*" >>"$FAKE/library"\n[ ! -e "$FAKE/kill-in-${program}" ] || { for pid in $(ps -o pid= --sid "$(ps -o sid= -p $$ | tr -d " ")"); do [ "$pid" = $$ ] || kill -9 "$pid" || true; done 2>/dev/null; kill -9 $$; }\n[ ! -e "$FAKE/no-${program}" ] || { echo 'they can not' >&2; exit 1; }\n[ ! -e "$FAKE/no-${program}-$1" ] || { cat "$FAKE/no-${program}-$1" >&2; exit 1; }\n`;
            fs.writeFileSync(path.join(this.root, "library", program), text, { mode: 0o755 });
        }
        certificate ??= selfSigned();
        for (const name of ["cert", "fullchain"]) {
            this.place(`letsencrypt/live/example.com/${name}.pem`, certificate.certificate);
        }
        this.place("letsencrypt/live/example.com/privkey.pem", certificate.key);
        this.set("served.pem", certificate.certificate);
    }

    /** Decides how the simulated programs behave. */
    set(name: string, text: string): void {
        fs.writeFileSync(path.join(this.fake, name), text);
    }

    has(name: string): boolean {
        return fs.existsSync(path.join(this.fake, name));
    }

    unset(name: string): void {
        fs.rmSync(path.join(this.fake, name), { force: true });
    }

    /** What a simulated program has kept. */
    told(name: string): string[] {
        const file = path.join(this.fake, name);
        return fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
    }

    place(file: string, text: string): void {
        fs.mkdirSync(path.dirname(path.join(this.data, file)), { recursive: true });
        fs.writeFileSync(path.join(this.data, file), text);
    }

    read(file: string): string {
        return fs.readFileSync(path.join(this.data, file), "utf8");
    }

    /** Every file of the data volume besides the releases: path → content, mode. */
    placed(): Record<string, string> {
        const found: Record<string, string> = {};
        const walk = (folder: string) => {
            for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
                const file = path.join(folder, entry.name);
                const name = path.relative(this.data, file);
                if (name === "releases" || name === "letsencrypt") continue;
                if (entry.isDirectory()) walk(file);
                else {
                    const mode = (fs.statSync(file).mode & 0o777).toString(8);
                    found[name] = `${mode} ${fs.readFileSync(file, "utf8")}`;
                }
            }
        };
        walk(this.data);
        return found;
    }

    /** Folders of the releases that are kept, the oldest first. */
    releases(): string[] {
        const folder = path.join(this.data, "releases");
        if (!fs.existsSync(folder)) return [];
        return fs.readdirSync(folder).filter((name) => /^2/.test(name));
    }

    link(name: string): string | undefined {
        try {
            return fs.readlinkSync(path.join(this.data, "releases", name));
        } catch {
            return undefined;
        }
    }

    /** Service → id of its container, and what it was made from. */
    containers(): Record<string, { id: string; content: string }> {
        const folder = path.join(this.fake, "containers");
        return Object.fromEntries(
            fs.readdirSync(folder).map((name) => {
                const line = fs.readFileSync(path.join(folder, name), "utf8");
                const [id = "", content = ""] = line.split(" ");
                return [name, { id, content }];
            }),
        );
    }

    /** Makes a container as compose does before it removes the one that this is to replace. */
    makeHalf(service: string): string {
        const { id, content } = this.containers()[service]!;
        const name = `${id.replaceAll("-", "").slice(0, 12)}_${service}`;
        fs.writeFileSync(
            path.join(this.fake, "containers", name),
            `${randomUUID()} ${content} created\n`,
        );
        return name;
    }

    /** The script with this host's folders in place of a real one's. */
    here(script: string): string {
        return script
            .replaceAll(dataMountPoint, this.data)
            .replaceAll("/var/lib/mailhost", path.join(this.root, "state"))
            .replaceAll("/usr/local/lib/mailhost", path.join(this.root, "library"))
            .replaceAll("/run/mailhost", path.join(this.root, "run"))
            .replaceAll("[root]=0:0", `[root]=${this.owner}`);
    }

    /** @param variables of the script's environment: times that it has defaults for. */
    run(
        script: string,
        args: readonly string[] = [],
        variables: Readonly<Record<string, string>> = {},
    ): Promise<Ended> {
        fs.writeFileSync(path.join(this.root, "script"), this.here(script));
        return new Promise((resolve, reject) => {
            // A group of its own, which a simulated program may kill.
            const child = spawn("bash", [path.join(this.root, "script"), ...args], {
                detached: true,
                stdio: ["ignore", "pipe", "pipe"],
                env: {
                    ...process.env,
                    PATH: `${this.bin}:${process.env["PATH"]}`,
                    FAKE: this.fake,
                    ...variables,
                },
            });
            let stdout = "";
            let stderr = "";
            child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
            child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
            child.once("error", reject);
            child.once("close", (code) => resolve({ code, stdout, stderr }));
        });
    }

    deploy(
        further: Partial<Deployment> = {},
        variables: Readonly<Record<string, string>> = {},
    ): Promise<Ended> {
        return this.run(
            deployScript({
                release: describedRelease(),
                secrets: describedSecrets,
                addresses: { ipv4: "192.0.2.25", ipv6: "" },
                login: "ssh -p 22 root@192.0.2.25",
                healthSeconds: 20,
                verifySeconds: 1,
                ...further,
            }),
            [],
            variables,
        );
    }

    remove(): void {
        fs.rmSync(this.root, { recursive: true, force: true });
    }
}

/** The host of the test that runs, in a file that calls {@link simulateHost}. */
export let host: SimulatedHost;

/** Every test of the file gets a host without a deployment. */
export function simulateHost(): void {
    beforeEach(() => {
        host = new SimulatedHost();
    });
    afterEach(() => host.remove());
}

export const lines = (text: string) => text.split("\n").filter((line) => line !== "");
