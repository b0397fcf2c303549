import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import ipaddr from "ipaddr.js";
import { isSeq, parseDocument } from "yaml";
import { expectSuccess, type RunPulumi } from "./run-pulumi";

/** Answers a GET with the caller's own IPv4 address as text. */
export const defaultAddressUrl = "https://checkip.amazonaws.com";

const notPublic = ["unspecified", "broadcast", "multicast", "linkLocal", "loopback", "private"];
const firewallTypes = ["hcloud:index/firewall:Firewall", "digitalocean:index/firewall:Firewall"];

/**
 * The address block of this computer alone, as others see it, e.g. `203.0.113.7/32`. IPv4, since that is how the host
 * is logged in to.
 *
 * @throws Error when the answer is no public IPv4 address.
 */
export async function publicAddressBlock(url: string): Promise<string> {
    const response = await fetch(url, { signal: AbortSignal.timeout(20_000) });
    const text = (await response.text()).trim();
    const known = response.ok && ipaddr.IPv4.isValidFourPartDecimal(text);
    if (!known || [...notPublic, "carrierGradeNat"].includes(ipaddr.parse(text).range())) {
        throw new Error(
            `${url} answered ${response.status} ${JSON.stringify(text.slice(0, 60))}, which is no public IPv4 address. ` +
                `Name another service in MAILHOST_ADDRESS_URL.`,
        );
    }
    return `${text}/32`;
}

/**
 * A stack's file with one more block in `mailhost:server.sshAllowedCidrs`; undefined when it is allowed already.
 *
 * @throws Error when the file has no such list.
 */
export function withAllowedBlock(stackFile: string, block: string): string | undefined {
    const document = parseDocument(stackFile);
    const list = document.getIn(["config", "mailhost:server", "sshAllowedCidrs"]);
    if (!isSeq(list)) {
        throw new Error(
            "mailhost:server.sshAllowedCidrs is no list in the stack's file. Set it with: " +
                "pulumi config set --path 'mailhost:server.sshAllowedCidrs[0]' 203.0.113.0/24",
        );
    }
    const [address] = ipaddr.parseCIDR(block);
    const allowed = list.toJSON().some((text) => {
        if (!ipaddr.isValidCIDR(String(text))) return false;
        const [base, bits] = ipaddr.parseCIDR(String(text));
        return base.kind() === address.kind() && address.match(base, bits);
    });
    if (allowed) return undefined;
    list.add(document.createNode(block));
    return document.toString();
}

/** The provider's firewalls in what `pulumi stack export` printed. */
export function firewallUrns(state: string): string[] {
    const { deployment } = JSON.parse(state) as {
        deployment?: { resources?: { urn: string; type: string }[] };
    };
    return (deployment?.resources ?? [])
        .filter(({ type }) => firewallTypes.includes(type))
        .map(({ urn }) => urn);
}

export interface AccessOptions {
    stack: string;
    pulumi: RunPulumi;
    say: (line: string) => void;
    /** The folder of the project. @default the working directory */
    project?: string;
}

/**
 * Deploys from a computer whose address is not among those that may log in: the provider's firewall lets it in for as
 * long as that takes.
 *
 * @param commit what is deployed; stands in the update's message, where the gate finds it.
 * @throws Error when the deployment failed or the firewall could not be closed; it is closed in either case if it can be.
 */
export async function deploy(
    options: AccessOptions & { commit: string; addressUrl: string },
): Promise<void> {
    const { stack, pulumi, say, commit, project = "." } = options;
    const block = await publicAddressBlock(options.addressUrl);
    const committed = fs.readFileSync(path.join(project, `Pulumi.${stack}.yaml`), "utf8");
    const opened = withAllowedBlock(committed, block);
    const message = deployMessage(commit);
    if (opened === undefined) {
        say(`${block} is allowed by the settings: the firewall stays as it is.`);
        const up = ["up", "--stack", stack, "--yes", "--skip-preview", "--message", message];
        expectSuccess("The deployment", await pulumi(up, { shown: true }));
        return;
    }
    // Aside, so that nobody commits it; for the owner alone, as it has the stack's encrypted secrets.
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-deploy-"));
    const file = path.join(folder, `Pulumi.${stack}.yaml`);
    let cancelled = false;
    const cancel = () => (cancelled = true);
    process.on("SIGINT", cancel).on("SIGTERM", cancel);
    const failures: string[] = [];
    try {
        fs.writeFileSync(file, opened, { mode: 0o600 });
        const with_ = [`--config-file=${file}`, "--message", message];
        const urns = await firewalls(options);
        if (urns.length > 0) {
            say(`Opening SSH at the provider's firewall for ${block}.`);
            const open = await pulumi(targeted(stack, urns, with_), { shown: true });
            expectSuccess("Opening SSH", open);
        }
        if (cancelled) throw new Error("The run was cancelled.");
        const up = ["up", "--stack", stack, "--yes", "--skip-preview", ...with_];
        expectSuccess("The deployment", await pulumi(up, { shown: true }));
    } catch (error) {
        failures.push(messageOf(error));
    }
    try {
        fs.rmSync(folder, { recursive: true, force: true });
        await closeSsh(options);
    } catch (error) {
        failures.push(messageOf(error));
    }
    process.off("SIGINT", cancel).off("SIGTERM", cancel);
    if (failures.length > 0) throw new Error(failures.join("\n"));
}

/**
 * Puts the provider's firewall back to what the settings say, and asks the provider whether it is so. Does nothing
 * where it is.
 *
 * @throws Error when it is still open, with what to do.
 */
export async function closeSsh(options: AccessOptions): Promise<void> {
    const { stack, pulumi, say } = options;
    const urns = await firewalls(options);
    if (urns.length === 0) return say("There is no firewall at the provider yet.");
    const close = await pulumi(targeted(stack, urns, ["--refresh"]), { shown: true });
    const targets = urns.flatMap((urn) => ["--target", urn]);
    const asked = ["preview", "--stack", stack, "--refresh", "--expect-no-changes", ...targets];
    const verified = close.code === 0 ? await pulumi(asked) : close;
    if (verified.code !== 0) {
        const tail = `${verified.stdout}\n${verified.stderr}`.trim().split("\n").slice(-20);
        throw new Error(
            `SSH may still be open for this run's address. See why below, mend it (\`pulumi cancel\` where the stack is ` +
                `locked and nobody works on it), then: npm run pipeline -- close-ssh --stack ${stack}\n${tail.join("\n")}`,
        );
    }
    say("SSH at the provider's firewall is as the settings say.");
}

/** What the update of a deployed commit is called. */
export function deployMessage(commit: string): string {
    return `Deploy ${commit}`;
}

async function firewalls({ stack, pulumi }: AccessOptions): Promise<string[]> {
    const state = await pulumi(["stack", "export", "--stack", stack]);
    return firewallUrns(expectSuccess("Reading the state", state));
}

/** The firewall depends on nothing but its parent, and what depends on it takes its number, which stays. */
function targeted(stack: string, urns: readonly string[], flags: readonly string[]): string[] {
    const targets = urns.flatMap((urn) => ["--target", urn]);
    return ["up", "--stack", stack, "--yes", "--skip-preview", ...targets, ...flags];
}

function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}
