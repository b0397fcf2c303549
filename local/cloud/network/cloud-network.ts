import { run, runQuietly } from "../../../cli/run-program";
import { slotAddresses } from "./addresses";
import { firewallTable, renderFirewall, type MachineFirewall } from "./cloud-firewall";
import {
    computerLink,
    machineInterface,
    machineLink,
    machineNamespace,
    planCloudLink,
    planMachineLink,
    renderCloudGuard,
    routerSettings,
    type LinkPlan,
    type MachineAddress,
} from "./network-plan";

/**
 * Makes the network of one laptop cloud, or completes what is there of it. Root only, in the computer's own network
 * namespace.
 *
 * @throws Error with the failed command.
 */
export async function createCloudNetwork(slot: number): Promise<void> {
    const { namespace } = slotAddresses(slot);
    await ensureNamespace(namespace);
    await ip(planCloudLink(slot).far.slice(0, 1), namespace);
    await inNamespace(namespace, "tee", routerSettings, "1");
    await inNamespace(namespace, "nft", ["-f", "-"], renderCloudGuard(slot));
    await ensureLink(planCloudLink(slot), {
        link: namespace,
        peer: computerLink,
        far: namespace,
    });
}

/** Removes the network of a laptop cloud with its machines' namespaces, also when only parts of it are there. */
export async function destroyCloudNetwork(slot: number): Promise<void> {
    const { namespace } = slotAddresses(slot);
    const namespaces = await namespaceNames();
    for (const name of namespaces) {
        if (name.startsWith(`${namespace}-`)) await deleteNamespace(name);
    }
    if (await hasLink(namespace)) await run("ip", ["link", "delete", namespace]);
    if (namespaces.includes(namespace)) await deleteNamespace(namespace);
}

/** Makes a machine's namespace and joins it to its cloud, or completes what is there. */
export async function createMachineNetwork(address: MachineAddress): Promise<void> {
    const { namespace } = slotAddresses(address.slot);
    const own = machineNamespace(address.slot, address.id);
    await ensureNamespace(own);
    await ensureLink(planMachineLink(address), {
        link: machineLink(address.id),
        peer: machineInterface,
        near: namespace,
        far: own,
    });
}

export async function destroyMachineNetwork(slot: number, id: number): Promise<void> {
    const { namespace } = slotAddresses(slot);
    const namespaces = await namespaceNames();
    if (namespaces.includes(namespace)) {
        const link = machineLink(id);
        if (await hasLink(link, namespace)) {
            await run("ip", ["-n", namespace, "link", "delete", link]);
        }
        const table = `inet ${firewallTable(id)}`;
        await inNamespace(
            namespace,
            "nft",
            ["-f", "-"],
            `table ${table} {}\ndelete table ${table}\n`,
        );
    }
    const own = machineNamespace(slot, id);
    if (namespaces.includes(own)) await deleteNamespace(own);
}

/** Puts the cloud firewall of one machine into force, in place of the one before. */
export async function applyFirewall(slot: number, firewall: MachineFirewall): Promise<void> {
    await inNamespace(slotAddresses(slot).namespace, "nft", ["-f", "-"], renderFirewall(firewall));
}

/** Runs `ip` commands, in a namespace or where this process is. */
async function ip(commands: string[], namespace?: string): Promise<void> {
    const where = namespace === undefined ? [] : ["-n", namespace];
    await run("ip", [...where, "-batch", "-"], { input: commands.join("\n") + "\n" });
}

/** Runs a program in a network namespace; it keeps this process's view of the files. */
function inNamespace(namespace: string, program: string, args: string[], input?: string) {
    return run("nsenter", [`--net=/run/netns/${namespace}`, program, ...args], { input });
}

async function ensureLink(
    plan: LinkPlan,
    ends: { link: string; peer: string; near?: string; far: string },
): Promise<void> {
    const [isNear, isFar] = [
        await hasLink(ends.link, ends.near),
        await hasLink(ends.peer, ends.far),
    ];
    if (isNear && !isFar) {
        const where = ends.near === undefined ? [] : ["-n", ends.near];
        await run("ip", [...where, "link", "delete", ends.link]);
    }
    if (!isNear || !isFar) await ip(plan.createLink, ends.near);
    await ip(plan.far, ends.far);
    await ip(plan.near, ends.near);
}

async function hasLink(link: string, namespace?: string): Promise<boolean> {
    const where = namespace === undefined ? [] : ["-n", namespace];
    return (await runQuietly("ip", [...where, "link", "show", "dev", link])).code === 0;
}

async function namespaceNames(): Promise<string[]> {
    const text = await run("ip", ["netns", "list"]);
    return text.split("\n").flatMap((line) => line.split(" ")[0] || []);
}

/** A file of that name without a namespace behind it is what a process killed half-way left. */
async function ensureNamespace(namespace: string): Promise<void> {
    if ((await namespaceNames()).includes(namespace)) {
        const { code } = await runQuietly("ip", ["-n", namespace, "link", "show", "dev", "lo"]);
        if (code === 0) return;
        await deleteNamespace(namespace);
    }
    await run("ip", ["netns", "add", namespace]);
}

async function deleteNamespace(namespace: string): Promise<void> {
    await run("ip", ["netns", "delete", namespace]);
}
