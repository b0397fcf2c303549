import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { planHost, type HostPlan, type HostPlanArgs } from "../../../components/host/plan";
import { hostScriptBody, renderHostScript, scriptHead } from "../../../components/host/script";
import { hostTemplate } from "../../../components/host/template";
import { dataDevice, planArguments } from "./arguments";

/** The system around the files: what is asked of it is answered as on a host where everything runs. */
const programs: Record<string, string> = {
    hostname: "#!/bin/sh\n",
    systemctl: "#!/bin/sh\n",
    mountpoint: '#!/bin/sh\n[ -e "$FAKE/mounted" ]\n',
    findmnt: `#!/bin/sh\necho ${dataDevice}\n`,
};

let root: string;
beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-first-boot-"));
    for (const folder of ["bin", "etc", "state", "instance"]) fs.mkdirSync(path.join(root, folder));
    for (const [name, text] of Object.entries(programs)) {
        fs.writeFileSync(path.join(root, "bin", name), text, { mode: 0o755 });
    }
    fs.writeFileSync(path.join(root, "etc", "hosts"), "127.0.0.1 localhost\n");
    bootAs("4711");
});
afterEach(() => fs.rmSync(root, { recursive: true }));

/** What cloud-init calls the machine. */
function bootAs(instance: string): void {
    fs.writeFileSync(path.join(root, "instance", "instance-id"), `${instance}\n`);
    fs.rmSync(path.join(root, "mounted"), { force: true });
}

/** The plan's files below the scratch folder; without packages, units and checks, which are the system's. */
function here(args: HostPlanArgs): HostPlan {
    const plan = planHost(args);
    return {
        ...plan,
        ...{ packages: [], sysctls: [], units: { enabled: [], masked: [] }, dataUnits: [] },
        files: plan.files.map((file) => ({
            ...file,
            check: undefined,
            path: path.join(root, "host", file.path),
        })),
        dataVolume: {
            ...plan.dataVolume,
            ...{ mountPoint: path.join(root, "data"), folders: [] },
            deviceFile: path.join(root, "host", plan.dataVolume.deviceFile),
        },
        swap: { ...plan.swap, belowMemoryKib: 0 },
    };
}

function run(script: string, variables: Record<string, string> = {}): string {
    const text = script
        .replaceAll("/var/lib/cloud/data", path.join(root, "instance"))
        .replaceAll("state=/var/lib/mailhost", `state=${path.join(root, "state")}`)
        .replaceAll("/var/lib/mailhost/", `${path.join(root, "state")}/`)
        .replaceAll("/run/mailhost", path.join(root, "run"))
        .replaceAll(/\/etc\/(hosts|hostname)\b/g, path.join(root, "etc", "$1"))
        .replaceAll(/\b0:0\b/g, `${process.getuid?.()}:${process.getgid?.()}`)
        .replaceAll('"$(id -u)" = 0', "0 = 0")
        // The device is none of this computer's.
        .replaceAll(/^grow_file_system .*$/gm, "true");
    const { status, stdout, stderr } = spawnSync("bash", ["-euo", "pipefail"], {
        input: text,
        encoding: "utf8",
        env: {
            ...process.env,
            PATH: `${path.join(root, "bin")}:${process.env["PATH"]}`,
            FAKE: root,
            ...variables,
        },
    });
    assert.equal(status, 0, stdout + stderr);
    assert.equal(stderr, "");
    return stdout;
}

const firstBoot = (args = planArguments) =>
    run(renderHostScript(here(args), { dataDevice }), { MAILHOST_FIRST_BOOT: "yes" });

/** What `pulumi up` sends, once the volume is there. */
function overSsh(args = planArguments): string {
    fs.writeFileSync(path.join(root, "mounted"), "");
    const body = hostScriptBody(here(args), { dataDevice });
    return run(scriptHead + hostTemplate("apply.sh") + body);
}

/** Path → content of all that was placed. */
function placed(): Record<string, string> {
    const folder = path.join(root, "host");
    return Object.fromEntries(
        fs
            .readdirSync(folder, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => path.join(entry.parentPath, entry.name))
            .map((file) => [file.slice(folder.length), fs.readFileSync(file, "utf8")])
            .sort(),
    ) as Record<string, string>;
}

const command = "/usr/local/bin/mailhost";
const later = { ...planArguments, rebootTime: "05:15", authorizedKeys: [] };
const earlier = { ...planArguments, authorizedKeys: ["ssh-ed25519 AAAA somebody who has left"] };

describe("first boot", () => {
    test("leaves the host's command to the first script over SSH", () => {
        assert.match(firstBoot(), /\nmailhost: first boot is done: Docker starts when/);
        assert.ok("/etc/docker/daemon.json" in placed());
        assert.ok(!(command in placed()));
        overSsh();
        assert.ok(command in placed());
    });

    for (const mounted of [false, true]) {
        test(`once more on a host that was set up changes nothing${mounted ? ", its volume mounted" : ""}`, () => {
            firstBoot(earlier);
            overSsh(later);
            const before = placed();
            bootAs("4711");
            if (mounted) fs.writeFileSync(path.join(root, "mounted"), "");
            assert.equal(
                firstBoot(earlier),
                "mailhost: this host was set up already and stays as it is: what changed since comes over SSH\n",
            );
            assert.deepEqual(placed(), before);
        });
    }

    test("goes on where a set-up did not come to its end", () => {
        firstBoot(earlier);
        fs.rmSync(path.join(root, "host", "etc/docker/daemon.json"));
        firstBoot(earlier);
        assert.ok("/etc/docker/daemon.json" in placed());
    });

    test("of another machine that is a copy of one that was set up is a first one", () => {
        firstBoot(earlier);
        overSsh(earlier);
        bootAs("4712");
        firstBoot(later);
        const files = placed();
        assert.match(files["/etc/apt/apt.conf.d/52mailhost"]!, /"05:15"/);
        assert.equal(files["/etc/ssh/authorized_keys.d/root"], "");
        overSsh(later);
        assert.ok(command in placed());
    });
});

describe("the wait for first boot", () => {
    const log = "/var/log/cloud-init-output.log";

    /**
     * Waits beside a cloud-init whose status ends with a code, its last stage running for some more looks at it, with so
     * many seconds between them on the shell's clock.
     */
    function wait({ code, looks, seconds = 0 }: { code: number; looks: number; seconds?: number }) {
        const program = (name: string, text: string) =>
            fs.writeFileSync(path.join(root, "bin", name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
        program("cloud-init", `[ "$2" = --wait ] && exit ${code}; echo 'status: error'`);
        program(
            "systemctl",
            `[ "$*" = 'show --property=Job cloud-final.service' ] || exit 1
            if [ "$(cat "$FAKE/looks" | wc -l)" -lt ${looks} ]; then echo Job=112; else echo Job=0; echo done >"$FAKE/log"; fi`,
        );
        fs.writeFileSync(path.join(root, "looks"), "");
        fs.writeFileSync(path.join(root, "log"), "under way\n");
        const script = ["apply.sh", "first-boot.sh"].map((name) => hostTemplate(name)).join("");
        return spawnSync("bash", ["-euo", "pipefail"], {
            input:
                script.replaceAll(log, path.join(root, "log")) +
                `sleep() { echo again >>"$FAKE/looks"; SECONDS=$((SECONDS + ${seconds})); }\nwait_for_first_boot\n`,
            encoding: "utf8",
            env: {
                ...process.env,
                PATH: `${path.join(root, "bin")}:${process.env["PATH"]}`,
                FAKE: root,
            },
        });
    }

    test("ends with the last stage where cloud-init gives up at its first error", () => {
        const { status, stdout, stderr } = wait({ code: 1, looks: 3 });
        assert.equal(fs.readFileSync(path.join(root, "looks"), "utf8"), "again\n".repeat(3));
        assert.equal(status, 1);
        assert.equal(
            stdout,
            "mailhost: cloud-init has finished, and complains (1):\nmailhost:   | status: error\n",
        );
        assert.match(stderr, /^mailhost: {3}\| done\nmailhost: error: cloud-init failed; /);
    });

    test("ends after half an hour all the same", () => {
        const { status, stderr } = wait({ code: 1, looks: 100, seconds: 600 });
        assert.equal(fs.readFileSync(path.join(root, "looks"), "utf8"), "again\n".repeat(3));
        assert.equal(status, 1);
        assert.match(stderr, /^mailhost: {3}\| under way\nmailhost: error: .* after 30 minutes; /);
    });

    test("is over when cloud-init says so and nothing of it runs", () => {
        const { status, stdout, stderr } = wait({ code: 0, looks: 0 });
        assert.deepEqual([status, stdout, stderr], [0, "", ""]);
        assert.equal(fs.readFileSync(path.join(root, "looks"), "utf8"), "");
    });
});
