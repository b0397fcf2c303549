// What the documents say to type, typed as it stands there: from the clone to the end of its laptop cloud. The steps
// build on each other.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, describe } from "node:test";
import { parse } from "yaml";
import { run, runQuietly } from "../../cli/run-program";
import { ensureEngine, type Engine } from "../../local/engine/find-engine";
import { LocalStack } from "../../local/engine/stack";
import { cacheRoot, cloudPaths, localRoot, type CloudInfo } from "../../local/paths";
import { sshArguments, type LocalStatus } from "../../local/status";
import { addZone } from "../../local/zones";
import { blocksRunBy, textOf } from "./support/documented";
import { checkOut, Operator } from "./support/operator";
import { orderedSteps } from "./support/steps";
import { suiteLimit } from "./support/test-laptop";

const data = "/root/forwardemail.net/self-hosting";
const sitePassword = "a-password-of-32-characters-here";

const blocks = blocksRunBy(__filename);

describe("the commands of the documents", { timeout: suiteLimit }, () => {
    const step = orderedSteps();
    const work = path.join(localRoot, "documents");
    const clone = path.join(work, "pulumi-mailhost");
    const cloud = path.join(clone, ".local", "clouds", "local");
    let engine: Engine;
    let info: CloudInfo;
    let environment: NodeJS.ProcessEnv;
    /** Types what needs nothing but the clone. */
    let newcomer: Operator;
    /** Types on the clone's laptop cloud, whose stack is the selected one. */
    let operator: Operator;

    before(async () => {
        await forget();
        engine = await ensureEngine(() => undefined);
        environment = {
            ...process.env,
            PATH: `${engine.bin}${path.delimiter}${process.env["PATH"] ?? ""}`,
            npm_config_prefer_offline: "true",
            // Or a test runner within would report to the one around it.
            NODE_TEST_CONTEXT: undefined,
        };
        await checkOut(path.join(work, "origin"));
        newcomer = new Operator({
            ...{ blocks, folder: work, environment },
            examples: { "URL-OF-THIS-REPOSITORY": "origin" },
            // What takes ten minutes once is there; of all tests one file.
            functions: `
git() {
    cp -r "$2" "$3"
    mkdir -p "$3/.local/cache"
    for cache in '${cacheRoot}'/*; do
        [ "\${cache##*/}" = programs ] || ln -s "$cache" "$3/.local/cache/"
    done
}
npm() {
    case $* in
        'run local') command npm run local -- --machine container ;;
        test | 'run test:fast') command npm "$@" -- test/unit/host/plan.test.ts ;;
        *) command npm "$@" ;;
    esac
}`,
        });
    });
    after(forget);

    /** Ends what a run has started, also one that was killed. */
    async function forget(): Promise<void> {
        if (fs.existsSync(cloud))
            await run("npm", ["run", "local", "--", "down", "--delete"], { cwd: clone });
        fs.rmSync(work, { recursive: true, force: true });
    }

    function inClone(program: string, ...args: string[]): Promise<string> {
        return run(program, args, { cwd: clone, env: stackEnvironment() });
    }

    /** The clone's laptop cloud is its `local`, as the one of this checkout is for this process. */
    function stackEnvironment(): NodeJS.ProcessEnv {
        const here = cloudPaths(info.name).root;
        const own = Object.entries(new LocalStack(engine, info).environment);
        return {
            ...environment,
            ...Object.fromEntries(
                own.map(([name, value]) => [name, value?.replaceAll(here, cloud)]),
            ),
            NODE_TEST_CONTEXT: undefined,
        };
    }

    async function status(): Promise<LocalStatus> {
        const printed = await run("npm", ["run", "-s", "local", "--", "status", "--json"], {
            cwd: clone,
        });
        return JSON.parse(printed) as LocalStatus;
    }

    let login: string[];
    const onHost = (command: string) => run("ssh", [...login, command]);

    const dig = (name: string, type: string) =>
        run("dig", [`@${info.dns.host}`, "-p", `${info.dns.port}`, name, type, "+short"]);

    step("README: a clone, and the whole mail host with `npm run local`", async () => {
        const printed = await newcomer.follow(
            "README.md",
            "git clone URL-OF-THIS-REPOSITORY pulumi-mailhost && cd pulumi-mailhost",
        );
        assert.match(printed, /npm packages: installed/);
        const { proofs, problems, ssh, published } = await status();
        assert.ok(proofs.length > 10, String(proofs.length));
        assert.deepEqual(
            proofs.filter(({ ok }) => !ok),
            [],
        );
        assert.deepEqual(problems, []);
        login = ["-o", "BatchMode=yes", ...sshArguments(ssh!)];
        info = JSON.parse(fs.readFileSync(path.join(cloud, "cloud.json"), "utf8")) as CloudInfo;
        fs.symlinkSync(
            path.join(cloud, "pulumi", "Pulumi.local.yaml"),
            path.join(clone, "Pulumi.local.yaml"),
        );
        operator = new Operator({
            ...{ blocks, folder: clone, environment: stackEnvironment() },
            examples: {
                "example.com": "example.test",
                // Three are there by then.
                "mailhost:domains[0].name": "mailhost:domains[3].name",
                "example.org": "fourth.test",
                "198.18.1.2": info.dns.host,
                "dig +short": `dig @${info.dns.host} -p ${info.dns.port} +short`,
                "dig -x ADDRESS": `dig @${info.dns.host} -p ${info.dns.port} -x ${published.ipv4}`,
                "mx.<domain>:993": `${published.ipv4}:993`,
                "mx.<domain>": "mx.example.test",
                "STATE-FOLDER": path.join(cloud, "pulumi", "state"),
                "~/.ssh/mailhost": path.join(work, "mailhost"),
                "--tail 50 NAME": "--tail 50 mx",
                "OOMKilled}}' NAME": "OOMKilled}}' mx",
                "logs NAME": "logs mx",
            },
            answers: {
                "cloudflare:apiToken": info.cloudflareToken,
                "mailhost:cloudflareApiToken": info.cloudflareToken,
                "mailhost:secretEnvironment.SMTP_TRANSPORT_PASS": sitePassword,
            },
            functions:
                'mailhost() { timeout 20 mailhost "$@" || [ $? = 124 ]; } # follows until somebody ends it',
        });
    });

    step("CONTRIBUTING: what a contributor runs", async () => {
        await newcomer.follow("CONTRIBUTING.md", "npm run check");
    });

    step("README: a further mail domain", async () => {
        const printed = await operator.follow(
            "README.md",
            "npm run pulumi -- config set --path 'mailhost:domains[2].name' third.test",
        );
        assert.match(printed, /^0 mx\.example\.test\.$/m);
        assert.equal(await dig("third.test", "MX"), "0 mx.example.test.\n");
    });

    step("configuration, operations, DNS: settings, and what the host makes of them", async () => {
        await addZone(info, "fourth.test");
        await inClone("pulumi", "config", "set", "mailhost:protect", "true");
        for (const [page, block] of [
            ["configuration", "pulumi config set mailhost:rebootTime 03:15"],
            ["operations", "pulumi config set --path mailhost:stack.startTlsSubmission true"],
            ["dns", "pulumi config set --path 'mailhost:systemDkim.selectors[0]' default"],
            [
                "operations",
                "pulumi config set --path mailhost:stack.environment.SMTP_MESSAGE_MAX_SIZE 50mb",
            ],
        ] as const) {
            await operator.follow(`docs/${page}.md`, block);
        }
        const variables = await onHost(`cat ${data}/.env`);
        assert.match(variables, /^SMTP_MESSAGE_MAX_SIZE=["']?50mb["']?$/m);
        assert.match(variables, new RegExp(`^SMTP_TRANSPORT_PASS=["']?${sitePassword}["']?$`, "m"));
        // The limit is in the description alone: a container machine's Docker can't limit memory.
        const { services } = parse(await onHost(`cat ${data}/docker-compose-self-hosting.yml`)) as {
            services: Record<string, { mem_limit?: string }>;
        };
        assert.equal(services["mongodb"]?.mem_limit, "2048m");
        const running = await onHost(
            "docker inspect --format '{{.Name}} {{.Config.Env}}' pop3 smtp_starttls web",
        );
        assert.match(running, /^\/web .*\bTZ=Europe\/Berlin\b/m);
        assert.match(await onHost("cat /etc/apt/apt.conf.d/*"), /Reboot-Time "03:15"/);
        assert.equal(await dig("fourth.test", "MX"), "0 mx.example.test.\n");
    });

    step("DNS: another key of the system's, in three steps", async () => {
        const keys = async () => {
            const key = async (selector: string) =>
                /;p=([^;]+)/.exec(
                    (await dig(`${selector}._domainkey.example.test`, "TXT")).replaceAll(
                        /["\s]/g,
                        "",
                    ),
                )?.[1];
            return { former: await key("default"), next: await key("s2027") };
        };
        const signing = async () =>
            (await onHost(`openssl pkey -in ${data}/ssl/dkim.key -pubout`)).replaceAll(
                /-----.*-----|\s/g,
                "",
            );
        const { former, next } = await keys();
        assert.equal(await signing(), former);
        await operator.follow(
            "docs/dns.md",
            "pulumi config set --path mailhost:systemDkim.signing s2027",
        );
        assert.deepEqual(await keys(), { former, next });
        assert.equal(await signing(), next);
        await operator.follow(
            "docs/dns.md",
            "pulumi config set --path 'mailhost:systemDkim.selectors[0]' s2027",
        );
        assert.deepEqual(await keys(), { former: undefined, next });
        assert.equal(await signing(), next);
    });

    step("policy: `up` with the pack, and with another rule of what is production", async () => {
        const passed = /Policies:\s+✅ mailhost@v0\.1\.0/;
        assert.match(
            await operator.follow("docs/policy.md", "pulumi preview --policy-pack policy"),
            passed,
        );
        const [, rules = ""] = /```json\n([^]*?)```/.exec(textOf("docs/policy.md")) ?? [];
        fs.writeFileSync(path.join(clone, "production.json"), rules);
        assert.match(
            await operator.follow(
                "docs/policy.md",
                "pulumi preview --policy-pack policy --policy-pack-config production.json",
            ),
            passed,
        );
    });

    step("DNS: the records in every form", async () => {
        const printed = await operator.follow(
            "docs/dns.md",
            "pulumi config set mailhost:domain example.com",
        );
        assert.match(printed, /^ {2}"zones": \[$/m);
        assert.match(printed, /^\$ORIGIN example\.test\.$/m);
    });

    for (const [command, expected] of [
        ["pulumi stack output webUrl", /^https:\/\/example\.test/],
        ["pulumi stack output clientSettings", /"imap"/],
        ["pulumi stack output missingDomainValues", /third\.test/],
        ["pulumi stack export --file state.json", /^$/],
        ["pulumi config set --secret mailhost:cloudflareApiToken", /^$/],
        ["npm run mailhost -- recover", /nothing had to be recovered/],
        ["ssh-keygen -t ed25519 -N '' -f ~/.ssh/mailhost", /public key has been saved/],
        ["dig +short example.com MX", /^0 mx\.example\.test\.$/m],
        ["dig -x ADDRESS +short", /^mx\.example\.test\.$/m],
        [
            "openssl s_client -connect mx.<domain>:993 -servername mx.<domain> </dev/null | openssl x509 -noout -dates -issuer",
            /^notAfter=.*^issuer=/ms,
        ],
        ["find STATE-FOLDER -name '*.attrs' -empty -delete", /^$/],
    ] as const) {
        step(`typed here: ${command}`, async () => {
            assert.match(await operator.type(command), expected);
        });
    }

    for (const [command, expected] of [
        ["systemctl --failed", /^0 loaded units listed/m],
        ["journalctl -u mailhost-data", /mailhost-data\.service/],
        ["journalctl -u mailhost-renew", /^-- No entries --$/m],
        ["docker ps --all", / web$/m],
        ["docker logs --tail 50 NAME", /^\d{4}-\S+Z mx: /m],
        ["docker inspect --format '{{.State.ExitCode}} {{.State.OOMKilled}}' NAME", /^0 false$/m],
        ["docker system df", /^Images /m],
        ["df -h", /self-hosting$/m],
        ["mailhost logs NAME --follow", /\d{4}-\S+Z mx: /],
        ["resolvectl flush-caches", /^$/],
        ["/usr/local/lib/mailhost/certificates install", /^$/],
    ] as const) {
        step(`typed on the host: ${command}`, async () => {
            assert.match(await operator.typeOnHost(command, login), expected);
        });
    }

    step("typed on the host: what stops the stack and starts it", async () => {
        const containers = async () =>
            (await onHost("docker ps --quiet --no-trunc")).split("\n").sort();
        const before = await containers();
        assert.ok(before.length > 10);
        await operator.typeOnHost("/usr/local/lib/mailhost/stack stop", login);
        assert.deepEqual(await containers(), [""]);
        assert.match(
            await operator.typeOnHost("/usr/local/lib/mailhost/stack start", login),
            /the stack is up after/,
        );
        assert.deepEqual(await containers(), before);
    });

    step("README: the other commands of the laptop cloud, to its end", async () => {
        const printed = await operator.follow("README.md", "npm run local -- status");
        assert.match(printed, /Nothing runs any more\./);
        const { code, stderr } = await runQuietly("npm", ["run", "-s", "local", "--", "dns"], {
            cwd: clone,
        });
        assert.equal(code, 1);
        assert.match(stderr, /The laptop cloud is not running/);
    });
});
