#!/usr/bin/env node
import { createRequire } from "node:module";
import { Command } from "commander";
import { mailhostCommand } from "../components/mailhost-command";
import { dnsText, withDnsOptions, type DnsOptions } from "./dns";
import { hostCommands } from "./host-commands";
import { pin, withPinOptions, type PinOptions } from "./pin";
import { runQuietly } from "./run-program";
import { typedOn, type RunPulumi } from "./pulumi-output";
import { recover, recovered } from "./recover";

const { version } = createRequire(__filename)("pulumi-mailhost/package.json") as {
    version: string;
};

const program = new Command(mailhostCommand)
    .description("Looks after stacks of pulumi-mailhost from your own computer.")
    .version(version);

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
        else console.log(recovered(recovery, typedOn({ stack }, "up")));
    });

for (const name of hostCommands) {
    program
        .command(name, { hidden: true })
        .argument("[arguments...]")
        .helpOption(false)
        .allowUnknownOption()
        .action(() => {
            throw new Error(
                `\`mailhost ${name}\` is a command of the host itself: log in with what \`pulumi stack output sshCommand\` prints, and type it there.`,
            );
        });
}

program.parseAsync().catch((error: unknown) => {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
});
