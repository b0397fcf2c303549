import * as fs from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import { lookForDrift } from "./drift";
import { gate } from "./gate";
import { postComment } from "./post-comment";
import {
    changesOf,
    masked,
    parsePreview,
    renderReport,
    reportMarker,
    secretsOf,
    type ReportOptions,
} from "./report";
import { previewDocument, runPulumi } from "./run-pulumi";
import { closeSsh, defaultAddressUrl, deploy } from "./ssh-access";

const program = new Command("npm run pipeline --").description("What the CI of a mail host runs.");
const say = (line: string) => console.log(line);
const withStack = (command: Command) =>
    command.requiredOption(
        "-s, --stack <name>",
        "the stack, which has its Pulumi.<name>.yaml here",
    );
const commit = () =>
    new Option("--commit <sha>", "what is deployed: 40 hexadecimal digits")
        .env(process.env["GITLAB_CI"] ? "CI_COMMIT_SHA" : "GITHUB_SHA")
        .argParser((value) => {
            if (/^[0-9a-f]{40}$/.test(value)) return value;
            throw new InvalidArgumentError("Give all 40 hexadecimal digits: git rev-parse HEAD");
        })
        .makeOptionMandatory();

function report(
    printed: string,
    options: Pick<ReportOptions, "kind" | "stack" | "failed" | "unsettled">,
) {
    const preview = parsePreview(printed);
    const text = renderReport(preview, { ...options, secrets: secretsOf(process.env) });
    say(text);
    const summary = process.env["GITHUB_STEP_SUMMARY"];
    if (summary) fs.appendFileSync(summary, `${text}\n`);
    return { text, marker: reportMarker(options), changes: changesOf(preview) };
}

withStack(program.command("preview"))
    .description("show what `pulumi up` would do, as Markdown")
    .option("--comment", "write it under the pull or merge request of this run as well")
    .action(async ({ stack, comment }: { stack: string; comment?: boolean }) => {
        const finished = await runPulumi(["preview", "--json", "--stack", stack]);
        const failed = finished.code !== 0;
        const { text, marker } = report(previewDocument(finished), {
            kind: "preview",
            stack,
            failed,
        });
        if (comment) await postComment(text, marker, process.env);
        if (failed) process.exitCode = 1;
    });

withStack(program.command("drift"))
    .description(
        "show what differs from what was deployed; exit code 1 when anything does, or a deployment runs",
    )
    .action(async ({ stack }: { stack: string }) => {
        const { code, printed, unsettled } = await lookForDrift(stack, runPulumi);
        const { changes } = report(printed, {
            kind: "drift",
            stack,
            failed: code !== 0,
            unsettled,
        });
        if (code !== 0 || unsettled !== undefined || changes.length > 0) process.exitCode = 1;
    });

withStack(program.command("deploy"))
    .description("`pulumi up`, with SSH open for this computer while it runs")
    .addOption(commit())
    .addOption(
        new Option("--address-url <url>", "tells this computer's public IPv4 address")
            .env("MAILHOST_ADDRESS_URL")
            .default(defaultAddressUrl),
    )
    .action((options: { stack: string; commit: string; addressUrl: string }) =>
        deploy({ ...options, pulumi: runPulumi, say }),
    );

withStack(program.command("close-ssh"))
    .description("put the provider's firewall back to what the settings say, and verify it")
    .action((options: { stack: string }) => closeSsh({ ...options, pulumi: runPulumi, say }));

withStack(program.command("gate"))
    .description("exit code 1, and why, unless this commit runs well on the stack")
    .addOption(commit())
    .action(async (options: { stack: string; commit: string }) => {
        const problems = await gate({
            ...options,
            pulumi: runPulumi,
            secrets: secretsOf(process.env),
        });
        for (const problem of problems) console.error(`error: ${problem}`);
        if (problems.length > 0) process.exitCode = 1;
        else say(`${options.stack} runs ${options.commit}, and nothing differs.`);
    });

program.parseAsync().catch((error: unknown) => {
    const said = error instanceof Error ? error.message : String(error);
    console.error(`error: ${masked(said, secretsOf(process.env))}`);
    process.exitCode = 1;
});
