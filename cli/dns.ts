import { Option, type Command } from "commander";
import type { CertificateFacts } from "../components/certificate/facts";
import { dnsProblems, planDnsRecords, type DnsPlanArgs } from "../components/dns/plan";
import { certificateValues, type DnsPlan, type DnsValues } from "../components/dns/record";
import { renderRecordsTable } from "../components/dns/records-table";
import { renderZoneFile } from "../components/dns/zone-file";
import { isHostName } from "../components/names";
import type { ExportedStack, StateResource } from "./deployment";
import { dnsDocument } from "./dns-document";
import { pulumiOutput, typedOn, type OnStack } from "./pulumi-output";

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
export async function dnsText(options: DnsOptions & OnStack): Promise<string> {
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

/** The records that a stack has planned, and what stands for their references. */
export interface Records {
    plan: DnsPlan;
    values: Partial<DnsValues>;
}

/**
 * The records that a stack has planned, and what stands for their references: from its output `dns`, and from its state
 * what the certificate gives.
 *
 * @throws Error when it has none, with what to do.
 */
export async function readRecords(options: OnStack): Promise<Records> {
    const { deployment } = JSON.parse(
        await pulumiOutput(options, ["stack", "export"]),
    ) as ExportedStack;
    const { resources = [] } = deployment;
    const outputs = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
    const output = outputs["dns"];
    if (output === undefined)
        throw new Error(whyNoRecords(resources, outputs, typedOn(options, "up")));
    if (!isDnsOutput(output) || dnsProblems(output.description).length > 0) {
        throw new Error(
            "The output `dns` of the stack is not that of MailHost, or of another version. Run `" +
                `${typedOn(options, "up")}\`, then this command again.`,
        );
    }
    const { description, values } = output;
    return {
        plan: planDnsRecords(description),
        values: { ...values, ...valuesOfCertificate(resources, description.domain) },
    };
}

function whyNoRecords(
    resources: readonly StateResource[],
    outputs: NonNullable<StateResource["outputs"]>,
    up: string,
): string {
    if (resources.length === 0) {
        return `The stack has no records yet: \`${up}\` makes them, and its preview shows them.`;
    }
    if (Object.keys(outputs).length === 0) {
        return `The stack has no outputs, so no \`${up}\` has come far enough yet. Mend what the last one said, and run it again: its preview shows the records.`;
    }
    return "The stack has no output `dns`: the program has to export that of MailHost under this name.";
}

/** What the certificate gives: outputs of the stack would be missing until there is one. */
function valuesOfCertificate(
    resources: readonly StateResource[],
    domain: string,
): Partial<DnsValues> {
    for (const { type, outputs } of resources) {
        if (type !== "mailhost:index:Certificate") continue;
        const { keyDigests, accountUri } = (outputs ?? {}) as Partial<CertificateFacts>;
        if (keyDigests?.[domain] === undefined) continue;
        return certificateValues(keyDigests[domain], accountUri);
    }
    return {};
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
