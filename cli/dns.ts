import { Option, type Command } from "commander";
import { dnsProblems, planDnsRecords, type DnsPlanArgs } from "../components/dns/plan";
import type { DnsPlan, DnsValues } from "../components/dns/record";
import { renderRecordsTable } from "../components/dns/records-table";
import { renderZoneFile } from "../components/dns/zone-file";
import { isHostName } from "../components/names";
import { dnsDocument } from "./dns-document";
import type { RunPulumi } from "./recover";

/** What is asked for on the command line. */
export interface DnsOptions {
    json?: boolean;
    /** Name of the zone; true where none is named. */
    zoneFile?: string | true;
    nameServers?: string[];
}

/** Adds the options of {@link DnsOptions} to a command. */
export function withDnsOptions(command: Command): Command {
    return command
        .description("the DNS records of the host, and what is left out and why")
        .option("--json", "for scripts")
        .option("--zone-file [zone]", "the records of a zone as a BIND zone file")
        .addOption(
            new Option(
                "--name-servers <names>",
                "with --zone-file: a whole zone, with SOA and NS records of these servers (a,b)",
            ).argParser((names) => names.split(",").map((name) => name.trim())),
        );
}

/**
 * The DNS records of a stack, as `mailhost dns` prints them.
 *
 * @throws Error when the stack has none yet, and for options that don't go together, with what to do.
 */
export async function dnsText(
    options: DnsOptions & { stack?: string; pulumi: RunPulumi },
): Promise<string> {
    const { json, zoneFile, nameServers } = options;
    if (json && zoneFile !== undefined) {
        throw new Error("--json and --zone-file are two forms of the same: give one of them.");
    }
    if (nameServers !== undefined && zoneFile === undefined) {
        throw new Error("--name-servers makes a zone file whole: give --zone-file as well.");
    }
    const wrong = nameServers?.find((name) => !isHostName(name));
    if (wrong !== undefined) {
        throw new Error(
            `--name-servers: ${JSON.stringify(wrong)} is not the full name of a server. Write them as ns1.example.net,ns2.example.net.`,
        );
    }

    const { plan, values } = await readRecords(options);
    if (json) return `${JSON.stringify(dnsDocument(plan, values), null, 2)}\n`;
    if (zoneFile === undefined) return renderRecordsTable(plan, values);
    return renderZoneFile(plan, zoneOf(plan, zoneFile), values, { nameServers });
}

function zoneOf({ zones }: DnsPlan, wanted: string | true): string {
    if (wanted !== true) return wanted;
    const [first, ...others] = zones;
    if (first !== undefined && others.length === 0) return first.name;
    throw new Error(
        `The records are in ${zones.length} zones. Name one: ${zones.map(({ name }) => `--zone-file ${name}`).join(" or ")}.`,
    );
}

/** The output `dns` of a stack. */
async function readRecords({
    stack,
    pulumi,
}: {
    stack?: string;
    pulumi: RunPulumi;
}): Promise<{ plan: DnsPlan; values: Partial<DnsValues> }> {
    const { code, stdout, stderr } = await pulumi([
        "stack",
        "output",
        "dns",
        "--json",
        ...(stack === undefined ? [] : ["--stack", stack]),
    ]);
    if (code === 127) {
        throw new Error(
            "There is no `pulumi` on PATH. Install it: https://www.pulumi.com/docs/install/",
        );
    }
    if (stderr.includes("does not have output property")) {
        throw new Error(
            "The stack has no records yet: its first `pulumi up` makes them, and its preview shows them. A program of " +
                "your own has to export the output `dns` of MailHost under that name.",
        );
    }
    if (code !== 0) {
        throw new Error(`pulumi stack output dns failed:\n${stderr.trim() || stdout.trim()}`);
    }
    const output = JSON.parse(stdout) as unknown;
    if (!isDnsOutput(output) || dnsProblems(output.description).length > 0) {
        throw new Error(
            "The output `dns` of the stack is not that of MailHost, or of another version. Run `pulumi up`, then this " +
                "command again.",
        );
    }
    return { plan: planDnsRecords(output.description), values: output.values };
}

function isDnsOutput(
    output: unknown,
): output is { description: DnsPlanArgs; values: Partial<DnsValues> } {
    if (typeof output !== "object" || output === null) return false;
    const members = output as { description?: unknown; values?: unknown };
    return [members.description, members.values].every(
        (member) => typeof member === "object" && member !== null && !Array.isArray(member),
    );
}
