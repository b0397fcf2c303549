import type { Machine, MachineSpec } from "../machines/machine";

export type MachineFactory = (spec: MachineSpec) => Machine;

/** The machines behind the servers, by server id. Work on one machine is done in turn; machines work side by side. */
export class MachinePark {
    private readonly machines = new Map<number, Machine>();
    private readonly queues = new Map<number, Promise<unknown>>();

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

    forget(id: number): void {
        this.machines.delete(id);
        this.queues.delete(id);
    }

    /** Resolves when nothing is being done to any machine. */
    async idle(): Promise<void> {
        await Promise.all(this.queues.values());
    }
}
