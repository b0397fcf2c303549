// The pipeline's commands as a runner starts them: the real engine, the simulated hcloud provider, the simulated API in this process.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseDocument } from "yaml";
import { run, runQuietly } from "../../cli/run-program";
import { ensureEngine } from "../../local/engine/find-engine";
import { LocalStack, stackName } from "../../local/engine/stack";
import { cloudPaths, projectRoot } from "../../local/paths";
import { blocksRunBy } from "../e2e/support/documented";
import { Operator } from "../e2e/support/operator";
import { TestCloud, token } from "../unit/local/hetzner-api-cloud";

/** As the mail host's: a firewall below a component, a server that takes its number, a command after it. */
const program = `
import * as command from "@pulumi/command";
import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";

const { sshAllowedCidrs } = new pulumi.Config("mailhost").requireObject<any>("server");
const host = new pulumi.ComponentResource("mailhost:index:MailHost", "mail");
const child = { parent: host };
const firewall = new hcloud.Firewall(
    "mail-firewall",
    {
        name: "mx.example.com",
        rules: [
            { direction: "in", protocol: "tcp", port: "22", sourceIps: [...sshAllowedCidrs, ...(process.env.FURTHER ? [process.env.FURTHER] : [])] },
            { direction: "in", protocol: "tcp", port: "25", sourceIps: ["::/0", "0.0.0.0/0"] },
        ],
    },
    child,
);
const server = new hcloud.Server(
    "mail-server",
    {
        name: "mx",
        serverType: "cx23",
        image: "debian-13",
        location: "fsn1",
        firewallIds: [firewall.id.apply(Number)],
    },
    child,
);
const step = process.env.STEP ?? "true";
if (process.env.THROW) throw new pulumi.RunError("told-why\\nin two lines");
new command.local.Command("mail-step", { create: step, update: step, triggers: [] }, {
    ...child,
    dependsOn: [server],
});
if (process.env.MORE) {
    new command.local.Command("mail-more", { create: process.env.MORE }, { ...child, dependsOn: [server] });
}
`;

const own = "203.0.113.0/24";
const runner = "192.0.2.77";
const commit = "a".repeat(40);
const name = `test-pipeline-${process.pid}`;
let cloud: TestCloud;
let stack: LocalStack;
let project: string;
let addresses: http.Server;
let answer = runner;

before(async () => {
    const engine = await ensureEngine(() => undefined);
    cloud = await TestCloud.open();
    project = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-pipeline-"));
    fs.writeFileSync(path.join(project, "Pulumi.yaml"), "name: pipeline\nruntime: nodejs\n");
    fs.writeFileSync(path.join(project, "index.ts"), program);
    fs.writeFileSync(path.join(project, "package.json"), '{ "name": "pipeline" }');
    fs.writeFileSync(
        path.join(project, "tsconfig.json"),
        '{ "compilerOptions": { "strict": false } }',
    );
    fs.symlinkSync(path.join(projectRoot, "node_modules"), path.join(project, "node_modules"));
    addresses = http.createServer((_request, response) => response.end(`${answer}\n`));
    await new Promise<void>((resolve) => addresses.listen(0, "127.0.0.1", resolve));
    const nowhere = "http://127.0.0.1:1";
    stack = new LocalStack(
        engine,
        {
            name,
            kind: "container",
            slot: 7,
            pid: process.pid,
            hcloudEndpoint: cloud.endpoint,
            hcloudToken: token,
            digitalOceanEndpoint: "http://127.0.0.1:1",
            digitalOceanToken: "none",
            servicesUrl: nowhere,
            cloudflareApi: `${nowhere}/client/v4`,
            cloudflareToken: "c".repeat(40),
            dns: { host: "127.0.0.1", port: 1 },
            acme: {
                directory: nowhere,
                localDirectory: nowhere,
                caFile: "none.pem",
                rootsFile: "none.pem",
                certificateSeconds: 1,
            },
            registry: { host: "127.0.0.1:1", localHost: "127.0.0.1:1", caFile: "none.pem" },
            images: { mail: "none", mongodb: "none", redis: "none", router: "none" },
            mailSink: { host: "127.0.0.1", port: 1 },
            portOffset: 0,
        },
        project,
    );
    await stack.prepare({
        "hcloud:pollInterval": "10ms",
        "mailhost:server": { sshAllowedCidrs: [own] },
    });
    // Where the CI of a user has it.
    fs.copyFileSync(
        path.join(cloudPaths(name).pulumi, `Pulumi.${stackName}.yaml`),
        path.join(project, `Pulumi.${stackName}.yaml`),
    );
});
after(async () => {
    addresses?.close();
    await cloud?.close();
    if (project) fs.rmSync(project, { recursive: true, force: true });
    fs.rmSync(cloudPaths(name).root, { recursive: true, force: true });
});

const blocks = blocksRunBy(__filename);

const pipelineArguments = (...args: string[]) => [
    ...["--import", require.resolve("tsx"), path.join(projectRoot, "pipeline/main.ts")],
    ...args,
];

function environment(extra: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const { port } = addresses.address() as AddressInfo;
    return {
        ...stack.environment,
        MAILHOST_ADDRESS_URL: `http://127.0.0.1:${port}`,
        GITHUB_SHA: commit,
        GITHUB_STEP_SUMMARY: "",
        GITLAB_CI: "",
        ...extra,
    };
}

async function pipeline(args: string[], extra: NodeJS.ProcessEnv = {}) {
    const { code, stdout, stderr } = await runQuietly(
        process.execPath,
        pipelineArguments(...args, "--stack", stackName),
        { cwd: project, env: environment(extra) },
    );
    return { code, stdout, printed: stdout + stderr };
}

interface Rule {
    port: string | null;
    source_ips: string[];
}
const rules = async (): Promise<Rule[]> => {
    const { body } = await cloud.call("GET", "/firewalls");
    return body.firewalls![0]!["rules"] as Rule[];
};
const sshSources = async () => (await rules()).find(({ port }) => port === "22")!.source_ips;
const writes = () =>
    cloud
        .requests()
        .filter(({ method }) => method !== "GET")
        .map(({ method, path: route }) => `${method} ${route.replaceAll(/\/\d+/g, "/N")}`);

/** A shell command that notes who may log in while it runs, as the provider has it. */
const noted = () => path.join(project, "noted.json");
const note = (then: string) =>
    `curl -s -H "authorization: Bearer ${token}" ${cloud.endpoint}/firewalls > ${noted()}; ${then}`;
const notedSources = () =>
    (
        JSON.parse(fs.readFileSync(noted(), "utf8")) as { firewalls: { rules: Rule[] }[] }
    ).firewalls[0]!.rules.find(({ port }) => port === "22")!.source_ips;

const setFirewall = ["PUT /v1/firewalls/N", "POST /v1/firewalls/N/actions/set_rules"];

describe("a deployment from a runner whose address is unknown", () => {
    test("the first one makes the firewall open for it, and closes it", async () => {
        const { code, printed } = await pipeline(["deploy"], { STEP: note("true") });
        assert.equal(code, 0, printed);
        assert.deepEqual(notedSources(), [own, `${runner}/32`]);
        assert.deepEqual(await sshSources(), [own]);
    });

    test("the next one opens it before anything else, and closes it", async () => {
        const [before, count] = [await rules(), writes().length];
        const { code, printed } = await pipeline(["deploy"], { STEP: note("echo 2") });
        assert.equal(code, 0, printed);
        assert.deepEqual(notedSources(), [own, `${runner}/32`]);
        assert.deepEqual(await rules(), before);
        assert.deepEqual(writes().slice(count), [...setFirewall, ...setFirewall]);
    });

    test("opening and closing touch the firewall alone, even when more is to be done", async () => {
        const state = async (): Promise<Record<string, unknown>> => {
            const { stdout } = await stack.pulumi(["stack", "export", "--stack", stackName]);
            const { deployment } = JSON.parse(stdout) as {
                deployment: { resources: { urn: string; type: string; inputs?: object }[] };
            };
            const own = deployment.resources.filter(({ type }) => !type.startsWith("pulumi:"));
            return Object.fromEntries(own.map(({ urn, inputs }) => [urn.split("::")[3]!, inputs]));
        };
        const before = await state();
        const { code, printed } = await pipeline(["close-ssh"], {
            STEP: "echo another",
            MORE: "echo more",
        });
        assert.equal(code, 0, printed);
        assert.deepEqual(await state(), before);
        assert.ok(before["mail-firewall"] && before["mail-step"] && !("mail-more" in before));
    });

    test("one that fails is closed too, and says why it failed", async () => {
        const before = await rules();
        const { code, printed } = await pipeline(["deploy"], {
            STEP: note("echo 3"),
            MORE: "echo told-why >&2; exit 7",
        });
        assert.equal(code, 1);
        assert.match(printed, /error: The deployment failed[^]*told-why/);
        assert.deepEqual(notedSources(), [own, `${runner}/32`]);
        assert.deepEqual(await rules(), before);
    });

    test("one that is cancelled is closed too", async () => {
        const before = await rules();
        const started = path.join(project, "started");
        const child = spawn(process.execPath, pipelineArguments("deploy", "--stack", stackName), {
            cwd: project,
            env: environment({ MORE: note(`touch ${started}; sleep 86400`) }),
        });
        let printed = "";
        child.stdout.on("data", (text: Buffer) => (printed += text.toString()));
        child.stderr.on("data", (text: Buffer) => (printed += text.toString()));
        const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
        while (!fs.existsSync(started) && child.exitCode === null) await sleep(100);
        assert.ok(fs.existsSync(started), printed);
        assert.deepEqual(notedSources(), [own, `${runner}/32`]);
        child.kill("SIGINT");
        assert.equal(await ended, 1, printed);
        assert.deepEqual(await rules(), before);
    });

    test("a firewall that was left open, or opened by hand, is closed", async () => {
        const id = (await cloud.call("GET", "/firewalls")).body.firewalls![0]!.id;
        const before = await rules();
        const open = before.map((rule) =>
            rule.port === "22" ? { ...rule, source_ips: [own, "192.0.2.99/32"] } : rule,
        );
        await cloud.call("POST", `/firewalls/${id}/actions/set_rules`, { rules: open });
        assert.deepEqual(await sshSources(), [own, "192.0.2.99/32"]);
        const { code, printed } = await pipeline(["close-ssh"]);
        assert.equal(code, 0, printed);
        assert.deepEqual(await rules(), before);
        const count = writes().length;
        assert.equal((await pipeline(["close-ssh"])).code, 0);
        assert.equal(writes().length, count, "closed already: nothing is written");
    });

    test("an address that may log in anyway opens nothing", async () => {
        answer = "203.0.113.9";
        const count = writes().length;
        const { code, printed } = await pipeline(["deploy"], { STEP: note("echo 4") });
        answer = runner;
        assert.equal(code, 0, printed);
        assert.deepEqual(notedSources(), [own]);
        assert.deepEqual(writes().slice(count), []);
    });

    for (const wrong of ["<html>", "10.0.0.7", "0.0.0.0", "192.0.2.7/0", "2001:db8::1"]) {
        test(`${wrong} is no address: nothing is touched`, async () => {
            answer = wrong;
            const count = cloud.requests().length;
            const { code, printed } = await pipeline(["deploy"]);
            answer = runner;
            assert.equal(code, 1);
            assert.match(printed, /which is no public IPv4 address/);
            assert.equal(cloud.requests().length, count);
        });
    }

    test("a service that does not answer, and half a commit, are named", async () => {
        const count = cloud.requests().length;
        const silent = await pipeline(["deploy"], {
            MAILHOST_ADDRESS_URL: "http://127.0.0.1:1023",
        });
        assert.equal(silent.code, 1);
        assert.match(
            silent.printed,
            /^error: http:\/\/127\.0\.0\.1:1023, which is asked for this computer's address, does not answer: .*ECONNREFUSED.*Name another service in MAILHOST_ADDRESS_URL\.$/m,
        );
        const half = await pipeline(["deploy", "--commit", "abc"]);
        assert.notEqual(half.code, 0);
        assert.match(half.printed, /Give all 40 hexadecimal digits: git rev-parse HEAD/);
        assert.equal(cloud.requests().length, count);
    });

    test("the settings in the checkout are as they were", () => {
        const file = fs.readFileSync(path.join(project, `Pulumi.${stackName}.yaml`), "utf8");
        const list = parseDocument(file).getIn(["config", "mailhost:server", "sshAllowedCidrs"]);
        assert.deepEqual((list as { toJSON(): unknown }).toJSON(), [own]);
    });
});

describe("gate, drift and preview", () => {
    const step = { STEP: "echo gate" };
    /** What is checked out. */
    let head: string;

    test("beside a deployment nothing is told as drift, and afterwards it is looked at", async () => {
        const [started, go] = [path.join(project, "begun"), path.join(project, "go")];
        const more = { ...step, MORE: `touch ${started}; until test -e ${go}; do sleep 0.1; done` };
        let isOver = false;
        const deployed = pipeline(["deploy"], more).finally(() => (isOver = true));
        while (!fs.existsSync(started) && !isOver) await sleep(100);
        const beside = await pipeline(["drift"], more);
        fs.writeFileSync(go, "");
        const { code, printed } = await deployed;
        assert.equal(code, 0, printed);
        assert.equal(beside.code, 1, beside.printed);
        assert.match(
            beside.stdout,
            /\*\*Nothing can be said about drift now\.\*\* (A deployment worked|Unfinished operations)/,
        );
        assert.doesNotMatch(beside.stdout, /^\| update/m);
        const after = await pipeline(["drift"], more);
        assert.equal(after.code, 0, after.printed);
    });

    test("what the program has no more is deleted, though it depends on the server", async () => {
        const isThere = async () => {
            const { stdout } = await stack.pulumi(["stack", "export", "--stack", stackName]);
            return stdout.includes("::mail-more");
        };
        assert.ok(await isThere());
        const { code, printed } = await pipeline(["deploy"], step);
        assert.equal(code, 0, printed);
        assert.match(
            printed,
            /SSH is open for this run\. What is to be deleted is, by the deployment/,
        );
        assert.match(printed, /SSH at the provider's firewall is as the settings say/);
        assert.ok(!(await isThere()));
        assert.deepEqual(await sshSources(), [own]);
    });

    test("one that fails before it deletes is closed too, and says that it is", async () => {
        const more = await pipeline(["deploy"], { ...step, MORE: "true" });
        assert.equal(more.code, 0, more.printed);
        const { code, printed } = await pipeline(["deploy"], {
            STEP: note("echo told-why >&2; exit 7"),
        });
        assert.equal(code, 1);
        assert.deepEqual(notedSources(), [own, `${runner}/32`]);
        assert.match(printed, /error: The deployment failed[^]*told-why/);
        assert.deepEqual(await sshSources(), [own]);
        assert.doesNotMatch(printed, /SSH may still be open/);
        assert.match(printed, /SSH at the provider's firewall is as the settings say/);
        const again = await pipeline(["close-ssh"], step);
        assert.equal(again.code, 0, again.printed);
    });

    test("one that can't be closed says that it is open, and for whom", async () => {
        // The program asks for more than the settings say, and has a resource less: the engine fails, SSH is open.
        const { code, printed } = await pipeline(["close-ssh"], {
            ...step,
            FURTHER: "192.0.2.99/32",
        });
        assert.equal(code, 1);
        assert.match(
            printed,
            /The provider's firewall lets SSH in from 203\.0\.113\.0\/24 and 192\.0\.2\.99\/32, and the settings say 203\.0\.113\.0\/24\./,
        );
        assert.deepEqual(await sshSources(), [own, "192.0.2.99/32"]);
        const { code: mended, printed: said } = await pipeline(["deploy"], step);
        assert.equal(mended, 0, said);
        assert.deepEqual(await sshSources(), [own]);
    });

    test("the commands of the documents: deployed is what is checked out, and the gate opens for it", async () => {
        const { scripts } = JSON.parse(
            fs.readFileSync(path.join(projectRoot, "package.json"), "utf8"),
        ) as { scripts: Record<string, string> };
        fs.writeFileSync(
            path.join(project, "package.json"),
            JSON.stringify({ name: "pipeline", scripts: { pipeline: scripts["pipeline"] } }),
        );
        fs.symlinkSync(path.join(projectRoot, "pipeline"), path.join(project, "pipeline"));
        await run(
            "sh",
            [
                "-c",
                "git init -q && git -c user.name=t -c user.email=t@t commit -q --allow-empty -m t",
            ],
            { cwd: project },
        );
        const operator = new Operator({
            ...{ blocks, folder: project },
            environment: environment(step),
            examples: {
                "--stack staging": `--stack ${stackName}`,
                "--stack prod": `--stack ${stackName}`,
            },
        });
        const printed = await operator.follow(
            "docs/pipelines.md",
            "npm run -s pipeline -- preview --stack staging",
        );
        head = (await run("git", ["rev-parse", "HEAD"], { cwd: project })).trim();
        assert.match(printed, new RegExp(`${stackName} runs ${head}, and nothing differs`));
        assert.match(printed, /Nothing differs from what was deployed/);
        assert.deepEqual(await sshSources(), [own]);
    });

    test("the gate opens for no other commit", async () => {
        const other = await pipeline(["gate", "--commit", "b".repeat(40)], step);
        assert.equal(other.code, 1);
        assert.match(
            other.printed,
            new RegExp(`error: local runs ${head}, not b{40}\\. Deploy it first`),
        );
    });

    test("drift is found where there is some", async () => {
        const id = (await cloud.call("GET", "/firewalls")).body.firewalls![0]!.id;
        const before = await rules();
        await cloud.call("POST", `/firewalls/${id}/actions/set_rules`, {
            rules: before.slice(0, 1),
        });
        const summary = path.join(project, "summary.md");
        const some = await pipeline(["drift"], { ...step, GITHUB_STEP_SUMMARY: summary });
        assert.equal(some.code, 1);
        const row =
            /^\| update \| `mail-firewall` \| `hcloud:index\/firewall:Firewall` \| rules \|$/m;
        assert.match(some.stdout, row);
        assert.match(fs.readFileSync(summary, "utf8"), row);
        const gate = await pipeline(["gate", "--commit", head], step);
        assert.equal(gate.code, 1);
        assert.match(gate.printed, /is not what the program describes: update mail-firewall\./);
        assert.equal((await pipeline(["close-ssh"], step)).code, 0);
        assert.deepEqual(await rules(), before);
    });

    test("what the engine says of a stack that there isn't, or where there is no engine, is shown", async () => {
        const preview = (stack: string, extra: NodeJS.ProcessEnv = {}) =>
            runQuietly(process.execPath, pipelineArguments("preview", "--stack", stack), {
                cwd: project,
                env: { ...environment(step), ...extra },
            });
        const unknown = await preview("nosuch");
        assert.equal(unknown.code, 1);
        assert.match(
            unknown.stderr,
            /error: The preview failed .*\n[\s\S]*no stack named 'nosuch'/,
        );
        const none = await preview(stackName, { PATH: "/nowhere" });
        assert.equal(none.code, 1);
        assert.match(none.stderr, /Is `pulumi` on PATH\? Install it: https/);
    });

    test("a preview that fails tells why, once and as text, wherever it is asked for", async () => {
        const failing = { ...step, THROW: "yes" };
        for (const command of ["preview", "drift"]) {
            const { code, stdout } = await pipeline([command], failing);
            assert.equal(code, 1);
            assert.match(stdout, /^\*\*The (preview|drift) failed\.\*\*/m);
            assert.match(stdout, /^error: told-why\nin two lines$/m);
            assert.doesNotMatch(stdout, /error: error:/);
        }
        const { code, printed } = await pipeline(["gate"], failing);
        assert.equal(code, 1);
        assert.match(
            printed,
            /^error: The preview of local failed:\n {2}error: told-why\n {2}in two lines$/m,
        );
        assert.doesNotMatch(printed, /error: error:|[{}"]/);
    });

    test("a preview shows what would change, without values, and changes nothing", async () => {
        const count = writes().length;
        const shown = await pipeline(["preview"], { STEP: "echo value-of-setting" });
        assert.equal(shown.code, 0, shown.printed);
        assert.match(
            shown.stdout,
            /^\| update \| `mail-step` \| `command:local:Command` \| create, update \|$/m,
        );
        assert.doesNotMatch(shown.printed, /value-of-setting/);
        assert.equal(writes().length, count);
    });
});
