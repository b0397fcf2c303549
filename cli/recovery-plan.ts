import type { ExportedStack, PendingOperation, StateResource } from "./deployment";

/**
 * Where to look for an object that a killed `up` may have left: resolves to the id that Pulumi would give it, or to
 * undefined when it was not made.
 *
 * @param known ids of this type that the state has: such an object is this stack's. @default none
 * @throws Error when the provider can't be asked.
 */
export type Lookup = (
    resource: StateResource,
    known?: ReadonlySet<string>,
) => Promise<string | undefined>;

/** Resource type → its lookup. */
export type Lookups = Readonly<Record<string, Lookup>>;

/**
 * Types whose creates leave nothing behind at a provider, or only what a second create finds as it should be (a provider
 * itself is a process of the engine): a pending create of theirs is dropped, and the next `up` makes it again.
 */
const leavesNothingBehind = /^(command:|random:|tls:|pulumi:providers:)/;

export interface Recovery {
    /** The state to import: found objects adopted, creates that left nothing dropped. */
    repaired: ExportedStack;
    /** Objects that exist at the provider and are in the state from now on. */
    adopted: { urn: string; id: string }[];
    /** Creates that left nothing behind. */
    dropped: string[];
    /** Creates of which it is not known whether they left anything: kept pending, for a person to decide. */
    unknown: { urn: string; type: string; why: string }[];
    /** Updates and deletes that were under way: the next refresh and `up` finish them. */
    interrupted: string[];
}

/**
 * Decides what becomes of every pending operation. Pure but for the lookups.
 *
 * A found object enters the state with the inputs that its create was given, so that the next `up` compares the program
 * with those: what a provider does not give back (user data, key lists) then causes no replacement.
 */
export async function planRecovery(exported: ExportedStack, lookups: Lookups): Promise<Recovery> {
    const resources = exported.deployment.resources ?? [];
    const adopted: Recovery["adopted"] = [];
    const dropped: string[] = [];
    const unknown: Recovery["unknown"] = [];
    const interrupted: string[] = [];
    const kept: PendingOperation[] = [];
    const added: StateResource[] = [];

    for (const operation of exported.deployment.pending_operations ?? []) {
        const { resource } = operation;
        if (operation.type !== "creating") {
            interrupted.push(resource.urn);
            continue;
        }
        const lookup = lookups[resource.type];
        if (!lookup && leavesNothingBehind.test(resource.type)) {
            dropped.push(resource.urn);
            continue;
        }
        const keep = (why: string) => {
            unknown.push({ urn: resource.urn, type: resource.type, why });
            kept.push(operation);
        };
        if (!lookup) {
            keep("this command can't look up resources of this type");
            continue;
        }
        try {
            const known = new Set(
                [...resources, ...added].flatMap(({ type, id }) =>
                    type === resource.type && id !== undefined ? [id] : [],
                ),
            );
            const id = await lookup(resource, known);
            // A name may still belong to the object that this one was to replace, or to one that was adopted before.
            if (id === undefined || known.has(id)) {
                dropped.push(resource.urn);
            } else {
                added.push({ ...resource, id, outputs: { ...resource.inputs } });
                adopted.push({ urn: resource.urn, id });
            }
        } catch (error) {
            keep(error instanceof Error ? error.message : String(error));
        }
    }

    const deployment = {
        ...exported.deployment,
        resources: place(resources, added),
        pending_operations: kept,
    };
    return { repaired: { ...exported, deployment }, adopted, dropped, unknown, interrupted };
}

/**
 * Puts adopted resources where the engine would have: what depends on a resource stands after it, and a URN stands once.
 * The adopted half of a replacement takes the place of its predecessor; one that is deleted already
 * (`pendingReplacement`) goes, one that still exists waits for its deletion.
 */
function place(resources: StateResource[], added: StateResource[]): StateResource[] {
    const byUrn = new Map(added.map((r) => [r.urn, r]));
    const placed = resources.flatMap((old) => {
        const successor = byUrn.get(old.urn);
        if (!successor || old["delete"] === true) return [old];
        byUrn.delete(old.urn);
        return old["pendingReplacement"] === true
            ? [successor]
            : [successor, { ...old, delete: true }];
    });
    return [...placed, ...byUrn.values()];
}
