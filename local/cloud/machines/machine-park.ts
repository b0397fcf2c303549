import type { Machine, MachineSpec } from "./machine";

export type MachineFactory = (spec: MachineSpec) => Machine;

/** What a machine is going through while the work that was begun on it is not over. */
export type Transition = "initializing" | "starting" | "stopping" | "deleting" | "migrating";

/**
 * The machines behind a provider's servers, by server id. Work on one machine is done in turn; machines work side by
 * side.
 */
export class MachinePark {
    private readonly machines = new Map<number, Machine>();
    private readonly queues = new Map<number, Promise<unknown>>();
    private readonly transitions = new Map<number, Transition>();
    private readonly underWay = new Set<Promise<void>>();

    constructor(private readonly create: MachineFactory) {}

    /** Makes the object for a machine; one that runs already is found running. Replaces what stood for this id. */
    put(spec: MachineSpec): void {
        this.machines.set(spec.id, this.create(spec));
    }

    get(id: number): Machine {
        const machine = this.machines.get(id);
        if (!machine) throw new Error(`there is no machine for server ${id}`);
        return machine;
    }

    isRunning(id: number): boolean {
        return this.machines.get(id)?.isRunning() ?? false;
    }

    async use<T>(id: number, work: (machine: Machine) => Promise<T>): Promise<T> {
        const before = this.queues.get(id) ?? Promise.resolve();
        const result = before.then(() => work(this.get(id)));
        this.queues.set(
            id,
            result.catch(() => undefined),
        );
        return result;
    }

    /** What {@link begin} has begun on this machine, until that is over. */
    transition(id: number): Transition | undefined {
        return this.transitions.get(id);
    }

    /**
     * Begins work that takes its time; nothing else may be under way on the machine.
     *
     * @param end told of the end, with what went wrong where it failed.
     */
    begin(
        id: number,
        transition: Transition,
        work: () => Promise<void>,
        end: (failure?: string) => void,
    ): void {
        this.transitions.set(id, transition);
        const ended = (failure?: string): void => {
            this.transitions.delete(id);
            end(failure);
        };
        const running = work().then(
            () => ended(),
            (error: unknown) => ended(error instanceof Error ? error.message : String(error)),
        );
        this.underWay.add(running);
        void running.finally(() => this.underWay.delete(running));
    }

    forget(id: number): void {
        this.machines.delete(id);
        this.queues.delete(id);
    }

    /** Resolves when nothing that was begun is under way, and nothing is being done to any machine. */
    async idle(): Promise<void> {
        await Promise.all(this.underWay);
        await Promise.all(this.queues.values());
    }
}
