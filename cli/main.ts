#!/usr/bin/env node
import { Command } from "commander";
import { dnsText, withDnsOptions, type DnsOptions } from "./dns";
import { pin, withPinOptions, type PinOptions } from "./pin";
import { runQuietly } from "./run-program";
import { recover, recovered, type RunPulumi } from "./recover";

/** As it was typed: in a checkout by npm, whose dashes are needed; as the package's own command elsewhere. */
const typed =
    process.env["npm_lifecycle_event"] === "mailhost" ? "npm run mailhost --" : "mailhost";

const program = new Command(typed).description(
    "Looks after stacks of pulumi-mailhost from your own computer.",
);

const pulumi: RunPulumi = (args, options) =>
    runQuietly("pulumi", [...args, "--non-interactive"], options ?? {});

withDnsOptions(program.command("dns"))
    .option("-s, --stack <name>", "the stack; the selected one if absent")
    .action(async (options: DnsOptions & { stack?: string }) => {
        process.stdout.write(await dnsText({ ...options, pulumi }));
    });

withPinOptions(program.command("pin"))
    .option("-s, --stack <name>", "the stack; the selected one if absent")
    .action(async (options: PinOptions & { stack?: string }) => {
        // Loaded here: the SDK that it needs takes longer to load than the other commands to run.
        const { registryLookUp } = await import("./pin-lookup.js");
        const say = (line: string) => console.error(line);
        process.stdout.write(await pin({ ...options, pulumi, lookUp: registryLookUp(), say }));
    });

program
    .command("recover")
    .description("make a stack usable again after `pulumi up` was killed; deletes nothing")
    .option("-s, --stack <name>", "the stack; the selected one if absent")
    .action(async ({ stack }: { stack?: string }) => {
        const recovery = await recover({
            stack,
            pulumi,
            say: (line) => console.log(line),
        });
        if (recovery.unknown.length > 0) process.exitCode = 1;
        else console.log(recovered(recovery, "pulumi up"));
    });

program.parseAsync().catch((error: unknown) => {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
});
