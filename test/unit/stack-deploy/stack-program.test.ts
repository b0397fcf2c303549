import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, test } from "node:test";
import { stackHostFiles } from "../../../components/stack/deploy-host-files";
import { host, simulateHost } from "./simulated-host";

simulateHost();

const [program, unit] = stackHostFiles();
assert.ok(program && unit);
const stack = (...words: string[]) => host.run(program.content, words);
const composeFile = "docker-compose-self-hosting.yml";
const compose = (what: string) =>
    `compose --ansi never --project-directory ${host.data} --file ${host.data}/${composeFile} --env-file /dev/null ${what}`;
const composed = () => host.told("calls").filter((call) => call.startsWith("compose"));

describe("the program stack of the host", () => {
    test("starts what was deployed, and forgets what a guard stopped", async () => {
        host.place(composeFile, "mx 1 healthy\n");
        const list = path.join(host.root, "state", "stopped-containers");
        fs.mkdirSync(path.dirname(list));
        fs.writeFileSync(list, "0123\n");
        // It calls itself.
        fs.writeFileSync(path.join(host.root, "script"), "", { mode: 0o755 });
        const ended = await stack("start");
        assert.equal(ended.code, 0, ended.stderr);
        assert.deepEqual(composed(), [compose("up --detach --no-recreate --pull never")]);
        assert.equal(fs.existsSync(list), false);
    });

    test("has nothing to do before the first deployment, and nothing without the volume", async () => {
        assert.deepEqual(await stack("start"), {
            code: 0,
            stdout: "mailhost: nothing is deployed yet\n",
            stderr: "",
        });
        host.set("not-mounted", "");
        const ended = await stack("start");
        assert.deepEqual([ended.code, composed()], [1, []]);
        assert.match(ended.stderr, /^mailhost: error: the data volume is not mounted/);
    });

    test("leaves alone what runs", async () => {
        host.place(composeFile, "mx 1 healthy\n");
        fs.mkdirSync(path.join(host.fake, "containers"));
        host.set("containers/mx", "id 1 healthy\n");
        assert.equal((await stack("start")).code, 0);
        assert.deepEqual(composed(), []);
    });

    test("stops everything in order", async () => {
        host.place(composeFile, "mx 1 healthy\n");
        assert.equal((await stack("stop")).code, 0);
        assert.deepEqual(composed(), [compose("stop")]);
    });

    const spellings: [line: string, value: string][] = [
        ["HELPER_ENCRYPTION_KEY=abc", "abc"],
        ["HELPER_ENCRYPTION_KEY='abc'", "abc"],
        ['HELPER_ENCRYPTION_KEY="a b" # made once', "a b"],
        ["export HELPER_ENCRYPTION_KEY = abc # made once\r", "abc"],
        ["HELPER_ENCRYPTION_KEY=old\nHELPER_ENCRYPTION_KEY=abc", "abc"],
        ["HELPER_ENCRYPTION_KEY_OLD=no\nHELPER_ENCRYPTION_KEY=a=b", "a=b"],
    ];
    for (const [line, value] of spellings) {
        test(`reads the key of ${JSON.stringify(line)}`, async () => {
            host.place(".env", `A=1\n${line}\nB=2\n`);
            assert.deepEqual(await stack("data-key", "HELPER_ENCRYPTION_KEY"), {
                code: 0,
                stdout: `${value}\n`,
                stderr: "",
            });
        });
    }

    test("reads the key of the release that served where .env has none", async () => {
        host.place(".env", "A=1\n");
        host.place("releases/good/files/.env", "HELPER_ENCRYPTION_KEY=abc\n");
        assert.deepEqual(await stack("data-key", "HELPER_ENCRYPTION_KEY"), {
            code: 0,
            stdout: "abc\n",
            stderr: "",
        });
    });

    test("prints no other variable, and says how it is used", async () => {
        host.place(".env", "API_SECRETS=abc\n");
        host.place("releases/current/files/.env", "#HELPER_ENCRYPTION_KEY=no\n");
        for (const name of ["API_SECRETS", "HELPER_ENCRYPTION_KEY"]) {
            const refused = await stack("data-key", name);
            assert.deepEqual([refused.code, refused.stdout], [1, ""]);
        }
        const usage = await stack();
        assert.equal(usage.code, 64);
        assert.match(usage.stdout, /^Usage: stack start /m);
    });
});

describe("the unit of the stack", () => {
    test("is stopped by neither Docker's restart nor its upgrade, and needs the volume", () => {
        assert.equal(unit.path, "/etc/systemd/system/mailhost-stack.service");
        const lines = unit.content.split("\n");
        assert.ok(lines.includes("RequiresMountsFor=/root/forwardemail.net/self-hosting"));
        assert.ok(lines.some((line) => /^After=.*\bdocker\.service\b/.test(line)));
        assert.deepEqual(
            lines.filter((line) => /^(Requires|BindsTo|PartOf|Requisite)=/.test(line)),
            [],
        );
    });
});
