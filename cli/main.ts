#!/usr/bin/env -S node --import tsx
import { Command } from "commander";
import { runQuietly } from "./run-program";
import { recover } from "./recover";

const program = new Command("mailhost").description(
    "Looks after stacks of pulumi-mailhost from your own computer.",
);

program
    .command("recover")
    .description("make a stack usable again after `pulumi up` was killed; deletes nothing")
    .option("-s, --stack <name>", "the stack; the selected one if absent")
    .action(async ({ stack }: { stack?: string }) => {
        const { unknown } = await recover({
            stack,
            pulumi: (args, options) =>
                runQuietly("pulumi", [...args, "--non-interactive"], options ?? {}),
            say: (line) => console.log(line),
        });
        if (unknown.length > 0) process.exitCode = 1;
        else console.log("Recovered. Now run `pulumi up`.");
    });

program.parseAsync().catch((error: unknown) => {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
});
