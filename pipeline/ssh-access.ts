import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import ipaddr from "ipaddr.js";
import { isSeq } from "yaml";
import { parseStackFile } from "../cli/stack-file";
import { expectSuccess, lastLines, readState, type RunPulumi } from "./run-pulumi";

/** Answers a GET with the caller's own IPv4 address as text. */
export const defaultAddressUrl = "https://checkip.amazonaws.com";

const notPublic = ["unspecified", "broadcast", "multicast", "linkLocal", "loopback", "private"];
/** Where a stack's file names who may log in. */
const allowedPath = ["config", "mailhost:server", "sshAllowedCidrs"];
const firewallTypes = ["hcloud:index/firewall:Firewall", "digitalocean:index/firewall:Firewall"];

/**
 * The address block of this computer alone, as others see it, e.g. `203.0.113.7/32`. IPv4, since that is how the host
 * is logged in to.
 *
 * @throws Error when the answer is no public IPv4 address.
 */
export async function publicAddressBlock(url: string): Promise<string> {
    const response = await fetch(url, { signal: AbortSignal.timeout(20_000) }).catch(
        (error: Error & { cause?: Error }) => {
            throw new Error(
                `${url}, which is asked for this computer's address, does not answer: ${error.cause?.message ?? error.message}. ` +
                    `Name another service in MAILHOST_ADDRESS_URL.`,
            );
        },
    );
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
 * Whether a stack's file describes an existing machine. `sshAllowedCidrs` is then for the machine's own firewall: what
 * is let in there stays until the next whole `up`, and no provider tells whether it was closed.
 */
export function isOwnMachine(stackFile: string): boolean {
    const at = ["config", "mailhost:server", "provider"];
    return parseStackFile(stackFile).getIn(at) === "existing";
}

/**
 * A stack's file with one more block in `mailhost:server.sshAllowedCidrs`; undefined when it is allowed already.
 *
 * @throws Error when the file has no such list.
 */
export function withAllowedBlock(stackFile: string, block: string): string | undefined {
    const document = parseStackFile(stackFile);
    const list = document.getIn(allowedPath);
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

interface StateResource {
    urn: string;
    type: string;
    outputs?: { rules?: FirewallRule[]; inboundRules?: FirewallRule[] };
}

/** The resources in what `pulumi stack export` printed. */
function resourcesOf(state: string): StateResource[] {
    const { deployment } = JSON.parse(state) as { deployment?: { resources?: StateResource[] } };
    return deployment?.resources ?? [];
}

/** The provider's firewalls in what `pulumi stack export` printed. */
export function firewallUrns(state: string): string[] {
    return resourcesOf(state)
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
 * long as that takes. An existing machine has none: it is deployed as it stands.
 *
 * @param commit what is deployed; stands in the update's message, where the gate finds it.
 * @throws Error when the deployment failed or the firewall could not be closed; it is closed in either case if it can be.
 */
export async function deploy(
    options: AccessOptions & { commit: string; addressUrl: string },
): Promise<void> {
    const { stack, pulumi, say, commit } = options;
    const message = deployMessage(commit);
    const up = async (...flags: string[]) => {
        const args = ["up", "--stack", stack, "--yes", "--skip-preview", ...flags];
        expectSuccess("The deployment", await pulumi(args, { shown: true }));
    };
    const committed = settingsOf(options);
    if (isOwnMachine(committed)) {
        say("An existing machine: no firewall of a provider's is opened for this computer.");
        return up("--message", message);
    }
    const block = await publicAddressBlock(options.addressUrl);
    const opened = withAllowedBlock(committed, block);
    if (opened === undefined) {
        say(`${block} is allowed by the settings: the firewall stays as it is.`);
        return up("--message", message);
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
            if (open.code === 0) say("SSH is open for this run.");
            // With a target the engine refuses, after it has changed it, what the program has no more: that comes next.
            else if (await allow(options, urns, block)) {
                say("SSH is open for this run. What is to be deleted is, by the deployment.");
            } else expectSuccess("Opening SSH", open);
        }
        if (cancelled) throw new Error("The run was cancelled.");
        await up(...with_);
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
 * @throws Error when it is still open, or that can't be found out, with what to do.
 */
export async function closeSsh(options: AccessOptions): Promise<void> {
    const { stack, pulumi, say } = options;
    const settings = settingsOf(options);
    if (isOwnMachine(settings)) {
        return say(
            "An existing machine: no firewall of a provider's was opened, so none is to be closed.",
        );
    }
    const urns = await firewalls(options);
    if (urns.length === 0) return say("There is no firewall at the provider yet.");
    const close = await pulumi(targeted(stack, urns, ["--refresh"]), { shown: true });
    const targets = urns.flatMap((urn) => ["--target", urn]);
    // A refresh runs no program, so it also ends where the program has no more what the state still has.
    const refreshed = await pulumi(["refresh", "--stack", stack, "--yes", ...targets]);
    const state = refreshed.code === 0 ? await readState(stack, pulumi) : undefined;
    const fault =
        state === undefined
            ? "SSH may still be open for this run's address: the provider could not be asked."
            : accessFault(state, urns, allowedBlocks(settings));
    if (fault === undefined) return say("SSH at the provider's firewall is as the settings say.");
    const failed = [close, refreshed].find(({ code }) => code !== 0);
    throw new Error(
        `${fault} ${failed ? "See why below, mend it" : "Mend it"} (\`pulumi cancel\` where the stack is locked and ` +
            `nobody works on it), then: npm run pipeline -- close-ssh --stack ${stack}` +
            (failed ? `\n${lastLines(failed)}` : ""),
    );
}

/** What is wrong with the firewalls as the provider has them; undefined when they let in whom the settings name. */
function accessFault(
    state: string,
    urns: readonly string[],
    wanted: readonly string[],
): string | undefined {
    const there = firewallUrns(state);
    if (!urns.every((urn) => there.includes(urn))) {
        return "A firewall is gone at the provider, and every port of its server is open there: `pulumi up` makes it again.";
    }
    const found = sshSources(state, urns);
    return isSameSet(found, wanted)
        ? undefined
        : `The provider's firewall lets SSH in from ${listed(found)}, and the settings say ${listed(wanted)}.`;
}

function listed(blocks: readonly string[]): string {
    return blocks.length === 0 ? "nowhere" : blocks.join(" and ");
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
    const texts = (blocks: readonly string[]) => [...new Set(blocks.map(canonical))].sort().join();
    return texts(some) === texts(others);
}

/** A block as every provider means it, however it writes it. */
function canonical(block: string): string {
    if (!ipaddr.isValidCIDR(block)) return block;
    const [address, bits] = ipaddr.parseCIDR(block);
    return `${address.toString()}/${bits}`;
}

/** What `mailhost:server.sshAllowedCidrs` has in a stack's file. */
function allowedBlocks(stackFile: string): string[] {
    const list = parseStackFile(stackFile).getIn(allowedPath);
    return isSeq(list) ? list.toJSON().map(String) : [];
}

/** A rule of Hetzner's or of DigitalOcean's, as the state has it. */
interface FirewallRule {
    direction?: string;
    protocol?: string;
    port?: string;
    portRange?: string;
    sourceIps?: string[];
    sourceAddresses?: string[];
    sourceTags?: string[];
    sourceDropletIds?: number[];
    sourceKubernetesIds?: string[];
    sourceLoadBalancerUids?: string[];
}

/** What else than blocks DigitalOcean lets in; ours has none, so each differs from the settings. */
const otherSources = [
    "sourceTags",
    "sourceDropletIds",
    "sourceKubernetesIds",
    "sourceLoadBalancerUids",
] as const;

/** The blocks (and whatever else) that these firewalls let in to port 22, by the state. */
export function sshSources(state: string, urns: readonly string[]): string[] {
    const blocks = resourcesOf(state)
        .filter(({ urn }) => urns.includes(urn))
        .flatMap(({ outputs = {} }) => [...(outputs.rules ?? []), ...(outputs.inboundRules ?? [])])
        .filter(({ direction, protocol }) => direction !== "out" && protocol === "tcp")
        .filter(({ port, portRange }) => includesSsh(port ?? portRange ?? ""))
        .flatMap((rule) => [
            ...(rule.sourceIps ?? []),
            ...(rule.sourceAddresses ?? []),
            ...otherSources.flatMap((key) => (rule[key] ?? []).map((one) => `${key} ${one}`)),
        ]);
    return [...new Set(blocks)];
}

/** `22`, `20-30`, or all of them: `any` at Hetzner, `all` and `0` at DigitalOcean. */
function includesSsh(ports: string): boolean {
    if (["any", "all", "0"].includes(ports)) return true;
    const [first = NaN, last = first] = ports.split("-").map(Number);
    return first <= 22 && 22 <= last;
}

/** What the update of a deployed commit is called. */
export function deployMessage(commit: string): string {
    return `Deploy ${commit}`;
}

function settingsOf({ stack, project = "." }: AccessOptions): string {
    return fs.readFileSync(path.join(project, `Pulumi.${stack}.yaml`), "utf8");
}

/** Whether all these firewalls have the block, by the state. */
async function allow(
    { stack, pulumi }: AccessOptions,
    urns: readonly string[],
    block: string,
): Promise<boolean> {
    const outputs = new Map(
        resourcesOf(await readState(stack, pulumi)).map((one) => [one.urn, one.outputs]),
    );
    return urns.every((urn) => JSON.stringify(outputs.get(urn) ?? {}).includes(`"${block}"`));
}

async function firewalls({ stack, pulumi }: AccessOptions): Promise<string[]> {
    return firewallUrns(await readState(stack, pulumi));
}

/** The firewall depends on nothing but its parent, and what depends on it takes its number, which stays. */
function targeted(stack: string, urns: readonly string[], flags: readonly string[]): string[] {
    const targets = urns.flatMap((urn) => ["--target", urn]);
    return ["up", "--stack", stack, "--yes", "--skip-preview", ...targets, ...flags];
}

function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}
