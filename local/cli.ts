// What stands behind `npm run local`, `npm run pulumi`, `npm run mailhost`, `npm test`, `npm run bench` and `npm run check`.
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { Argument, Command, Option } from "commander";
import { withDnsOptions, type DnsOptions } from "../cli/dns";
import { withPinOptions, type PinOptions } from "../cli/pin";
import { nearestName } from "../components/names";
import { bench, benches } from "./commands/bench";
import { check } from "./commands/check";
import { docs } from "./commands/docs";
import { dnsLocal } from "./commands/dns";
import { down } from "./commands/down";
import { recoverLocal } from "./commands/recover";
import { runPulumi } from "./commands/pulumi";
import { ssh } from "./commands/ssh";
import { status } from "./commands/status";
import { test } from "./commands/test";
import { up } from "./commands/up";
import { serverProviders, type ServerProviderName } from "./laptop";
import { projectRoot, type MachineKind } from "./paths";

const program = new Command("npm run").enablePositionalOptions().configureHelp({
    // What follows the script's name needs the dashes, or npm takes it for its own.
    commandUsage: (command) => {
        const names: string[] = [];
        for (let at: Command | null = command; at; at = at.parent) names.unshift(at.name());
        return [...names.slice(0, 2), "--", ...names.slice(2), command.usage()].join(" ");
    },
});

const local = program
    .command("local")
    .description(
        "the laptop cloud: the whole host on this computer, without an account or internet",
    )
    .enablePositionalOptions()
    .addHelpText("after", "\nOptions of `up`, which needs no name: npm run local -- up --help")
    // `up` is what runs without a command, so what is none would arrive there, its options unknown.
    .hook("preSubcommand", ({ args: [name], commands }) => {
        const known = commands.map((command) => command.name());
        if (name === undefined || name.startsWith("-") || known.includes(name)) return;
        const meant = nearestName(name, known);
        throw new Error(
            `There is no command ${name}.${meant === undefined ? "" : ` Did you mean ${meant}?`} There are ${known.join(", ")}.`,
        );
    });
local
    .command("up", { isDefault: true })
    .description("bring the host up, or up to date (this is what `npm run local` does)")
    .addOption(
        new Option("--machine <kind>", "vm (QEMU) or container (systemd-nspawn, as root)").choices([
            "vm",
            "container",
        ]),
    )
    .addOption(
        new Option("--provider <name>", "who lends the server (default: hetzner)").choices(
            serverProviders,
        ),
    )
    .action((options: { machine?: MachineKind; provider?: ServerProviderName }) =>
        finish(up(options)),
    );
local
    .command("down")
    .description("shut the host down and end everything that was started; disks and state stay")
    .option("--delete", "delete disks and state as well")
    .action((options: { delete?: boolean }) => finish(down(options)));
local
    .command("status")
    .description("what runs, where it is reached, and what is wrong on the host")
    .option("--json", "for scripts")
    .action((options: { json?: boolean }) => finish(status(options)));
local
    .command("ssh")
    .description("log in to the host, or run a command there")
    .argument("[command...]")
    .passThroughOptions()
    .action((command: string[]) => finish(ssh(command)));
withDnsOptions(local.command("dns")).action((options: DnsOptions) => finish(dnsLocal(options)));
local
    .command("recover")
    .description("after a killed `up`: remove the dead lock and adopt what it left")
    .action(() => finish(recoverLocal()));

withPinOptions(local.command("pin")).action(async (options: PinOptions) =>
    // Only this one needs Pulumi's SDK here, which takes its time to load.
    finish((await import("./commands/pin.js")).pinLocal(options)),
);

program
    .command("pulumi")
    .description("pulumi, as typed, on the stack of the laptop cloud")
    .argument("[arguments...]")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action((args: string[]) => finish(runPulumi(args)));

program
    .command("mailhost")
    .description("the mailhost command, on your own stacks")
    .argument("[arguments...]")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action((args: string[]) => {
        const main = path.join(projectRoot, "cli", "main.ts");
        const command = [...process.execArgv, main, ...args];
        process.exitCode = spawnSync(process.execPath, command, { stdio: "inherit" }).status ?? 1;
    });

program
    .command("test")
    .description("all tests, machines included")
    .option("--fast", "only those that need no machine")
    .argument("[files...]", "only these test files")
    .action((files: string[], options: { fast?: boolean }) => finish(test(files, options)));

program
    .command("bench")
    .description("a measurement: a ratio against a baseline in the same run")
    .addArgument(new Argument("<name>", "what to measure").choices(benches))
    .option("--json", "for scripts")
    .action((name: string, options: { json?: boolean }) => finish(bench(name, options)));

program
    .command("check")
    .description("types, lint, format, shell scripts and generated documents")
    .action(() => finish(check()));

program
    .command("docs")
    .description("writes the documents that follow from the code")
    .action(() => finish(docs()));

/** Commands return an exit code; what they throw is a message for a person. */
async function finish(command: Promise<number>): Promise<void> {
    process.exitCode = await command;
}

program.parseAsync().catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    console.error(`\nerror: ${message}`);
    if (process.env["DEBUG"] && error instanceof Error) console.error(error.stack);
    process.exitCode = 1;
});
