import { hostname } from "node:os";
import { cloudflareLookups } from "./cloudflare-lookups";
import type { ExportedStack } from "./deployment";
import { digitalOceanLookups } from "./digitalocean-lookups";
import { hetznerLookups } from "./hetzner-lookups";
import { pulumiOutput, stackArguments, typedOn, type OnStack } from "./pulumi-output";
import { planRecovery, type Lookups, type Recovery } from "./recovery-plan";

/** What recovery needs from the computer; replaced in tests. */
export interface RecoverOptions extends OnStack {
    /** A line for the person who waits. */
    say: (line: string) => void;
    isAlive?: (pid: number) => boolean;
    environment?: NodeJS.ProcessEnv;
}

/** What was done. */
export interface Recovered extends Recovery {
    /** Whether a dead engine's lock was removed. */
    unlocked: boolean;
}

/**
 * Makes a stack usable again after its engine was killed: removes the dead engine's lock, finds what interrupted creates
 * left at the provider and adopts it, drops creates that left nothing, and refreshes. Deletes nothing anywhere.
 *
 * @returns what was done; `unknown` is not empty where a person must decide.
 * @throws Error when a living engine holds the lock, with what to do.
 */
export async function recover(options: RecoverOptions): Promise<Recovered> {
    const typed = (command: string) => typedOn(options, command);
    const exported = JSON.parse(await pulumiOutput(options, ["stack", "export"])) as ExportedStack;
    const pending = exported.deployment.pending_operations ?? [];
    options.say(
        pending.length === 0
            ? "no operation is pending"
            : `${pending.length} pending: ${pending.map((p) => `${p.type} ${shortName(p.resource.urn)}`).join(", ")}`,
    );
    const lookups = await lookupsOf(exported, options);
    const recovery = await planRecovery(exported, lookups);

    const unlocked = await removeDeadLock(recovery.repaired, options);
    for (const { urn, id } of recovery.adopted)
        options.say(`adopted ${shortName(urn)}: it exists with id ${id}`);
    for (const urn of recovery.dropped)
        options.say(`dropped ${shortName(urn)}: its create left nothing behind`);
    for (const { urn, why } of recovery.unknown) {
        options.say(
            `unknown ${shortName(urn)}: ${why}. Look it up yourself; if it exists, adopt it with\n` +
                `    ${typed(`refresh --import-pending-creates '${urn}' --import-pending-creates 'ITS-ID'`)}\n` +
                `  and if not, forget it with\n    ${typed("refresh --clear-pending-creates")}`,
        );
    }
    if (pending.length > 0) {
        options.say("refreshing from the providers");
        const keep = recovery.unknown.length > 0 ? ["--skip-pending-creates"] : [];
        await pulumiOutput(options, ["refresh", "--yes", "--skip-preview", ...keep]);
    }
    return { ...recovery, unlocked };
}

/**
 * What is said in the end where nothing is left to decide.
 *
 * @param next the command that goes on.
 */
export function recovered(
    { adopted, dropped, interrupted, unlocked }: Recovered,
    next: string,
): string {
    return unlocked || adopted.length + dropped.length + interrupted.length > 0
        ? `Recovered. Now run \`${next}\`.`
        : `Nothing was left half-made, so nothing had to be recovered. If an update was cut off, run \`${next}\` again.`;
}

/**
 * Imports the repaired state, which needs the lock: a lock whose engine is dead on this computer is removed first.
 *
 * @returns whether one was.
 */
async function removeDeadLock(repaired: ExportedStack, options: RecoverOptions): Promise<boolean> {
    const cancel = typedOn(options, "cancel");
    const state = JSON.stringify(repaired);
    const first = await options.pulumi(["stack", "import", ...stackArguments(options.stack)], {
        input: state,
    });
    if (first.code === 0) return false;
    const holders = lockHolders(first.stderr);
    // A lock's id or process number may hold these digits as well.
    if (holders.length === 0 && /409|update is currently in progress/i.test(first.stderr)) {
        throw new Error(
            `Pulumi Cloud holds an update of this stack as running:\n${first.stderr.trim()}\n` +
                `Make sure that none runs any more, run \`${cancel}\`, and then this command again.`,
        );
    }
    if (holders.length === 0) {
        throw new Error(`pulumi stack import failed:\n${first.stderr.trim()}`);
    }
    const isAlive = options.isAlive ?? isProcessAlive;
    for (const { user, host, pid } of holders) {
        if (host !== hostname()) {
            throw new Error(
                `The stack is locked by ${user}@${host} (pid ${pid}), another computer. ` +
                    `Look there whether that pulumi still runs; if it is dead, run \`${cancel}\` and then this command again.`,
            );
        }
        if (isAlive(pid)) {
            throw new Error(
                `The stack is locked by pid ${pid} on this computer, and that process lives. Wait for it to end, or end it, ` +
                    `and run this command again. If it is not a pulumi (the number was used again), run \`${cancel}\` first.`,
            );
        }
    }
    options.say(`removing the lock of a dead engine (pid ${holders.map((h) => h.pid).join(", ")})`);
    await pulumiOutput(options, ["cancel", "--yes"]);
    await pulumiOutput(options, ["stack", "import"], state);
    return true;
}

/** Reads who holds the lock from the engine's own message. */
export function lockHolders(message: string): { user: string; host: string; pid: number }[] {
    return [...message.matchAll(/created by (.*?)@(\S+) \(pid (\d+)\)/g)].map((match) => ({
        user: match[1]!,
        host: match[2]!,
        pid: Number(match[3]),
    }));
}

function isProcessAlive(pid: number): boolean {
    try {
        process.kill(pid, 0);
        return true;
    } catch (error) {
        return (error as NodeJS.ErrnoException).code === "EPERM";
    }
}

/** The lookups for the providers of which something is pending: their access comes from the stack's configuration. */
async function lookupsOf(exported: ExportedStack, options: RecoverOptions): Promise<Lookups> {
    const isPending = (provider: string) =>
        (exported.deployment.pending_operations ?? []).some(
            ({ type, resource }) => type === "creating" && resource.type.startsWith(`${provider}:`),
        );
    const env = options.environment ?? process.env;
    const setting = async (key: string, variable: string): Promise<string | undefined> => {
        const { code, stdout } = await options.pulumi([
            ...["config", "get", key],
            ...stackArguments(options.stack),
        ]);
        return code === 0 ? stdout.trim() : env[variable];
    };
    const token = async (owner: string, key: string, variable: string): Promise<string> => {
        const found = await setting(key, variable);
        if (found) return found;
        throw new Error(
            `Something is pending at ${owner}, and there is no token to look it up with: set ${key} in the ` +
                `stack's configuration or ${variable} in the environment.`,
        );
    };
    return {
        ...(isPending("hcloud") &&
            hetznerLookups({
                token: await token("Hetzner Cloud", "hcloud:token", "HCLOUD_TOKEN"),
                endpoint: await setting("hcloud:endpoint", "HCLOUD_ENDPOINT"),
            })),
        ...(isPending("digitalocean") &&
            digitalOceanLookups({
                token: await token("DigitalOcean", "digitalocean:token", "DIGITALOCEAN_TOKEN"),
                apiEndpoint: await setting("digitalocean:apiEndpoint", "DIGITALOCEAN_API_URL"),
            })),
        ...(isPending("cloudflare") &&
            cloudflareLookups({
                token: await token("Cloudflare", "cloudflare:apiToken", "CLOUDFLARE_API_TOKEN"),
                baseUrl: await setting("cloudflare:baseUrl", "CLOUDFLARE_BASE_URL"),
            })),
    };
}

/** `type::name` of a URN. */
function shortName(urn: string): string {
    const parts = urn.split("::");
    return `${parts[2]?.split("$").at(-1) ?? ""} ${parts.slice(3).join("::")}`;
}
