import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { setupScript } from "../../../components/host/host-setup";
import { planHost, systems, type HostPlanArgs } from "../../../components/host/plan";
import { hostScriptBody, renderHostScript } from "../../../components/host/script";
import { endMarker, sealScript } from "../../../components/host/seal";
import { hostTemplate } from "../../../components/host/template";
import { dataDevice, planArguments, secrets } from "./arguments";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-script-"));
after(() => fs.rmSync(folder, { recursive: true }));

/** The calls of a script's steps, without the contents of files. */
function steps(script: string): string[] {
    const lines = script.slice(script.indexOf("apply_host() {\n")).split("\n").slice(1);
    const found: string[] = [];
    let delimiter: string | undefined;
    for (const line of lines) {
        if (delimiter !== undefined) {
            if (line === delimiter) delimiter = undefined;
            continue;
        }
        if (line === "}") break;
        delimiter = / <<'(\w+)'$/.exec(line)?.[1];
        found.push(line.replace(/ <<'\w+'$/, ""));
    }
    return found;
}

describe("the host script", () => {
    test("has no pipe that ends at the first match: with pipefail that fails when it is found", () => {
        const folder = path.join(__dirname, "../../../cloud-init/host");
        const scripts = fs.readdirSync(folder).filter((name) => name.endsWith(".sh"));
        assert.ok(scripts.length > 30);
        const found = scripts.filter((name) =>
            /\|\s*grep (-\S+ )*-\w*q/.test(fs.readFileSync(path.join(folder, name), "utf8")),
        );
        assert.deepEqual(found, []);
    });

    for (const system of systems) {
        for (const debug of [false, true]) {
            test(`of ${system}${debug ? " with debug" : ""} is clean bash`, () => {
                const args: HostPlanArgs = {
                    ...planArguments,
                    system,
                    debug,
                    secretDelivery: "user-data",
                };
                const values = { dataDevice, secrets };
                for (const [name, script] of Object.entries({
                    host: renderHostScript(planHost(args), values),
                    setup: setupScript(planHost(args), values),
                })) {
                    const file = path.join(folder, `${name}.sh`);
                    fs.writeFileSync(file, script);
                    execFileSync("bash", ["-n", file], { stdio: "pipe" });
                    const check = spawnSync("shellcheck", [file], { encoding: "utf8" });
                    assert.equal(check.error, undefined);
                    assert.equal(check.stdout, "");
                }
            });
        }
    }

    test("leaves to SSH what first boot does without", () => {
        const plan = planHost(planArguments);
        const placed = (script: string) =>
            [...script.matchAll(/^put (\S+)/gm)].map(([, file]) => file!.replaceAll("'", ""));
        const later = plan.files.filter(({ overSshOnly }) => overSshOnly).map((file) => file.path);
        assert.deepEqual(later, [
            "/usr/local/lib/mailhost/certificates",
            "/usr/local/bin/mailhost",
            "/usr/local/lib/mailhost/status",
            "/usr/local/lib/mailhost/logs",
            "/usr/local/lib/mailhost/causes",
            "/usr/local/lib/mailhost/stack",
        ]);
        const atFirst = placed(renderHostScript(plan, { dataDevice }));
        const overSsh = placed(hostScriptBody(plan, { dataDevice }));
        assert.ok(atFirst.length > 10);
        assert.deepEqual(
            overSsh.filter((file) => !atFirst.includes(file)),
            later,
        );
    });

    test("places configuration before the packages that start with it, and what is checked after", () => {
        const calls = steps(renderHostScript(planHost(planArguments), { dataDevice }));
        const order = calls.map((call) => call.split(" ").slice(0, 2).join(" "));
        const at = (call: string) => {
            const index = order.indexOf(call);
            assert.notEqual(index, -1, `no step ${call}`);
            return index;
        };
        assert.ok(at("put /etc/docker/daemon.json") < at("install_packages ca-certificates"));
        assert.ok(
            at("put /etc/systemd/system/docker.service.d/mailhost.conf") <
                at("install_packages ca-certificates"),
        );
        assert.ok(at("install_packages ca-certificates") < at("put /etc/mailhost/firewall.nft"));
        assert.ok(
            at("install_packages ca-certificates") <
                at("put /etc/ssh/sshd_config.d/00-mailhost.conf"),
        );
        assert.ok(
            at("use_data_volume /root/forwardemail.net/self-hosting") <
                at("start_data_unit docker.service"),
        );
        assert.deepEqual(calls.slice(0, 2), ["leave_what_was_set_up", "prepare_state"]);
        const later = steps(setupScript(planHost(planArguments), { dataDevice }));
        assert.equal(later[0], "prepare_state");
        assert.equal(calls.at(-1), "finish");
    });

    test("believes a foreign package source by its key before it is used", () => {
        const calls = steps(
            renderHostScript(planHost({ ...planArguments, system: "debian-12" }), { dataDevice }),
        );
        const key = calls.findIndex((call) => call.startsWith("fetch_key docker https://"));
        assert.match(
            calls[key] ?? "",
            / https:\/\/download\.docker\.com\/linux\/debian\/gpg 9DC858229FC7DD38854AE2D88D81803C0EBFCD88$/,
        );
        assert.equal(calls[key + 1], "put /etc/apt/sources.list.d/docker.sources 0644 '' ''");
        assert.match(calls[key + 2] ?? "", /^install_packages /);
    });

    test("is the same for the same plan, and another for another device", () => {
        const plan = planHost(planArguments);
        assert.equal(
            renderHostScript(plan, { dataDevice }),
            renderHostScript(planHost(planArguments), { dataDevice }),
        );
        assert.notEqual(
            renderHostScript(plan, { dataDevice }),
            renderHostScript(plan, { dataDevice: "/dev/sdb" }),
        );
    });

    test("holds secrets only where the plan has a place for them", () => {
        const script = (args: HostPlanArgs) =>
            renderHostScript(planHost(args), { dataDevice, secrets });
        assert.ok(!script(planArguments).includes(secrets.cloudflareApiToken));
        assert.ok(!script(planArguments).includes("AUTH_BASIC_PASSWORD"));
        const open = script({ ...planArguments, secretDelivery: "user-data" });
        assert.ok(
            open.includes(
                "put /root/.cloudflare.ini 0600 '' '' <<'END_OF_FILE'\n" +
                    `dns_cloudflare_api_token = ${secrets.cloudflareApiToken}\nEND_OF_FILE\n`,
            ),
        );
    });

    test("leaves out what it was given no secret for", () => {
        const plan = planHost({ ...planArguments, secretDelivery: "user-data" });
        const script = renderHostScript(plan, { dataDevice });
        assert.ok(!script.includes("AUTH_BASIC_PASSWORD"));
        assert.ok(!script.includes("put /root/.cloudflare.ini"));
    });

    test("prints no secret when it is verbose", () => {
        // The steps themselves change a system; what is printed of them is decided by how they are written.
        const plan = planHost({ ...planArguments, debug: true, secretDelivery: "user-data" });
        const script = renderHostScript(plan, { dataDevice, secrets });
        assert.match(script, /\nwith_log apply_host\n# mailhost: end/);
        const calls = script.slice(
            script.indexOf("apply_host() {"),
            script.indexOf("with_log apply_host"),
        );
        const output = spawnSync("bash", ["-euo", "pipefail"], {
            encoding: "utf8",
            input: `${calls.replaceAll(/^[a-z_]+(?= |$)/gm, "step")}
step() { case \${1-} in /*) cat >/dev/null ;; esac; }
set -x
apply_host </dev/null`,
        });
        assert.equal(output.status, 0, output.stderr);
        assert.match(output.stderr, /\/root\/\.cloudflare\.ini/);
        for (const secret of Object.values(secrets)) assert.ok(!output.stderr.includes(secret));
    });

    test("carries any text into a file unchanged", () => {
        const line = fc.oneof(
            fc.constantFrom("END_OF_FILE", "END_OF_FILE_1", "$(id)", "`id`", "\\", "'", '"', ""),
            fc.string({ unit: "grapheme" }).map((text) => text.replace(/[\n\r\0]/g, "")),
        );
        fc.assert(
            fc.property(fc.array(line, { minLength: 1, maxLength: 8 }), (lines) => {
                const content = lines.map((text) => `${text}\n`).join("");
                const plan = planHost(planArguments);
                const script = renderHostScript(
                    { ...plan, files: [{ path: "/the/file", mode: "0644", content }] },
                    { dataDevice },
                );
                const from = script.indexOf("put /the/file ");
                const call = script.slice(from, script.indexOf("\napply_effects\n", from));
                const output = execFileSync("bash", ["-euo", "pipefail"], {
                    input: `put() { cat; }\n${call}\n`,
                    encoding: "utf8",
                });
                assert.equal(output, content);
            }),
            { numRuns: 60 },
        );
    });
});

describe("a sealed script", () => {
    test("ends with the marker and the hash of all before it", () => {
        const hash = execFileSync("sha256sum", { input: "true\n", encoding: "utf8" }).slice(0, 64);
        assert.equal(sealScript("true\n"), `true\n# mailhost: end of script ${hash}\n`);
    });

    test("is what every rendering ends with, once", () => {
        for (const script of [
            renderHostScript(planHost(planArguments), { dataDevice }),
            setupScript(planHost(planArguments), { dataDevice }),
        ]) {
            assert.equal(script.split(endMarker).length, 2);
            assert.match(script, /\n# mailhost: end of script [0-9a-f]{64}\n$/);
        }
    });
});

describe("the shell files that land on a host", () => {
    const source = path.join(__dirname, "../../../cloud-init/host");
    for (const name of fs.readdirSync(source).filter((file) => file.endsWith(".sh"))) {
        test(`${name} passes shellcheck`, () => {
            const check = spawnSync("shellcheck", [path.join(source, name)], { encoding: "utf8" });
            assert.equal(check.error, undefined);
            assert.equal(check.stdout, "");
        });
    }

    test("know one another's functions", () => {
        const defined = ["apply.sh", "packages.sh", "data-device.sh", "volume.sh", "first-boot.sh"]
            .flatMap((name) => [...hostTemplate(name).matchAll(/^([a-z_]+)\(\)/gm)])
            .map((match) => match[1]);
        const called = steps(
            renderHostScript(planHost({ ...planArguments, system: "debian-12" }), { dataDevice }),
        ).map((call) => call.split(" ")[0]);
        assert.deepEqual(
            called.filter((name) => !defined.includes(name)),
            [],
        );
    });
});
