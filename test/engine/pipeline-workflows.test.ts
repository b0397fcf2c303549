// The workflows as GitHub and GitLab read them: linted, and what they may see and run.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { runQuietly } from "../../cli/run-program";
import { ensureGoProgram } from "../../local/go-programs/build";
import { projectRoot } from "../../local/paths";

interface Step {
    uses?: string;
    run?: string;
    if?: string;
    env?: Record<string, string>;
}
interface Job {
    uses?: string;
    if?: string;
    "timeout-minutes"?: number;
    environment?: string;
    permissions?: Record<string, string>;
    concurrency?: { group: string; "cancel-in-progress": unknown };
    needs?: string;
    steps?: Step[];
}
interface Workflow {
    on: Record<string, unknown>;
    permissions: Record<string, string>;
    jobs: Record<string, Job>;
}

const folder = path.join(projectRoot, ".github/workflows");
const files = fs.readdirSync(folder).sort();
const workflow = (file: string) =>
    parse(fs.readFileSync(path.join(folder, file), "utf8")) as Workflow;
const workflows = files.map((file) => ({ file, ...workflow(file) }));
const jobs = workflows.flatMap(({ file, on, jobs: own }) =>
    Object.entries(own).map(([name, job]) => ({ where: `${file} ${name}`, on, job })),
);
/** Commands of the pipeline, npm and Pulumi, and nothing that a text of an event could be put into. */
const ours = [
    /^npm ci --ignore-scripts$/,
    /^npm run (check|test:fast)$/,
    /^npm run -s pipeline -- (preview|drift|deploy|close-ssh|gate) --stack (staging|prod|\$\{\{ matrix\.stack \}\}|\$STACK)( --comment)?$/,
];

describe("actionlint", () => {
    let actionlint: string;
    before(async () => {
        actionlint = await ensureGoProgram("actionlint", () => undefined);
    });
    const lint = (input: string[], text?: string) =>
        runQuietly(actionlint, ["-no-color", "-shellcheck=", "-pyflakes=", ...input], {
            cwd: projectRoot,
            input: text,
        });

    test("finds nothing in the workflows", async () => {
        const { code, stdout, stderr } = await lint(files.map((f) => `.github/workflows/${f}`));
        assert.equal(code, 0, stdout + stderr);
    });

    test("finds what is wrong", async () => {
        const text = fs.readFileSync(path.join(folder, "deploy.yml"), "utf8");
        const { code, stdout } = await lint(["-"], text.replace("needs: gate", "needs: gates"));
        assert.equal(code, 1);
        assert.match(stdout, /needs job "gates" which does not exist/);
    });
});

describe("GitHub Actions", () => {
    test("nothing runs in the context of the base for a pull request of a stranger", () => {
        for (const { file, on } of workflows) {
            assert.deepEqual(
                Object.keys(on).filter((e) => /pull_request_target|workflow_run|issue/.test(e)),
                [],
                file,
            );
        }
    });

    test("what a pull request from a fork starts sees no secret and no environment", () => {
        const same = "github.event.pull_request.head.repo.full_name == github.repository";
        const started = jobs.filter(({ on }) => "pull_request" in on);
        assert.deepEqual(
            started.map(({ where }) => where),
            ["check.yml check", "preview.yml preview"],
        );
        for (const { where, job } of started.filter((j) => j.job.if !== same)) {
            assert.equal(where, "check.yml check");
            assert.doesNotMatch(JSON.stringify(job), /secrets\.|secrets\[|github\.token/);
            assert.equal(job.environment, undefined);
            assert.equal(job.permissions, undefined);
        }
        assert.equal(
            jobs.some(({ job }) => "secrets" in job),
            false,
            "none is inherited",
        );
    });

    test("every command on a stack gets the tokens of each provider, and nothing else does", () => {
        const tokens = [
            ...["PULUMI_ACCESS_TOKEN", "HCLOUD_TOKEN", "DIGITALOCEAN_TOKEN"],
            "CLOUDFLARE_API_TOKEN",
        ];
        const given: Record<string, string> = Object.fromEntries(
            tokens.map((name) => [name, `\${{ secrets.${name} }}`]),
        );
        const steps = jobs.flatMap(({ where, job }) =>
            (job.steps ?? []).map((step) => ({ where, ...step })),
        );
        const onStack = steps.filter(({ run }) => run?.includes(" --stack "));
        assert.equal(onStack.length, 7);
        for (const { where, run, env = {} } of steps) {
            const comments = run?.endsWith(" --comment");
            const expected = {
                ...(comments && { GITHUB_TOKEN: "${{ github.token }}" }),
                ...(run?.includes(" --stack ") && given),
            };
            assert.deepEqual(env, expected, `${where}: ${run}`);
        }
    });

    test("permissions are to read, and the preview may comment", () => {
        for (const { file, permissions } of workflows) {
            assert.deepEqual(permissions, { contents: "read" }, file);
        }
        assert.deepEqual(
            jobs.flatMap(({ where, job }) => (job.permissions ? [[where, job.permissions]] : [])),
            [["preview.yml preview", { contents: "read", "pull-requests": "write" }]],
        );
    });

    test("every job has a time-out, and where it deploys runs alone and is never cut off", () => {
        for (const { where, job } of jobs) {
            if (job.uses) continue;
            assert.ok((job["timeout-minutes"] ?? 0) > 0, where);
            const commands = (job.steps ?? []).map(({ run }) => run ?? "").join("\n");
            const [, command, stack] =
                /(deploy|gate|drift) --stack (staging|prod|\$\{\{ matrix\.stack \}\})/.exec(
                    commands,
                ) ?? [];
            if (!stack) continue;
            // Of those who wait in a group GitHub keeps the last: a drift report would cancel a deployment.
            const group = `${command === "drift" ? "drift" : "mailhost"}-${stack}`;
            assert.deepEqual(job.concurrency, { group, "cancel-in-progress": false }, where);
        }
    });

    test("after a deployment SSH is closed, whatever came of it", () => {
        const { jobs: own } = workflow("deploy.yml");
        for (const stack of ["staging", "prod"]) {
            const [deploy, close] = own[stack]!.steps!.slice(-2);
            assert.equal(deploy?.run, `npm run -s pipeline -- deploy --stack ${stack}`);
            assert.equal(close?.run, `npm run -s pipeline -- close-ssh --stack ${stack}`);
            assert.equal(close?.if, "always()");
            assert.deepEqual(close?.env, deploy?.env);
        }
    });

    test("prod comes after the gate, the gate after staging, staging after the check", () => {
        const { on, jobs: own } = workflow("deploy.yml");
        assert.deepEqual(on, { push: { branches: ["main"] } });
        const order = ["staging", "gate", "prod"].map((name) => own[name]?.needs);
        assert.deepEqual(order, ["check", "staging", "gate"]);
        const environments = ["staging", "gate", "prod"].map((name) => own[name]?.environment);
        assert.deepEqual(environments, ["staging", "staging", "prod"]);
    });

    test("every action is pinned by its commit, and every command is one of ours", () => {
        for (const { where, job } of jobs) {
            for (const { uses, run } of job.steps ?? []) {
                if (uses) assert.match(uses, /^[a-z-]+\/[a-z-]+@[0-9a-f]{40}$/, where);
                else
                    assert.ok(
                        ours.some((pattern) => pattern.test(run ?? "")),
                        `${where}: ${run}`,
                    );
            }
        }
    });
});

describe("GitLab CI", () => {
    interface GitLabJob {
        extends?: string;
        stage?: string;
        timeout?: string;
        resource_group?: string;
        environment?: string | { name: string; action: string };
        rules?: { if: string; when?: string }[];
        script?: string[];
        after_script?: string[];
        variables?: Record<string, string>;
    }
    const document = parse(
        fs.readFileSync(path.join(projectRoot, ".gitlab-ci.yml"), "utf8"),
    ) as Record<string, GitLabJob>;
    const { stages } = document as unknown as { stages: string[] };
    const { timeout } = document["default"]!;
    const own = Object.entries(document)
        .filter(([name]) => !["workflow", "default", "stages"].includes(name) && name[0] !== ".")
        .map(([name, job]) => {
            if (job.extends) assert.ok(document[job.extends], `${name} extends ${job.extends}`);
            return { name, ...(job.extends ? document[job.extends] : {}), ...job };
        });
    const named = (name: string) => own.find((job) => job.name === name)!;

    describe("as a runner reads it, checked against GitLab's schema", () => {
        const work = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-gitlab-"));
        after(() => fs.rmSync(work, { recursive: true }));
        const text = fs.readFileSync(path.join(projectRoot, ".gitlab-ci.yml"), "utf8");

        /** The jobs of a pipeline, each with when it runs; or what is wrong with the file. */
        async function list(variables: Record<string, string>, content = text): Promise<string[]> {
            fs.writeFileSync(path.join(work, "pipeline.yml"), content);
            const { code, stdout, stderr } = await runQuietly(
                process.execPath,
                [
                    require.resolve("gitlab-ci-local/src/index.js"),
                    ...["--list-csv", "--file", "pipeline.yml"],
                    ...Object.entries({
                        CI_DEFAULT_BRANCH: "main",
                        CI_PROJECT_ID: "1",
                        ...variables,
                    }).flatMap(([name, value]) => ["--variable", `${name}=${value}`]),
                ],
                { cwd: work },
            );
            if (code !== 0) throw new Error(stdout + stderr);
            return stdout
                .trim()
                .split("\n")
                .slice(stdout.split("\n").findIndex((line) => line.startsWith("name;")) + 1)
                .map((line) => {
                    const [name, , , when] = line.split(";");
                    return when === "on_success" ? name! : `${name} (${when})`;
                });
        }

        before(async () => {
            // It asks git for the project's name and branch.
            for (const args of [
                ["init", "-q"],
                ["remote", "add", "origin", "git@gitlab.com:a/b.git"],
            ]) {
                assert.equal((await runQuietly("git", args, { cwd: work })).code, 0);
            }
        });

        const request = {
            CI_PIPELINE_SOURCE: "merge_request_event",
            CI_COMMIT_BRANCH: "",
            CI_MERGE_REQUEST_SOURCE_PROJECT_ID: "1",
        };
        const pipelines: [what: string, variables: Record<string, string>, jobs: string[]][] = [
            ["a merge request", request, ["check", "preview-staging", "preview-prod"]],
            [
                "a merge request from a fork, which gets no preview",
                { ...request, CI_MERGE_REQUEST_SOURCE_PROJECT_ID: "2" },
                ["check"],
            ],
            [
                "a push to main, where prod waits for somebody",
                { CI_PIPELINE_SOURCE: "push", CI_COMMIT_BRANCH: "main" },
                ["check", "staging", "gate", "prod (manual)"],
            ],
            [
                "the schedule",
                { CI_PIPELINE_SOURCE: "schedule", CI_COMMIT_BRANCH: "main" },
                ["drift-staging", "drift-prod"],
            ],
        ];
        for (const [what, variables, jobs] of pipelines) {
            test(`has the right jobs for ${what}`, async () => {
                assert.deepEqual(await list(variables), jobs);
            });
        }

        test("refuses a file that GitLab would", async () => {
            await assert.rejects(
                list(request, text.replace("interruptible: true", "interruptible: [1]")),
                /interruptible/,
            );
        });
    });

    test("every job has a stage, rules, a time-out and our commands", () => {
        assert.equal(timeout, "20 minutes");
        const setUp =
            "apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs npm";
        for (const { name, stage, rules, script = [], after_script = [] } of own) {
            assert.ok(stages.includes(stage ?? ""), name);
            assert.ok(rules && rules.length > 0, name);
            assert.ok(script.length > 0, name);
            for (const line of [...script, ...after_script]) {
                assert.ok(line === setUp || ours.some((p) => p.test(line)), `${name}: ${line}`);
            }
        }
    });

    test("what deploys or looks for drift runs alone on its stack; prod waits for a person", () => {
        for (const { name, variables, resource_group, script } of own) {
            if (!script!.some((line) => /deploy|drift|gate/.test(line))) continue;
            assert.equal(resource_group, `mailhost-${variables?.["STACK"] ?? "staging"}`, name);
        }
        assert.deepEqual(
            own.filter(({ rules }) => rules!.some((r) => r.when === "manual")).map((j) => j.name),
            ["prod"],
        );
        for (const name of ["staging", "prod"]) {
            assert.equal(named(name).environment, name);
            assert.deepEqual(named(name).after_script, [
                "npm run -s pipeline -- close-ssh --stack $STACK",
            ]);
        }
    });

    test("a merge request from a fork gets the check alone, which names no environment", () => {
        const forks = own.filter(({ rules }) =>
            rules!.some(
                (rule) =>
                    !rule.if.includes("$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID") &&
                    !rule.if.includes("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH") &&
                    rule.if !== '$CI_PIPELINE_SOURCE == "schedule"',
            ),
        );
        assert.deepEqual(
            forks.map(({ name }) => name),
            ["check"],
        );
        assert.equal(named("check").environment, undefined);
    });
});
